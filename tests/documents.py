"""The tests that documents name by their ids, and whether they exist."""

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEST_ID = re.compile(r"`((?:crates/[\w-]+/)?tests/[\w/]+\.py)::(\w+)`")


def named_tests(text):
    """The ids in a text, `tests/test_x.py::test_y` in backquotes, as (path, name)."""
    return TEST_ID.findall(text)


@functools.cache
def tests_of(path):
    """The names of the tests in a file; none if the file does not exist."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return frozenset(name for name in names if name.startswith("test_"))


def missing_tests(tests):
    """The ids without a test."""
    return [f"{path}::{name}" for path, name in tests if name not in tests_of(path)]
