"""The standard library, retries and caches, documentation, tracing."""

import asyncio
import contextlib
import copy
import cProfile
import functools
import inspect
import pickle
import pstats
import tempfile
import typing
from pathlib import Path

from work import does, note

from . import case


@does
async def path_operation(number, word):
    await asyncio.sleep(0)
    note("called with", number, word)
    return f"{number} {word}"


async def awaited(function, *args, **kwargs):
    return await function(*args, **kwargs)


def run(function, *args, **kwargs):
    note(asyncio.run(awaited(function, *args, **kwargs)))


# ---- The standard library ----------------------------------------------------------------------------------------------


@case("inspect", "what it tells")
def what_inspect_tells(module):
    names = "isfunction isroutine isbuiltin ismethod iscoroutinefunction isasyncgenfunction isgeneratorfunction".split()
    service = module.Service()
    for thing in (module.path_operation, module.lifespan, service.endpoint, service.of_class, service.of_nobody):
        true = [name for name in names if getattr(inspect, name)(thing)]
        note(thing.__qualname__, inspect.signature(thing), inspect.getdoc(thing), *true)
        note(typing.get_type_hints(thing))


@case("functools", "`partial`, `partialmethod`")
def partial(module):
    function = functools.partial(module.path_operation, 1, word="b")
    note(inspect.iscoroutinefunction(function), inspect.signature(function))
    run(function)

    class Owner:
        method = functools.partialmethod(module.test_passes, "value")

    @does
    async def test_passes(value, yielded):
        return type(value).__name__, yielded

    note(inspect.iscoroutinefunction(Owner().method))
    run(Owner().method)


@case("functools", "`wraps`")
def wraps(module):
    @functools.wraps(module.path_operation)
    async def wrapper(*args, **kwargs):
        return await module.path_operation(*args, **kwargs)

    names = ("__module__", "__name__", "__qualname__", "__doc__")
    note(*(getattr(wrapper, name) for name in names), inspect.signature(wrapper), vars(wrapper).keys())
    note(inspect.unwrap(wrapper) is module.path_operation)
    run(wrapper, 1)


@case("functools", "`singledispatch`")
def singledispatch(module):
    @does
    async def endpoint(request):
        return f"any {request}"

    @does
    async def dependency(word):
        return f"str {word}"

    function = functools.singledispatch(module.endpoint)
    function.register(str, module.dependency)
    function.register(int)(module.path_operation)
    for value in (None, "a", 1):
        run(function, value)
    function = functools.singledispatch(module.endpoint)
    try:
        function.register(module.path_operation)  # by its annotation
    except TypeError as error:
        note(error)
    else:
        run(function, 1)


@case("pickle", "`dumps` and `loads`; `copy`")
def pickled(module):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for function in (module.path_operation, module.Service.endpoint, module.lifespan):
            note(pickle.loads(pickle.dumps(function, protocol)) is function)
    note(copy.copy(module.task) is module.task, copy.deepcopy(module.task) is module.task)
    bound = pickle.loads(pickle.dumps(module.Service().endpoint))
    note(bound.__func__ is module.Service.endpoint, type(bound.__self__).__name__)


@case("cProfile", "the call is counted")
def profiled(module):
    ways = {
        "f(1)": lambda: module.path_operation(1),
        "f(number=1)": lambda: module.path_operation(number=1),
        "f(*[1])": lambda: module.path_operation(*[1]),
    }
    for way, call in ways.items():
        profile = cProfile.Profile()
        with profile:
            asyncio.run(awaited(call))
        # But for that of its job, in this file.
        files = [file for file, _, name in pstats.Stats(profile).stats if name == "path_operation" and file != __file__]
        note(way, "counted" if files else "missed")


@case("contextlib", "`asynccontextmanager`, `AsyncExitStack`")
def contexts(module):
    @does
    async def lifespan(*app):
        note("begins" if app else "ends", *app)
        return "entered"

    @does
    async def Service___aenter__(self):
        note("enters")
        return "service"

    @does
    async def Service___aexit__(self, kind, value, traceback):
        note("leaves", kind.__name__, value)
        return True

    async def main():
        manager = contextlib.asynccontextmanager(module.lifespan)
        async with manager("app") as value:
            note(value)
        async with contextlib.AsyncExitStack() as stack:
            note(await stack.enter_async_context(module.Service()))
            stack.push_async_callback(module.path_operation, 1)
            raise LookupError("inside")
        note("suppressed")

    asyncio.run(main())


# ---- Retries and caches ------------------------------------------------------------------------------------------------


@case("tenacity", "`@retry`", "tenacity")
def retries(module):
    from tenacity import retry, stop_after_attempt, wait_none

    attempts = []

    @does
    async def task(word, times=1):
        await asyncio.sleep(0)
        attempts.append(word)
        if len(attempts) < 3:
            raise LookupError(word)
        return f"attempt {len(attempts)}"

    run(retry(stop=stop_after_attempt(5), wait=wait_none())(module.task), "a")


@case("async_lru", "`@alru_cache`", "async-lru")
def cached(module):
    from async_lru import alru_cache

    async def main():
        function = alru_cache(maxsize=2)(module.path_operation)
        for number in (1, 2, 1):
            note(await function(number))
        note(function.cache_info())

    asyncio.run(main())


# ---- Documentation -----------------------------------------------------------------------------------------------------


@case("Sphinx", "`autodoc`", "sphinx")
def documented(module):
    from sphinx.application import Sphinx

    name = module.__name__
    source = f".. autofunction:: {name}.path_operation\n\n.. autoclass:: {name}.Service\n   :members:\n   :undoc-members:\n"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "conf.py").write_text("extensions = ['sphinx.ext.autodoc']\n", encoding="utf-8")
        Path(folder, "index.rst").write_text("Functions\n=========\n\n" + source, encoding="utf-8")
        app = Sphinx(folder, folder, f"{folder}/out", f"{folder}/trees", "text", status=None, warning=None)
        app.build()
        text = Path(folder, "out", "index.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if "async" in line or "Tells" in line or "Answers" in line:
            note(line.strip())


# ---- Tracing -----------------------------------------------------------------------------------------------------------


@case("sentry_sdk", "`@trace`", "sentry-sdk")
def traced_by_sentry(module):
    import sentry_sdk
    from sentry_sdk.transport import Transport

    class Kept(Transport):
        def capture_envelope(self, envelope):
            for item in envelope.items:
                for span in (item.payload.json or {}).get("spans", ()):
                    note("span", span["op"], span["description"])

    @does
    async def task(word, times=1):
        await asyncio.sleep(0)
        note("inside", sentry_sdk.get_current_span().description)
        return word

    sentry_sdk.init("http://key@localhost/1", transport=Kept, traces_sample_rate=1.0, default_integrations=False)
    function = sentry_sdk.trace(module.task)

    async def main():
        with sentry_sdk.start_transaction(name="all"):
            note(await function("a"))

    asyncio.run(main())
    sentry_sdk.flush()


@case("OpenTelemetry", "`@start_as_current_span`", "opentelemetry-sdk")
def traced_by_opentelemetry(module):
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    @does
    async def task(word, times=1):
        await asyncio.sleep(0)
        note("inside", trace.get_current_span().is_recording())
        if times > 1:
            raise LookupError(word)

    function = provider.get_tracer("tracer").start_as_current_span("a span")(module.task)
    run(function, "a")
    try:
        run(function, "a", times=2)
    except LookupError as error:
        note(repr(error))
    for span in exporter.get_finished_spans():
        note("span", span.name, span.status.status_code.name)
