"""The Python code that makes functions, src/functions/define.py, as the library has it: bytecode for the releases of a
version; or the source, where that was not to be had."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import _pyawaitable

ROOT = Path(__file__).parent.parent
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
# A code object, as `marshal` writes it, after the magic number.
MAGIC = importlib.util.MAGIC_NUMBER
BYTECODE = MAGIC + b"\xe3"
USES = """
import asyncio, inspect, functions
assert inspect.iscoroutinefunction(functions.greet)
assert str(inspect.signature(functions.varargs)) == "(a, b=None)"
assert functions.greet.__doc__ == "Awaits name, and greets it."
async def name(): return "Ada"
print(asyncio.run(functions.greet(name=name())), _pyawaitable.__file__)
"""


@pytest.fixture
def run_with(run_python, tmp_path):
    """Run code with this library in the place of the one that is installed."""

    def run(library, code, check=True):
        package = tmp_path / "_pyawaitable"
        package.mkdir()
        for file in Path(_pyawaitable.__file__).parent.iterdir():
            if file.is_file():
                shutil.copy(file, package)
        (package / f"__init__{SUFFIX}").write_bytes(library)
        return run_python("import _pyawaitable\n" + code, env={"PYTHONPATH": str(tmp_path)}, check=check)

    return run


needs_bytecode = pytest.mark.skipif(
    sys.version_info.releaselevel != "final", reason="this interpreter is no release, for which only the source is right"
)


@needs_bytecode
def test_the_bytecode_of_another_interpreter_is_refused(run_with):
    library = Path(_pyawaitable.__file__).read_bytes()
    assert library.count(BYTECODE) == 1
    other = bytes([MAGIC[0] ^ 1]) + MAGIC[1:]
    # The number is also in the machine code that compares it.
    finished = run_with(library.replace(MAGIC, other), USES, check=False)
    assert "RuntimeError: this copy of PyAwaitable was built for the releases of this version" in finished.stderr


def test_without_an_interpreter_to_compile_it_the_source_is_compiled_by_the_first_function(run_with, tmp_path):
    """As in a build for another platform."""
    flags = [name for name in ("Py_DEBUG", "Py_GIL_DISABLED") if sysconfig.get_config_var(name)]
    config = tmp_path / "config"
    version = "{}.{}".format(*sys.version_info)
    config.write_text(f"implementation=CPython\nversion={version}\nshared=true\nbuild_flags={','.join(flags)}\n")
    tag = f"py{version.replace('.', '')}{getattr(sys, 'abiflags', '')}"
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "build" / tag / "target") / "no_interpreter"
    environment = {name: value for name, value in os.environ.items() if name != "PYO3_PYTHON"}
    environment.update(
        PYO3_CONFIG_FILE=str(config),
        PYO3_BUILD_EXTENSION_MODULE="1",
        PYAWAITABLE_PYTHON_INCLUDE=sysconfig.get_path("include"),
        UNSAFE_PYO3_SKIP_VERSION_CHECK="1",
    )
    command = ["cargo", "rustc", "--quiet", "--locked", "--profile", "quick", "--lib", "--crate-type", "cdylib"]
    subprocess.run([*command, "--target-dir", target], cwd=ROOT, env=environment, check=True)
    folder = target / "quick"
    built = next(path for path in (folder / "libpyawaitable.so", folder / "libpyawaitable.dylib") if path.exists())
    library = built.read_bytes()
    assert BYTECODE not in library and b"def define(" in library
    greeting, file = run_with(library, USES).stdout.rsplit(maxsplit=1)
    assert greeting == "Hello, Ada!" and file.startswith(str(tmp_path))
