"""Whole processes: those that exit, that are killed, that read a million rows."""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import warnings

import pytest

from .support import FOREVER, run_python


def test_exiting_with_queries_under_way(target):
    code = """
        import asyncio, sys, sqlite_async
        FOREVER = sys.argv[1]
        kept = []
        async def main():
            for _ in range(20):
                db = await sqlite_async.connect(":memory:")
                kept.append((db, asyncio.ensure_future(db.execute_fetchall(FOREVER))))
            await asyncio.sleep(0.02)
            print("enough")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
    """
    for _ in range(3):
        finished = run_python(target, code, FOREVER)
        assert (finished.returncode, finished.stdout) == (0, "enough\n"), finished.stderr


KILLED = """
    import asyncio, sys, sqlite_async
    async def main():
        db = await sqlite_async.connect(sys.argv[1])
        await db.execute("create table if not exists t (a integer primary key, b)")
        while True:
            async with db.transaction():
                for _ in range(3):
                    await db.execute("insert into t (b) values (?)", (sys.argv[2],))
            ((count,),) = await db.execute_fetchall("select count(*) from t")
            print(count, flush=True)
    asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills a process like that here")
def test_kill_in_a_transaction_loses_nothing_committed(target, tmp_path):
    path = tmp_path / "db"
    chance = random.Random(2)
    for round in range(int(os.environ.get("SQLITE_KILLS", "5"))):
        environment = {**os.environ, "PYTHONPATH": str(target)}
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(round)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        committed = 0
        for _ in range(chance.randrange(1, 20)):
            committed = int(process.stdout.readline() or committed)
        process.kill()
        rest, _ = process.communicate()
        committed = max([committed, *map(int, rest.split())])
        with contextlib.closing(sqlite3.connect(path)) as db:
            ((count,),) = db.execute("select count(*) from t")
            assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert count >= committed and count % 3 == 0


def test_a_million_rows_take_no_more_memory(target, tmp_path):
    """A tenth of that here; SQLITE_ROWS=1000000 for all."""
    code = """
        import asyncio, resource, sys, sqlite_async
        async def main():
            count = int(sys.argv[2])
            async with sqlite_async.connect(sys.argv[1]) as db:
                await db.execute("create table t (a integer primary key, b)")
                sizes = []
                for part in range(10):
                    async with db.transaction():
                        await db.executemany("insert into t (b) values (?)", (("x" * 50,) for _ in range(count // 10)))
                    seen = 0
                    async with db.execute("select * from t") as cursor:
                        async for row in cursor:
                            seen += 1
                    assert seen == (part + 1) * (count // 10)
                    sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
                print(sizes[-1] - sizes[2])
        asyncio.run(main())
    """
    pytest.importorskip("resource", reason="the memory of a process is not told here")
    finished = run_python(target, code, tmp_path / "db", os.environ.get("SQLITE_ROWS", "100000"))
    assert finished.returncode == 0, finished.stderr
    assert int(finished.stdout) < 3000, "KiB more than after three tenths"


def test_nothing_is_left_behind(driver, tmp_path):
    async def once():
        async with driver.connect(tmp_path / "db") as db:
            await db.execute("create table if not exists t (a)")
            cursor = await db.execute("select * from t")
            await cursor.fetchone()
            await db.execute("insert into t values (1)")
            await db.commit()

    def count():
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    async def main():
        for _ in range(10):
            await once()
        before = count()
        for _ in range(200):
            await once()
        await asyncio.sleep(0.1)
        return before, count()

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("the system does not tell what a process has open")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before, after = asyncio.run(main())
    assert after[0] <= before[0] and after[1] <= before[1] + 1
