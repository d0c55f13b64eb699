"""Cancellation, which interrupts a query, and transactions."""

import asyncio
import random
import time

import anyio
import pytest

from .support import FOREVER, SERIES


def test_cancelling_interrupts_the_query(driver, run):
    async def main():
        async with driver.connect(":memory:") as db:
            await db.execute("create table t (a)")
            with anyio.move_on_after(0.05) as scope:
                await db.execute(FOREVER)
            assert scope.cancelled_caught
            await db.execute("insert into t values (1)")
            assert await db.execute_fetchall("select * from t") == [(1,)]

    run(main)


def test_cancelling_beside_rows_that_are_left(driver):
    """sqlite3_interrupt would reach those, too."""

    async def main():
        async with driver.connect(":memory:") as db:
            cursor = await db.execute(SERIES.format(100000))
            first = await cursor.fetchone()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(run_forever(db), 0.05)
            return first, len(await cursor.fetchall())

    async def run_forever(db):
        await db.execute(FOREVER)

    assert asyncio.run(main()) == ((1,), 99999)


def test_a_cancelled_query_that_waits_its_turn_is_left_out(driver):
    async def main():
        async with driver.connect(":memory:") as db:
            await db.execute("create table t (a)")
            slow = asyncio.ensure_future(db.execute_fetchall(SERIES.format(300000)))
            late = asyncio.ensure_future(db.execute_fetchall("insert into t values (1)"))
            await asyncio.sleep(0)
            late.cancel()
            with pytest.raises(asyncio.CancelledError):
                await late
            assert len(await slow) == 300000
            assert await db.execute_fetchall("select * from t") == []

    asyncio.run(main())


def test_rows_of_a_cancelled_fetch_are_not_lost(driver):
    async def main():
        chance = random.Random(1)
        async with driver.connect(":memory:") as db:
            for _ in range(30):
                cursor = await db.execute(SERIES.format(20000))
                found = []
                while True:
                    task = asyncio.ensure_future(cursor.fetchmany(500))
                    for _ in range(chance.randrange(4)):
                        await asyncio.sleep(0)
                    if chance.randrange(3) == 0:
                        task.cancel()
                    try:
                        rows = await task
                    except asyncio.CancelledError:
                        continue
                    if not rows:
                        break
                    found += rows
                numbers = [number for (number,) in found]
                assert numbers == sorted(numbers)
                # What a cancelled fetchmany() has already taken goes with it, as what a cancelled read of a stream has.
                assert len(numbers) == len(set(numbers))

    asyncio.run(main())


def test_fetchone_loses_no_row_whenever_it_is_cancelled(driver):
    async def main():
        chance = random.Random(3)
        async with driver.connect(":memory:") as db:
            cursor = await db.execute(SERIES.format(40000))
            found, cancelled = [], 0
            while True:
                task = asyncio.ensure_future(cursor.fetchone())
                for turn in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                    if turn == 0 and not task.done():
                        # The rows come, and some turns of the loop later the task.
                        time.sleep(0.001)
                if chance.randrange(2) == 0:
                    task.cancel()
                try:
                    row = await task
                except asyncio.CancelledError:
                    cancelled += 1
                    continue
                if row is None:
                    return found, cancelled
                found += row

    found, cancelled = asyncio.run(main())
    assert found == list(range(1, 40001)) and cancelled > 100


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, None])
def test_a_transaction_ends_as_its_block_does(driver, error, tmp_path):
    async def main():
        async with driver.connect(tmp_path / "db") as db:
            await db.execute("create table t (a)")

            async def block():
                async with db.transaction() as same:
                    assert same is db and db.in_transaction
                    await db.execute("insert into t values (1)")
                    if error is asyncio.CancelledError:
                        asyncio.current_task().cancel()
                        await db.execute(FOREVER)
                    elif error is not None:
                        raise error

            await asyncio.gather(asyncio.ensure_future(block()), return_exceptions=True)
            assert not db.in_transaction
            return await db.execute_fetchall("select count(*) from t")

    assert asyncio.run(main()) == [(int(error is None),)]


def test_a_cancelled_transaction_rolls_back_under_every_loop(driver, run, tmp_path):
    async def main():
        async with driver.connect(tmp_path / "db") as db:
            await db.execute("create table t (a)")
            with anyio.move_on_after(0.05):
                async with db.transaction():
                    await db.execute("insert into t values (1)")
                    await db.execute(FOREVER)
            async with db.transaction():
                await db.execute("insert into t values (2)")
            return await db.execute_fetchall("select * from t")

    assert run(main) == [(2,)]


def test_a_transaction_within_a_transaction_is_refused(driver):
    async def main():
        async with driver.connect(":memory:") as db:
            async with db.transaction():
                with pytest.raises(driver.ProgrammingError, match="within"):
                    async with db.transaction():
                        pass
            async with db.transaction():
                pass

    asyncio.run(main())


def test_those_who_wait_for_a_transaction_may_be_cancelled(driver):
    async def main():
        async with driver.connect(":memory:") as db:
            entered = []

            async def one(number):
                async with db.transaction():
                    entered.append(number)
                    await asyncio.sleep(0.01)

            tasks = [asyncio.ensure_future(one(number)) for number in range(6)]
            await asyncio.sleep(0.005)
            tasks[1].cancel()
            tasks[3].cancel()
            await asyncio.sleep(0.015)
            tasks[4].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            async with db.transaction():
                pass
            return entered

    entered = asyncio.run(main())
    assert entered[0] == 0 and 1 not in entered and 3 not in entered and entered[-1] == 5
