"""Opening and closing, and databases that are no good; other threads and loops."""

import asyncio
import gc
import os
import threading
import time

import pytest

from .support import SERIES


def test_closing_waits_for_what_is_under_way(driver):
    async def main():
        db = await driver.connect(":memory:")
        slow = [asyncio.ensure_future(db.execute_fetchall(SERIES.format(50000))) for _ in range(3)]
        await asyncio.sleep(0)
        await db.close()
        await db.close()
        results = await asyncio.gather(*slow, return_exceptions=True)
        for result in results:
            assert isinstance(result, driver.ProgrammingError) or len(result) == 50000
        with pytest.raises(driver.ProgrammingError, match="closed database"):
            await db.execute("select 1")
        with pytest.raises(driver.ProgrammingError, match="closed database"):
            _ = db.in_transaction

    asyncio.run(main())


def test_a_connection_that_nobody_closes_warns_and_closes(driver, tmp_path):
    async def main():
        db = await driver.connect(tmp_path / "db")
        await db.execute("create table t (a)")
        with pytest.warns(ResourceWarning, match="unclosed database"):
            del db
            gc.collect()

    asyncio.run(main())


def test_errors_of_opening(driver, tmp_path):
    async def main():
        with pytest.raises(driver.OperationalError, match="unable to open database file"):
            await driver.connect(tmp_path / "nowhere" / "db")
        with pytest.raises(driver.OperationalError, match="unable to open database file"):
            async with driver.connect(tmp_path):
                pass
        for wrong in (5, None, object()):
            with pytest.raises(TypeError):
                driver.connect(wrong)
        with pytest.raises(ValueError, match="isolation_level"):
            driver.connect(":memory:", isolation_level="never")

    asyncio.run(main())


def test_databases_that_are_no_good(driver, tmp_path):
    corrupt = tmp_path / "corrupt"
    corrupt.write_bytes(b"this is no database" * 100)
    path = tmp_path / "db"

    async def main():
        async with driver.connect(corrupt) as db:
            with pytest.raises(driver.DatabaseError, match="not a database"):
                await db.execute("select * from t")
        async with driver.connect(path) as db:
            await db.execute("create table t (a)")
        async with driver.connect(f"file:{path}?mode=ro", uri=True) as db:
            with pytest.raises(driver.OperationalError, match="readonly"):
                await db.execute("insert into t values (1)")
        async with driver.connect(path, timeout=0.1) as one, driver.connect(path, timeout=0.1) as other:
            async with one.transaction("EXCLUSIVE"):
                with pytest.raises(driver.OperationalError, match="locked"):
                    await other.execute("insert into t values (1)")
            await other.execute("insert into t values (1)")
            await other.commit()

    asyncio.run(main())


def test_waiting_for_a_lock_ends_with_the_lock(driver, tmp_path):
    async def main():
        async with driver.connect(tmp_path / "db") as one, driver.connect(tmp_path / "db") as other:
            await one.execute("create table t (a)")
            async with one.transaction("EXCLUSIVE"):
                waits = asyncio.ensure_future(other.execute_fetchall("insert into t values (1)"))
                await asyncio.sleep(0.05)
                assert not waits.done()
            await waits
            # And with a cancellation.
            await other.commit()
            async with one.transaction("EXCLUSIVE"):
                waits = asyncio.ensure_future(other.execute_fetchall("insert into t values (1)"))
                await asyncio.sleep(0.05)
                waits.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waits
            return await other.execute_fetchall("select * from t")

    assert asyncio.run(main()) == [(1,)]


def test_another_thread_is_refused(driver):
    async def main():
        async with driver.connect(":memory:") as db:
            cursor = await db.execute("select 1")
            caught = []

            def use():
                async def uses():
                    for call in (lambda: db.execute("select 1"), cursor.fetchone, lambda: db.commit(), lambda: db.cursor()):
                        try:
                            await call()
                        except driver.ProgrammingError as error:
                            caught.append(str(error))

                asyncio.run(uses())

            thread = threading.Thread(target=use)
            thread.start()
            thread.join()
            return caught

    caught = asyncio.run(main())
    assert len(caught) == 4 and all("same thread" in each for each in caught)


def test_another_loop_of_the_same_thread_works(driver):
    async def begin():
        db = await driver.connect(":memory:")
        return db, await db.execute(SERIES.format(10000))

    async def end(db, cursor):
        async with db:
            return len(await cursor.fetchall())

    assert asyncio.run(end(*asyncio.run(begin()))) == 10000


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="the system does not tell what threads a process has")
def test_a_connection_that_fails_to_open_leaves_no_thread(driver, tmp_path):
    async def main():
        before = len(os.listdir("/proc/self/task"))
        for _ in range(20):
            with pytest.raises(driver.OperationalError):
                await driver.connect(tmp_path / "nowhere" / "db")
        until = time.monotonic() + 20
        while len(os.listdir("/proc/self/task")) > before and time.monotonic() < until:
            await asyncio.sleep(0.01)
        return len(os.listdir("/proc/self/task")) - before

    assert asyncio.run(main()) == 0
