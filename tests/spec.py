"""The rules of docs/spec.md: their text, the files that keep them, the tests that claim them. `make rule ID=steps.3` shows one.

A rule is a paragraph that begins with its id in bold. One that is built ends with a paragraph `Kept by FILES. Tests: IDS.`; one
that is marked as not built yet extends to the next rule or heading.
"""

import re
import sys
import textwrap
from typing import NamedTuple

from documents import ROOT, missing_tests, named_tests

DOCUMENT = ROOT / "docs" / "spec.md"
BEGINNING = re.compile(r"\*\*([a-z]+\.\d+)\*\* ")
NOT_BUILT = "*(not built yet)* "
FILES = re.compile(r"`([^`]+)`")
# Where the files are that may keep a rule.
SOURCES = ("backend/", "crates/", "include/", "python/", "src/")


class Rule(NamedTuple):
    id: str
    is_built: bool
    text: str
    files: list
    tests: list


def parse(document):
    """The rules of a text, in order."""
    rules, is_open = [], False
    for paragraph in re.split(r"\n{2,}", document.strip()):
        beginning = BEGINNING.match(paragraph)
        if beginning:
            text = paragraph[beginning.end() :]
            is_built = not text.startswith(NOT_BUILT)
            rules.append(Rule(beginning[1], is_built, text if is_built else text[len(NOT_BUILT) :], [], []))
            is_open = True
        elif paragraph.startswith("#"):
            is_open = False
        elif is_open and paragraph.startswith("Kept by "):
            files, _, tests = paragraph.partition("Tests:")
            rules[-1].files.extend(FILES.findall(files))
            rules[-1].tests.extend(named_tests(tests))
            is_open = False
        elif is_open:
            rules[-1] = rules[-1]._replace(text=f"{rules[-1].text}\n\n{paragraph}")
    return rules


def complaints(document):
    """What is wrong with the rules of a text, one line each."""
    found, counts = [], {}
    for rule in parse(document):
        topic, _, number = rule.id.partition(".")
        counts[topic] = counts.get(topic, 0) + 1
        if int(number) != counts[topic]:
            found.append(f"{rule.id}: rule number {counts[topic]} of its topic")
        if rule.is_built and not rule.files:
            found.append(f"{rule.id}: no file keeps it")
        if rule.is_built and not rule.tests:
            found.append(f"{rule.id}: no test claims it")
        if not rule.is_built and rule.files + rule.tests:
            found.append(f"{rule.id}: not built yet, and yet there are files or tests")
        for path in rule.files:
            if not path.startswith(SOURCES) or not (ROOT / path).is_file():
                found.append(f"{rule.id}: no such file: {path}")
        found += [f"{rule.id}: no such test: {test}" for test in missing_tests(rule.tests)]
    return found


def show(rule):
    lines = [f"{rule.id}{'' if rule.is_built else ' (not built yet)'}", rule.text]
    if rule.is_built:
        lines += ["", "Kept by", *(f"  {path}" for path in rule.files)]
        lines += ["Tests", *(f"  {path}::{name}" for path, name in rule.tests)]
    return "\n".join(lines)


def main(arguments):
    rules = {rule.id: rule for rule in parse(DOCUMENT.read_text(encoding="utf-8"))}
    wanted = rules.get(" ".join(arguments))
    if wanted:
        print(show(wanted))
        return 0
    print("Which rule? `make rule ID=...`, and there are", file=sys.stderr)
    print(textwrap.fill(" ".join(rules), 120, break_on_hyphens=False), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
