"""Memory that is given back, and that there is none of."""

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap

import pytest

from .support import EXAMPLE, run_python

WORK = """
    import asyncio, contextlib, sys, sqlite_async

    async def work(db):
        await db.executescript("create table if not exists t (a integer primary key, b); delete from t;")
        async with db.transaction():
            await db.executemany("insert into t (b) values (?)", [(str(i) * 20,) for i in range(300)])
        db.row_factory = sqlite_async.Row
        async with db.execute("select * from t where a > ?", (5,)) as cursor:
            row = await cursor.fetchone()
            assert (row["b"], row[0], list(row)[0]) == ("5" * 20, 6, 6)
            await cursor.fetchmany(7)
            async for row in cursor:
                pass
        for wrong in ("selekt", "select ?", "insert into t values (6, 7)"):
            with contextlib.suppress(sqlite_async.Error):
                await db.execute(wrong)
        await db.rollback()
        left = await db.execute("select :a, x'00', 1.5, null from t", {"a": b"x"})
        await left.fetchone()
        task = asyncio.ensure_future(db.execute_fetchall("select count(*) from t, t as u, t as v"))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        with contextlib.suppress(ZeroDivisionError):
            async with db.transaction("IMMEDIATE"):
                await db.execute("delete from t")
                1 / 0
        assert (await db.execute_fetchall("select count(*) from t"))[0][0] == 300
"""


def test_memory_is_given_back(target):
    code = (
        WORK
        + """
    import gc

    async def main():
        async with sqlite_async.connect(":memory:") as db:
            counts = []
            for _ in range(3):
                for _ in range(60):
                    await work(db)
                # It keeps the names that attributes were asked for by.
                sys._clear_type_cache()
                gc.collect()
                counts.append((len(gc.get_objects()), sys.getallocatedblocks()))
            print(counts)
            (before, blocks), (after, more) = counts[1:]
            assert after - before < 20 and more - blocks < 50
    asyncio.run(main())
    """
    )
    finished = run_python(target, code)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_each_allocation_of_pythons_may_fail(target):
    pytest.importorskip("_testcapi", reason="it makes allocations fail")
    code = (
        WORK
        + """
    import _testcapi, types

    @types.coroutine
    def failing(coroutine, number):
        # One of those in each step, and none of the event loop's, which may lose a task then.
        steps = coroutine.__await__()
        while True:
            _testcapi.set_nomemory(number, number + 1)
            try:
                awaited = next(steps)
            except StopIteration as stop:
                _testcapi.remove_mem_hooks()
                return stop.value
            finally:
                _testcapi.remove_mem_hooks()
            yield awaited

    async def main():
        async with sqlite_async.connect(":memory:") as db:
            await work(db)
            db.row_factory = None
            failed = 0
            for number in range(120):
                sets = [("x", 1), ("y", 2), (b"z", 2.5)]
                cursor = await db.cursor()
                transaction = db.transaction()
                for call in (
                    lambda: cursor.execute("select a, b from t where a > ? limit 150", (5,)),
                    lambda: cursor.fetchone(),
                    lambda: cursor.fetchall(),
                    lambda: cursor.close(),
                    lambda: transaction.__aenter__(),
                    lambda: db.executemany("update t set b = ? where a = ?", [pair for pair in sets if len(pair) == 2]),
                    lambda: transaction.__aexit__(None, None, None),
                    lambda: db.commit(),
                ):
                    try:
                        await failing(call(), number)
                    except MemoryError:
                        failed += 1
                    except (sqlite_async.ProgrammingError, sqlite_async.OperationalError):
                        pass  # what comes of the one that has failed before
                await db.rollback()
                if db.in_transaction:
                    raise SystemExit("a transaction is left")
            print(failed)
            await work(db)
    asyncio.run(main())
    """
    )
    finished = run_python(target, code)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert int(finished.stdout) > 100


# In the place of the driver's own allocations, most of which its thread makes: one of them fails.
FAILING = """
    #include <stdlib.h>
    #include <string.h>
    extern int sqlite_async_allocation, sqlite_async_failing;
    #define FAILS() (__atomic_fetch_add(&sqlite_async_allocation, 1, __ATOMIC_SEQ_CST) == \\
                     __atomic_load_n(&sqlite_async_failing, __ATOMIC_SEQ_CST))
    #define malloc(size) (FAILS() ? NULL : malloc(size))
    #define calloc(count, size) (FAILS() ? NULL : calloc(count, size))
    #define realloc(block, size) (FAILS() ? NULL : realloc(block, size))
    #define strdup(text) (FAILS() ? NULL : strdup(text))
"""


def test_each_allocation_of_the_drivers_own_may_fail(target, tmp_path):
    source = shutil.copytree(EXAMPLE, tmp_path / "source", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    (source / "failing.h").write_text(textwrap.dedent(FAILING))
    with (source / "worker.c").open("a") as file:
        file.write("\nint sqlite_async_allocation, sqlite_async_failing = -1;\n")
    built = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--build-lib", str(tmp_path / "lib")],
        cwd=source,
        env={**os.environ, "CFLAGS": f"-O0 -include {source / 'failing.h'}"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    code = (
        WORK
        + """
    import ctypes
    library = ctypes.CDLL(sqlite_async.__file__)
    allocation = ctypes.c_int.in_dll(library, "sqlite_async_allocation")
    failing = ctypes.c_int.in_dll(library, "sqlite_async_failing")

    async def some(db):
        await db.execute("create table if not exists t (a integer primary key, b)")
        await db.executemany("insert into t (b) values (:b)", [{"b": "x" * 1000} for _ in range(30)])
        cursor = await db.execute("select t.b, u.b, t.b from t, t as u where t.b > ?", ("",))
        rows = await cursor.fetchmany(3)
        rows += await cursor.fetchall()
        assert len(rows) == 900, len(rows)
        await db.rollback()
        with contextlib.suppress(sqlite_async.OperationalError):
            await db.execute("selekt")

    async def opened():
        async with sqlite_async.connect(":memory:") as db:
            await some(db)

    async def main():
        failed = number = 0
        while True:
            allocation.value, failing.value = 0, number
            try:
                await opened()
                is_fine = True
            except MemoryError:
                is_fine = False
                failed += 1
            failing.value = -1
            if is_fine and allocation.value <= number:
                break
            number += 1
        async with sqlite_async.connect(":memory:") as db:
            for index in range(number):
                allocation.value, failing.value = 0, index
                with contextlib.suppress(MemoryError):
                    await some(db)
                failing.value = -1
                await db.rollback()
            await work(db)
        print(number, failed)
    asyncio.run(main())
    """
    )
    finished = run_python(tmp_path / "lib", code)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    number, failed = map(int, finished.stdout.split())
    assert number > 50 and failed > number // 2


def test_the_address_sanitizer_finds_nothing(target, tmp_path):
    compiler = shutil.which(os.environ.get("CC", "gcc"))
    runtime = (
        compiler and subprocess.run([compiler, "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    )
    if not runtime or not os.path.isabs(runtime):
        pytest.skip("the compiler has no address sanitizer")
    source = shutil.copytree(EXAMPLE, tmp_path / "source", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    built = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--build-lib", str(tmp_path / "lib")],
        cwd=source,
        env={**os.environ, "CFLAGS": "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined", "CC": compiler},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    code = (
        WORK
        + """
    async def main():
        for _ in range(3):
            async with sqlite_async.connect(":memory:") as db:
                await work(db)
        kept = await sqlite_async.connect(":memory:")
        await kept.execute("select 1")
    asyncio.run(main())
    """
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path / "lib"),
        "LD_PRELOAD": runtime,
        # Python keeps memory to its end.
        "ASAN_OPTIONS": "detect_leaks=0",
    }
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        environment["PYTHONMALLOC"] = "malloc"
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr[-5000:]
