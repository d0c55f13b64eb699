"""A program under gevent drops suspended awaitables whose `finally` waits, for test_greenlets.py.

Run as a program: `python with_gevent.py native|c`. It prints what happened, in order.
"""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402
from situations import c, deep, native  # noqa: E402


class Pause:
    def __await__(self):
        yield


def main(make):
    async def closes(seconds):
        try:
            await Pause()
        finally:
            time.sleep(seconds)
            print("closed after", seconds)

    def drop(coroutine):
        awaitable = make(coroutine)
        awaitable.send(None)

    gevent.joinall([gevent.spawn(drop, closes(seconds)) for seconds in (0.02, 0.2, 0.1)])

    async def late(number):
        try:
            await Pause()
        finally:
            print("late", number)

    def later():
        for number in range(5):
            drop(late(number))

    gevent.spawn(deep, 400, later).join()
    gc.collect()


if __name__ == "__main__":
    sys.setrecursionlimit(6000)
    main({"native": native, "c": c}[sys.argv[1]])
