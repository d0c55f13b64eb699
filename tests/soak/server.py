"""The ASGI example in uvicorn. Asked for /soak, it tells how it is; the first line is its port."""

import contextlib
import json

import uvicorn
import webapp
from report import Watch, measure

EXPECTED = ["a handler failed"]  # what /fail logs
watch = Watch(EXPECTED)


def app(scope, receive, send):
    """No `async def`: uvicorn awaits the C object itself."""
    if scope.get("path") == "/soak":
        return tell(send)
    return webapp.app(scope, receive, send)


async def tell(send):
    found = {
        **measure(),
        # This request is one of them.
        "underway": len(server.server_state.tasks) - 1,
        "handled": sum(watch.expected.values()),
        "wrong": watch.wrong,
    }
    body = json.dumps(found).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    async def startup(self, *args, **kwargs):
        await super().startup(*args, **kwargs)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


options = {"host": "127.0.0.1", "port": 0, "http": "h11", "loop": "asyncio", "lifespan": "on", "interface": "asgi3"}
config = uvicorn.Config(app, log_config=None, access_log=False, proxy_headers=False, **options)
server = Server(config)
watch.install()
# uvicorn raises it again when it has shut down.
with contextlib.suppress(KeyboardInterrupt):
    server.run()
