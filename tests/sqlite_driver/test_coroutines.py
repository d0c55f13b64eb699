"""Methods are coroutine functions, under every event loop."""

import inspect
import sqlite3

import anyio


def test_methods_are_coroutine_functions(driver):
    for method in ("execute", "executemany", "executescript", "fetchone", "fetchmany", "fetchall", "close", "__anext__"):
        assert inspect.iscoroutinefunction(getattr(driver.Cursor, method))
    for method in ("commit", "rollback", "close", "__aenter__", "__aexit__"):
        assert inspect.iscoroutinefunction(getattr(driver.Connection, method))
    assert str(inspect.signature(driver.Cursor.execute)) == "(self, sql, parameters=(), /)"
    assert (driver.apilevel, driver.paramstyle, driver.threadsafety) == ("2.0", "qmark", 1)
    assert driver.IntegrityError is sqlite3.IntegrityError


async def use(driver, path):
    async with driver.connect(path) as db:
        await db.execute("create table t (a integer primary key, b)")
        async with db.transaction():
            await db.executemany("insert into t (b) values (?)", ((i,) for i in range(5000)))
        found = []
        async with db.execute("select b from t where b % 2 = ?", (0,)) as cursor:
            async for (b,) in cursor:
                found.append(b)
        return found


def test_it_works_under_every_event_loop(driver, run, tmp_path):
    assert run(use, driver, tmp_path / "db") == list(range(0, 5000, 2))


def test_a_hundred_tasks_share_a_connection(driver, run):
    async def main():
        async with driver.connect(":memory:") as db:
            await db.execute("create table t (a)")

            async def one(number):
                for _ in range(5):
                    async with db.transaction():
                        ((before,),) = await db.execute_fetchall("select count(*) from t")
                        await db.execute("insert into t values (?)", (number,))
                        ((after,),) = await db.execute_fetchall("select count(*) from t")
                        assert after == before + 1

            async with anyio.create_task_group() as group:
                for number in range(100):
                    group.start_soon(one, number)
            return await db.execute_fetchall("select count(*), count(distinct a) from t")

    # Only anyio's loops and those that it finds out by itself have task groups of anyio's.
    assert run(main) == [(500, 100)]
