"""Runs each case with the functions in C and with those in Python, and compares what happens.

    cd tests && python -m frameworks --build ../build/py311 [--write] [--builtins] [starlette ...]

--write puts the rows into docs/frameworks.md, where those of other versions of Python stay. --builtins leaves the functions in
C builtins, as they are without the flag: it shows what differs then. Exit status 1: a difference that known.py does not list,
one that it lists and that is none, or a case that fails in Python, too. What a tool prints is in build/<tag>/frameworks/.
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
PINS = HERE / "requirements.txt"
TABLE = ROOT / "docs" / "frameworks.md"
BEGIN, END = "<!-- make frameworks -->\n", "<!-- end -->\n"
HEAD = "| tool | version | use | Python | C | `async def` |\n|---|---|---|---|---|---|\n"
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


def write(rows, order):
    """Puts the rows into the table, in place of those of the same uses under the same Python."""
    before, rest = TABLE.read_text(encoding="utf-8").split(BEGIN)
    table, after = rest.split(END)

    def place(line):
        tool, _, use, python = (each.strip() for each in line.split("|")[1:5])
        return order.index([tool, use]) if [tool, use] in order else len(order), int(python.split(".")[1])

    lines = {place(line): line for line in [*table.splitlines(keepends=True)[2:], *rows]}
    lines = [lines[key] for key in sorted(lines) if key[0] < len(order)]
    TABLE.write_text(before + BEGIN + HEAD + "".join(lines) + END + after, encoding="utf-8")


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
    print(HEAD, end="", flush=True)
    for tool, (packages, uses) in tools.items():
        if options.names and not tool.lower().startswith(tuple(name.lower() for name in options.names)):
            continue
        lacking = [f"{package}: {place.missing[package]}" for package in packages if place.missing.get(package)]
        if lacking:
            found = [(use, f"not tried: {lacking[0]}".replace("|", "/"), "", None) for use in uses]
            version = ""
        else:
            in_c, in_python = place.run(tool, "in_c", options.builtins), place.run(tool, "in_python")
            found = compare(tool, uses, in_c, in_python)
            version = place.version(packages[0]) if packages else "Python's"
        for use, c, python, complaint in found:
            rows.append("| " + " | ".join([tool, version, use, platform.python_version(), c, python]) + " |\n")
            print(rows[-1], end="", flush=True)
            if complaint:
                wrong.append(f"{tool}, {use}: {complaint}")
    if options.write:
        write(rows, [case[:2] for case in cases])
    if wrong:
        raise SystemExit("\n".join(["", *wrong]))


if __name__ == "__main__":
    main()
