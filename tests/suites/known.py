"""Tests that fail with the trampoline alone, and why.

`make suites` fails for a test that is not listed here, and for one that is and does not fail.
"""

import sys
from fnmatch import fnmatchcase
from typing import NamedTuple

# It fails with an `async def` in the trampoline's place, too: an await more than there was is seen.
INJECTION = "injection"
# It asks for what nothing but a native coroutine has.
NATIVE = "native"


class Known(NamedTuple):
    suite: str
    # Without its parameters; an asterisk stands for anything.
    test: str
    cause: str
    why: str
    # Versions of Python, (3, 11) for example: of those that came before, or since then.
    before: tuple = (4,)
    since: tuple = (3,)

    def here(self):
        return self.since <= sys.version_info < self.before

    def explains(self, test):
        return fnmatchcase(test.partition("[")[0], self.test)


COROUTINES = "test.test_coroutines.CoroutineTest"
ASYNCIO = "test.test_asyncio"
TRACING = "_tests/test_tracing.py"
ANYIO_TASKS = "tests/test_taskgroups.py"
ANYIO_PLUGIN = "tests/test_pytest_plugin.py"

KNOWN = [
    Known(
        *("coroutines", f"{COROUTINES}.test_stack_in_coroutine_throw", NATIVE),
        "the frames of a throw are linked through native coroutines alone",
        since=(3, 10),
    ),
    Known(
        *("coroutines", f"{COROUTINES}.test_cr_await", INJECTION),
        "cr_await of the coroutine is the trampoline",
    ),
    Known(
        *("generators", "test.test_asyncgen.AsyncGenTest.test_async_gen_api_01", NATIVE),
        "asks for the frame of a generator",
    ),
    Known(
        *("asyncio", f"{ASYNCIO}.test_base_events.*.test_create_task_error_closes_coro", INJECTION),
        "ensure_future closes the coroutine that it knows of, and the trampoline was never awaited",
    ),
    Known(
        *("asyncio", f"{ASYNCIO}.test_tasks.*_Tests.test_task_source_traceback", INJECTION),
        "the injection is a frame more where the task is made",
    ),
    Known(
        *("asyncio", f"{ASYNCIO}.test_tasks.*Tests.test_get_coro", INJECTION),
        "the coroutine of the task is the trampoline",
    ),
    Known(
        *("asyncio", f"{ASYNCIO}.test_tasks.*Tests.test_get_stack", INJECTION),
        "the stack of a task ends where it awaits what is no native coroutine; or has a frame more",
    ),
    Known(
        *("asyncio", f"{ASYNCIO}.test_pep492.*.test_task_print_stack", INJECTION),
        "as test_get_stack",
    ),
    Known(
        *("asyncio", f"{ASYNCIO}.test_tasks.*Tests.test_task_repr", INJECTION),
        "shows the line at which the coroutine of the task is defined: the trampoline's",
    ),
    Known(
        *("trio", "_core/_tests/test_run.py::test_traceback_frame_removal", INJECTION),
        "the first frame of the traceback is the trampoline's, or of trio's wrapper around it",
    ),
    Known(
        *("trio", f"{TRACING}::test_task_iter_await_frames*", INJECTION),
        "lists the frames of a task: the trampoline's are among them, or there are none",
    ),
    Known(
        *("anyio", "tests/test_subprocesses.py::test_user_group_arguments", INJECTION),
        "is to be skipped on uvloop, which it does not know by the subclass that the injection makes",
    ),
    Known(
        *("anyio", f"{ANYIO_TASKS}::test_start_soon_closes_coroutines_when_create_task_fails"),
        INJECTION,
        "anyio closes the coroutine that it knows of, and the trampoline was never awaited",
    ),
    Known(
        *("trio-generators", "::test_asyncgen_basics", NATIVE),
        "asks whether what the hook gets is of the type of Python's generators",
    ),
    *(
        Known(
            *("trio-generators", f"::{test}", NATIVE),
            "trio knows an asynchronous generator by inspect.isasyncgen, and takes the function for one that is not async",
        )
        for test in ("test_coroutine_or_error", "test_nice_error_on_bad_calls_to_run_or_spawn")
    ),
    Known(
        *("trio-generators", "::test_delegation_to_existing_hooks", INJECTION),
        "its hooks look for a local variable in the frame of the generator: the relay has none of that name",
    ),
    Known(
        *("curio-generators", "tests/test_meta.py::test_missing_asynccontextmanager", NATIVE),
        "curio's hook raises for a generator with a frame, which C has none of: what it holds goes at once, not when that goes",
    ),
    Known(
        *("anyio-generators", "tests/test_contextmanagers.py::*::test_return_async_generator", NATIVE),
        "anyio knows an asynchronous generator, which it refuses with a text of its own, by its exact type",
    ),
    Known(
        *("anyio-generators", f"{ANYIO_TASKS}::test_task_from_asyncgen_asend", NATIVE),
        "names a task after `asend`, whose name begins with that of the type",
    ),
    *(
        Known(
            *("anyio-generators", f"{ANYIO_PLUGIN}::{test}", INJECTION),
            "a fixture is a plain function that returns a generator: anyio's plugin asks inspect.isasyncgenfunction",
        )
        for test in (
            "test_plugin",
            "test_asyncio",
            "test_cancel_scope_in_asyncgen_fixture",
            "test_module_scoped_task_group_fixture",
            "test_outcome_exception_does_not_discard_runner_task",
            "test_asyncgen_fixture_in_test_class",
        )
    ),
    *(
        Known(
            *("uvicorn", f"tests/protocols/test_websocket.py::{test}", INJECTION),
            "a task is cancelled before its first step: a coroutine that waits for it was never awaited",
        )
        for test in (
            "test_duplicate_handshake",
            "test_asgi_return_value",
            "test_close_transport_on_asgi_return",
        )
    ),
    Known(
        *("uvicorn", "tests/test_auto_detection.py::test_loop_auto", INJECTION),
        "does not know uvloop by the subclass that the injection makes",
    ),
]
