"""The generators of tests/ext/generators as Python has them."""


async def nothing():
    if False:
        yield


async def counts():
    for number in range(6):
        yield number


async def talks(note, wait):
    try:
        note("got", (yield 1))
        note("awaited", await wait("a"))
        note("got", (yield 2))
        note("awaited", await wait("b"))
    finally:
        note("finally", None)


async def ignores(note, wait):
    for number in range(6):
        try:
            note("got", (yield number))
        except BaseException as exception:
            note("caught", type(exception))


async def waits(note, wait):
    for _ in range(6):
        try:
            note("awaited", await wait("w"))
        except BaseException as exception:
            note("caught", type(exception))
    yield 7


async def alternates(note, wait):
    for _ in range(6):
        try:
            note("awaited", await wait("w"))
            note("awaited", await wait("v"))
        except BaseException as exception:
            note("caught", type(exception))
        try:
            yield 7
        except BaseException as exception:
            note("caught", type(exception))


async def cleans(note, wait):
    try:
        yield 1
    finally:
        try:
            await wait("c")
            note("cleaned", None)
        except BaseException as exception:
            note("caught", type(exception))
            await wait("d")
            note("cleaned after all", None)
            raise


async def raises(note, wait, given=None):
    if given is None:
        yield
    raise given


async def raises_later(note, wait, given):
    yield 1
    raise given


async def calls(note, wait, given):
    yield given()
    yield given()


async def enters(note, wait, given):
    async with given as item:
        note("got", (yield item))
        await wait("inside")
        note("got", (yield 2))
    note("after", None)
    yield 3


async def relays(note, wait, given):
    async for item in given:
        note("got", (yield item))
    note("end", None)


async def handles(note, wait):
    try:
        raise KeyError("first")
    except KeyError:
        note("handling", None)
        note("still", (yield 1))
        await wait("h")
        yield 2
        raise ValueError("second")  # noqa: B904


async def yields_at_last(note, wait):
    try:
        yield 1
        return
    finally:
        yield 2
        note("last", None)
