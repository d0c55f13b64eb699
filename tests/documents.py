"""What documents name: tests by their ids, and whether there are such tests."""

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEST_ID = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def named_tests(text):
    """The ids in a text, `tests/test_x.py::test_y` in backquotes, as (path, name)."""
    return TEST_ID.findall(text)


@functools.cache
def tests_of(path):
    """The names of the tests in a file; none where there is no such file."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return frozenset(name for name in names if name.startswith("test_"))


def missing_tests(tests):
    """Those ids of which there is no test."""
    return [f"{path}::{name}" for path, name in tests if name not in tests_of(path)]
