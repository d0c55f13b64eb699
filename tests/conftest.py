"""What all tests share."""

import gc
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# What a Python that the tests start prints is compared, whatever FORCE_COLOR says.
os.environ["PYTHON_COLORS"] = "0"

# Helpers whose assertions should explain themselves as those of tests do.
pytest.register_assert_rewrite("raw_support", "contract_support", "differential")


def pytest_addoption(parser):
    parser.addoption(
        "--differential-one-in",
        metavar="N",
        type=int,
        default=1,
        help="of the differential tests, run each Nth: another share with each minor version of Python",
    )
    # pytest 9 has it; the last version for Python 3.9 only shows the tracebacks.
    if pytest.version_tuple < (9,):
        parser.addini("faulthandler_exit_on_timeout", "unknown to this version", type="bool")


def pytest_sessionstart(session):
    """A missing C extension must not silently leave out tests."""
    folders = (path.parent for path in (TESTS / "ext").glob("*/*.c*"))
    missing = sorted({folder.name for folder in folders if find_spec(folder.name) is None})
    if missing:
        pytest.exit(f"C extensions that are not built (make extensions): {missing}", returncode=1)


@pytest.fixture(scope="module", autouse=True)
def brief_collections():
    """Keeps each collection that a test asks for to the objects of its own module, leaving out all older ones."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def run_python():
    """Run Python code in a separate process: code that may crash, or must start afresh."""

    def run(code, *options, env=(), timeout=120, check=True):
        """The finished process; `env` is added to the environment, None takes a name away."""
        environment = {**os.environ, **dict(env)}
        finished = subprocess.run(
            [sys.executable, "-X", "faulthandler", *options, "-c", code],
            env={name: value for name, value in environment.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and finished.returncode != 0:
            pytest.fail(f"exit status {finished.returncode}\n{finished.stdout}{finished.stderr}")
        return finished

    return run
