"""What the C files beside this one spell out, written as `async def`, in the same order.

The tests run both and compare them, message by message.
"""

import asyncio
import hashlib
import json
import logging

log = logging.getLogger("webapp")


class ClientDisconnected(Exception):
    """The client went away before its request was complete."""


# app.c


async def app(scope, receive, send):
    request = Request(scope, receive, send)
    if scope["type"] == "lifespan":
        await lifespan(request)
    elif scope["type"] == "http":
        try:
            await route(request)
        except ClientDisconnected as error:
            log.info("nobody to answer: %s", error)
        except Exception as error:
            if request.response_started:
                raise
            log.exception("a handler failed")
            await respond_text(request, 500, f"500: {type(error).__name__}: {error}\n")
    else:
        raise NotImplementedError("this application speaks http and lifespan only")


# request.c


class Request:
    def __init__(self, scope, receive, send):
        self.scope = scope
        self.receive = receive
        self.send = send
        self.response_started = False

    @property
    def shared(self):
        return self.scope["state"]


def tally(request, name):
    request.shared["tally"][name] += 1


async def read_body(request):
    parts = []
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected("the client went away before its request was complete")
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts


# response.c


def start_response(request, status, content_type, length=None):
    headers = [(b"content-type", content_type)]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    request.response_started = True
    message = {"type": "http.response.start", "status": status, "headers": headers}
    return request.send(message)


def send_body(request, body, more_body):
    return request.send({"type": "http.response.body", "body": body, "more_body": more_body})


async def respond(request, status, content_type, body):
    await start_response(request, status, content_type, len(body))
    await send_body(request, body, False)


def respond_text(request, status, text):
    return respond(request, status, b"text/plain; charset=utf-8", text.encode())


def respond_json(request, status, value):
    return respond(request, status, b"application/json", json.dumps(value).encode())


# lifespan.c


async def lifespan(request):
    try:
        await request.receive()
        request.shared["lock"] = asyncio.Lock()
        request.shared["tally"] = {"uploads": 0, "cancelled": 0}
    except Exception as error:
        await request.send({"type": "lifespan.startup.failed", "message": repr(error)})
        return
    await request.send({"type": "lifespan.startup.complete"})
    await request.receive()
    log.info("stopped: %s", request.shared["tally"])
    await request.send({"type": "lifespan.shutdown.complete"})


# routes.c


def route(request):
    method, path = request.scope["method"], request.scope["path"]
    handlers = {known: handler for known, at, handler in ROUTES if at == path}
    if not handlers:
        return respond_text(request, 404, f"404: nothing at {path}\n")
    if method not in handlers:
        return respond_text(request, 405, f"405: {path} does not take {method}\n")
    return handlers[method](request)


def index(request):
    return respond_text(request, 200, "Written in C.\n")


def stats(request):
    return respond_json(request, 200, request.shared["tally"])


async def fail(request):
    await asyncio.sleep(0)
    raise RuntimeError("this handler always fails")


async def sha256(request):
    parts = await read_body(request)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    answer = {"messages": len(parts), "sha256": digest.hexdigest()}
    await respond_json(request, 200, answer)


# stream.c

PARTS = 5
PAUSE = 0.03


async def stream(request):
    await start_response(request, 200, b"text/plain; charset=utf-8")
    for number in range(1, PARTS):
        await send_body(request, b"part %d of %d\n" % (number, PARTS), True)
        await asyncio.sleep(PAUSE)
    await send_body(request, b"part %d of %d\n" % (PARTS, PARTS), False)


# upload.c


async def upload(request):
    parts = await read_body(request)
    async with request.shared["lock"]:
        number = request.shared["tally"]["uploads"] + 1
        await asyncio.sleep(0)
        request.shared["tally"]["uploads"] = number
    await respond_json(request, 200, {"upload": number, "bytes": sum(map(len, parts))})


# slow.c


async def work(request, seconds):
    try:
        await asyncio.sleep(seconds)
        return "done"
    except asyncio.CancelledError:
        tally(request, "cancelled")
        raise


async def disconnected(request):
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def slow(request):
    query = request.scope["query_string"]
    try:
        seconds = float(query[8:]) if query.startswith(b"seconds=") else 30.0
    except ValueError:
        await respond_text(request, 400, "400: seconds must be a number\n")
        return
    job = asyncio.create_task(work(request, seconds))
    gone = asyncio.create_task(disconnected(request))
    try:
        await asyncio.wait((job, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        job.cancel()
        gone.cancel()
        await asyncio.wait((job, gone))
    if job.cancelled():
        gone.result()
        raise ClientDisconnected("the client went away, and its work was cancelled")
    await respond_text(request, 200, f"{job.result()}\n")


ROUTES = [
    ("GET", "/", index),
    ("GET", "/stats", stats),
    ("GET", "/stream", stream),
    ("GET", "/slow", slow),
    ("GET", "/fail", fail),
    ("POST", "/sha256", sha256),
    ("POST", "/upload", upload),
]
