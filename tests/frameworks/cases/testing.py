"""Test runners, and what tests are written with."""

import asyncio
import contextlib
import io
import itertools
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from work import does, note

from . import case


class Outcomes:
    """What became of each test, as a plugin of pytest's."""

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            message = report.longrepr.reprcrash.message if report.outcome == "failed" else ""
            note(report.nodeid.partition("::")[2], report.outcome, *message.splitlines()[:1])


NUMBERS = itertools.count()


def with_pytest(plugin, options, header):
    """Collects functions of `module` and runs them."""
    import pytest

    @does
    async def fixture():
        await pause()
        note("fixture")
        return "value"

    @does
    async def yielding_fixture(*value):
        await pause()
        note("begins" if value else "ends", *value)
        return "yielded"

    @does
    async def test_passes(*values):
        await pause()
        note("test", *values)

    @does
    async def test_fails(value):
        await pause()
        raise LookupError(value)

    async def pause():
        import anyio

        await anyio.sleep(0)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"test_{next(NUMBERS)}.py")  # a module's name, of which there can be one
        path.write_text(header + TESTS, encoding="utf-8")
        command = ["--quiet", "--rootdir", folder, "-p", "no:cacheprovider", "-p", plugin, "-c", os.devnull, *options]
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            status = pytest.main([*command, str(path)], plugins=[Outcomes()])
    note(f"exit status {int(status)}")
    if status > 1:
        note(printed.getvalue())


TESTS = """
from chosen import module

value = fixture(name="value")(module.fixture)
yielded = fixture(name="yielded")(module.yielding_fixture)
test_passes = mark(module.test_passes)
test_fails = mark(module.test_fails)
"""


LOOP_SCOPE = ["-o", "asyncio_default_fixture_loop_scope=function"]


@case("pytest-asyncio", "tests and fixtures", "pytest-asyncio", "pytest", "anyio")
def pytest_asyncio(module):
    header = "import pytest, pytest_asyncio\nfixture = pytest_asyncio.fixture\nmark = pytest.mark.asyncio\n"
    with_pytest("pytest_asyncio.plugin", [*LOOP_SCOPE, "-o", "asyncio_mode=strict"], header)


@case("pytest-asyncio", "its automatic mode", "pytest-asyncio", "pytest", "anyio")
def pytest_asyncio_auto(module):
    header = "import pytest\nfixture = pytest.fixture\nmark = lambda function: function\n"
    with_pytest("pytest_asyncio.plugin", [*LOOP_SCOPE, "-o", "asyncio_mode=auto"], header)


@case("anyio's pytest plugin", "tests and fixtures", "anyio", "pytest", "trio")
def pytest_anyio(module):
    header = "import pytest\nfixture = pytest.fixture\nmark = pytest.mark.anyio\n"
    with_pytest("anyio.pytest_plugin", [], header)


@case("pytest-trio", "tests and fixtures", "pytest-trio", "pytest", "anyio", "trio")
def pytest_trio(module):
    header = "import pytest\nfixture = pytest.fixture\nmark = lambda function: function\n"
    with_pytest("pytest_trio.plugin", ["-o", "trio_mode=true"], header)


@case("unittest", "`IsolatedAsyncioTestCase`")
def isolated(module):
    @does
    async def set_up(self):
        await asyncio.sleep(0)
        note("set up")

    @does
    async def test_method(self):
        await asyncio.sleep(0)
        note("test", type(self).__name__)
        self.addAsyncCleanup(module.task, "cleaned up")

    @does
    async def task(word, **kwargs):
        await asyncio.sleep(0)
        note(word)

    class Case(unittest.IsolatedAsyncioTestCase):
        asyncSetUp = module.set_up
        test_method = module.test_method

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
    note(f"{result.testsRun} run, {len(result.failures + result.errors)} failed")
    for _, trace in result.failures + result.errors:
        note(trace.splitlines()[-1])


@case("unittest.mock", "`patch`")
def patch(module):
    with mock.patch.object(module, "endpoint") as replaced:
        note(type(replaced).__name__)
        replaced.return_value = "mocked"
        note(asyncio.run(awaited(module.endpoint, 1)))
        replaced.assert_awaited_once_with(1)


@case("unittest.mock", "`create_autospec`")
def autospec(module):
    async def main():
        for original in (module.path_operation, module.Service.of_class):
            function = mock.create_autospec(original, return_value="mocked")
            note(asyncio.iscoroutinefunction(function), await function(1))
            function.assert_awaited_once_with(1)
            try:
                function(1, 2, 3)
            except TypeError as error:
                note(error)
        service = mock.create_autospec(module.Service, instance=True)
        note(type(service.endpoint).__name__, await service.endpoint(1) is service.endpoint.return_value)

    asyncio.run(main())


async def awaited(function, *args):
    return await function(*args)
