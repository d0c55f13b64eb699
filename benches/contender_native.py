"""What the C contenders spell out, as `async def`: the reference for all comparisons."""


async def empty():
    pass


async def returns():
    return 42


async def awaits(awaited):
    await awaited


async def value(awaited):
    return await awaited


async def saved3(awaited):
    a = b = c = awaited  # noqa: F841
    return await awaited


async def saved20(awaited):
    a = b = c = d = e = f = g = h = i = j = k = m = n = p = q = r = s = t = u = v = awaited  # noqa: F841
    return await awaited


async def error(awaited):
    try:
        await awaited
    except LookupError:
        pass


async def block(context):
    async with context:
        pass


async def each(awaited):
    for one in awaited:
        await one


async def chain(function, count):
    for _ in range(count):
        await function()


async def items(count):
    for number in range(count):
        yield number


async def consumes(iterable):
    async for _ in iterable:
        pass


async def called():
    pass


async def called_with(awaited):
    return await awaited


class Owner:
    async def method(self, object, /):
        return object


async def parsed(awaited, text, number):
    return await awaited


async def cleaned(awaited):
    try:
        return await awaited
    finally:
        pass
