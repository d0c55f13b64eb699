"""Fuzzing: random programs as `async def` and in C, by callbacks and as bodies, and random calls at the edge of the C API.

    program     what a program is, and how one is made from bytes
    actions     what callbacks, inner awaitables and other code do while it runs
    native      runs one as `async def`
    capi        runs one through the C API
    drive       steps it by hand or under asyncio, disturbs it, and compares what both have seen
    edge        sequences of raw calls with any arguments
    written     programs that are written down: the source of an `async def`, which can be translated to a body
    bodies      runs those, as many as wanted
    generators  runs those that are asynchronous generators, by their steps and with consumers in Python and in C
    __main__    as many of either as wanted

It is built of what the differential tests have: their inner awaitables, their drivers, their log.
"""
