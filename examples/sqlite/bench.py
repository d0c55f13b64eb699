"""Measures the driver against the standard library's sqlite3, which blocks, and aiosqlite. `make bench-sqlite` runs it.

    bench.py [--rounds N] [--cpu] [--loop asyncio|uvloop] [CASE ...]

One process, the drivers in turn, the least time of all rounds: only the ratios are meaningful. On a machine that is busy, --cpu
measures the time of the processors that all threads took, and not that of the clock.
"""

import argparse
import asyncio
import contextlib
import gc
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import aiosqlite
import sqlite_async

ROWS = 100_000
AT_ONCE = 2_000
ONE = "select b from t where a = ?"


# ---- The cases, each with a function for each of the drivers that it is measured with ------------------


def one_sqlite3(db, count=AT_ONCE):
    for number in range(count):
        db.execute(ONE, (number,)).fetchone()


async def one_aiosqlite(db, count=AT_ONCE):
    for number in range(count):
        async with db.execute(ONE, (number,)) as cursor:
            await cursor.fetchone()


async def one_driver(db, count=AT_ONCE):
    for number in range(count):
        cursor = await db.execute(ONE, (number,))
        await cursor.fetchone()


async def once(db, number):
    async with db.execute(ONE, (number,)) as cursor:
        return await cursor.fetchone()


async def at_once(db):
    await asyncio.gather(*(once(db, number) for number in range(AT_ONCE)))


def at_once_sqlite3(db):
    for number in range(AT_ONCE):
        db.execute(ONE, (number,)).fetchone()


def all_sqlite3(db):
    assert len(db.execute("select * from t").fetchall()) == ROWS


async def all_others(db):
    async with db.execute("select * from t") as cursor:
        assert len(list(await cursor.fetchall())) == ROWS


def iterate_sqlite3(db):
    count = 0
    for _ in db.execute("select * from t"):
        count += 1
    assert count == ROWS


async def iterate_others(db):
    count = 0
    async with db.execute("select * from t") as cursor:
        async for _ in cursor:
            count += 1
    assert count == ROWS


SETS = [(number, f"text {number}") for number in range(ROWS)]


def insert_sqlite3(db):
    db.executemany("insert into u values (?, ?)", SETS)
    db.rollback()


async def insert_others(db):
    await db.executemany("insert into u values (?, ?)", SETS)
    await db.rollback()


CASES = {
    "one": ("2,000 queries of one row, one after the other", one_sqlite3, one_aiosqlite, one_driver),
    "at-once": ("2,000 queries of one row by 2,000 tasks", at_once_sqlite3, at_once, at_once),
    "fetchall": ("100,000 rows by fetchall()", all_sqlite3, all_others, all_others),
    "iterate": ("100,000 rows by `async for`", iterate_sqlite3, iterate_others, iterate_others),
    "executemany": ("100,000 rows by executemany()", insert_sqlite3, insert_others, insert_others),
}


# ---- Measuring --------------------------------------------------------------------------------------


def prepare(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("create table t (a integer primary key, b text)")
        db.execute("create table u (a integer primary key, b text)")
        db.executemany("insert into t values (?, ?)", SETS)
        db.commit()


async def measure(path, names, rounds, clock):
    """For each case the least seconds of each driver."""
    least = {}
    async with aiosqlite.connect(path) as by_aiosqlite, sqlite_async.connect(path) as by_driver:
        with contextlib.closing(sqlite3.connect(path)) as by_sqlite3:
            for _ in range(rounds):
                for name in names:
                    functions = CASES[name][1:]
                    for index, (function, db) in enumerate(zip(functions, (by_sqlite3, by_aiosqlite, by_driver))):
                        gc.collect()
                        begin = clock()
                        waits = function(db)
                        if waits is not None:
                            await waits
                        seconds = clock() - begin
                        best = least.setdefault(name, [float("inf")] * 3)
                        best[index] = min(best[index], seconds)
    return least


def report(loop, least):
    print(f"{loop:48} ours / sqlite3  aiosqlite / ours  microseconds each")
    for name, (blocking, other, ours) in least.items():
        count = AT_ONCE if name in ("one", "at-once") else ROWS
        print(f"  {CASES[name][0]:46} {ours / blocking:14.2f} {other / ours:17.2f} {ours / count * 1e6:18.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    options = parser.parse_args()
    wrong = set(options.cases) - set(CASES)
    if wrong:
        parser.error(f"no such case: {', '.join(sorted(wrong))}")
    loops = {"asyncio": asyncio.SelectorEventLoop}
    with contextlib.suppress(ImportError):
        import uvloop

        loops["uvloop"] = uvloop.new_event_loop
    if options.loop and options.loop not in loops:
        sys.exit("there is no uvloop")
    for name in [options.loop] if options.loop else loops:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "db"
            prepare(path)
            loop = loops[name]()
            clock = time.process_time if options.cpu else time.perf_counter
            report(name, loop.run_until_complete(measure(path, options.cases or list(CASES), options.rounds, clock)))
            loop.close()


if __name__ == "__main__":
    main()
