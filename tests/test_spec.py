"""docs/spec.md: each rule that is built names the files that keep it and the tests that claim it, and they exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import spec

DOCUMENT = spec.DOCUMENT.read_text(encoding="utf-8")
RULES = spec.parse(DOCUMENT)
TOPICS = "names callbacks steps python failure modes bodies functions iteration outside rust"


def test_every_rule_that_is_built_is_kept_and_claimed():
    assert spec.complaints(DOCUMENT) == []


def test_every_topic_has_its_rules():
    assert list(dict.fromkeys(rule.id.partition(".")[0] for rule in RULES)) == TOPICS.split()
    assert len(RULES) == DOCUMENT.count("\n**")
    assert len([rule for rule in RULES if rule.is_built]) == DOCUMENT.count("\nKept by `")


SECTION = re.compile(r"^(?:# ([a-z]+\.\d+): |def (test_\w+))", re.M)


@pytest.mark.parametrize("path", sorted((spec.ROOT / "tests" / "contract").glob("test_*.py")), ids=lambda path: path.stem)
def test_the_tests_of_a_topic_are_in_the_order_of_its_rules(path):
    """A comment with its id is above the tests of each rule; one that several rules claim is below any of them."""
    topic = [rule for rule in RULES if rule.id.startswith(f"{path.stem[5:]}.")]
    places, sections = {}, []
    for section, test in SECTION.findall(path.read_text(encoding="utf-8")):
        if section:
            sections.append(section)
        else:
            places[test] = sections[-1]
    assert sections == [rule.id for rule in topic if rule.id in sections]
    for name, place in places.items():
        claims = [rule.id for rule in topic for test in rule.tests if test == (f"tests/contract/{path.name}", name)]
        assert not claims or place in claims, name


GOOD = """
**steps.1** A rule.

Kept by `src/lib.rs`. Tests:
`tests/test_spec.py::test_every_topic_has_its_rules`.

**steps.2** *(not built yet)* Another.
"""
CHANGES = {
    "a test that does not exist": ("_has_its_rules", "_has_none", "no such test: tests/test_spec.py::test_every_topic_has"),
    "a file of tests that does not exist": ("test_spec.py", "test_none.py", "no such test: tests/test_none.py::test_every"),
    "a function that is no test": ("::test_every_topic_has_its_rules", "::prints", "no such test: tests/test_spec.py::prints"),
    "a file that does not exist": ("src/lib.rs", "src/none.rs", "no such file: src/none.rs"),
    "a file that is no source": ("src/lib.rs", "README.md", "no such file: README.md"),
    "no file": ("`src/lib.rs`", "nobody", "no file keeps it"),
    "no test": ("`tests/", "`", "no test claims it"),
    "neither": ("Kept by", "Not kept by", "no test claims it"),
    "not built, and claimed": ("1** A", "1** *(not built yet)* A", "not built yet, and yet there are files or tests"),
    "built, and not claimed": ("*(not built yet)* ", "", "steps.2: no test claims it"),
    "an id twice": ("steps.2", "steps.1", "steps.1: rule number 2"),
    "an id left out": ("steps.2", "steps.3", "steps.3: rule number 2"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_mistake_is_noticed(change):
    assert spec.complaints(GOOD) == []
    old, new, expected = CHANGES[change]
    assert old in GOOD
    assert [found for found in spec.complaints(GOOD.replace(old, new)) if expected in found]


def prints(*arguments):
    """What the script behind `make rule` prints, and its exit status."""
    script = Path(spec.__file__)
    finished = subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True)
    return finished.returncode, finished.stdout, finished.stderr


@pytest.mark.parametrize("rule", [RULES[0], RULES[40], RULES[-1]], ids=lambda rule: rule.id)
def test_a_rule_is_printed(rule):
    code, out, err = prints(rule.id)
    assert (code, err) == (0, "")
    assert out.startswith(rule.id)
    assert rule.text in out
    for path in rule.files:
        assert f"\n  {path}\n" in out
    for path, name in rule.tests:
        assert f"\n  {path}::{name}\n" in out


@pytest.mark.parametrize("arguments", [["steps.0"], ["steps"], ["steps.1", "steps.2"], []])
def test_an_id_that_is_none_is_answered_with_all(arguments):
    code, out, err = prints(*arguments)
    assert (code, out) == (1, "")
    assert {rule.id for rule in RULES} <= set(err.split())
