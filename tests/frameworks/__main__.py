"""Runs each case with the functions in C and with those in Python, and compares what happens.

    cd tests && python -m frameworks --build ../build/py311 [--write] [--builtins] [starlette ...]

--write puts what came of it into docs/frameworks.md, where that of other versions of Python stays. --builtins leaves the
functions in C builtins, as they are without the flag: it shows what differs then. Exit status 1: a difference that known.py
does not list, one that it lists and that is none, or a case that fails in Python, too. What a tool prints is in
build/<tag>/frameworks/.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .known import reason

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MINOR = "{}.{}".format(*sys.version_info)
# The newest releases of the tools need newer Pythons than this library.
PINS = next(path for path in (HERE / f"requirements-{MINOR}.txt", HERE / "requirements.txt") if path.exists())
TABLE = ROOT / "docs" / "frameworks.md"
BEGIN, END = "<!-- make frameworks -->\n", "<!-- end -->\n"
USES = ["tool", "use", "Python", "C", "`async def`"]
STANDARD = "Python's"
TIME_LIMIT = 300  # seconds, for the cases of one tool
WIDTH = 70  # characters of a log in a cell


def pinned_tools():
    return PINS.read_text().partition("# What they need")[0]


class Place:
    """The environment with the tools, the wheel and the functions in C."""

    def __init__(self, build):
        self.build = build
        self.folder = build / "frameworks"
        self.python = self.folder / "venv" / "bin" / "python"
        self.missing = {}

    def pip(self, *arguments):
        """What pip complains of, or None."""
        command = [self.python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace")
        if done.returncode == 0:
            return None
        version = re.escape(str(arguments[-1]).rpartition("==")[2])
        if other := re.search(rf" {version} Requires-Python ([^;\n]+)", done.stderr):
            return f"it needs Python {other[1].strip()}"
        complaints = [line[7:] for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        if complaints and complaints[-1].startswith("ResolutionImpossible"):
            return "what it needs cannot be had in one version"
        return complaints[-1] if complaints else f"pip ended with {done.returncode}"

    def needs(self, *arguments):
        complaint = self.pip(*arguments)
        if complaint:
            raise SystemExit(f"pip {' '.join(map(str, arguments))}: {complaint}")

    def prepare(self, packages):
        """What comes from PyPI is fetched once for the same pins, what is built here each time."""
        stamp = self.folder / "stamp"
        if not stamp.is_file() or stamp.read_text() != PINS.read_text():
            shutil.rmtree(self.folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", self.folder / "venv"], check=True)
            self.needs("install", "-c", ROOT / "requirements" / "build.txt", "setuptools")
            if self.pip("install", "-c", PINS, *packages):
                # One by one, with what they need in whatever version this Python has. What cannot be had is named in the table.
                tools = self.folder / "tools.txt"
                tools.write_text(pinned_tools())
                self.missing = {
                    each.partition("==")[0]: self.pip("install", "--no-deps", each) or self.pip("install", "-c", tools, each)
                    for each in packages
                }
                if all(self.missing.values()):
                    raise SystemExit(f"none of the tools can be installed: {self.missing}")
            (self.folder / "missing.json").write_text(json.dumps(self.missing))
            stamp.write_text(PINS.read_text())
        self.missing = json.loads((self.folder / "missing.json").read_text())
        self.needs("install", "--no-index", "--no-deps", "--force-reinstall", *self.build.glob("wheels/*.whl"))
        source = self.folder / "extension"
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(HERE / "extension", source)  # it takes the traces of being built
        self.needs("install", "--no-build-isolation", "--no-deps", "--force-reinstall", source)

    def ask(self, module, code):
        command = [self.python, "-B", "-c", f"import json, {module} as it; print(json.dumps({code}))"]
        return json.loads(subprocess.run(command, check=True, cwd=HERE, stdout=subprocess.PIPE).stdout)

    def cases(self):
        return self.ask("cases", "[[each.tool, each.use, each.packages] for each in it.CASES]")

    def version(self, package):
        return self.ask("importlib.metadata", f"it.version({package!r})")

    def run(self, tool, module, builtins=False):
        """What came of the tool's cases."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
        environment.pop("IN_C_BUILTINS", None)
        environment.update(PYTHONDONTWRITEBYTECODE="1", **({"IN_C_BUILTINS": "1"} if builtins else {}))
        command = [self.python, "-X", "faulthandler", "run.py", tool, module]
        log = self.folder / f"{re.sub('[^a-z]+', '-', tool.lower())}.{module}.log"
        with log.open("w") as errors:
            done = subprocess.run(
                command,
                cwd=HERE,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
                timeout=TIME_LIMIT,
            )
        if done.returncode != 0:
            raise SystemExit(f"{log}: {tool} with {module} ended with {done.returncode}")
        return json.loads(done.stdout.splitlines()[-1])


def compare(tool, uses, here, other):
    """For each use: the cells for C and Python, and a complaint or None."""
    for use in uses:
        in_c, in_python = here[use], other[use]
        known, same = reason(tool, use), in_c == in_python
        if same and "not tried" in in_c:
            yield use, f"not tried: {in_c['not tried']}", "", None
            continue
        complaint = None
        if in_python["raised"]:
            complaint = "fails in Python, too"
        elif not same and not known:
            complaint = "differs"
        elif same and known:
            complaint = "is listed, but does not differ"
        shown = "the same" if same else cell(differing(in_c["log"], in_python["log"])) + (f": {known}" if known else "")
        yield use, shown, cell(in_python["log"]), complaint


def differing(log, other):
    return [line for line in log if line not in other] or [f"{len(log)} lines of {len(other)}"]


def cell(log):
    text = "; ".join(log)
    text = text if len(text) <= WIDTH else text[: WIDTH - 4].rstrip() + " ..."
    return f"`{text.replace('|', '/').replace('`', chr(39))}`"


def cells_of(table):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if not line.startswith("|---")]


def table_of(head, rows):
    first, *lines = ("| " + " | ".join(row) + " |\n" for row in [head, *rows])
    return first + "|" + len(head) * "---|" + "\n" + "".join(lines)


def minor_of(python):
    return ".".join(python.split(".")[:2])


def write(found, order):
    """Puts what was found into the tables, and leaves what other Pythons found.

    `found` has a list for each use: the tool, its version, the use, the cells for C and for Python.
    """
    before, rest = TABLE.read_text(encoding="utf-8").split(BEGIN)
    tables, after = rest.split(END)
    tools, uses = map(cells_of, tables.strip().split("\n\n"))
    pythons = {minor_of(python): python for python in tools[0][1:]}
    versions = {(tool, minor): version for tool, *each in tools[1:] for minor, version in zip(pythons, each)}
    results = {(tool, use, minor): tuple(result) for tool, use, in_, *result in uses[1:] for minor in in_.split(", ")}

    pythons[MINOR] = platform.python_version()
    for tool, version, use, in_c, in_python in found:
        results.pop((tool, use, MINOR), None)
        if version != STANDARD:
            versions[tool, MINOR] = version or in_c
        if version:
            results[tool, use, MINOR] = in_c, in_python

    minors = sorted(pythons, key=lambda minor: int(minor.split(".")[1]))
    names = [tool for tool in dict.fromkeys(tool for tool, _ in order) if any((tool, minor) in versions for minor in minors)]
    tools = [[tool, *(versions.get((tool, minor), "") for minor in minors)] for tool in names]
    uses = []
    for tool, use in order:
        same = {}
        for minor in minors:
            if (tool, use, minor) in results:
                same.setdefault(results[tool, use, minor], []).append(minor)
        uses += [[tool, use, ", ".join(in_), *result] for result, in_ in same.items()]
    text = table_of(["tool", *(pythons[minor] for minor in minors)], tools) + "\n" + table_of(USES, uses)
    TABLE.write_text(before + BEGIN + text + END + after, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="put the rows into docs/frameworks.md")
    parser.add_argument("--builtins", action="store_true", help="leave the functions in C builtins")
    parser.add_argument("names", nargs="*", help="the tools whose name begins so")
    options = parser.parse_args()
    if options.write and options.builtins:
        parser.error("--builtins is not for the table")
    place = Place(options.build.absolute())
    place.prepare(re.findall(r"^[\w-]+==\S+", pinned_tools(), re.MULTILINE))
    cases = place.cases()
    tools = {}
    for tool, use, packages in cases:
        tools.setdefault(tool, (packages, []))[1].append(use)
    rows, wrong = [], []
    for tool, (packages, uses) in tools.items():
        if options.names and not tool.lower().startswith(tuple(name.lower() for name in options.names)):
            continue
        lacking = [f"{package}: {place.missing[package]}" for package in packages if place.missing.get(package)]
        if lacking:
            found = [(use, f"none: {lacking[0]}".replace("|", "/"), "", None) for use in uses]
            version = ""
        else:
            in_c, in_python = place.run(tool, "in_c", options.builtins), place.run(tool, "in_python")
            found = compare(tool, uses, in_c, in_python)
            version = place.version(packages[0]) if packages else STANDARD
        for use, c, python, complaint in found:
            rows.append([tool, version, use, c, python])
            print(" | ".join(rows[-1]), flush=True)
            if complaint:
                wrong.append(f"{tool}, {use}: {complaint}")
    if options.write:
        write(rows, [tuple(case[:2]) for case in cases])
    if wrong:
        raise SystemExit("\n".join(["", *wrong]))


if __name__ == "__main__":
    main()
