"""Measures waiting for threads against what is usual. `make bench-threads` builds what this needs, and runs it.

    threads.py [--quick]

Pairs in one process, on each event loop, taking turns; the minimum of many rounds, by the wall's clock, since threads take
part. Only the ratios are meaningful. Writes threads-*.json, threads.md and threads.png in docs/benchmarks; with --quick, in the
build folder.
"""

import argparse
import asyncio
import gc
import json
import os
import platform
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

import anyio
import anyio.to_thread
import trio
import trio.testing

HERE = Path(__file__).resolve().parent
BENCH = Path(sys.prefix).parent
DOCS = HERE.parent / "docs" / "benchmarks"
sys.path.insert(0, str(BENCH / "lib"))

import threads  # noqa: E402

try:
    import uvloop
except ImportError:
    uvloop = None

MANY = 10_000
clock = time.perf_counter


def nothing():
    pass


async def waits_for(awaitable):
    await awaitable


# ---- One wake at a time: seconds for n of them ----------------------------------------------------


async def asks(n):
    before = clock()
    await threads.asks(n)
    return clock() - before


async def asks_asyncio(n):
    loop = asyncio.get_running_loop()
    before = clock()
    for _ in range(n):
        future = loop.create_future()
        threads.ask(lambda future: loop.call_soon_threadsafe(future.set_result, None), future)
        await future
    return clock() - before


async def asks_trio(n):
    soon = trio.lowlevel.current_trio_token().run_sync_soon
    before = clock()
    for _ in range(n):
        event = trio.Event()
        threads.ask(lambda event: soon(event.set), event)
        await event.wait()
    return clock() - before


# ---- Many tasks that wait, woken by one thread ----------------------------------------------------


async def many_asyncio(n):
    tasks = [asyncio.ensure_future(waits_for(threads.waits())) for _ in range(n)]
    await asyncio.sleep(0)
    before = clock()
    threads.wake_all()
    await asyncio.wait(tasks)
    return clock() - before


async def many_trio(n):
    async with trio.open_nursery() as nursery:
        for _ in range(n):
            nursery.start_soon(threads.waits)
        await trio.testing.wait_all_tasks_blocked()
        before = clock()
        threads.wake_all()
    return clock() - before


async def many_usual_asyncio(n):
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(n)]
    tasks = [asyncio.ensure_future(waits_for(future)) for future in futures]
    await asyncio.sleep(0)
    before = clock()
    threads.call_all([(lambda future: loop.call_soon_threadsafe(future.set_result, None), future) for future in futures])
    await asyncio.wait(tasks)
    return clock() - before


async def many_usual_trio(n):
    soon = trio.lowlevel.current_trio_token().run_sync_soon
    events = [trio.Event() for _ in range(n)]
    async with trio.open_nursery() as nursery:
        for event in events:
            nursery.start_soon(event.wait)
        await trio.testing.wait_all_tasks_blocked()
        before = clock()
        threads.call_all([(lambda event: soon(event.set), event) for event in events])
    return clock() - before


# ---- An empty function in a thread ----------------------------------------------------------------


async def runs(n):
    before = clock()
    for _ in range(n):
        await threads.runs()
    return clock() - before


def in_threads(run):
    async def in_a_thread(n):
        before = clock()
        for _ in range(n):
            await run(nothing)
        return clock() - before

    return in_a_thread


to_thread = getattr(asyncio, "to_thread", None)
LOOPS = {"asyncio": lambda function, n: asyncio.run(function(n)), "trio": trio.run}
if uvloop is not None:
    LOOPS["uvloop"] = lambda function, n: run_uvloop(function, n)


def run_uvloop(function, n):
    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(function(n))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


# Title, loop, ours, what is usual, its name, and how much of that it may take at most.
PAIRS = [
    ("one wake at a time", "asyncio", asks, asks_asyncio, "call_soon_threadsafe", 0.45),
    ("one wake at a time", "uvloop", asks, asks_asyncio, "call_soon_threadsafe", 0.65),
    ("one wake at a time", "trio", asks, asks_trio, "run_sync_soon", 0.5),
    ("10,000 tasks woken, each", "asyncio", many_asyncio, many_usual_asyncio, "call_soon_threadsafe", 0.5),
    ("10,000 tasks woken, each", "uvloop", many_asyncio, many_usual_asyncio, "call_soon_threadsafe", 1.15),
    ("10,000 tasks woken, each", "trio", many_trio, many_usual_trio, "run_sync_soon", 0.5),
    ("an empty function in a thread", "asyncio", runs, in_threads(to_thread), "asyncio.to_thread", 0.35),
    ("an empty function in a thread", "uvloop", runs, in_threads(to_thread), "asyncio.to_thread", None),
    ("an empty function in a thread", "trio", runs, in_threads(trio.to_thread.run_sync), "trio.to_thread", 0.35),
    ("an empty function in a thread", "asyncio", runs, in_threads(anyio.to_thread.run_sync), "anyio.to_thread", 0.3),
]


def measure(quick):
    rounds, each = (2, 200) if quick else (15, 2000)
    for title, loop, ours, usual, name, target in PAIRS:
        if loop not in LOOPS:
            continue
        n = MANY if title.startswith("10,000") else each
        best = [float("inf")] * 2
        for number in range(rounds):
            for which in (0, 1) if number % 2 else (1, 0):
                gc.collect()
                best[which] = min(best[which], LOOPS[loop]((ours, usual)[which], n) / n)
        ratio = best[0] / best[1]
        print(f"{title}, {loop}: {best[0] * 1e6:.1f} us, {ratio:.2f} of {name}", flush=True)
        yield {
            "title": title,
            "loop": loop,
            "usual": name,
            "microseconds": [round(one * 1e6, 2) for one in best],
            "target": target,
        }


def machine():
    libraries = ["pyawaitable-rs", "trio", "anyio", *(["uvloop"] if uvloop else [])]
    named = ", ".join(f"{name} {version(name)}" for name in libraries)
    return (
        f"Python {platform.python_version()}, {named}; {os.cpu_count()} processors, {platform.system()} {platform.machine()}."
    )


# ---- The page and the picture ---------------------------------------------------------------------

INTRODUCTION = """\
# Waiting for threads

Generated by `make bench-threads` from the JSON files beside this page. A thread that knows nothing of Python wakes a task,
or does its work; beside it is what is usual for that, measured in turns with it in the same process. Less than 1.00x is
faster. Times are the least of 15 rounds, by the wall's clock.

![How long it takes, compared with what is usual](threads.png)
"""


def ratio(pair):
    return pair["microseconds"][0] / pair["microseconds"][1]


def page(all_found):
    yield INTRODUCTION
    for found in all_found:
        yield f"{found['machine']}\n"
        yield "|  | event loop | this library | usual | ratio | target |"
        yield "|---|---|---|---|---|---|"
        for pair in found["pairs"]:
            ours, usual = pair["microseconds"]
            target = "" if pair["target"] is None else f"≤ {pair['target']}x {'✓' if ratio(pair) <= pair['target'] else '✗'}"
            cells = [pair["title"], pair["loop"], f"{ours:.1f} µs", f"{usual:.1f} µs, `{pair['usual']}`"]
            yield f"| {' | '.join(cells)} | **{ratio(pair):.2f}x** | {target} |"
        yield ""


def plot(found, folder):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as pyplot

    pairs = found["pairs"]
    figure, axes = pyplot.subplots(figsize=(9, 0.45 * len(pairs) + 1.3), layout="constrained")
    for row, pair in enumerate(pairs):
        axes.barh(-row, ratio(pair), color="#1f6fb2", height=0.6)
        axes.text(ratio(pair) + 0.01, -row, f"{ratio(pair):.2f}x", va="center", fontsize=9)
    labels = [f"{pair['title']}\n{pair['loop']}, against {pair['usual']}" for pair in pairs]
    axes.set_yticks([-row for row in range(len(pairs))], labels, fontsize=8)
    axes.axvline(1, color="black", linewidth=1.2)
    axes.set_xlim(0, max(1.15, *(ratio(pair) + 0.1 for pair in pairs)))
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    figure.suptitle("Waiting for threads, compared with what is usual (1)", fontsize=13, fontweight="bold")
    figure.savefig(folder / "threads.png", dpi=150, metadata={"Software": None})
    pyplot.close(figure)


def write(folder):
    paths = sorted(folder.glob("threads-py*.json"), key=lambda path: int(re.findall(r"py3(\d+)", path.stem)[0]))
    all_found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    (folder / "threads.md").write_text("\n".join(page(all_found)), encoding="utf-8")
    try:
        plot(all_found[-1], folder)
    except ImportError:
        print("no plot: matplotlib is not there")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: the figures mean little")
    options = parser.parse_args()
    folder = BENCH / "partial" if options.quick else DOCS
    folder.mkdir(parents=True, exist_ok=True)
    found = {"machine": machine(), "pairs": list(measure(options.quick))}
    path = folder / "threads-py{}{}.json".format(*sys.version_info[:2])
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    write(folder)


if __name__ == "__main__":
    main()
