"""Which suites there are, where they come from, and how each is run."""

from typing import NamedTuple, Optional


class Suite(NamedTuple):
    """Somebody's tests. Their versions are those of requirements/suites.txt."""

    # The distribution on PyPI; None for what comes with the interpreter.
    distribution: Optional[str]
    # What is run: by pytest if there is a distribution, else by unittest.
    arguments: tuple[str, ...]
    # Packages in whose source each `await` is rewritten, besides the tests that pytest loads.
    packages: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    # What of the source distribution the tests need; nothing if the wheel has them.
    files: tuple[str, ...] = ()
    # Whether it is the asynchronous generators that are replaced.
    generators: bool = False
    # The first version of Python that the library does not work with.
    before: tuple[int, ...] = (4,)


PYTEST = ("-q", "-p", "trampoline.outcomes", "-p", "no:cacheprovider", "-o", "addopts=")

SUITES = {
    "coroutines": Suite(
        distribution=None,
        arguments=("test.test_coroutines", "test.test_asyncgen"),
        packages=("test.test_coroutines", "test.test_asyncgen"),
    ),
    "generators": Suite(
        distribution=None,
        arguments=("test.test_asyncgen",),
        packages=("test.test_asyncgen",),
        generators=True,
    ),
    "asyncio": Suite(
        distribution=None,
        arguments=("test.test_asyncio",),
        packages=("asyncio", "test.test_asyncio"),
    ),
    "trio": Suite(
        distribution="trio",
        arguments=(
            *("--pyargs", "trio", "-p", "trio._tests.pytest_plugin"),
            *("--skip-optional-imports", "-p", "no:anyio"),
        ),
        packages=("trio",),
        requirements=("pytest", "trustme", "pyopenssl"),
    ),
    # With its own asynchronous generators, and those of its tests, replaced.
    "trio-generators": Suite(
        distribution="trio",
        arguments=(
            *("--pyargs", "trio._core._tests.test_asyncgen", "trio._core._tests.test_run", "trio._tests.test_channel"),
            *("trio._tests.test_util", "-p", "trio._tests.pytest_plugin", "--skip-optional-imports", "-p", "no:anyio"),
        ),
        packages=("trio",),
        requirements=("pytest", "trustme", "pyopenssl"),
        generators=True,
    ),
    "anyio": Suite(
        distribution="anyio",
        # Left out: what needs IPv6 and the Internet, a start of an interpreter for each test, or an
        # answer of another pytest within seconds.
        arguments=(
            *("tests", "-p", "anyio", "-p", "pytest_mock", "-p", "timeout"),
            *("--ignore=tests/test_sockets.py", "--ignore=tests/test_to_process.py"),
            *("-k", "not ipv6 and not keyboardinterrupt_during_test and not does_not_hang"),
        ),
        packages=("anyio",),
        requirements=(
            *("pytest", "pytest-mock", "pytest-timeout", "blockbuster", "hypothesis", "psutil"),
            *("trio", "trustme", "truststore", "uvloop"),
        ),
        files=("tests", "pyproject.toml"),
    ),
    "anyio-generators": Suite(
        distribution="anyio",
        arguments=(
            *("tests/test_pytest_plugin.py", "tests/test_contextmanagers.py", "tests/test_taskgroups.py"),
            *("tests/streams", "-p", "anyio", "-p", "pytest_mock", "-p", "timeout"),
            *("-k", "not ipv6 and not keyboardinterrupt_during_test and not does_not_hang"),
        ),
        packages=("anyio",),
        requirements=(
            *("pytest", "pytest-mock", "pytest-timeout", "blockbuster", "hypothesis", "psutil"),
            *("trio", "trustme", "truststore", "uvloop"),
        ),
        files=("tests", "pyproject.toml"),
        generators=True,
    ),
    "curio": Suite(
        distribution="curio",
        # The others look names up on the Internet, or hang on today's interpreters.
        arguments=("tests", "--ignore=tests/test_network.py", "--ignore=tests/test_workers.py"),
        packages=("curio",),
        requirements=("pytest",),
        files=("tests",),
        before=(3, 13),
    ),
    "curio-generators": Suite(
        distribution="curio",
        arguments=("tests", "--ignore=tests/test_network.py", "--ignore=tests/test_workers.py"),
        packages=("curio",),
        requirements=("pytest",),
        files=("tests",),
        before=(3, 13),
        generators=True,
    ),
    "pytest-asyncio": Suite(
        distribution="pytest-asyncio",
        arguments=("tests",),
        packages=("asyncio", "pytest_asyncio"),
        requirements=("pytest", "hypothesis"),
        files=("tests", "pyproject.toml"),
    ),
    "uvicorn": Suite(
        distribution="uvicorn",
        arguments=("tests", "-p", "anyio", "--ignore=tests/benchmarks"),
        packages=("asyncio", "uvicorn"),
        requirements=(
            *("uvicorn[standard]", "pytest", "pytest-mock", "anyio", "trustme", "cryptography"),
            *("httpx", "httpx2", "a2wsgi", "wsproto", "zttp", "psutil"),
        ),
        files=("tests", "pyproject.toml"),
    ),
}
