"""libpyawaitable, as in a wheel: what it exports, what it needs, what it costs."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path

import pytest

import _pyawaitable
import pyawaitable

API = json.loads(Path(__file__).with_name("api.json").read_text(encoding="utf-8"))
SHARED = pyawaitable.library()
STATIC = pyawaitable.static_library()
EXTENSION = _pyawaitable.__file__
SOURCE = Path(__file__).parent / "builds" / "adder.c"
KIB = 1024

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux")
    or any(shutil.which(tool) is None for tool in ("ld.bfd", "objcopy", "nm", "readelf", "strip")),
    reason="elsewhere, and without GNU's tools, the libraries are as cargo makes them",
)


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def names(*command):
    """The last word of each line: where nm has the names of symbols."""
    return [line.split()[-1] for line in run(*command).splitlines() if line.strip()]


def functions_of_the_header():
    # Without the variadic ones, which are inline in every mode.
    return {function["name"] for function in API if function["offset"] is not None}


def needed(path):
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", path)))


def build(folder, *options):
    out = folder / ("adder" + sysconfig.get_config_var("EXT_SUFFIX"))
    headers = (f"-I{sysconfig.get_path('include')}", f"-I{pyawaitable.include()}")
    run("cc", "-shared", "-fPIC", "-O2", *headers, SOURCE, "-o", out, *options)
    return out


@pytest.fixture
def static_extension(tmp_path):
    """One that is linked with no option but what the mode needs."""
    return build(tmp_path, "-DPYAWAITABLE_LINK", "-DPYAWAITABLE_STATIC", STATIC)


@pytest.fixture
def table_extension(tmp_path):
    folder = tmp_path / "table"
    folder.mkdir()
    return build(folder)


def test_shared_library_exports_the_api_alone():
    exported = run("nm", "--dynamic", "--defined-only", SHARED).split()[2::3]
    version = f"@@PYAWAITABLE_{pyawaitable.__version__.split('.')[0]}"
    assert len(functions_of_the_header()) >= 25
    assert set(exported) - {version[2:]} == {name + version for name in functions_of_the_header()}


def test_static_library_shows_the_api_alone():
    symbols = run("nm", "--extern-only", "--defined-only", STATIC).split("\n")
    shown = {line.split()[-1] for line in symbols if len(line.split()) == 3}
    assert shown == functions_of_the_header()


def test_static_library_stays_inside_what_links_it(static_extension):
    assert names("nm", "--dynamic", "--defined-only", static_extension) == ["PyInit_adder"]


def test_shared_library_needs_the_c_library_alone():
    assert "libc.so.6" in needed(SHARED) or "musl" in str(needed(SHARED))
    assert [name for name in needed(SHARED) if not re.match(r"lib?c\.|ld-linux", name)] == []
    assert "[libpyawaitable.so]" in run("readelf", "-d", SHARED)


def test_libraries_call_the_interpreter_and_little_else():
    undefined = names("nm", "--undefined-only", STATIC)
    others = {name for name in undefined if not re.match(r"_?Py", name)} - {f"{Path(STATIC).name}"}
    # Of C, of the system's clock, by which other threads have their turn, and of thread-local storage.
    allowed = {"memcpy", "memmove", "memset", "memcmp", "bcmp", "strstr", "strlen", "strcspn", "strrchr"}
    allowed |= {"clock_gettime", "pyawaitable.o:"}
    # Where a thread's stack is, and which file has a function.
    allowed |= {"pthread_self", "pthread_getattr_np", "pthread_attr_getstack", "pthread_attr_destroy", "dladdr"}
    # Descriptors that tell of a mailbox, and those of others. Threads that work or wait, and what fork does to both.
    allowed |= {
        "close",
        "epoll_create1",
        "epoll_ctl",
        "eventfd",
        "fstat",
        "pipe",
        "fcntl",
        "poll",
        "read",
        "write",
        "getpid",
        "sysconf",
        "nanosleep",
        "malloc",
        "free",
    }
    allowed |= {"pthread_atfork", "pthread_create", "pthread_detach", "pthread_once", "pthread_sigmask", "sigfillset"}
    allowed |= {"pthread_attr_init", "pthread_attr_setdetachstate", "pthread_mutex_lock", "pthread_mutex_unlock"}
    allowed |= {f"pthread_cond_{name}" for name in ("broadcast", "signal", "timedwait", "wait")}
    assert {name for name in others if not name.startswith("_")} <= allowed
    assert {name for name in others if name.startswith("_")} <= {
        "__errno_location",
        "__tls_get_addr",
        "___tls_get_addr",
        "_GLOBAL_OFFSET_TABLE_",
    }


def glibc_versions(path):
    found = re.findall(r"GLIBC_(\d+)\.(\d+)", run("readelf", "--version-info", path))
    return {(int(major), int(minor)) for major, minor in found}


def test_shared_library_is_as_old_as_the_wheel_says():
    """maturin checks only the extension module for the wheel's tag."""
    tags = re.findall(r"manylinux_(\d+)_(\d+)", distribution("pyawaitable-rs").read_text("WHEEL"))
    promised = [(int(major), int(minor)) for major, minor in tags]
    limit = min(promised) if promised else max(glibc_versions(EXTENSION))
    assert glibc_versions(SHARED), "not linked with glibc"
    assert max(glibc_versions(SHARED)) <= limit


@pytest.mark.parametrize("path", [SHARED, STATIC], ids=["shared", "static"])
def test_libraries_hold_no_panic(path):
    symbols = names("nm", path)
    assert [name for name in symbols if "panic" in name or name.startswith("rust_")] == []


def test_static_extension_holds_no_panic(static_extension):
    assert any("11pyawaitable" in name for name in names("nm", static_extension))
    assert [name for name in names("nm", static_extension) if "panic" in name] == []


def stripped_size(path):
    run("strip", path)
    return path.stat().st_size


def test_static_library_adds_at_most_256_kib(static_extension, table_extension):
    added = stripped_size(static_extension) - stripped_size(table_extension)
    assert 0 < added <= 256 * KIB


def test_extension_module_is_at_most_260_kib(tmp_path):
    copy = tmp_path / "copy.so"
    shutil.copy(EXTENSION, copy)
    assert stripped_size(copy) <= 260 * KIB


def test_shared_library_is_at_most_260_kib(tmp_path):
    copy = tmp_path / "copy.so"
    shutil.copy(SHARED, copy)
    assert stripped_size(copy) <= 260 * KIB


def test_static_library_is_as_small():
    assert Path(STATIC).stat().st_size <= 540 * KIB


def test_a_copy_for_another_python_says_so(tmp_path):
    """As if an extension were linked with the wrong libpyawaitable."""
    content = Path(EXTENSION).read_bytes()
    version = "{}.{}.".format(*sys.version_info).encode()
    other = b"2" + version[1:]
    assert content.count(b"built for CPython " + version) == 1
    path = tmp_path / Path(EXTENSION).name
    path.write_bytes(content.replace(b"built for CPython " + version, b"built for CPython " + other))
    code = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("_pyawaitable", {str(path)!r})
try:
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
except ImportError as error:
    print(error)
"""
    assert run(sys.executable, "-I", "-c", code).startswith("this copy of PyAwaitable was built for Python 3.")
