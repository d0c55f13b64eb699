"""What docs/frameworks.md tells is of the versions that `make frameworks` installs, and README.md counts its tools."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests" / "frameworks"
TEXT = (ROOT / "docs" / "frameworks.md").read_text(encoding="utf-8")
TABLES = TEXT[TEXT.index("<!-- make frameworks -->") : TEXT.index("<!-- end -->")].strip().split("\n\n")
VERSIONS, USES = (
    [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| ")]
    for table in TABLES
)
PYTHONS = [".".join(python.split(".")[:2]) for python in VERSIONS.pop(0)[1:]]
USES.pop(0)


def test_the_versions_are_those_that_are_pinned():
    for index, python in enumerate(PYTHONS, 1):
        file = FOLDER / f"requirements-{python}.txt"
        text = (file if file.exists() else FOLDER / "requirements.txt").read_text(encoding="utf-8")
        pinned = set(re.findall(r"==(\S+)", text.partition("# What they need")[0]))
        assert {row[index] for row in VERSIONS if not row[index].startswith("none: ")} <= pinned


def test_each_use_is_there_for_each_python():
    versions = {tool: dict(zip(PYTHONS, row)) for tool, *row in VERSIONS}
    for tool, use in {(row[0], row[1]) for row in USES}:
        tried = [python for row in USES if row[:2] == [tool, use] for python in row[2].split(", ")]
        lacking = [python for python in PYTHONS if versions.get(tool, {}).get(python, "").startswith("none: ")]
        assert sorted(tried + lacking) == sorted(PYTHONS), (tool, use)


def test_the_readme_counts_the_tools():
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"in {len({row[0] for row in USES})} frameworks and tools" in readme


def test_what_differs_has_a_reason():
    for tool, use, _, in_c, _ in USES:
        assert in_c == "the same" or in_c.startswith("not tried: ") or re.search(r"`: \w", in_c), (tool, use)
