"""Builds the three C extensions beside this file and uses them as anybody would.

    python examples/demo.py

Needs an interpreter with pyawaitable and what requirements.txt names. It prints what it asked and
what came back; the exit status is 0 if everything was as it should be.
"""

import asyncio
import contextlib
import faulthandler
import hashlib
import importlib
import inspect
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import anyio
import fastapi
import httpx
import trio
import uvicorn
import uvloop

import pyawaitable

HERE = pathlib.Path(__file__).resolve().parent
TIME_LIMIT = 180  # seconds, for all of it


class Report:
    """One line for each thing that was tried."""

    def __init__(self):
        encoding = sys.stdout.encoding or "ascii"
        try:
            "✓✗".encode(encoding)
        except UnicodeEncodeError:
            self.marks = "ok  ", "FAIL"
        else:
            self.marks = "✓", "✗"
        self.passed = 0
        self.failed = 0

    def section(self, title):
        print(f"\n{title}", flush=True)

    def line(self, asked, answer, good=True):
        self.passed += bool(good)
        self.failed += not good
        answer = answer if good else f"{answer}   <- not as expected"
        print(f"  {self.marks[not good]} {asked:<37} {answer}", flush=True)

    @contextlib.contextmanager
    def attempt(self, asked):
        """Anything raised inside counts against what was asked, and the demo goes on."""
        try:
            yield
        except TimeLimit:
            raise
        except Exception as error:
            self.line(asked, f"{type(error).__name__}: {error}", good=False)
            traceback.print_exc()


# ---------------------------------------------------------------------------- building


def build(report, name):
    """Plain setuptools. In a copy, so that no build folder is left among the sources."""
    asked = f"pip install ./examples/{name}"
    with report.attempt(asked), tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, name)
        shutil.copytree(HERE / name, source, ignore=shutil.ignore_patterns("build", "*.egg-info"))
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        options = ["--no-build-isolation", "--no-deps", "--force-reinstall"]
        done = subprocess.run(
            [*pip, *options, str(source)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            timeout=120,
        )
        if done.returncode != 0:
            report.line(asked, f"pip ended with {done.returncode}", good=False)
            print(done.stdout)
            return
        sources = len(list(HERE.joinpath(name).glob("*.c")))
        report.line(asked, f"{sources} C file{'s' * (sources > 1)}")


# ------------------------------------------------------------------------------- hello


class Guest:
    """Names that arrive in the three ways a coroutine can end."""

    def __init__(self, sleep):
        self.sleep = sleep
        self.cleaned_up = False

    async def ada(self):
        await self.sleep(0.01)
        return "Ada"

    async def nobody(self):
        await self.sleep(0)
        raise LookupError("no name")

    async def never(self):
        try:
            await self.sleep(60)
        finally:
            self.cleaned_up = True


# Each awaits for a while only, and tells whether the cancellation came back to it.


async def give_up_with_asyncio(coroutine):
    try:
        await asyncio.wait_for(coroutine, 0.05)
    except asyncio.TimeoutError:
        return True
    return False


async def give_up_with_trio(coroutine):
    with trio.move_on_after(0.05) as scope:
        await coroutine
    return scope.cancelled_caught


async def give_up_with_anyio(coroutine):
    with anyio.move_on_after(0.05) as scope:
        await coroutine
    return scope.cancelled_caught


def on_asyncio(function, *args):
    return asyncio.run(function(*args))


def on_uvloop(function, *args):
    return uvloop.run(function(*args))


def on_anyio_asyncio(function, *args):
    return anyio.run(function, *args, backend="asyncio")


def on_anyio_trio(function, *args):
    return anyio.run(function, *args, backend="trio")


EVENT_LOOPS = {
    "asyncio": (on_asyncio, asyncio.sleep, give_up_with_asyncio),
    "uvloop": (on_uvloop, asyncio.sleep, give_up_with_asyncio),
    "trio": (trio.run, trio.sleep, give_up_with_trio),
    "anyio on asyncio": (on_anyio_asyncio, anyio.sleep, give_up_with_anyio),
    "anyio on trio": (on_anyio_trio, anyio.sleep, give_up_with_anyio),
}


def try_hello(report):
    report.section("hello: greet(name) awaits a Python coroutine from C")
    build(report, "hello")
    importlib.invalidate_caches()
    greet = importlib.import_module("hello").greet
    asked = "inspect.iscoroutinefunction(greet)"
    with report.attempt(asked):
        answer = inspect.iscoroutinefunction(greet)
        report.line(asked, answer, answer is True)
    for name, (run, sleep, give_up) in EVENT_LOOPS.items():
        with report.attempt(name):
            guest = Guest(sleep)
            greeting = run(greet, guest.ada())
            handled = run(greet, guest.nobody())
            cancelled = run(give_up, greet(guest.never())) and guest.cleaned_up
            answer = f"{greeting!r}; {handled!r} for LookupError; "
            answer += "cancelled and cleaned up" if cancelled else "NOT cancelled"
            good = greeting == "Hello, Ada!" and handled is None and cancelled
            report.line(name, answer, good)


# -------------------------------------------------------------------------- the server


class Server:
    """A uvicorn of its own process, on a port that the system chose."""

    def __init__(self, application, loop, *options):
        command = [sys.executable, "-B", "-X", "faulthandler"]
        # An awaitable that nobody awaited, or a socket left open, would show up in the log.
        command += ["-W", "default::ResourceWarning", "-W", "default::RuntimeWarning"]
        command += ["-m", "uvicorn", application, *options]
        command += ["--host", "127.0.0.1", "--port", "0", "--http", "h11", "--loop", loop]
        # Without its middleware uvicorn awaits the C object itself.
        command += ["--no-proxy-headers", "--log-config", str(HERE / "asgi" / "logging.json")]
        self.log = []
        self.news = threading.Condition()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()

    def read_log(self):
        for line in self.process.stdout:
            with self.news:
                self.log.append(line.rstrip())
                self.news.notify_all()

    def wait_for(self, pattern, timeout=20.0):
        """The first match of the pattern in the log, or None."""
        deadline = time.monotonic() + timeout
        with self.news:
            while True:
                for line in self.log:
                    match = re.search(pattern, line)
                    if match:
                        return match
                left = deadline - time.monotonic()
                if left <= 0 or self.process.poll() is not None and not self.reader.is_alive():
                    return None
                self.news.wait(min(left, 0.5))

    def stop(self):
        """As Ctrl-C would; True if it then ended by itself."""
        self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self.process.wait(15)
            self.reader.join(5)
            return status in (0, -signal.SIGINT, 128 + signal.SIGINT)
        return False

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join(5)
        self.process.stdout.close()


# -------------------------------------------------------------------------- the client


def shorten(text, width=60):
    text = text.strip()
    return text if len(text) <= width else text[: width - 3] + "..."


def ask(report, client, method, path, status, text, **options):
    asked = f"{method:<4} {path}"
    with report.attempt(asked):
        answer = client.request(method, path, **options)
        good = answer.status_code == status and re.fullmatch(text, answer.text) is not None
        report.line(asked, f"{answer.status_code}  {shorten(answer.text)}", good)


def ask_with_body_in_pieces(report, client):
    pieces = [bytes([65 + i]) * 20_000 for i in range(5)]

    def one_by_one():
        for piece in pieces:
            yield piece
            time.sleep(0.03)

    asked = "POST /sha256, body in 5 pieces"
    with report.attempt(asked):
        answer = client.post("/sha256", content=one_by_one())
        value = answer.json()
        good = answer.status_code == 200 and value["messages"] > 1
        good = good and value["sha256"] == hashlib.sha256(b"".join(pieces)).hexdigest()
        digest = shorten(value["sha256"], 12)
        report.line(asked, f"{answer.status_code}  {value['messages']} messages, {digest}", good)


def ask_for_stream(report, client):
    asked = "GET  /stream"
    with report.attempt(asked):
        parts = []
        with client.stream("GET", "/stream") as answer:
            for part in answer.iter_raw():
                parts.append((time.monotonic(), part))
        expected = b"".join(b"part %d of 5\n" % number for number in range(1, 6))
        spread = parts[-1][0] - parts[0][0]
        good = answer.status_code == 200 and b"".join(part for _, part in parts) == expected
        good = good and len(parts) > 1 and spread >= 0.06
        arrived = f"{len(parts)} parts over {spread * 1000:.0f} ms"
        report.line(asked, f"{answer.status_code}  {arrived}", good)


def ask_all_at_once(report, base):
    async def upload_eight():
        async with httpx.AsyncClient(base_url=base, timeout=10) as client:
            posts = (client.post("/upload", content=b"x" * size) for size in range(1, 9))
            return await asyncio.gather(*posts)

    asked = "POST /upload, 8 at once, under a lock"
    with report.attempt(asked):
        answers = asyncio.run(upload_eight())
        numbers = sorted(answer.json()["upload"] for answer in answers)
        sizes = [answer.json()["bytes"] for answer in answers]
        good = {answer.status_code for answer in answers} == {200}
        good = good and numbers == list(range(1, 9)) and sizes == list(range(1, 9))
        report.line(asked, f"200  numbered {' '.join(map(str, numbers))}", good)


def hang_up(port, request, wait):
    """Sends this much, waits a little, and is gone."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        time.sleep(wait)


def hang_up_on_slow_work(report, server, client, port):
    asked = "GET  /slow (30 s), hang up after 0.5 s"
    with report.attempt(asked):
        hang_up(port, b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n", wait=0.5)
        seen = server.wait_for("nobody to answer: the client went away, and its work was cancelled")
        cancelled = client.get("/stats").json()["cancelled"]
        answer = "its work was cancelled and cleaned up" if cancelled else "its work goes on"
        report.line(asked, f"-    {answer}", seen is not None and cancelled == 1)


def hang_up_in_body(report, server, port):
    asked = "POST /sha256, hang up at 10 of 99 bytes"
    with report.attempt(asked):
        head = b"POST /sha256 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n"
        hang_up(port, head + b"0123456789", wait=0.3)
        seen = server.wait_for("nobody to answer: the client went away before")
        answer = "noticed" if seen else "not noticed"
        report.line(asked, f"-    {answer}", seen is not None)


def check_end(report, server):
    stopped = server.stop()
    tally = server.wait_for(r"stopped: (.*)", timeout=1)
    complete = server.wait_for("Application shutdown complete", timeout=1)
    counted = tally is not None and json.loads(tally[1].replace("'", '"'))
    good = stopped and complete is not None and counted == {"uploads": 8, "cancelled": 1}
    answer = f"shut down; the log says {tally[0]!r}" if tally else "no lifespan.shutdown was seen"
    report.line("Ctrl-C", answer, good)


TROUBLE = re.compile(r"(?!\s).*(ERROR|WARNING|CRITICAL|Warning|Traceback|Exception|Error)")


def check_log(report, server):
    """One traceback is to be there: that of /fail, logged by an error callback."""
    handled = [line for line in server.log if line == "ERROR webapp: a handler failed"]
    told = [line for line in server.log if line == "RuntimeError: this handler always fails"]
    wrong = [line for line in server.log if TROUBLE.match(line)]
    expected = [*handled, "Traceback (most recent call last):", *told]
    wrong = [line for line in wrong if line not in expected]
    tracebacks = sum(line.startswith("Traceback") for line in server.log)
    good = len(handled) == len(told) == 1 and tracebacks <= 1 and not wrong
    answer = f"{len(server.log)} lines, "
    answer += "the error of /fail and no other" if good else f"with {len(wrong)} that are wrong"
    report.line("the server's log", answer, good)
    if not good:
        print_log(server)


def find_address(report, server):
    """Where the server is once it runs, or None."""
    running = server.wait_for(r"Uvicorn running on (http://127\.0\.0\.1:\d+)")
    if running is None:
        report.line("the server", "did not start", good=False)
        print_log(server)
        return None
    report.line("the server", running[1])
    return running[1]


def print_log(server):
    print("\n".join(f"      | {line}" for line in server.log))


def try_asgi(report, loop):
    title = f"asgi: a web application in C, under uvicorn {uvicorn.__version__} on {loop}"
    report.section(title)
    with Server("webapp:app", loop, "--lifespan", "on") as server, report.attempt("the server"):
        base = find_address(report, server)
        if base is None:
            return
        port = int(base.rpartition(":")[2])
        with httpx.Client(base_url=base, timeout=10) as client:
            ask(report, client, "GET", "/", 200, r"Written in C\.\n")
            ask(report, client, "GET", "/nowhere", 404, "404: nothing at /nowhere\n")
            ask(report, client, "PUT", "/upload", 405, "405: /upload does not take PUT\n")
            ask_with_body_in_pieces(report, client)
            ask_for_stream(report, client)
            ask_all_at_once(report, base)
            failure = "500: RuntimeError: this handler always fails\n"
            ask(report, client, "GET", "/fail", 500, failure)
            ask(report, client, "GET", "/slow?seconds=0.1", 200, "done\n")
            ask(report, client, "GET", "/slow?seconds=long", 400, "400: .*\n")
            hang_up_on_slow_work(report, server, client, port)
            hang_up_in_body(report, server, port)
            ask(report, client, "GET", "/stats", 200, r'\{"uploads": 8, "cancelled": 1\}')
        check_end(report, server)
        check_log(report, server)


# ------------------------------------------------------------------------------ fastapi


def ask_for_many_items(report, base):
    async def get_thirty():
        limits = httpx.Limits(max_connections=30)
        async with httpx.AsyncClient(base_url=base, timeout=10, limits=limits) as client:
            gets = (client.get(f"/items/2?token=blue&count={n}") for n in range(1, 31))
            return await asyncio.gather(*gets)

    asked = "GET  /items/2 ..., 30 at once"
    with report.attempt(asked):
        start = time.monotonic()
        answers = asyncio.run(get_thirty())
        took = time.monotonic() - start
        totals = [answer.json()["total"] for answer in answers]
        good = totals == [400 * n for n in range(1, 31)] and took < 3
        report.line(asked, f"200  in {took:.1f} s; each waits 0.2 s", good)


def ask_for_description(report, client):
    asked = "GET  /openapi.json"
    with report.attempt(asked):
        answer = client.get("/openapi.json")
        operation = answer.json()["paths"]["/items/{item_id}"]["get"]
        parameters = {f"{each['name']}: {each['schema']['type']} in {each['in']}" for each in operation["parameters"]}
        expected = {"item_id: integer in path", "count: integer in query", "token: string in query"}
        good = parameters == expected and operation["description"] == "What that many of an item cost."
        report.line(asked, f"{answer.status_code}  {', '.join(sorted(parameters))}", good)


def try_fastapi(report, loop):
    report.section(f"fastapi: a path operation and a dependency in C, FastAPI {fastapi.__version__} on {loop}")
    folder = str(HERE / "fastapi")
    with Server("main:app", loop, "--app-dir", folder) as server, report.attempt("the server"):
        base = find_address(report, server)
        if base is None:
            return
        with httpx.Client(base_url=base, timeout=10) as client:
            found = r'\{"item_id":3,"customer":"Ada","total":%d\}'
            ask(report, client, "GET", "/items/3?token=red", 200, found % 1000)
            ask(report, client, "GET", "/items/3?token=red&count=4", 200, found % 4000)
            ask(report, client, "GET", "/items/9?token=red", 404, r'\{"detail":"no such item"\}')
            ask(report, client, "GET", "/items/3?token=none", 401, r'\{"detail":"nobody has this token"\}')
            ask(report, client, "GET", "/items/three?token=red", 422, r'.*"int_parsing".*"item_id".*')
            ask(report, client, "GET", "/items/3", 422, r'.*"missing".*"token".*')
            ask_for_many_items(report, base)
            ask_for_description(report, client)
        report.line("Ctrl-C", "shut down", server.stop())
        wrong = [line for line in server.log if TROUBLE.match(line)]
        report.line("the server's log", f"{len(server.log)} lines, {len(wrong) or 'none'} of trouble", not wrong)
        if wrong:
            print_log(server)


# ------------------------------------------------------------------------------ sqlite


def has_sqlite(report):
    """Whether a C compiler finds SQLite's header."""
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    command = [compiler or "cc", "-E", "-x", "c", "-"]
    done = subprocess.run(command, input="#include <sqlite3.h>", capture_output=True, text=True)
    if done.returncode != 0:
        report.line("left out", "there is no sqlite3.h: apt install libsqlite3-dev, or your system's package")
    return done.returncode == 0


def ask_for_many_notes(report, base):
    async def add_all():
        async with httpx.AsyncClient(base_url=base, timeout=10) as client:
            return await asyncio.gather(*(client.post(f"/notes?text=note {n}") for n in range(50)))

    asked = "POST /notes?text=..., 50 at once"
    with report.attempt(asked):
        answers = asyncio.run(add_all())
        ids = {answer.json().get("id") for answer in answers}
        good = len(ids) == 50 and {answer.status_code for answer in answers} == {201}
        report.line(asked, f"{answers[0].status_code}  {len(ids)} different ids", good)


def try_sqlite(report, loop):
    report.section(f"sqlite: a database driver in C, behind FastAPI on {loop}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NOTES"] = os.path.join(folder, "notes.db")
        with Server("main:app", loop, "--app-dir", str(HERE / "sqlite")) as server, report.attempt("the server"):
            base = find_address(report, server)
            if base is None:
                return
            with httpx.Client(base_url=base, timeout=10) as client:
                ask(report, client, "POST", "/notes?text=milk", 201, r'\{"id":1,"text":"milk"\}')
                ask(report, client, "POST", "/notes?text=milk", 409, r'\{"detail":"it is there already"\}')
                ask(report, client, "GET", "/notes/1", 200, r'\{"id":1,"text":"milk"\}')
                ask(report, client, "GET", "/notes/7", 404, r'\{"detail":"no such note"\}')
                ask_for_many_notes(report, base)
                ask(report, client, "GET", "/notes?like=note 4%25", 200, r'\{"ids":\[(\d+,){10}\d+\]\}')
            report.line("Ctrl-C", "shut down", server.stop())
        with contextlib.closing(sqlite3.connect(os.environ["NOTES"])) as database:
            ((count,),) = database.execute("select count(*) from notes")
            report.line("the standard library's sqlite3", f"{count} notes in the file", count == 51)


class TimeLimit(Exception):
    """The demo as a whole takes too long."""


def on_alarm(signum, frame):
    raise TimeLimit(f"more than {TIME_LIMIT} seconds")


def main():
    faulthandler.enable()
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, on_alarm)
        signal.alarm(TIME_LIMIT)
    start = time.monotonic()
    report = Report()
    interpreter = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"PyAwaitable {pyawaitable.__version__} on {interpreter}")
    try:
        try_hello(report)
        report.section("asgi: plain setuptools again")
        build(report, "asgi")
        for loop in ("asyncio", "uvloop"):
            try_asgi(report, loop)
        report.section("fastapi: plain setuptools once more")
        build(report, "fastapi")
        try_fastapi(report, "asyncio")
        report.section("sqlite: and once more")
        if has_sqlite(report):
            build(report, "sqlite")
            try_sqlite(report, "asyncio")
            try_sqlite(report, "uvloop")
    except BrokenPipeError:  # whoever read the output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        report.line("the demo", f"{type(error).__name__}: {error}", good=False)
        traceback.print_exc()
    took = time.monotonic() - start
    if report.failed:
        print(f"\n{report.failed} of {report.failed + report.passed} failed, in {took:.1f} s.")
        return 1
    print(f"\nAll {report.passed} as expected, in {took:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
