"""examples/sqlite, the database driver: built as its users build it."""

import importlib
import os
import shutil
import subprocess
import sys

import loops
import pytest

from .support import EXAMPLE


def has_header():
    code = "#include <sqlite3.h>\n"
    command = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    if command is None:
        return False
    finished = subprocess.run([command, "-E", "-x", "c", "-"], input=code, capture_output=True, text=True)
    return finished.returncode == 0


@pytest.fixture(scope="session")
def target(tmp_path_factory):
    """Where the driver is installed, by pip and setuptools; warnings are errors."""
    if not has_header():
        pytest.skip("there is no sqlite3.h (Debian: libsqlite3-dev)")
    source = shutil.copytree(
        EXAMPLE, tmp_path_factory.mktemp("source") / "sqlite", ignore=shutil.ignore_patterns("build", "*.egg-info")
    )
    target = tmp_path_factory.mktemp("sqlite")
    finished = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--target", str(target), str(source)],
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
def driver(target):
    sys.path.insert(0, str(target))
    try:
        return importlib.import_module("sqlite_async")
    finally:
        sys.path.remove(str(target))


@pytest.fixture(params=loops.ALL)
def run(request):
    return loops.ALL[request.param]
