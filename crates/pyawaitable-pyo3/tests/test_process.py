"""What belongs to a process: its end, while threads wake what waits."""

import subprocess
import sys
import textwrap

import pytest

BEGIN = """
import asyncio, importlib.machinery, importlib.util, sys
loader = importlib.machinery.ExtensionFileLoader("behaviours", sys.argv[1])
behaviours = importlib.util.module_from_spec(importlib.util.spec_from_file_location("behaviours", sys.argv[1], loader=loader))
loader.exec_module(behaviours)
"""

ENDS = {
    "loop that stops": """
        async def main():
            coroutines, release = behaviours.parked(2000)
            tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
            await asyncio.sleep(0)
            release()

        asyncio.run(main())
        """,
    "loop that is never closed": """
        async def main():
            global tasks
            coroutines, release = behaviours.parked(2000)
            tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
            await asyncio.sleep(0)
            release()

        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        import warnings, logging
        warnings.simplefilter("ignore")
        logging.disable()
        """,
    "exit from within": """
        async def main():
            coroutines, release = behaviours.parked(2000)
            tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
            await asyncio.sleep(0)
            release()
            sys.exit(0)

        asyncio.run(main())
        """,
    "coroutines that nobody steps any more": """
        async def main():
            global kept
            kept = [behaviours.sleep(0.001 * number) for number in range(100)]
            for coroutine in kept:
                coroutine.send(None)

        asyncio.run(main())
        """,
}


@pytest.mark.parametrize("end", ENDS)
def test_end_while_threads_wake(behaviours, end):
    code = BEGIN + textwrap.dedent(ENDS[end])
    for _ in range(10):
        command = [sys.executable, "-X", "faulthandler", "-c", code, behaviours.__file__]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (finished.returncode, finished.stderr) == (0, "")


FORK = """
import os

async def main():
    assert await behaviours.sleeps_in_tokio(0.001, []) == 0.001
    event_loop = behaviours.Loop()
    child = os.fork()
    if not child:
        # The parent's loop is not this process's, and its runtime has no threads here.
        assert event_loop.is_closed()
        try:
            event_loop.call_soon(print, 1)
        except RuntimeError:
            asyncio.events._set_running_loop(None)
            asyncio.run(again())
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert not event_loop.is_closed()
    await again()

async def again():
    assert await behaviours.sleeps_in_tokio(0.001, []) == 0.001
    assert await behaviours.by_a_thread(number, [1]) == [1]

async def number(value):
    return value

import warnings
warnings.simplefilter("ignore", DeprecationWarning)
asyncio.run(main())
"""

TOKIO = """
async def main():
    tasks = [asyncio.ensure_future(behaviours.sleeps_in_tokio(1000, [])) for _ in range(100)]
    await asyncio.sleep(0.01)
    global event_loop
    event_loop = behaviours.Loop()

asyncio.run(main())
"""


@pytest.mark.parametrize("code", [FORK, TOKIO], ids=["fork", "exit with a runtime"])
def test_runtime_of_the_process(behaviours, code):
    command = [sys.executable, "-X", "faulthandler", "-c", BEGIN + code, behaviours.__file__]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (finished.returncode, finished.stderr) == (0, "")
