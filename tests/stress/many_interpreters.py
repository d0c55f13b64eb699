"""Makes, uses and destroys many subinterpreters, some at the same time in several threads.

    python tests/stress/many_interpreters.py [--count 200] [--threads 4] [--kind own]

Each awaits with the C extension `keeper`, which has to be importable. Prints how many there were.
"""

import argparse
import threading

from interpreters import KINDS, Failed, Interpreter

# Leaves awaitables that are suspended, finished, in a cycle or never awaited in `__main__`, and
# some beyond the end of the modules.
USE = """
import sys, types, warnings
warnings.simplefilter("ignore")
import keeper

class Cycle: pass

@types.coroutine
def suspend():
    return (yield 1)

async def chain(depth):
    return await keeper.once(chain(depth - 1)) if depth else await suspend()

def step(awaitable, value=None):
    try:
        return awaitable.send(value), None
    except StopIteration as stop:
        return None, stop.value

objects = [keeper.once(chain(depth)) for depth in range(20)]
for awaitable in objects:
    assert step(awaitable) == (1, None)
for number, awaitable in enumerate(objects[::2]):
    assert step(awaitable, number) == (None, number)
cycle = Cycle()
cycle.awaitable = keeper.once(chain(1))
cycle.awaitable.__qualname__ = "cycle"
cycle.itself = cycle
never = keeper.once(chain(60))
late = keeper.once(chain(3))
step(late)
if sys.version_info < (3, 10):
    # The late one keeps all of `__main__`, and a warning after the modules have gone crashes 3.9,
    # that of a native coroutine too.
    del never, cycle
else:
    keeper.keep_to_the_end(keeper.once(chain(3)))
keeper.keep_to_the_end(late)
assert type(late) is keeper.get_type()

class Owner: pass

keeper.install(keeper)
keeper.install(Owner)
functions = keeper.cleaned, Owner().cleaned, Owner.of_class
for function in functions:
    assert step(function(chain(0), "text")) == (1, None)
    called = function(chain(2), "".join(["a ", "text"]))
    assert step(called) == (1, None)
    assert step(called, "sent") == (None, ("a text", "sent"))
called = [function(chain(1), "left") for function in functions]
for each in called:
    step(each)
if sys.version_info >= (3, 10):
    keeper.keep_to_the_end(called)
"""


def use(kind, count, failures):
    try:
        for _ in range(count):
            with Interpreter(kind) as interpreter:
                interpreter.run(USE)
    except Failed as error:
        failures.append(str(error))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="subinterpreters in all")
    parser.add_argument("--threads", type=int, default=4, help="so many at the same time")
    parser.add_argument("--kind", choices=KINDS, default=KINDS[-1])
    options = parser.parse_args()

    failures = []
    each = options.count // options.threads
    arguments = (options.kind, each, failures)
    threads = [threading.Thread(target=use, args=arguments) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(failures[0])
    print(f"{each * options.threads} subinterpreters ({options.kind}), {options.threads} at a time")


if __name__ == "__main__":
    main()
