"""What libraries that check for Python's own type of coroutine do with a C awaitable, and with an `async def`.

    python tests/exact_type.py twisted_maybe_deferred

prints both outcomes, as test_readme.py reads them. The libraries are imported by what needs them.
"""

import asyncio
import inspect
import json
import sys

import rawapi
from raw_support import keep_result

AWAITED = []


async def name():
    AWAITED.append("awaited")
    return "Ada"


def in_c(*args):
    awaitable = rawapi.new()
    rawapi.add_await(awaitable, name(), keep_result)
    return awaitable


async def in_python(*args):
    return await name()


def result_of(deferred):
    seen = []
    deferred.addBoth(seen.append)
    return seen[0]


def inspect_iscoroutine(f):
    made = f()
    made.close()
    return inspect.iscoroutine(made)


def anyio_task_group(f):
    import anyio

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(f)
        return "done"

    return anyio.run(main)


def twisted_maybe_deferred(f):
    from twisted.internet.defer import maybeDeferred

    return result_of(maybeDeferred(f))


def twisted_ensure_deferred(f):
    from twisted.internet.defer import ensureDeferred

    return result_of(ensureDeferred(f()))


def twisted_inline_callbacks(f):
    from twisted.internet.defer import inlineCallbacks

    @inlineCallbacks
    def waits():
        return (yield f())

    return result_of(waits())


def twisted_template(f):
    from twisted.web.template import flattenString

    result = result_of(flattenString(None, f()))
    return result.decode() if isinstance(result, bytes) else type(result).__name__


def asyncclick_command(f):
    import asyncclick

    command = asyncclick.Command("name", callback=f)
    return asyncio.run(command.main([], standalone_mode=False))


def socketio_acknowledgement(f):
    import socketio

    async def main():
        server = socketio.AsyncServer()
        server.manager.callbacks = {"sid": {1: f}}
        await server.manager.trigger_callback("sid", 1, [])

    asyncio.run(main())
    return AWAITED[:]


def httpcore_trace(f):
    import logging

    import httpcore
    from httpcore._trace import Trace

    async def main():
        request = httpcore.Request("GET", "http://127.0.0.1/", extensions={"trace": f})
        async with Trace("connect", logging.getLogger("httpcore"), request, {}):
            pass
        return AWAITED[:]

    return asyncio.run(main())


def outcome(check, f):
    AWAITED.clear()
    try:
        result = check(f)
    except Exception as error:
        inner = getattr(error, "exceptions", None)  # of a group
        return type(inner[0] if inner else error).__name__
    return result if isinstance(result, (str, bool, list)) else type(result).__name__


if __name__ == "__main__":
    check = globals()[sys.argv[1]]
    print(json.dumps([outcome(check, in_c), outcome(check, in_python)]))
