"""What docs/frameworks.md tells is of the versions that `make frameworks` installs, and README.md counts its tools."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLE = (ROOT / "docs" / "frameworks.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]] for line in TABLE.splitlines() if re.search(r"\| 3\.\d+\.\d+ \|", line)
]


def test_the_versions_are_those_that_are_pinned():
    text = (ROOT / "tests" / "frameworks" / "requirements.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"==(\S+)", text.partition("# What they need")[0]))
    assert {version for _, version, *_ in ROWS if version[:1].isdigit()} <= pinned


def test_the_readme_counts_the_tools():
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"in {len({row[0] for row in ROWS})} frameworks and tools" in readme


def test_what_differs_has_a_reason():
    for tool, _, use, _, in_c, _ in ROWS:
        assert in_c == "the same" or in_c.startswith("not tried: ") or re.search(r"`: \w", in_c), (tool, use)
