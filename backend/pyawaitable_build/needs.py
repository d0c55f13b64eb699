"""What a build needs of the machine: looked for before anything is built, and said in sentences.

`python needs.py` does so for the interpreter that runs it, for `make`: the exit status is 1 if something is missing.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


# For another machine, or with compilers of its own, the interpreter that runs this says nothing of the build.
NOT_FOR_HERE = re.compile("PYO3_CROSS|PYO3_CONFIG_FILE|CARGO_BUILD_TARGET|CC_|HOST_CC|TARGET_CC")


def missing(with_rust=True, with_compiler=True):
    """Sentences about all that is not there."""
    found = [path_of_sources()]
    if with_rust:
        found.append(rust())
    # Windows has its compiler outside PATH, and its headers with each interpreter.
    if with_compiler and sys.platform != "win32" and not any(map(NOT_FOR_HERE.match, os.environ)):
        found.append(compiler() or headers())
    return [sentence for sentence in found if sentence is not None]


def path_of_sources():
    try:
        str(ROOT).encode("utf-8")
    except UnicodeEncodeError:
        path = os.fsencode(ROOT).decode("utf-8", "backslashreplace")
        return f"The path of the sources, {path}, is not UTF-8, which Rust's tools need: move them."
    return None


def rust():
    """What is wrong with Rust."""
    how = "https://rustup.rs installs it for one user, without being root"
    if shutil.which("cargo") is None:
        home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo", "bin")
        if (home / "cargo").exists():
            return f'Rust is not in PATH: cargo is in {home}, so run  export PATH="{home}:$PATH"  first.'
        return f"Rust is missing, there is no cargo in PATH: {how}."
    wanted = re.search(r'^rust-version = "([\d.]+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    for tool in ("cargo", "rustc"):
        status, output = run(tool, "--version")
        version = re.match(rf"{tool} (\d+)\.(\d+)", output)
        if status != 0 or version is None:
            says = output.partition("\n\n")[0].replace("\n", "; ") or f"nothing, exit status {status}"
            return f"Rust does not work, `{tool} --version` says: {says}"
        if [int(number) for number in version.groups()] < [int(number) for number in wanted.split(".")]:
            return f"Rust is too old, {wanted} is needed and this is {version[0]}: `rustup update` mends it, or {how}."
    return None


HOW_COMPILER = (
    "xcode-select --install"
    if sys.platform == "darwin"
    else "apt install build-essential, dnf install gcc, apk add build-base or the like"
)


def c_compiler():
    return shlex.split(os.environ.get("CC", "")) or ["cc"]


def compiler():
    """What is wrong with the C compiler."""
    name = c_compiler()[0]
    if shutil.which(name) is None:
        return f"A C compiler is missing, there is no {name} in PATH: {HOW_COMPILER} installs one."
    status, output = preprocess("#include <stdio.h>\n")
    if status != 0:
        return f"The C compiler {name} does not work: {HOW_COMPILER} installs what it misses. It says: {first_error(output)}"
    return None


def headers():
    """What is wrong with the headers of this interpreter."""
    folder = os.environ.get("PYAWAITABLE_PYTHON_INCLUDE") or sysconfig.get_path("include")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    how = (
        f"apt install python{version}-dev, dnf install python{version}-devel or the like has them,"
        " and an interpreter from python.org, pyenv or uv brings its own"
    )
    if not Path(folder, "Python.h").is_file():
        return f"The C headers of {sys.executable} are missing, there is no {folder}/Python.h: {how}."
    status, output = preprocess("#include <Python.h>\n", "-I", folder)
    if status != 0:
        return f"The C headers of {sys.executable} do not work: {how}. The compiler says: {first_error(output)}"
    return None


def preprocess(source, *options):
    return run(*c_compiler(), *shlex.split(os.environ.get("CFLAGS", "")), *options, "-E", "-x", "c", "-", input=source)


def first_error(output):
    lines = output.splitlines() or ["nothing"]
    return next((line for line in lines if "error" in line), lines[0])


def run(*command, input=""):
    """The exit status, and what the command says: its output where all went well, its errors else."""
    try:
        finished = subprocess.run(command, input=input, capture_output=True, encoding="utf-8", errors="replace")
    except OSError as error:
        return error.errno or 1, str(error)
    return finished.returncode, (finished.stderr if finished.returncode else finished.stdout).strip()


def environments():
    """What is wrong with the interpreter, for `make` alone, which makes virtual environments."""
    if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return f"{sys.executable} has no venv, or no pip for it: apt install python{version}-venv or the like has them."
    return None


def say(sentences):
    """What somebody reads who wanted to build."""
    lines = ["What is needed to build pyawaitable is not all there, and nothing was built."]
    return "\n".join(lines + [f" - {sentence}" for sentence in sentences])


def main():
    sentences = missing() + [sentence for sentence in [environments()] if sentence is not None]
    return say(sentences) if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
