"""What extension/in_c.c does, in Python."""

from __future__ import annotations

from work import job


async def endpoint(request):
    """Answers a request."""
    return await job("endpoint", request)


async def path_operation(number: int, word: str = "a"):
    """Tells what it was given."""
    return await job("path_operation", number, word)


async def dependency(word: str = "b"):
    return await job("dependency", word)


async def error_handler(request, error):
    return await job("error_handler", request, error)


async def task(word, *, times=1):
    return await job("task", word, times=times)


async def middleware(request, call_next):
    return await job("middleware", request, call_next)


async def handler_middleware(request, handler):
    return await job("handler_middleware", request, handler)


async def receiver(sender, **kwargs):
    return await job("receiver", sender, **kwargs)


async def fixture():
    return await job("fixture")


async def test_passes(value, yielded):
    return await job("test_passes", value, yielded)


async def test_fails(value):
    return await job("test_fails", value)


async def test_method(self):
    return await job("test_method", self)


async def set_up(self):
    return await job("set_up", self)


async def lifespan(app):
    yield await job("lifespan", app)
    await job("lifespan")


async def yielding_fixture(value):
    yield await job("yielding_fixture", value)
    await job("yielding_fixture")


class Service:
    async def endpoint(self, /, request):
        """Answers a request."""
        return await job("Service.endpoint", self, request)

    @classmethod
    async def of_class(cls, /, request):
        return await job("Service.of_class", cls, request)

    @staticmethod
    async def of_nobody(request):
        return await job("Service.of_nobody", request)

    async def __aenter__(self, /):
        return await job("Service.__aenter__", self)

    async def __aexit__(self, /, kind, value, traceback):
        return await job("Service.__aexit__", self, kind, value, traceback)
