"""Applications that are frozen, with an extension that finds the runtime from C: docs/freezing.md."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from compiling import compile_extension

import pyawaitable

ROOT = Path(__file__).parent.parent
HELLO = ROOT / "examples" / "hello" / "hello.c"
TOOL = "pyinstaller==6.22.3"

APPLICATION = """
import asyncio
import sys

import hello

async def name():
    await asyncio.sleep(0)
    return "world"

print(asyncio.run(hello.greet(name())), sys.frozen)
"""

# ---- What the extension says ---------------------------------------------------------------------

REPORT = """
import sys
import rawapi
{before}
try:
    rawapi.init()
except ImportError as error:
    print(error)
"""
MISSING = "sys.modules['_pyawaitable'] = None"
ANOTHER = "import types; sys.modules['_pyawaitable'] = types.ModuleType('_pyawaitable')"
BROKEN = """
import builtins
original = builtins.__import__
def refusing(name, *arguments):
    if name == "_pyawaitable":
        raise ImportError("not for this Python")
    return original(name, *arguments)
builtins.__import__ = refusing
"""
AGAIN = '"pyawaitable-rs>=3.0,<4"  where this application was frozen, and freeze it again\n'


COMPILED = "import types; __compiled__ = types.SimpleNamespace(standalone={})"


@pytest.mark.parametrize("before", ["sys.frozen = True", COMPILED.format(True)], ids=["PyInstaller", "Nuitka"])
def test_frozen_application_without_the_runtime(run_python, before):
    message = run_python(REPORT.format(before=f"{before}\n{MISSING}")).stdout
    assert message.startswith("this application was frozen without the module '_pyawaitable'")
    options = "--hidden-import=_pyawaitable", "--include-module=_pyawaitable", "--includes=_pyawaitable"
    assert [option for option in options if option not in message] == []
    assert "pip" not in message


@pytest.mark.parametrize("before", [ANOTHER, BROKEN])
def test_frozen_application_with_a_wrong_runtime(run_python, before):
    message = run_python(REPORT.format(before=f"sys.frozen = 'macosx_app'\n{before}")).stdout
    assert message.startswith("this extension needs the runtime of PyAwaitable 3")
    assert message.endswith(AGAIN)


FALSE = """
class Odd:
    def __bool__(self):
        raise KeyError
sys.frozen = Odd()
"""


WITHOUT_MAIN = "del sys.modules['__main__']"
NOT_FROZEN = ["", "sys.frozen = False", "sys.frozen = None", FALSE, COMPILED.format(False), "__compiled__ = 1", WITHOUT_MAIN]


@pytest.mark.parametrize("before", NOT_FROZEN)
@pytest.mark.parametrize("runtime", [MISSING, ANOTHER, BROKEN])
def test_other_applications_say_what_to_install(run_python, before, runtime):
    message = run_python(REPORT.format(before=f"{before}\n{runtime}")).stdout
    assert message.startswith("this extension needs the runtime of PyAwaitable 3")
    assert message.endswith('"pyawaitable-rs>=3.0,<4"\n')


# ---- PyInstaller ---------------------------------------------------------------------------------


def run(*command, cwd=None):
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )


def checked(*command, cwd=None):
    finished = run(*command, cwd=cwd)
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A Python with PyInstaller, and with the wheel that the library of this environment was installed from."""
    if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        pytest.skip("PyInstaller needs an interpreter with a shared libpython")
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("PyInstaller was not tried with a free-threaded interpreter")
    (wheel,) = Path(sys.prefix).parent.glob("wheels/pyawaitable_rs-*.whl")
    folder = tmp_path_factory.mktemp("pyinstaller")
    checked(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", python, "install"]
    checked(*pip, TOOL)
    checked(*pip, "--no-index", "--no-deps", wheel)
    return python


@pytest.fixture
def freeze(tmp_path, environment):
    """Freezes an application with the extension `hello` beside it; returns the program."""

    def freeze_application(*options, text=APPLICATION, compiler=()):
        source = tmp_path / "application.py"
        source.write_text(text, encoding="utf-8")
        compile_extension(tmp_path, "hello", [HELLO], *compiler)
        tool = [environment, "-m", "PyInstaller", "--log-level=ERROR", "--noconfirm"]
        checked(*tool, *options, source, cwd=tmp_path)
        return tmp_path / "dist" / "application" / "application"

    return freeze_application


@pytest.mark.builds
def test_pyinstaller_is_told(freeze):
    assert checked(freeze("--hidden-import=_pyawaitable")) == "Hello, world! True\n"


@pytest.mark.builds
def test_pyinstaller_is_not_told(freeze):
    """It cannot see the import; if that changes, so must the document."""
    finished = run(freeze())
    assert finished.returncode == 1
    assert "ImportError: this application was frozen without the module '_pyawaitable'" in finished.stdout


@pytest.mark.builds
def test_pyinstaller_sees_an_import(freeze):
    """As the author of an extension can arrange it for all users."""
    assert checked(freeze(text="import pyawaitable\n" + APPLICATION)) == "Hello, world! True\n"


@pytest.mark.builds
def test_pyinstaller_need_not_be_told_of_a_static_library(freeze):
    compiler = ["-DPYAWAITABLE_LINK", "-DPYAWAITABLE_STATIC", pyawaitable.static_library()]
    assert checked(freeze(compiler=compiler)) == "Hello, world! True\n"
