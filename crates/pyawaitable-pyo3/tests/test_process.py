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
