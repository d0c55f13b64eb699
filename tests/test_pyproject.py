"""What an installer has to read before it can install anything: pyproject.toml, of this project and of those that show how."""

from pathlib import Path

import pytest
import toml

ROOT = Path(__file__).parent.parent
FILES = sorted(
    [ROOT / "pyproject.toml", *(ROOT / "examples").glob("*/pyproject.toml"), *(ROOT / "tests").glob("*/**/pyproject.toml")]
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pip_up_to_21_1_reads_it(path):
    """As of Debian 11 and CPython 3.9.0 to 3.9.6, with the parser that it has inside."""
    found = toml.loads(path.read_text(encoding="utf-8"))
    assert found["build-system"]["requires"]
    assert mixed(found) == []


def mixed(value, name="pyproject.toml"):
    """The names of arrays with values of several types, which TOML 0.5 has not, and of which that parser reads some."""
    if isinstance(value, dict):
        return [each for key in value for each in mixed(value[key], f"{name}: {key}")]
    if isinstance(value, list):
        inner = [each for element in value for each in mixed(element, name)]
        return inner + [name] * (len({dict if isinstance(element, dict) else type(element) for element in value}) > 1)
    return []


def test_files_are_found():
    names = {str(path.relative_to(ROOT)) for path in FILES}
    assert {"pyproject.toml", "examples/hello/pyproject.toml", "tests/builds/setuptools/pyproject.toml"} <= names


def test_mixed_arrays_are_found():
    with pytest.raises(Exception):  # noqa: B017  (an IndexError, a TypeError, or its own)
        toml.loads('include = ["a", { path = "b" }]')
    assert mixed({"a": [1, "b"], "c": {"d": [[1, 2.0], ["e"]]}, "f": [{"g": 1}, {}]}) == [
        "pyproject.toml: a",
        "pyproject.toml: c: d",
    ]
