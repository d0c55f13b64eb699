"""Random programs whose callbacks, blocks and destructors switch greenlets, for test_greenlets.py.

Run as a program: `python programs.py SEED native|c`. It prints how often each thing has happened.

A program is a few trees, and chains that are longer than CPython lets its own destructors nest. A tree's leaves are objects
and coroutines; its inner nodes await their children, some of them in an `async with`. Each worker, a greenlet, makes a tree,
drives it a few steps and gets rid of it. Where a node is to switch is settled when it is made, and the greenlets go on in
turn, so both twins do the same.
"""

import gc
import json
import random
import sys
import types
import warnings
from collections import Counter

import greenlet
import rawapi

HUB = greenlet.getcurrent()
LOG = Counter()
PLACES = ("value", "error", "enter", "exit", "finally", "released")


def happens(node, place):
    LOG[f"{node.number} {place}"] += 1
    if place in node.switches and greenlet.getcurrent() is not HUB:
        HUB.switch()


@types.coroutine
def suspend():
    yield


class Node:
    """What is known of a node before it is made."""

    def __init__(self, numbers, choose, depth, most=4):
        self.number = next(numbers)
        self.switches = {place for place in PLACES if choose.random() < 0.3}
        self.fails = choose.random() < 0.15
        self.suspends = choose.random() < 0.5
        self.handles = choose.random() < 0.5
        self.is_block = choose.random() < 0.3
        self.is_object = choose.random() < 0.5
        few = 0 if depth == 0 else 1 if most == 1 else choose.randrange(most)
        self.children = [Node(numbers, choose, depth - 1, most) for _ in range(few)]


class Object:
    """An awaitable that is no coroutine, with a destructor."""

    def __init__(self, node):
        self.node = node

    def __await__(self):
        if self.node.suspends:
            yield
        if self.node.fails:
            raise KeyError(self.node.number)

    def __del__(self):
        happens(self.node, "released")


async def coroutine(node):
    held = Object(node)
    try:
        if node.suspends:
            await suspend()
        if node.fails:
            raise KeyError(node.number)
    finally:
        happens(node, "finally")
        del held


class Block:
    def __init__(self, node):
        self.node = node

    async def __aenter__(self):
        happens(self.node, "enter")

    async def __aexit__(self, kind, exception, traceback):
        happens(self.node, "exit")
        return self.node.handles


async def native(node, children):
    async def each():
        for child in children:
            try:
                await child
                happens(node, "value")
            except BaseException as exception:
                happens(node, "error")
                if not node.handles or isinstance(exception, GeneratorExit):
                    raise

    if node.is_block:
        async with Block(node):
            await each()
    else:
        await each()


def c(node, children):
    aw = rawapi.new()
    rawapi.save_values(aw, node, children)
    if node.is_block:
        rawapi.async_with(aw, Block(node), ENTERED)
    else:
        each(aw)
    return aw


def each(aw, value=None):
    for child in rawapi.get_value(aw, 1):
        rawapi.add_await(aw, child, VALUE, ERROR)


def on_value(aw, value):
    happens(rawapi.get_value(aw, 0), "value")


def on_error(aw, exception):
    node = rawapi.get_value(aw, 0)
    happens(node, "error")
    return 0 if node.handles and not isinstance(exception, GeneratorExit) else -1


ENTERED, VALUE, ERROR = map(rawapi.Callback, (each, on_value, on_error))


def build(make, node):
    if node.children:
        return make(node, [build(make, child) for child in node.children])
    return Object(node) if node.is_object else coroutine(node)


def deep(levels, function):
    """Calls a function with some C code on the stack for each level."""
    return function() if levels == 0 else max([levels], key=lambda _: deep(levels - 1, function) or 0)


def work(make, node, steps, end):
    tree = build(make, node)
    if not hasattr(tree, "send"):
        return
    try:
        for _ in range(steps):
            tree.send(None)
        if end == "close":
            tree.close()
        elif end == "throw":
            tree.throw(ValueError(node.number))
    except (StopIteration, KeyError, ValueError, RuntimeError) as exception:
        LOG[f"{node.number} ends with {type(exception).__name__}"] += 1


def main(seed, which):
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(6000)
    sys.unraisablehook = lambda unraisable: LOG.update([f"lost {type(unraisable.exc_value).__name__}"])
    choose = random.Random(seed)
    numbers = iter(range(sys.maxsize))
    make = {"native": native, "c": c}[which]
    for _ in range(40):
        workers = []
        for _ in range(choose.randrange(1, 6)):
            shape = choose.choice([(3, 4), (3, 4), (3, 4), (70, 1)])
            arguments = make, Node(numbers, choose, *shape), choose.randrange(4), choose.choice(["drop", "close", "throw"])
            depth = choose.choice([0, 0, 300])
            call = lambda depth=depth, arguments=arguments: deep(depth, lambda: work(*arguments))  # noqa: E731
            workers.append(greenlet.greenlet(call))
        while workers:
            for worker in workers:
                worker.switch()
            workers = [worker for worker in workers if not worker.dead]
        gc.collect()
    left = sum(isinstance(each, Object) for each in gc.get_objects())
    print(json.dumps({"left": left, **dict(sorted(LOG.items()))}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
