"""Clients of the ASGI example: they ask for everything it has, check each answer, and often go away."""

import asyncio
import contextlib
import hashlib
import http.client
import io
import json
import random
import time
from collections import Counter

# Ones that wait longer count as lost.
PATIENCE = 60


class Lost(Exception):
    """No answer, or a wrong one."""


class Answer:
    """What a server sent until it closed the connection, taken apart by http.client."""

    def __init__(self, raw):
        self.raw = raw
        response = http.client.HTTPResponse(self)
        response.begin()
        self.status, self.body = response.status, response.read()

    def makefile(self, mode):
        return io.BytesIO(self.raw)


class Clients:
    def __init__(self, port, count, seed):
        self.port = port
        self.count = count
        self.random = random.Random(seed)
        self.tally = Counter()
        self.uploads = set()
        self.lost = []

    # ---- Requests, and what is to come back ----

    def get(self, path):
        return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(), []

    def post(self, path, parts):
        length = sum(map(len, parts))
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        return f"{head}Content-Length: {length}\r\n\r\n".encode(), parts

    def index(self):
        return self.get("/"), lambda answer: answer.body == b"Written in C.\n"

    def stream(self):
        whole = b"".join(b"part %d of 5\n" % number for number in range(1, 6))
        return self.get("/stream"), lambda answer: answer.body == whole

    def slow(self):
        request = self.get(f"/slow?seconds={self.random.random() / 10:.3f}")
        return request, lambda answer: answer.body == b"done\n"

    def nowhere(self):
        return self.get("/nowhere"), lambda answer: answer.status == 404

    def fail(self):
        self.tally["failures asked for"] += 1
        return self.get("/fail"), lambda answer: answer.status == 500

    def sha256(self):
        parts = self.parts()
        digest = hashlib.sha256(b"".join(parts)).hexdigest()
        return self.post("/sha256", parts), lambda answer: json.loads(answer.body)["sha256"] == digest

    def upload(self):
        parts = self.parts()
        length = sum(map(len, parts))

        def numbered(answer):
            found = json.loads(answer.body)
            fresh = found["upload"] not in self.uploads
            self.uploads.add(found["upload"])
            return fresh and found["bytes"] == length

        return self.post("/upload", parts), numbered

    def parts(self):
        choose = self.random
        return [choose.randbytes(choose.randrange(20_000)) for _ in range(choose.randrange(1, 5))]

    # ---- What a client does ----

    async def exchange(self, request):
        head, parts = request
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(head)
            for part in parts:
                await asyncio.sleep(self.random.random() / 100)
                writer.write(part)
                await writer.drain()
            return await reader.read()
        finally:
            if self.random.random() < 0.5:
                writer.transport.abort()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def ask(self):
        choices = [self.index, self.stream, self.slow, self.nowhere, self.sha256, self.upload]
        request, right = self.random.choice([*choices, *choices, self.fail])()
        answer = Answer(await asyncio.wait_for(self.exchange(request), PATIENCE))
        if not right(answer):
            raise Lost(f"{request[0]}: {answer.status} {answer.body[:200]}")
        self.tally["answered"] += 1

    async def go_away(self):
        """In the middle of the request, of the work, or of the answer."""
        waiting = self.get(f"/slow?seconds={self.random.choice([0.05, 30])}")
        choices = [waiting, self.stream()[0], self.post("/sha256", self.parts() + [b"never"])]
        choices += [self.upload()[0]]
        with contextlib.suppress(asyncio.TimeoutError):
            request = self.random.choice(choices)
            await asyncio.wait_for(self.exchange(request), self.random.random() / 5)
        self.tally["went away"] += 1

    async def client(self, until):
        while time.monotonic() < until:
            act = self.go_away if self.random.random() < 0.4 else self.ask
            try:
                await act()
            except Exception as error:
                self.lost.append(f"{act.__name__}: {error!r}")

    async def load(self, seconds):
        until = time.monotonic() + seconds
        await asyncio.gather(*(self.client(until) for _ in range(self.count)))

    async def quiet_report(self):
        """What the server says when all that went away have been noticed."""
        for _ in range(200):
            request = self.get("/soak")
            found = json.loads(Answer(await self.exchange(request)).body)
            if not found["underway"]:
                return found
            await asyncio.sleep(0.1)
        raise Lost(f"requests that do not end: {found['underway']}")
