"""Rows, their factories, and cursors that several tasks read."""

import asyncio
import contextlib
import sqlite3
import time

import pytest

from .support import SERIES


def test_rows_are_found_by_name(driver):
    async def main():
        async with driver.connect(":memory:") as db:
            db.row_factory = driver.Row
            cursor = await db.execute("select 1 as one, 2 as Two, 3 as one")
            row = await cursor.fetchone()
            assert (row["one"], row["TWO"], row[1], row[-1], row[:2]) == (1, 2, 2, 3, (1, 2))
            assert (list(row), len(row), row.keys()) == ([1, 2, 3], 3, ["one", "Two", "one"])
            other = await (await db.execute("select 1 as one, 2 as Two, 3 as one")).fetchone()
            assert row == other and hash(row) == hash(other)
            with pytest.raises(IndexError, match="No item with that key"):
                row["three"]
            with pytest.raises(IndexError):
                row[3]
            with pytest.raises(TypeError):
                driver.Row(5, ())

    asyncio.run(main())


def test_factories_make_rows_and_texts(driver):
    async def main():
        async with driver.connect(":memory:") as db:
            db.row_factory = lambda cursor, row: {column[0]: value for column, value in zip(cursor.description, row)}
            db.text_factory = bytes
            assert await db.execute_fetchall("select 'x' as a, 2 as b") == [{"a": b"x", "b": 2}]
            db.text_factory = lambda text: text.decode().upper()
            assert await db.execute_fetchall("select 'x' as a") == [{"a": "X"}]
            db.row_factory = lambda cursor, row: 1 / 0
            with pytest.raises(ZeroDivisionError):
                await db.execute_fetchall("select 1")

    asyncio.run(main())


def test_one_cursor_two_tasks(driver):
    async def main():
        async with driver.connect(":memory:") as db:
            cursor = await db.cursor()
            await asyncio.gather(*(cursor.execute(SERIES.format(1000 + i)) for i in range(20)))
            rows = await asyncio.gather(*(cursor.fetchmany(300) for i in range(4)))
            return sorted(number for some in rows for (number,) in some)

    numbers = asyncio.run(main())
    assert len(numbers) == len(set(numbers)) and numbers[-1] <= 1019


def test_two_tasks_lose_no_rows_of_one_cursor(driver):
    async def main():
        async with driver.connect(":memory:") as db:
            cursor = await db.execute(SERIES.format(9000))
            parts = await asyncio.gather(*(cursor.fetchmany(1500) for _ in range(6)))
            return [number for rows in parts for (number,) in rows]

    assert sorted(asyncio.run(main())) == list(range(1, 9001))


def test_rows_of_several_cancelled_fetches_are_not_lost(driver, tmp_path):
    """Of those whose rows have come when they are cancelled, and of which none has run to its end."""
    path = tmp_path / "db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("create table t (a)")

    async def main(other):
        async with driver.connect(path, timeout=60, isolation_level=None) as db:
            cursor = await db.execute(SERIES.format(9000))
            first = await cursor.fetchmany(100)
            # The worker waits for the lock, so that no fetch is answered before it suspends.
            other.execute("begin exclusive")
            before = asyncio.ensure_future(db.execute_fetchall("insert into t values (1)"))
            tasks = [asyncio.ensure_future(cursor.fetchmany(10)) for _ in range(3)]
            after = asyncio.ensure_future(db.execute_fetchall("insert into t values (2)"))
            await asyncio.sleep(0)
            other.rollback()
            # It does all five now, while the loop has no turn.
            until = time.monotonic() + 60
            while db.total_changes < 2 and time.monotonic() < until:
                time.sleep(0.001)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(result) for result in results] == [asyncio.CancelledError] * 3
            await asyncio.gather(before, after)
            return [number for (number,) in first + await cursor.fetchall()]

    with contextlib.closing(sqlite3.connect(path)) as other:
        assert sorted(asyncio.run(main(other))) == list(range(1, 9001))


def test_rows_that_come_late_are_not_those_of_the_next_statement(driver):
    """Both have the same SQL, and so the same prepared statement."""

    async def main():
        async with driver.connect(":memory:") as db:
            sql = "with recursive s (n) as (select ? union all select n + 1 from s where n % 5000 < 4999) select n from s"
            cursor = await db.execute(sql, (0,))
            await cursor.fetchmany(100)
            late = asyncio.ensure_future(cursor.fetchone())
            again = asyncio.ensure_future(cursor.execute(sql, (5000,)))
            await asyncio.gather(late, again)
            return [number for (number,) in await cursor.fetchall()]

    numbers = asyncio.run(main())
    assert numbers[-1] == 9999 and numbers[0] >= 5000 and numbers == sorted(numbers)
