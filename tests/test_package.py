"""The installed package: header, version, command line, environment variable, and a rival."""

import inspect
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib.metadata import distribution
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import rawapi

import _pyawaitable
import pyawaitable

ROOT = Path(__file__).parent.parent
INSTALLED = Path(pyawaitable.__file__).parent


def version_in_cargo_toml():
    text = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "(.+)"$', text, re.MULTILINE)[1]


# What is installed


# What every start of Python reads, and what that calls where something is unusual.
START = ("pyawaitable_variable.pth", "_pyawaitable_start.py")


def copy_start_to(site):
    for name in START:
        shutil.copy(INSTALLED.parent / name, site)


def test_include_has_the_headers_of_the_source_tree():
    def headers(folder):
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    installed = headers(Path(pyawaitable.include()))
    assert {"pyawaitable.h", "pyawaitable/awaits.h"} <= set(installed)
    assert installed == headers(ROOT / "include")


def test_include_is_an_absolute_folder_beside_the_package():
    folder = pyawaitable.include()
    assert type(folder) is str
    assert os.path.isabs(folder)
    assert folder == str(INSTALLED / "include")


def test_include_takes_suppress_error_by_name_only():
    parameter = inspect.signature(pyawaitable.include).parameters["suppress_error"]
    assert parameter.kind is parameter.KEYWORD_ONLY
    assert parameter.default is False


def test_version_is_that_of_cargo_toml():
    assert pyawaitable.__version__ == version_in_cargo_toml()
    assert distribution("pyawaitable-rs").version == version_in_cargo_toml()


def test_type_is_that_of_the_extension_module():
    assert pyawaitable.PyAwaitable is _pyawaitable.PyAwaitable
    assert isinstance(pyawaitable.PyAwaitable, type)


@pytest.mark.parametrize("module", [pyawaitable, _pyawaitable])
def test_unknown_attribute(module):
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = module.no_such_name


@pytest.mark.parametrize("package", ["pyawaitable", "_pyawaitable"])
def test_type_hints_are_installed(package):
    assert (INSTALLED.parent / package / "py.typed").is_file()
    assert (INSTALLED.parent / package / "__init__.pyi").is_file()


def test_metadata():
    metadata = distribution("pyawaitable-rs").metadata
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.9"
    assert not metadata.get_all("Requires-Dist")


def test_import_loads_nothing_else(run_python):
    code = "import sys; before = set(sys.modules); import pyawaitable; print(*sorted(set(sys.modules) - before))"
    loaded = run_python(code).stdout.split()
    assert loaded == ["_pyawaitable", "pyawaitable"]


# What is installed for extensions that link the library

LIB = INSTALLED / "lib"


@pytest.mark.parametrize("function", [pyawaitable.library, pyawaitable.static_library])
def test_libraries_are_absolute_paths_beside_the_package(function):
    path = function()
    assert type(path) is str
    assert os.path.isfile(path)
    assert Path(path).parent == LIB


def entry_point(group):
    entries = distribution("pyawaitable-rs").entry_points
    (found,) = (entry for entry in entries if entry.group == group)
    return find_spec(found.value).submodule_search_locations


def test_cmake_package_is_where_scikit_build_core_looks():
    (prefix,) = entry_point("cmake.prefix")
    assert Path(prefix, "lib", "cmake", "PyAwaitable", "PyAwaitableConfig.cmake").is_file()


def test_pkg_config_files_are_where_pkgconf_looks():
    (folder,) = entry_point("pkg_config")
    names = {path.name for path in Path(folder).iterdir()}
    assert names == {"pyawaitable.pc", "pyawaitable-static.pc", "pyawaitable-headers.pc"}


def test_build_files_say_the_version_and_no_folder():
    files = [path for folder in ("cmake", "pkgconfig") for path in (LIB / folder).rglob("*.*")]
    assert len(files) == 5
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search("@[A-Z_]+@", text), path
        assert str(INSTALLED) not in text, path
        if path.name != "PyAwaitableConfig.cmake":
            assert version_in_cargo_toml() in text, path


def test_what_is_installed_is_recorded():
    """The backend adds to the wheel that maturin made, and to the list of its files."""
    installed = distribution("pyawaitable-rs")
    recorded = {Path(installed.locate_file(file)): file for file in installed.files}
    for path in LIB.rglob("*"):
        if path.is_file():
            assert recorded[path].hash.mode == "sha256"
            assert recorded[path].size == path.stat().st_size


def test_wheel_gets_files_added(tmp_path):
    spec = spec_from_file_location("adding", ROOT / "backend" / "pyawaitable_build" / "wheel.py")
    adding = module_from_spec(spec)
    spec.loader.exec_module(adding)
    record = "a.py,sha256=x,1\na-1.data/platlib/c.pth,sha256=y,1\na-1.dist-info/RECORD,,\n"
    with zipfile.ZipFile(tmp_path / "old.whl", "w") as old:
        for name, text in {"a.py": "1", "a-1.data/platlib/c.pth": "#", "a-1.dist-info/RECORD": record}.items():
            old.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    (tmp_path / "b").write_bytes(b"bb")
    results = [tmp_path / "new.whl", tmp_path / "again.whl"]
    for result in results:
        adding.add(tmp_path / "old.whl", {"a/b": tmp_path / "b"}, result)
    assert results[0].read_bytes() == results[1].read_bytes()
    with zipfile.ZipFile(results[0]) as new:
        assert new.testzip() is None
        assert new.namelist() == ["a.py", "c.pth", "a/b", "a-1.dist-info/RECORD"]
        assert new.read("a/b") == b"bb"
        assert new.read("a-1.dist-info/RECORD").decode().splitlines() == [
            "a.py,sha256=x,1",
            "c.pth,sha256=y,1",
            "a/b,sha256=O2TblctVx2M5HHBxCEia4YtBEteDMA3jjgM7TJjD3q8,2",
            "a-1.dist-info/RECORD,,",
        ]


def test_sdist_holds_what_a_build_needs(tmp_path):
    command = [sys.executable, "-m", "maturin", "sdist", "--out", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = tmp_path.iterdir()
    with tarfile.open(path) as archive:
        assert all(member.isfile() for member in archive)
        names = {member.name.split("/", 1)[1] for member in archive}
    assert {"Cargo.toml", "pyproject.toml", "build.rs", "LICENSE", "src/lib.rs"} <= names
    assert {"python/pyawaitable/__init__.py", "python/_pyawaitable/__init__.pyi"} <= names
    assert {f"python/data/platlib/{name}" for name in START} <= set(names)
    backend = ROOT / "backend" / "pyawaitable_build"
    for path in [*backend.glob("*.py"), *backend.glob("templates/*")]:
        assert path.relative_to(ROOT).as_posix() in names
    for header in (ROOT / "include").rglob("*.h"):
        name = header.relative_to(ROOT).as_posix()
        assert {name, f"python/pyawaitable/{name}"} <= names


# The command


COMMAND = [os.path.join(sysconfig.get_path("scripts"), "pyawaitable")]
MODULE = [sys.executable, "-m", "pyawaitable"]
either_command = pytest.mark.parametrize("command", [COMMAND, MODULE], ids=["script", "module"])


def output_of(*command, env=None):
    finished = subprocess.run(command, capture_output=True, text=True, env=env, timeout=60)
    return finished.returncode, finished.stdout, finished.stderr


@either_command
def test_command_include(command):
    assert output_of(*command, "--include") == (0, pyawaitable.include() + "\n", "")


FLAGS = {
    "--cflags": ["-I{include}", "-DPYAWAITABLE_LINK"],
    "--libs": ["-L{lib}", "-lpyawaitable", "-Wl,-rpath,{lib}"],
    "--static-cflags": ["-I{include}", "-DPYAWAITABLE_LINK", "-DPYAWAITABLE_STATIC"],
    "--static-libs": ["{lib}/libpyawaitable.a"],
    "--pkgconfigdir": ["{lib}/pkgconfig"],
    "--cmakedir": ["{lib}/cmake/PyAwaitable"],
}


@pytest.mark.skipif(sys.platform == "win32", reason="the options are those of Unix compilers")
@pytest.mark.parametrize("option", FLAGS)
@either_command
def test_command_for_linking(command, option):
    expected = " ".join(FLAGS[option]).format(include=pyawaitable.include(), lib=LIB)
    assert output_of(*command, option) == (0, expected + "\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="the options are those of Unix compilers")
def test_command_puts_flags_in_one_line():
    status, out, err = output_of(*MODULE, "--version", "--libs", "--cflags", "--include")
    include, flags, version = out.splitlines()
    assert (status, err) == (0, "")
    assert (include, version) == (pyawaitable.include(), pyawaitable.__version__)
    assert flags.split()[1:3] == ["-DPYAWAITABLE_LINK", f"-L{LIB}"]


@either_command
def test_command_version(command):
    assert output_of(*command, "--version") == (0, version_in_cargo_toml() + "\n", "")


@either_command
def test_command_alone_says_what_it_is(command):
    status, out, err = output_of(*command)
    assert (status, err) == (0, "")
    assert out.startswith(f"PyAwaitable {version_in_cargo_toml()}")
    assert "--include" in out


@either_command
def test_command_help(command):
    status, out, err = output_of(*command, "--help")
    assert (status, err) == (0, "")
    assert "PYAWAITABLE_INCLUDE" in out


@either_command
def test_command_refuses_unknown_options(command):
    status, out, err = output_of(*command, "--no-such-option")
    assert (status, out) == (2, "")
    assert "--no-such-option" in err


# The environment variable


def test_variable_is_set_at_start_without_an_import(run_python):
    code = "import os, sys; print(os.environ['PYAWAITABLE_INCLUDE'], 'pyawaitable' in sys.modules)"
    finished = run_python(code, "-W", "error", env={"PYAWAITABLE_INCLUDE": None})
    assert finished.stdout == f"{pyawaitable.include()} False\n"
    assert finished.stderr == ""


def test_variable_reaches_child_processes(run_python):
    code = (
        "import subprocess, sys; "
        "subprocess.run([sys.executable, '-S', '-c', "
        "'import os; print(os.environ[\"PYAWAITABLE_INCLUDE\"])'], check=True)"
    )
    finished = run_python(code, env={"PYAWAITABLE_INCLUDE": None})
    assert finished.stdout == f"{pyawaitable.include()}\n"


def test_variable_is_this_interpreters_own_inside_another(run_python):
    """As in an isolated build, which is started by another environment's interpreter."""
    code = "import os; print(os.environ['PYAWAITABLE_INCLUDE'])"
    finished = run_python(code, env={"PYAWAITABLE_INCLUDE": "/another/environment"})
    assert finished.stdout == f"{pyawaitable.include()}\n"


# Damage, and the original PyAwaitable in the same place: its distribution is `pyawaitable`


@pytest.fixture
def site(tmp_path):
    """A copy of what is installed, to be damaged."""
    for package in ("pyawaitable", "_pyawaitable"):
        shutil.copytree(
            INSTALLED.parent / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    return tmp_path


def add_metadata_of_the_original(site, version):
    folder = site / f"pyawaitable-{version}.dist-info"
    folder.mkdir()
    text = f"Metadata-Version: 2.1\nName: pyawaitable\nVersion: {version}\n"
    (folder / "METADATA").write_text(text, encoding="utf-8")


def put_1x_over_ours(site):
    """The files that pyawaitable 1.3.0 overwrites and adds."""
    add_metadata_of_the_original(site, "1.3.0")
    init = "from _pyawaitable import _PyAwaitableType\n__version__ = '1.3.0'\n"
    (site / "pyawaitable" / "__init__.py").write_text(init, encoding="utf-8")
    (site / "pyawaitable" / "pyawaitable.h").write_text("", encoding="utf-8")
    (site / ("_pyawaitable" + sysconfig.get_config_var("EXT_SUFFIX"))).write_bytes(b"")


def run_module(site, *options):
    """The command in that copy; -S keeps the whole installation out of the way."""
    command = [sys.executable, "-S", "-m", "pyawaitable", *options]
    return output_of(*command, env={**os.environ, "PYTHONPATH": str(site)})


USE_INCLUDE = "import pyawaitable; print(pyawaitable.include())"


def test_copy_is_whole(site, run_python):
    finished = run_python(USE_INCLUDE, "-W", "error", env={"PYTHONPATH": str(site)})
    assert finished.stdout == f"{site / 'pyawaitable' / 'include'}\n"
    assert finished.stderr == ""


def test_an_installation_by_another_python(site, run_python):
    (module,) = (site / "_pyawaitable").glob("__init__.*.so")
    module.rename(module.with_name("__init__.cpython-38-x86_64-linux-gnu.so"))
    status, _, err = run_module(site, "--include")
    assert status != 0
    assert "no extension module of 'pyawaitable-rs' for this Python" in err
    shutil.copy(rawapi.__file__, site)
    code = f"import sys; sys.path = [{str(site)!r}, *sys.path]; import rawapi; rawapi.init()"
    finished = output_of(sys.executable, "-S", "-c", code)
    assert finished[0] != 0
    assert "was installed by another Python" in finished[2]


def test_include_without_the_header(site, run_python):
    (site / "pyawaitable" / "include" / "pyawaitable.h").unlink()
    finished = run_python(USE_INCLUDE, env={"PYTHONPATH": str(site)}, check=False)
    assert finished.returncode == 1
    assert "RuntimeError: pyawaitable.h is not in" in finished.stderr
    assert "pip install --force-reinstall pyawaitable-rs" in finished.stderr


def test_include_without_the_header_suppressed(site, run_python):
    (site / "pyawaitable" / "include" / "pyawaitable.h").unlink()
    code = USE_INCLUDE.replace("include()", "include(suppress_error=True)")
    finished = run_python(code, env={"PYTHONPATH": str(site)})
    assert finished.stdout == f"{site / 'pyawaitable' / 'include'}\n"


def test_command_without_the_header(site):
    (site / "pyawaitable" / "include" / "pyawaitable.h").unlink()
    status, out, err = run_module(site, "--include")
    assert (status, out) == (1, "")
    assert err.startswith("pyawaitable: error: pyawaitable.h is not in")


@pytest.mark.parametrize("function", ["library", "static_library"])
def test_libraries_missing(site, run_python, function):
    """As in an editable installation, whose package is the source tree."""
    shutil.rmtree(site / "pyawaitable" / "lib")
    code = f"import pyawaitable; pyawaitable.{function}()"
    finished = run_python(code, env={"PYTHONPATH": str(site)}, check=False)
    assert finished.returncode == 1
    assert f"RuntimeError: {os.path.basename(getattr(pyawaitable, function)())} is not in" in (finished.stderr)
    assert "pip install --force-reinstall pyawaitable-rs" in finished.stderr


@pytest.mark.parametrize("option", [*FLAGS])
def test_command_without_the_libraries(site, option):
    shutil.rmtree(site / "pyawaitable" / "lib")
    status, out, err = run_module(site, option)
    assert (status, out) == (1, "")
    assert err.startswith("pyawaitable: error: ")
    assert "pip install --force-reinstall pyawaitable-rs" in err


@pytest.mark.skipif(sys.platform == "win32", reason="the options are those of Unix compilers")
def test_command_quotes_for_the_shell(site):
    odd = site.rename(site.with_name("a folder"))
    status, out, err = run_module(odd, "--cflags")
    assert (status, out.split(" -D")[0]) == (0, f"'-I{odd}/pyawaitable/include'")


@pytest.mark.parametrize("version", ["1.3.0", "2.0.1"])
def test_include_warns_of_the_original_under_ours(site, run_python, version):
    add_metadata_of_the_original(site, version)
    finished = run_python(USE_INCLUDE, env={"PYTHONPATH": str(site)})
    assert finished.stdout == f"{site / 'pyawaitable' / 'include'}\n"
    assert f"RuntimeWarning: the distribution 'pyawaitable' {version}" in finished.stderr
    assert "pip install pyawaitable-rs" in finished.stderr
    assert "<string>:1:" in finished.stderr, "the warning names the caller's line"


def test_command_warns_of_the_original_under_ours(site):
    add_metadata_of_the_original(site, "2.0.1")
    status, out, err = run_module(site, "--include")
    assert (status, out) == (0, f"{site / 'pyawaitable' / 'include'}\n")
    assert err.startswith("pyawaitable: warning: the distribution 'pyawaitable' 2.0.1")


@pytest.mark.parametrize("options", [["--version"], []])
def test_command_says_its_version_and_warns_all_the_same(site, options):
    add_metadata_of_the_original(site, "2.0.1")
    status, out, err = run_module(site, *options)
    assert (status, pyawaitable.__version__ in out) == (0, True)
    assert err.startswith("pyawaitable: warning: the distribution 'pyawaitable' 2.0.1")


def test_command_says_its_version_where_the_header_is_missing(site):
    (site / "pyawaitable" / "include" / "pyawaitable.h").unlink()
    status, out, err = run_module(site, "--version")
    assert (status, out) == (0, pyawaitable.__version__ + "\n")
    assert "`pip install --force-reinstall pyawaitable-rs` mends it" in err


def test_start_up_is_silent_with_the_original_under_ours(site, run_python):
    """The original's own .pth file calls this at every start of the interpreter."""
    add_metadata_of_the_original(site, "2.0.1")
    code = "import pyawaitable; pyawaitable.include(suppress_error=True)"
    finished = run_python(code, "-W", "error", env={"PYTHONPATH": str(site)})
    assert finished.stderr == ""


def test_original_in_another_folder_is_no_trouble(site, tmp_path_factory, run_python):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    add_metadata_of_the_original(elsewhere, "2.0.1")
    path = os.pathsep.join([str(site), str(elsewhere)])
    finished = run_python(USE_INCLUDE, "-W", "error", env={"PYTHONPATH": path})
    assert finished.stderr == ""


def put_2x_over_ours(site):
    """The files that pyawaitable 2.0.1 overwrites and adds, in short, and our own .pth file."""
    add_metadata_of_the_original(site, "2.0.1")
    package = site / "pyawaitable"
    init = "__version__ = '2.0.1'\ndef include(*, suppress_error=False):\n    return __file__.replace('__init__.py', '')\n"
    (package / "__init__.py").write_text(init, encoding="utf-8")
    (package / "pyawaitable.h").write_text("", encoding="utf-8")
    pth = "import pyawaitable; pyawaitable.include(suppress_error=True)\n"
    (site / "hatch_autorun_pyawaitable.pth").write_text(pth, encoding="utf-8")
    copy_start_to(site)


def run_in_site(site, code, *options):
    """Run code with that folder as the only one whose .pth files are read: twice, as in a virtual environment."""
    read = f"import site, sys; sys.path.insert(0, {str(site)!r}); " + f"site.addsitedir({str(site)!r}); " * 2
    code = f"{read}\n{code}"
    return output_of(sys.executable, "-S", *options, "-c", code)


def test_include_warns_of_the_original_2x_over_ours(site):
    put_2x_over_ours(site)
    status, out, err = run_in_site(site, USE_INCLUDE)
    assert (status, out) == (0, f"{site / 'pyawaitable'}{os.sep}\n")
    assert "<string>:2: RuntimeWarning: the distribution 'pyawaitable' 2.0.1" in err
    assert err.count("RuntimeWarning") == 1
    assert "pip install pyawaitable-rs" in err


def test_start_up_is_silent_with_the_original_2x_over_ours(site):
    put_2x_over_ours(site)
    code = "import os, pyawaitable; print(pyawaitable.__version__, os.environ['PYAWAITABLE_INCLUDE'])"
    status, out, err = run_in_site(site, code, "-W", "error")
    assert (status, out, err) == (0, f"2.0.1 {site / 'pyawaitable' / 'include'}\n", "")


def test_variable_is_of_the_installation_that_comes_first(site, tmp_path_factory):
    """As in a virtual environment with --system-site-packages, both of them having the package."""
    second = tmp_path_factory.mktemp("second")
    (second / "pyawaitable" / "include").mkdir(parents=True)
    copy_start_to(site)
    copy_start_to(second)
    code = f"site.addsitedir({str(second)!r}); import os; print(os.environ['PYAWAITABLE_INCLUDE'])"
    status, out, err = run_in_site(site, code)
    assert (status, out, err) == (0, f"{site / 'pyawaitable' / 'include'}\n", "")


@pytest.mark.parametrize("is_there", [True, False])
def test_variable_of_an_editable_installation(site, tmp_path_factory, is_there):
    """Whose package is the source tree, by a .pth file that is read first."""
    folder = tmp_path_factory.mktemp("editable")
    copy_start_to(folder)
    if is_there:
        (folder / "pyawaitable_rs.pth").write_text(f"{site}\n", encoding="utf-8")
    code = "import os; print(os.environ.get('PYAWAITABLE_INCLUDE'))"
    status, out, err = run_in_site(folder, code)
    assert (status, out, err) == (0, f"{site / 'pyawaitable' / 'include' if is_there else None}\n", "")


def test_everything_of_1x_is_imported_by_star(run_python):
    """Its __all__ had the table, which is imported for that alone."""
    names = run_python("from pyawaitable import *; print(*sorted(dir()))").stdout.split()
    assert {"PyAwaitable", "abi", "include"} <= set(names)
    assert run_python("import sys, pyawaitable; print('pyawaitable.abi' in sys.modules)").stdout == "False\n"


def test_original_2x_in_a_folder_that_is_read_first_is_no_trouble(site, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "pyawaitable").mkdir()
    put_2x_over_ours(elsewhere)
    for name in START:
        (elsewhere / name).unlink()
    copy_start_to(site)
    code = f"site.addsitedir({str(site)!r}); import pyawaitable; print(pyawaitable.include())"
    status, out, err = run_in_site(elsewhere, code, "-W", "error")
    assert (status, out, err) == (0, f"{elsewhere / 'pyawaitable'}{os.sep}\n", "")


def test_import_names_the_original_1x_over_ours(site, run_python):
    put_1x_over_ours(site)
    finished = run_python("import pyawaitable", env={"PYTHONPATH": str(site)}, check=False)
    assert finished.returncode == 1
    assert "ImportError: the distribution 'pyawaitable' 1.x" in finished.stderr
    assert "pip install pyawaitable-rs" in finished.stderr


def test_extensions_work_with_the_original_1x_over_ours(site, run_python):
    put_1x_over_ours(site)
    code = "import _pyawaitable; print(_pyawaitable.__file__, _pyawaitable.abi_v3)"
    finished = run_python(code, env={"PYTHONPATH": str(site)})
    assert finished.stdout.startswith(f"{site / '_pyawaitable' / '__init__'}.")


def test_import_names_a_foreign_extension_module(tmp_path, run_python):
    """As when the original's extension module comes first on the path."""
    (tmp_path / "_pyawaitable.py").write_text("abi_v1 = 0\n", encoding="utf-8")
    finished = run_python("import pyawaitable", env={"PYTHONPATH": str(tmp_path)}, check=False)
    assert finished.returncode == 1
    assert f"ImportError: {tmp_path / '_pyawaitable.py'} is not the extension" in finished.stderr
    assert "pip install pyawaitable-rs" in finished.stderr


def test_command_after_the_original_was_uninstalled(site):
    """Which takes away the files that both distributions own."""
    (site / "pyawaitable" / "__init__.py").unlink()
    status, out, err = run_module(site, "--include")
    assert (status, out) == (1, "")
    assert err.startswith("pyawaitable: error: the installation of 'pyawaitable-rs' is not whole")
    assert "pip install --force-reinstall pyawaitable-rs" in err
