"""The extensions in examples/: built as their users build them, and driven without a server.

examples/asgi/in_python.py is the same application written as `async def`: whatever happens to the two, and whenever, they must
respond and behave alike. So must examples/fastapi and the in_python.py there.
"""

import asyncio
import gc
import hashlib
import importlib
import importlib.util
import inspect
import logging
import os
import re
import selectors
import shutil
import ssl
import subprocess
import sys
import sysconfig
import types
import warnings
from asyncio import sleep  # not the one that a test puts in its place
from pathlib import Path

import anyio
import pytest
import trio

import pyawaitable

EXAMPLES = Path(__file__).parent.parent / "examples"
ROUNDS = 100  # of each kind of request, when looking for leaks: over 3,000 requests


@pytest.fixture(scope="session")
def examples(tmp_path_factory):
    """The folder of the three extensions, built by pip and setuptools; warnings are errors."""
    sources = tmp_path_factory.mktemp("sources")
    target = tmp_path_factory.mktemp("examples")
    projects = []
    for name in ("hello", "asgi", "fastapi"):
        leftovers = shutil.ignore_patterns("build", "*.egg-info")
        projects.append(shutil.copytree(EXAMPLES / name, sources / name, ignore=leftovers))
    finished = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps"]
        + ["--target", str(target), *map(str, projects)],
        env={**os.environ, "CFLAGS": "-Wall -Wextra -Werror"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stdout
    return target


@pytest.fixture(scope="session")
def extension(examples):
    """Imports one of the three."""

    def load(name):
        if name not in sys.modules:
            sys.path.insert(0, str(examples))
            try:
                importlib.import_module(name)
            finally:
                sys.path.remove(str(examples))
        return sys.modules[name]

    return load


# ------------------------------------------------------------------------------- hello


@pytest.mark.parametrize("name", ["hello.c", "setup.py", "pyproject.toml"])
def test_hello_is_what_the_readme_prints(name):
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    assert (EXAMPLES / "hello" / name).read_text(encoding="utf-8") in readme


@pytest.fixture
def greet(extension):
    return extension("hello").greet


def test_hello_is_a_coroutine_function(greet):
    assert inspect.iscoroutinefunction(greet)
    assert str(inspect.signature(greet)) == "(name)"


def run_on_uvloop(function, *args):
    import uvloop

    async def main():
        return await function(*args)

    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


async def limit_by_asyncio(coroutine):
    try:
        await asyncio.wait_for(coroutine, 0.01)
    except asyncio.TimeoutError:
        return "cancelled"


async def limit_by_trio(coroutine):
    with trio.move_on_after(0.01) as scope:
        await coroutine
    return "cancelled" if scope.cancelled_caught else None


async def limit_by_anyio(coroutine):
    with anyio.move_on_after(0.01) as scope:
        await coroutine
    return "cancelled" if scope.cancelled_caught else None


EVENT_LOOPS = {
    "asyncio": (lambda f, *args: asyncio.run(f(*args)), asyncio.sleep, limit_by_asyncio),
    "uvloop": (run_on_uvloop, asyncio.sleep, limit_by_asyncio),
    "trio": (trio.run, trio.sleep, limit_by_trio),
    "anyio-asyncio": (
        lambda f, *args: anyio.run(f, *args, backend="asyncio"),
        anyio.sleep,
        limit_by_anyio,
    ),
    "anyio-trio": (
        lambda f, *args: anyio.run(f, *args, backend="trio"),
        anyio.sleep,
        limit_by_anyio,
    ),
}


@pytest.fixture(params=EVENT_LOOPS)
def event_loop(request):
    if request.param == "uvloop" and sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("uvloop has no wheel for a free-threaded Python")
    return EVENT_LOOPS[request.param]


def test_hello_greets_on_every_event_loop(greet, event_loop):
    run, sleep, _ = event_loop

    async def ada():
        await sleep(0.001)
        return "Ada"

    assert run(greet, ada()) == "Hello, Ada!"


def test_hello_handles_a_lookup_error_on_every_event_loop(greet, event_loop):
    run, sleep, _ = event_loop

    async def nobody():
        await sleep(0)
        raise KeyError("nobody")

    assert run(greet, nobody()) is None


def test_hello_lets_a_cancellation_clean_up_on_every_event_loop(greet, event_loop):
    run, sleep, limit = event_loop
    seen = []

    async def never():
        try:
            await sleep(60)
        finally:
            seen.append("cleaned up")

    assert run(limit, greet(never())) == "cancelled"
    assert seen == ["cleaned up"]


def test_hello_raises_other_errors_on(greet):
    class Unprintable:
        def __str__(self):
            raise KeyError("a LookupError out of the callback")

    async def name(value):
        if isinstance(value, Exception):
            raise value
        return value

    error = ValueError("not ours to handle")
    with pytest.raises(ValueError) as caught:
        asyncio.run(greet(name(error)))
    assert caught.value is error
    assert asyncio.run(greet(name(Unprintable()))) is None


def test_hello_refuses_what_cannot_be_awaited(greet):
    with pytest.raises(TypeError):
        asyncio.run(greet(3))


# -------------------------------------------------- an event loop that waits for nothing


class NoWaiting(selectors.SelectSelector):
    """Time passes instantly: sleeping costs none, and the order stays exact."""

    skipped = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("everything waits for something that will never come")
        self.skipped += max(timeout, 0)
        return super().select(0)


class InstantLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.clock = NoWaiting()
        super().__init__(self.clock)

    def time(self):
        return super().time() + self.clock.skipped


def run_instantly(coroutine):
    loop = InstantLoop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


# --------------------------------------------------------------- the server's side of it


class Played:
    """One call of an application: what was passed to it, and a log of what it did."""

    def __init__(self, messages, failing_sends=()):
        self.messages = list(messages)
        self.failing_sends = failing_sends
        self.sends = 0
        self.steps = 0
        self.log = []

    async def receive(self):
        self.log.append("receive")
        try:
            await sleep(0)
            if not self.messages:
                await asyncio.get_running_loop().create_future()  # until cancelled
            message = self.messages.pop(0)
            if isinstance(message, Exception):
                raise type(message)(*message.args)
        except BaseException as error:
            self.log.append(f"receive ended by {type(error).__name__}")
            raise
        self.log.append(f"received {message['type']}")
        return message

    async def send(self, message):
        self.log.append(message)
        self.sends += 1
        try:
            await sleep(0)
            if self.sends in self.failing_sends:
                raise OSError("the connection is gone")
        except BaseException as error:
            self.log.append(f"send ended by {type(error).__name__}")
            raise
        self.log.append("sent")

    @types.coroutine
    def drive(self, coroutine, event, at):
        """Steps it as its task would; at its suspension number `at`, the event happens."""
        thrown = None
        while True:
            try:
                waited = coroutine.send(None) if thrown is None else coroutine.throw(thrown)
            except StopIteration as stop:
                return stop.value
            thrown = None
            happens = self.steps == at
            self.steps += 1
            if happens and event == "close":
                coroutine.close()
                return "closed"
            if happens and event == "cancel":
                asyncio.current_task().cancel()
            try:
                yield waited
            except BaseException as error:
                thrown = error
            if happens and event == "throw":
                thrown = ZeroDivisionError("thrown in")

    async def play(self, application, scope, event=None, at=None):
        try:
            result = await self.drive(application(scope, self.receive, self.send), event, at)
            self.log.append(f"returned {result!r}")
        except BaseException as error:
            self.log.append(f"raised {type(error).__name__}: {error}")
        for _ in range(10):
            await sleep(0)
        self.log.append(f"{len(asyncio.all_tasks()) - 1} tasks left")
        state = scope.get("state", {})
        if "lock" in state and isinstance(state.get("tally"), dict):
            self.log.append({**state["tally"], "locked": state["lock"].locked()})
        self.log.append(f"{self.steps} steps")


def body(*parts):
    last = len(parts) - 1
    return [{"type": "http.request", "body": part, "more_body": index < last} for index, part in enumerate(parts)]


GONE = {"type": "http.disconnect"}
STARTUP = {"type": "lifespan.startup"}
SHUTDOWN = {"type": "lifespan.shutdown"}


class Scenario:
    def __init__(self, request, messages=(), query=b"", failing_sends=(), shared=True):
        self.request = request
        self.messages = messages
        self.query = query
        self.failing_sends = failing_sends
        self.shared = shared

    def scope(self):
        if self.request == "lifespan":
            return {"type": "lifespan", "state": {}} if self.shared else {"type": "lifespan"}
        if " " not in self.request:
            return {"type": self.request}
        method, path = self.request.split()
        scope = {"type": "http", "method": method, "path": path, "query_string": self.query}
        if self.shared:
            tally = {"uploads": 0, "cancelled": 0}
            scope["state"] = {"lock": asyncio.Lock(), "tally": tally}
        return scope

    async def play(self, application, event=None, at=None):
        played = Played(self.messages, self.failing_sends)
        await played.play(application, self.scope(), event, at)
        return played


NOT_A_MESSAGE = {"kind": "nonsense"}
BROKEN = ConnectionResetError("receive is broken")

SCENARIOS = {
    "index": Scenario("GET /", body(b"")),
    "stats": Scenario("GET /stats", body(b"")),
    "not found": Scenario("GET /nowhere", body(b"")),
    "method not allowed": Scenario("GET /upload", body(b"")),
    "non-ASCII path": Scenario("GET /caf\N{LATIN SMALL LETTER E WITH ACUTE}", body(b"")),
    "handler fails": Scenario("GET /fail", body(b"")),
    "handler fails, error page too": Scenario("GET /fail", failing_sends=[2]),
    "body at once": Scenario("POST /sha256", body(b"all of it")),
    "body in parts": Scenario("POST /sha256", body(b"one", b"", b"two", b"three" * 1000)),
    "empty body": Scenario("POST /sha256", [{"type": "http.request"}]),
    "body never ends": Scenario("POST /sha256", [*body(b"one", b"two")[:1], GONE]),
    "no body": Scenario("POST /sha256", [GONE]),
    "receive fails": Scenario("POST /sha256", [*body(b"one", b"two")[:1], BROKEN]),
    "no such message": Scenario("POST /sha256", [NOT_A_MESSAGE]),
    "upload": Scenario("POST /upload", body(b"one", b"two")),
    "upload to nowhere": Scenario("POST /upload", body(b"one"), shared=False),
    "stream": Scenario("GET /stream", body(b"")),
    "stream, first send fails": Scenario("GET /stream", failing_sends=[1]),
    "stream, a send fails": Scenario("GET /stream", failing_sends=[3]),
    "response, second send fails": Scenario("GET /", failing_sends=[2]),
    "slow, done": Scenario("GET /slow", body(b""), query=b"seconds=0.5"),
    "slow, client gone": Scenario("GET /slow", [*body(b""), GONE]),
    "slow, client gone at once": Scenario("GET /slow", [GONE], query=b"seconds=0"),
    "slow, not a number": Scenario("GET /slow", body(b""), query=b"seconds=long"),
    "slow, no seconds in the query": Scenario("GET /slow", body(b""), query=b"other=1&x"),
    "slow, receive fails": Scenario("GET /slow", [BROKEN]),
    "lifespan": Scenario("lifespan", [STARTUP, SHUTDOWN]),
    "lifespan, nowhere to keep state": Scenario("lifespan", [STARTUP, SHUTDOWN], shared=False),
    "lifespan, receive fails": Scenario("lifespan", [BROKEN]),
    "lifespan, failure cannot be sent": Scenario("lifespan", [BROKEN], failing_sends=[1]),
    "lifespan, shutdown fails": Scenario("lifespan", [STARTUP, BROKEN]),
    "other protocol": Scenario("websocket"),
}


@pytest.fixture(scope="session")
def in_c(extension):
    return extension("webapp").app


def load_file(name, path):
    specification = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def in_python():
    return load_file("webapp_in_python", EXAMPLES / "asgi" / "in_python.py").app


@pytest.fixture
def play(caplog):
    """Plays a scenario: returns what can be seen of it, and how often it was suspended."""
    caplog.set_level(logging.INFO, "webapp")

    def play(application, scenario, event=None, at=None):
        caplog.clear()
        played = run_instantly(scenario.play(application, event, at))
        return played.log + [told_by(record) for record in caplog.records], played.steps

    yield play
    caplog.clear()
    gc.collect()
    assert [told_by(record) for record in caplog.records] == [], "told when it was released"


def told_by(record):
    exception = record.exc_info and record.exc_info[0].__name__
    return record.name, record.levelname, record.getMessage(), exception


@pytest.mark.parametrize("name", SCENARIOS)
def test_asgi_answers_as_the_async_def_does(play, in_c, in_python, name):
    log, _ = play(in_c, SCENARIOS[name])
    assert log == play(in_python, SCENARIOS[name])[0]


@pytest.mark.parametrize("event", ["cancel", "throw", "close"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_asgi_interrupted_at_each_await_ends_as_the_async_def_does(play, in_c, in_python, name, event):
    _, steps = play(in_python, SCENARIOS[name])
    for at in range(steps):
        log, _ = play(in_c, SCENARIOS[name], event, at)
        assert log == play(in_python, SCENARIOS[name], event, at)[0], f"at step {at}"


# In Python a call stands inside the `try` that its await stands in. In C the call is made before the error callback is known.

CALLED = {name: getattr(asyncio, name) for name in ("sleep", "wait", "create_task", "Lock")}
ERRORS = {
    "Exception": lambda: OSError("it fails"),
    "CancelledError": lambda: asyncio.CancelledError("it is cancelled"),
    "error of a C type": lambda: ssl.SSLError("a type's name in C is not its __name__"),
}


class Fault:
    """What an application calls fails at the call number `at`: when it is called, or at its first await or last."""

    def __init__(self, at, when, error):
        self.at = at
        self.when = when
        self.error = error
        self.calls = 0

    def around(self, function):
        def call(*args, **kwargs):
            self.calls += 1
            fails = self.calls == self.at
            if fails and self.when == "call":
                self.close(*args)
                raise self.error()
            made = function(*args, **kwargs)
            return self.failing(made) if fails and asyncio.iscoroutine(made) else made

        return call

    async def failing(self, made):
        if self.when == "last":
            await made
        else:
            self.close(made)
        raise self.error()

    def close(self, *things):
        """What will not be awaited should give no warning."""
        for coroutine in filter(asyncio.iscoroutine, things):
            coroutine.close()


class FaultyPlayed(Played):
    """What its parent does, with a fault only in what the application calls."""

    def __init__(self, scenario, fault):
        super().__init__(scenario.messages, scenario.failing_sends)
        self.receive = fault.around(self.receive)
        self.send = fault.around(self.send)


async def play_with_fault(scenario, fault, monkeypatch, application):
    played = FaultyPlayed(scenario, fault)
    scope = scenario.scope()
    with monkeypatch.context() as patch:
        for name, function in CALLED.items():
            patch.setattr(f"asyncio.{name}", fault.around(function))
        await played.play(application, scope)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
        await asyncio.wait([task])
    return played


@pytest.fixture
def play_faulty(caplog, monkeypatch):
    caplog.set_level(logging.INFO, "webapp")

    def play(application, scenario, fault):
        caplog.clear()
        played = run_instantly(play_with_fault(scenario, fault, monkeypatch, application))
        return played.log + [told_by(record) for record in caplog.records]

    yield play
    caplog.clear()


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("when", ["call", "first", "last"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_asgi_fails_as_the_async_def_does_in_whatever_it_calls(play_faulty, in_c, in_python, name, when, error):
    at = calls = 0
    while at <= calls:
        faults = [Fault(at, when, ERRORS[error]) for _ in range(2)]
        log, expected = (play_faulty(app, SCENARIOS[name], fault) for app, fault in zip((in_c, in_python), faults))
        assert log == expected, f"call {at}"
        calls = max(fault.calls for fault in faults)
        at += 1


class Unspeakable:
    """No JSON can be made of it."""


TALLIES = {
    "no JSON": lambda: {"uploads": Unspeakable, "cancelled": 0},
    "negative": lambda: {"uploads": -2, "cancelled": -2},
    "no mapping": lambda: [],
    "no tally": None,
    "no state": None,
}


@pytest.mark.parametrize("tally", TALLIES)
@pytest.mark.parametrize("request_line", ["GET /stats", "POST /upload", "GET /slow"])
def test_asgi_answers_a_handler_that_fails_when_it_is_called(play, in_c, in_python, request_line, tally):
    class Stateful(Scenario):
        def scope(self):
            scope = super().scope()
            if tally != "no state":
                scope["state"] = {"lock": asyncio.Lock()}
            if TALLIES[tally]:
                scope["state"]["tally"] = TALLIES[tally]()
            return scope

    # What a TypeError says is not the same in C.
    scenario = Stateful(request_line, body(b""), query=b"seconds=0", shared=False)
    (log, _), (expected, _) = play(in_c, scenario), play(in_python, scenario)
    assert list(map(without_wording, log)) == list(map(without_wording, expected))


def without_wording(entry):
    """An error page of a TypeError without the message and, as any error page, without its length."""
    if isinstance(entry, dict) and entry.get("status") == 500:
        return {**entry, "headers": entry["headers"][:1]}
    if isinstance(entry, dict) and entry.get("body", b"").startswith(b"500: TypeError: "):
        return {**entry, "body": b"500: TypeError"}
    return entry


# The comparison says that two logs are equal; these say what is in them.


def test_asgi_makes_an_error_page_when_a_handler_fails_at_the_call(play, in_c):
    log, _ = play(in_c, Scenario("GET /stats", body(b""), shared=False))
    start, page = (entry for entry in log if isinstance(entry, dict) and "type" in entry)
    assert start["status"] == 500
    assert page["body"] == b"500: KeyError: 'state'\n"
    assert ("webapp", "ERROR", "a handler failed", "KeyError") in log


def test_asgi_collects_a_body_that_arrives_in_several_messages(play, in_c):
    log, _ = play(in_c, Scenario("POST /sha256", body(b"one", b"two", b"three")))
    start, answer = (entry for entry in log if isinstance(entry, dict) and "type" in entry)
    digest = hashlib.sha256(b"onetwothree").hexdigest()
    assert answer["body"] == b'{"messages": 3, "sha256": "%s"}' % digest.encode()
    assert start["status"] == 200
    assert dict(start["headers"])[b"content-length"] == b"%d" % len(answer["body"])


def test_asgi_streams_its_response_in_parts(play, in_c):
    log, _ = play(in_c, SCENARIOS["stream"])
    parts = [entry for entry in log if isinstance(entry, dict) and "more_body" in entry]
    assert [part["body"] for part in parts] == [b"part %d of 5\n" % n for n in range(1, 6)]
    assert [part["more_body"] for part in parts] == [True] * 4 + [False]


def test_asgi_makes_an_error_page_when_a_handler_fails(play, in_c):
    log, _ = play(in_c, SCENARIOS["handler fails"])
    start, page = (entry for entry in log if isinstance(entry, dict) and "type" in entry)
    assert start["status"] == 500
    assert page["body"] == b"500: RuntimeError: this handler always fails\n"
    assert ("webapp", "ERROR", "a handler failed", "RuntimeError") in log


def test_asgi_cancels_the_work_of_a_client_that_disconnects(play, in_c):
    log, _ = play(in_c, SCENARIOS["slow, client gone"])
    assert {"uploads": 0, "cancelled": 1, "locked": False} in log
    assert "0 tasks left" in log
    assert not any(isinstance(entry, dict) and "type" in entry for entry in log)


def test_asgi_cleans_up_when_its_own_task_is_cancelled(play, in_c):
    log, _ = play(in_c, Scenario("GET /slow", body(b"")), "cancel", 0)
    assert "raised CancelledError: " in log
    assert "receive ended by CancelledError" in log
    assert {"uploads": 0, "cancelled": 1, "locked": False} in log
    assert "0 tasks left" in log


def test_asgi_holds_the_lock_over_an_await(in_c):
    async def upload_many():
        state = {"lock": asyncio.Lock(), "tally": {"uploads": 0, "cancelled": 0}}
        calls = []
        for size in range(50):
            played = Played(body(b"x" * size))
            scope = {"type": "http", "method": "POST", "path": "/upload", "state": state}
            calls.append((played, in_c(scope, played.receive, played.send)))
        await asyncio.gather(*(call for _, call in calls))
        return state["tally"]["uploads"], [played.log[-2]["body"] for played, _ in calls]

    count, answers = run_instantly(upload_many())
    assert count == 50
    assert answers == [b'{"upload": %d, "bytes": %d}' % (n + 1, n) for n in range(50)]


def test_asgi_runs_nothing_before_the_first_step(in_c):
    call = in_c({}, None, None)
    with pytest.raises(KeyError):
        call.send(None)


def test_asgi_refuses_a_wrong_number_of_arguments(in_c):
    with pytest.raises(TypeError):
        in_c({}, None)


@pytest.mark.parametrize("event", [None, "cancel", "throw"])
def test_asgi_leaks_nothing(in_c, event):
    """Every scenario ROUNDS times over, left to itself or interrupted at step after step."""

    async def rounds(count):
        for number in range(count):
            for scenario in SCENARIOS.values():
                await asyncio.create_task(scenario.play(in_c, event, number % 7))

    async def measured():
        await rounds(ROUNDS)
        before = count_objects()
        await rounds(ROUNDS)
        return before, count_objects()

    def count_objects():
        clear_type_cache()
        gc.collect()
        ours = (pyawaitable.PyAwaitable, request_type)
        left = sum(type(thing) in ours for thing in gc.get_objects())
        return left, len(gc.get_objects()), sys.getallocatedblocks()

    request_type = find_request_type(in_c)
    logging.disable(logging.CRITICAL)
    try:
        before, after = run_instantly(measured())
    finally:
        logging.disable(logging.NOTSET)
    assert after[0] == before[0] == 0
    assert after[1] - before[1] < 10
    assert after[2] - before[2] < 50


def clear_type_cache():
    """It keeps up to 4,096 attribute names, one for each PyObject_CallMethod() or so."""
    clear = getattr(sys, "_clear_type_cache", None) or sys._clear_internal_caches
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from 3.13 on
        clear()


def find_request_type(in_c):
    """The module keeps it to itself, but the collector knows what a call refers to."""
    call = in_c({}, None, None)
    found = [type(thing) for thing in gc.get_referents(call) if "Request" in type(thing).__name__]
    call.close()
    assert len(found) == 1
    return found[0]


# The first to have such interpreters, 3.12, aborts at exit after an `import asyncio` in one.
@pytest.mark.skipif(sys.version_info < (3, 13), reason="asyncio does not work in one")
def test_asgi_works_in_an_interpreter_of_its_own(examples, run_python):
    inner = f"""
import sys
sys.path.insert(0, {str(examples)!r})
import asyncio, webapp

async def main():
    answers = []

    async def send(message):
        await asyncio.sleep(0)
        answers.append(message)

    await webapp.app({{"type": "http", "method": "GET", "path": "/"}}, None, send)
    assert answers[1]["body"] == b"Written in C.\\\\n", answers

loop = asyncio.SelectorEventLoop()
loop.run_until_complete(main())
loop.close()
"""
    finished = run_python(f"""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = '''{inner}'''
for _ in range(3):
    made = interpreters.create()
    failure = interpreters.run_string(made, code)
    assert failure is None, failure
    interpreters.destroy(made)
print("done")
""")
    assert finished.stdout.strip().endswith("done"), finished.stdout + finished.stderr


# ----------------------------------------------------------------------------- fastapi


@pytest.fixture(scope="session")
def shops(extension):
    """The module in C and that in Python."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("FastAPI needs pydantic-core, which has no wheel for a free-threaded Python 3.13")
    return extension("shop"), load_file("shop_in_python", EXAMPLES / "fastapi" / "in_python.py")


def app_of(shop):
    from fastapi import FastAPI

    app = FastAPI()
    app.get("/items/{item_id}")(shop.item)
    return app


def get(app, path):
    """What a FastAPI application answers: the status and the body."""
    messages = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        messages.append(message)

    path, _, query = path.partition("?")
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    scope.update(path=path, raw_path=path.encode(), query_string=query.encode(), root_path="", headers=[])
    run_instantly(app(scope, receive, send))
    start, *parts = messages
    return start["status"], b"".join(part["body"] for part in parts).decode()


ITEMS = {
    "/items/3?token=red": (200, '{"item_id":3,"customer":"Ada","total":1000}'),
    "/items/2?token=blue&count=4": (200, '{"item_id":2,"customer":"Grace","total":1600}'),
    "/items/1?token=red&count=36893488147419103232": (200, '{"item_id":1,"customer":"Ada","total":9223372036854775808000}'),
    "/items/9?token=red": (404, '{"detail":"no such item"}'),
    "/items/36893488147419103232?token=red": (404, '{"detail":"no such item"}'),
    "/items/3?token=green": (401, '{"detail":"nobody has this token"}'),
    "/items/3?token=%00": (401, '{"detail":"nobody has this token"}'),
    "/items/three?token=red": (422, None),
    "/items/3?token=red&count=many": (422, None),
    "/items/3": (422, None),
}


@pytest.mark.parametrize("path", ITEMS)
def test_fastapi_answers_as_with_async_def(shops, path):
    status, body = get(app_of(shops[0]), path)
    assert (status, body) == get(app_of(shops[1]), path)
    assert (status, body) == ITEMS[path] or (status, None) == ITEMS[path]


def test_fastapi_describes_them_as_it_does_async_def(shops):
    in_c, in_python = (app_of(shop).openapi() for shop in shops)
    assert in_c == in_python
    operation = in_c["paths"]["/items/{item_id}"]["get"]
    assert operation["description"] == "What that many of an item cost."
    kinds = {each["name"]: (each["in"], each["schema"]["type"], each["required"]) for each in operation["parameters"]}
    assert kinds == {
        "item_id": ("path", "integer", True),
        "count": ("query", "integer", False),
        "token": ("query", "string", True),
    }


def test_main_is_such_an_application(shops):
    app = load_file("main_of_examples", EXAMPLES / "fastapi" / "main.py").app
    assert get(app, "/items/3?token=red") == ITEMS["/items/3?token=red"]
    assert app.openapi() == app_of(shops[0]).openapi()


@pytest.mark.parametrize("name", ["customer", "price", "item"])
@pytest.mark.parametrize("error", [KeyError, ValueError, asyncio.CancelledError])
def test_shop_interrupted_as_it_waits_ends_as_the_async_def_does(shops, name, error):
    arguments = {"customer": ("red",), "price": (3,), "item": (3, "Ada")}[name]

    async def interrupted(shop):
        coroutine = getattr(shop, name)(*arguments)
        coroutine.send(None)
        with pytest.raises(BaseException) as caught:
            coroutine.throw(error("thrown in"))
        return repr(caught.value), repr(caught.value.__context__)

    in_c, in_python = (run_instantly(interrupted(shop)) for shop in shops)
    assert in_c == in_python


def test_shop_called_directly(shops):
    for shop in shops:
        assert (
            str(inspect.signature(shop.item))
            == "(item_id: 'int', customer: 'Annotated[str, Depends(customer)]', count: 'int' = 1)"
        )
        assert run_instantly(shop.item(3, customer="Ada")) == {"item_id": 3, "customer": "Ada", "total": 1000}
        assert run_instantly(shop.item(3, "Ada", count=2))["total"] == 2000
        with pytest.raises(TypeError):
            shop.item(3)


def test_the_table_of_servers_is_of_the_versions_that_make_servers_installs():
    folder = EXAMPLES / "asgi"
    pinned = set(re.findall(r"^([\w-]+)==(\S+)$", (folder / "servers.txt").read_text(encoding="utf-8"), re.MULTILINE))
    readme = (folder / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("<!-- servers.py -->") : readme.index("<!-- end -->")]
    told = set(re.findall(r"([\w-]+) (\d+(?:\.\d+)+)[,)]", table))
    assert told == pinned - {pin for pin in pinned if pin[0] == "setuptools"}
