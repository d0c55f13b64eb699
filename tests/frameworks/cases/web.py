"""Web frameworks, asked in their own process: by httpx's transport for ASGI, or by their own test clients."""

import asyncio
import contextlib
import sys
import typing

from work import does, note

from . import NotTried, case


async def ask(app, *paths):
    """What an ASGI application answers."""
    import httpx

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for path in paths:
            note(await told(await client.get(path)))


async def told(answer):
    return f"{answer.status_code} {answer.text}"


async def with_lifespan(app):
    """Starts an ASGI application and shuts it down."""
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return events.pop(0)

    async def send(message):
        note(message["type"].replace("lifespan.", ""))

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)


# ---- Starlette ---------------------------------------------------------------------------------------------------------


def starlette_answers():
    from starlette.responses import PlainTextResponse

    @does
    async def endpoint(request):
        await asyncio.sleep(0)
        return PlainTextResponse(f"hello {request.url.path}")

    return PlainTextResponse


@case("Starlette", "`Route` endpoint", "starlette", "httpx")
def starlette_route(module):
    from starlette.applications import Starlette
    from starlette.routing import Route

    starlette_answers()
    asyncio.run(ask(Starlette(routes=[Route("/x", module.endpoint)]), "/x"))


@case("Starlette", "`Route` endpoint that is a method", "starlette", "httpx")
def starlette_methods(module):
    from starlette.applications import Starlette
    from starlette.routing import Route

    answer = starlette_answers()

    @does
    async def Service_endpoint(self, request):
        return answer(type(self).__name__)

    @does
    async def Service_of_class(cls, request):
        return answer(f"class {cls.__name__}")

    @does
    async def Service_of_nobody(request):
        return answer("nobody")

    service = module.Service()
    names = ("endpoint", "of_class", "of_nobody")
    app = Starlette(routes=[Route(f"/{name}", getattr(service, name)) for name in names])
    asyncio.run(ask(app, *(f"/{name}" for name in names)))


@case("Starlette", "exception handler", "starlette", "httpx")
def starlette_exception_handler(module):
    from starlette.applications import Starlette
    from starlette.routing import Route

    answer = starlette_answers()

    @does
    async def error_handler(request, error):
        return answer(f"handled {error!r}", 418)

    async def fails(request):
        raise LookupError(1)

    app = Starlette(routes=[Route("/x", fails)], exception_handlers={LookupError: module.error_handler})
    asyncio.run(ask(app, "/x"))


@case("Starlette", "`BackgroundTask`", "starlette", "httpx")
def starlette_background(module):
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    @does
    async def task(word, times):
        await asyncio.sleep(0)
        note("task ran", word * times)

    async def route(request):
        return PlainTextResponse("ok", background=BackgroundTask(module.task, "ab", times=2))

    asyncio.run(ask(Starlette(routes=[Route("/x", route)]), "/x"))


@case("Starlette", "`BaseHTTPMiddleware`'s dispatch", "starlette", "httpx")
def starlette_middleware(module):
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.routing import Route

    starlette_answers()

    @does
    async def middleware(request, call_next):
        note("before")
        response = await call_next(request)
        note("after", response.status_code)
        return response

    app = Starlette(
        routes=[Route("/x", module.endpoint)], middleware=[Middleware(BaseHTTPMiddleware, dispatch=module.middleware)]
    )
    asyncio.run(ask(app, "/x"))


@case("Starlette", "lifespan, `asynccontextmanager`", "starlette")
def starlette_lifespan(module):
    from starlette.applications import Starlette

    @does
    async def lifespan(app=None):
        note("ends" if app is None else "begins")

    asyncio.run(with_lifespan(Starlette(lifespan=contextlib.asynccontextmanager(module.lifespan))))


@case("Starlette", "lifespan, a type with `__aenter__`", "starlette")
def starlette_lifespan_type(module):
    from starlette.applications import Starlette

    @does
    async def Service___aenter__(self):
        note("enters")

    @does
    async def Service___aexit__(self, *exception):
        note("leaves", *exception)

    asyncio.run(with_lifespan(Starlette(lifespan=lambda app: module.Service())))


# ---- FastAPI -----------------------------------------------------------------------------------------------------------


@case("FastAPI", "path operation", "fastapi", "httpx")
def fastapi_path_operation(module):
    from fastapi import FastAPI

    @does
    async def path_operation(number, word):
        await asyncio.sleep(0)
        return {"number": number, "word": word}

    app = FastAPI()
    app.get("/x/{number}")(module.path_operation)
    asyncio.run(ask(app, "/x/3", "/x/3?word=b", "/x/no"))
    (operation,) = app.openapi()["paths"].values()
    note(operation["get"]["summary"], "|", operation["get"]["description"])


@case("FastAPI", "`Depends`", "fastapi", "httpx")
def fastapi_depends(module):
    from fastapi import Depends, FastAPI

    @does
    async def dependency(word):
        await asyncio.sleep(0)
        return f"depends on {word}"

    app = FastAPI()
    depends = Depends(module.dependency)

    @app.get("/x")
    async def route(value=depends):
        return value

    asyncio.run(ask(app, "/x", "/x?word=c"))


@case("FastAPI", "`Depends`, with `yield`", "fastapi", "httpx")
def fastapi_depends_with_yield(module):
    from fastapi import Depends, FastAPI

    @does
    async def yielding_fixture(*value):
        note("begins" if value else "ends")
        return value

    app = FastAPI()
    depends = Depends(module.yielding_fixture)

    @app.get("/x")
    async def route(value=depends):
        return value

    asyncio.run(ask(app, "/x?value=1"))


# ---- Others ------------------------------------------------------------------------------------------------------------


async def with_aiohttp(app, path):
    from aiohttp.test_utils import TestClient, TestServer

    async with TestClient(TestServer(app)) as client:
        answer = await client.get(path)
        note(answer.status, await answer.text())


def aiohttp_endpoint():
    from aiohttp import web

    @does
    async def endpoint(request):
        await asyncio.sleep(0)
        return web.Response(text=f"hello {request.path}")

    return web


@case("aiohttp", "handler", "aiohttp")
def aiohttp_handler(module):
    web = aiohttp_endpoint()
    app = web.Application()
    app.router.add_get("/x", module.endpoint)
    asyncio.run(with_aiohttp(app, "/x"))


@case("aiohttp", "`@web.middleware`", "aiohttp")
def aiohttp_middleware(module):
    web = aiohttp_endpoint()

    @does
    async def handler_middleware(request, handler):
        note("before")
        response = await handler(request)
        note("after", response.status)
        return response

    app = web.Application(middlewares=[web.middleware(module.handler_middleware)])
    app.router.add_get("/x", module.endpoint)
    asyncio.run(with_aiohttp(app, "/x"))


@case("aiohttp", "`on_startup`, `on_cleanup`", "aiohttp")
def aiohttp_signals(module):
    web = aiohttp_endpoint()

    @does
    async def dependency(app):
        note("called with", type(app).__name__)

    app = web.Application()
    app.on_startup.append(module.dependency)
    app.on_cleanup.append(module.dependency)
    app.router.add_get("/x", module.endpoint)
    asyncio.run(with_aiohttp(app, "/x"))


def configured_django():
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(DEBUG=True, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x", USE_TZ=True)
        django.setup()


@case("Django", "async view", "django")
def django_view(module):
    configured_django()
    from django.http import HttpResponse
    from django.test import AsyncClient
    from django.urls import path

    @does
    async def endpoint(request):
        await asyncio.sleep(0)
        return HttpResponse(f"hello {request.path}")

    sys.modules[__name__].urlpatterns = [path("x", module.endpoint)]

    async def main():
        answer = await AsyncClient().get("/x")
        note(answer.status_code, answer.content.decode())

    asyncio.run(main())


@case("Django", "async view, under WSGI", "django")
def django_view_sync(module):
    configured_django()
    from django.http import HttpResponse
    from django.test import Client
    from django.urls import path

    @does
    async def endpoint(request):
        await asyncio.sleep(0)
        return HttpResponse(f"hello {request.path}")

    sys.modules[__name__].urlpatterns = [path("x", module.endpoint)]
    answer = Client().get("/x")
    note(answer.status_code, answer.content.decode())


@case("Django", "receiver, `Signal.asend`", "django")
def django_signal(module):
    configured_django()
    from django.dispatch import Signal

    if not hasattr(Signal, "asend"):
        raise NotTried("`Signal.asend` is new in Django 5.0")

    @does
    async def receiver(sender, **kwargs):
        await asyncio.sleep(0)
        note("received", kwargs["word"])
        return "from the receiver"

    signal = Signal()
    signal.connect(module.receiver)

    async def main():
        for _, result in await signal.asend(None, word="a"):
            note(result)

    asyncio.run(main())
    for _, result in signal.send(None, word="b"):
        note(result)


@case("Quart", "route", "quart")
def quart_route(module):
    from quart import Quart

    @does
    async def path_operation(number, word):
        await asyncio.sleep(0)
        return f"{number} {word}"

    app = Quart("application")
    app.route("/x/<int:number>")(module.path_operation)

    async def main():
        answer = await app.test_client().get("/x/3")
        note(answer.status_code, await answer.get_data(as_text=True))

    asyncio.run(main())


@case("Quart", "`before_request`", "quart")
def quart_before_request(module):
    from quart import Quart

    @does
    async def fixture():
        await asyncio.sleep(0)
        return "answered before the route"

    app = Quart("application")
    app.before_request(module.fixture)

    async def main():
        answer = await app.test_client().get("/x")
        note(answer.status_code, await answer.get_data(as_text=True))

    asyncio.run(main())


@case("Litestar", "route handler", "litestar", "httpx")
def litestar_handler(module):
    from litestar import Litestar, get

    @does
    async def path_operation(number, word):
        await asyncio.sleep(0)
        return {"number": str(number), "word": word}

    # It asks for the type of the result, which a signature in a docstring cannot say.
    module.path_operation.__annotations__["return"] = typing.Dict[str, str]  # noqa: UP006
    asyncio.run(ask(Litestar([get("/x/{number:int}")(module.path_operation)]), "/x/3", "/x/3?word=b"))


@case("Litestar", "dependency", "litestar", "httpx")
def litestar_dependency(module):
    from litestar import Litestar, get
    from litestar.di import Provide

    @does
    async def dependency(word):
        await asyncio.sleep(0)
        return f"depends on {word}"

    @get("/x")
    async def route(value: str) -> str:
        return value

    asyncio.run(ask(Litestar([route], dependencies={"value": Provide(module.dependency)}), "/x"))


@case("Sanic", "handler", "sanic", "httpx")
def sanic_handler(module):
    from sanic import Sanic
    from sanic.response import text

    @does
    async def endpoint(request):
        await asyncio.sleep(0)
        return text(f"hello {request.path}")

    app = Sanic("application", configure_logging=False)
    app.add_route(module.endpoint, "/x")
    app.asgi = True

    async def main():
        await with_lifespan(app)
        await ask(app, "/x")

    asyncio.run(main())
