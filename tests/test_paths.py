"""make and the scripts work in folders of any name, and leave their neighbours alone.

Each test has a copy of the sources, and beside it folders whose names are what is left of the copy's where its path is taken
apart: `my` beside `my proj`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="make and sh are there on Unix alone")

ROOT = Path(__file__).parent.parent
NOT_SOURCES = shutil.ignore_patterns("build", "target", "dist", ".git", ".*cache*", "__pycache__", ".hypothesis", "docs")

ODD_NAMES = [
    *("my proj", "my\tproj", "my\nproj", "my\n", "my ", "my&proj", "my;proj", "my|proj", "my<proj", "my>proj", "my,proj"),
    *("my$proj", "my$(proj)", "my$$proj", "my${proj}", "my#proj", "my:proj", "my%proj", "my=proj", "my'proj", 'my"proj'),
    *("my\\proj", "my\\ proj", "my*proj", "my?proj", "m[y]proj", "my(proj", "my)proj", "my{,proj}", "my`proj`", "my!proj"),
    *("my^proj", "- my", "my -rf proj"),
]
GOOD_NAMES = ["-proj", "~my+proj@2.0_a-b~", "プロジェクト"]
NEIGHBOURS = ["my", "myproj", "myXproj", "proj", "m", "-"]
# What is emptied, or removed, by one target or another.
FOLDERS = ["venv", "demo", "bench/venv", "tools", "oldest", "wheels", "sdist", "profile", "target", ""]
REMOVING = [
    *(["clean"], ["demo"], ["pytest"], ["wheel"], ["sdist"], ["bench"], ["test-all"], ["soak"], ["oldest"]),
    ["wheel", "PGO=1"],
]
REFUSED = "nothing was done"

# A virtual environment is made, and emptied; packages are not fetched, and nothing is built.
INTERPRETER = """#!/bin/sh
case "$*" in
    *"-m venv"*) exec {python} "$@" --without-pip ;;
    *" -m "*) exit 0 ;;
    *) exec {python} "$@" ;;
esac
"""


def fill(folder, tag):
    """Files that are to be there afterwards."""
    for name in FOLDERS:
        path = folder / "build" / tag / name
        path.mkdir(parents=True, exist_ok=True)
        (path / "kept").write_text("mine")
    (folder / "kept").write_text("mine")


def files(folder):
    return sorted(os.fsencode(path) for path in folder.rglob("*"))


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def tag():
    free_threaded = "t" if not getattr(sys, "_is_gil_enabled", lambda: True)() or "t" in sys.abiflags else ""
    return f"py{sys.version_info[0]}{sys.version_info[1]}{free_threaded}"


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """Programs that stand in for others: an interpreter, a Rust, a C compiler."""
    folder = tmp_path_factory.mktemp("tools")
    base = getattr(sys, "_base_executable", sys.executable)
    script(folder / "python3", INTERPRETER.format(python=base))
    for name in ("cargo", "rustc"):
        script(folder / name, f"#!/bin/sh\necho {name} 9.9.9\n")
    script(folder / "cc", "#!/bin/sh\n")
    return folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("sources") / "proj", ignore=NOT_SOURCES, symlinks=True)


@pytest.fixture
def copy(tmp_path, sources, tag):
    """Makes a copy of the sources with a name, and its neighbours."""

    def make_copy(name):
        folder = shutil.copytree(sources, tmp_path / "all" / name, symlinks=True)
        for neighbour in NEIGHBOURS:
            if neighbour != name:
                fill(tmp_path / "all" / neighbour, tag)
        return folder

    return make_copy


def neighbours_of(folder):
    return {path.name: files(path) for path in folder.parent.iterdir() if path != folder}


def run(*command, cwd, **environment):
    dropped = ("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "PYTHON", "TAG", "CC", "CFLAGS", "PGO", "BUILD")
    inherited = {name: value for name, value in os.environ.items() if name not in dropped}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=60,
    )


@pytest.fixture
def make(tools):
    def run_make(*arguments, cwd, **environment):
        environment = {"PATH": f"{tools}:{os.environ['PATH']}", **environment}
        return run("make", *arguments, cwd=cwd, **environment)

    return run_make


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_folder_is_refused_before_anything_is_done(copy, make, name, tag):
    folder = copy(name)
    fill(folder, tag)
    before = neighbours_of(folder), files(folder)
    for goals in REMOVING:
        # All of a recipe, and all recipes, whatever fails.
        finished = make("--ignore-errors", "--keep-going", *goals, cwd=folder)
        assert (neighbours_of(folder), files(folder)) == before, finished.stdout
        assert finished.returncode == 2, finished.stdout
        assert REFUSED in finished.stdout
    from_elsewhere = make("-C", folder, "clean", cwd=folder.parent)
    assert (from_elsewhere.returncode, REFUSED in from_elsewhere.stdout) == (2, True)
    assert (neighbours_of(folder), files(folder)) == before


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_other_folder_is_filled_and_no_neighbour(copy, make, name, tag):
    folder = copy(name)
    before = neighbours_of(folder)
    made = folder / "build" / tag
    for goals in [goal for goal in REMOVING if goal != ["clean"]]:
        finished = make("--ignore-errors", "--keep-going", *goals, cwd=folder)
        assert REFUSED not in finished.stdout
        assert neighbours_of(folder) == before, finished.stdout
    assert (made / "venv" / "pyvenv.cfg").is_file()
    assert (made / "demo" / "pyvenv.cfg").is_file()
    fill(folder, tag)
    assert make("clean", cwd=folder).returncode == 0
    assert neighbours_of(folder) == before
    assert not (folder / "build").exists()
    assert (folder / "kept").exists()


def test_folder_is_reached_by_a_link(copy, make, tmp_path, tag):
    folder = copy("proj")
    before = neighbours_of(folder)
    for name in ("link", "a link & more"):
        (tmp_path / name).symlink_to(folder)
        fill(folder, tag)
        finished = make("-C", tmp_path / name, "clean", cwd=tmp_path)
        assert finished.returncode == 0, finished.stdout
        assert not (folder / "build").exists()
        assert neighbours_of(folder) == before


@pytest.mark.parametrize("name", ["proj", "my proj"])
def test_makefile_is_for_no_folder_but_its_own(copy, make, name, tag):
    folder = copy(name)
    elsewhere = folder.parent / "my"
    before = files(elsewhere)
    for goals in REMOVING:
        finished = make("--ignore-errors", "-f", folder / "Makefile", *goals, cwd=elsewhere)
        assert files(elsewhere) == before
        assert (finished.returncode, REFUSED in finished.stdout) == (2, True), finished.stdout


NAMED = ["CURDIR", "BUILD", "VENV", "DEMO", "BENCH", "TOOLS", "OLDEST", "WHEELS", "CARGO_TARGET_DIR"]


@pytest.mark.parametrize("variable", NAMED)
def test_folders_that_are_emptied_cannot_be_named(copy, make, variable, tag):
    folder = copy("proj")
    elsewhere = folder.parent / "my"
    before = neighbours_of(folder)
    for goals in REMOVING:
        finished = make(*goals, f"{variable}={elsewhere}", cwd=folder)
        assert neighbours_of(folder) == before
        assert (finished.returncode, REFUSED in finished.stdout) == (2, True), finished.stdout
    if variable != "CURDIR":
        finished = make("--environment-overrides", "demo", cwd=folder, **{variable: str(elsewhere)})
        assert (finished.returncode, REFUSED in finished.stdout) == (2, True), finished.stdout
        # A variable that somebody has anyway does no harm.
        assert make("--dry-run", "demo", cwd=folder, **{variable: str(elsewhere)}).returncode == 0
    assert neighbours_of(folder) == before


@pytest.mark.parametrize("said", ["hello py311", "../../../my", "..", "py311/../../../my", "py", "", "py27"])
def test_interpreter_that_says_something_else_is_refused(copy, make, tmp_path, said):
    folder = copy("proj")
    before = neighbours_of(folder)
    python = script(tmp_path / "python", f"#!/bin/sh\necho '{said}'\n")
    for goals in REMOVING:
        finished = make("--ignore-errors", *goals, f"PYTHON={python}", cwd=folder)
        assert neighbours_of(folder) == before
        assert finished.returncode == 2, finished.stdout
        assert "no CPython from 3.9 on; name another with `make PYTHON=...`" in finished.stdout


@pytest.mark.parametrize("name", ["my pythons", "my&pythons", "my;'pythons'", 'my "pythons"', "my*", "my#pythons"])
def test_interpreter_in_an_odd_folder(copy, make, tools, tag, name):
    folder = copy("proj")
    python = folder.parent / name / "python"
    python.parent.mkdir(exist_ok=True)
    shutil.copy(tools / "python3", python)
    before = neighbours_of(folder)
    for goals in [["help"], ["needs"], ["demo"], ["test-all"], ["sanitize"]]:
        finished = make("--ignore-errors", "--keep-going", *goals, f"PYTHON={python}", cwd=folder)
        assert "does not run" not in finished.stdout
        assert "nothing was built" not in finished.stdout
        assert neighbours_of(folder) == before, finished.stdout
    assert (folder / "build" / tag / "demo" / "pyvenv.cfg").is_file()


def test_temporary_folder_and_home_have_spaces(copy, make, tag, tmp_path):
    folder = copy("proj")
    before = neighbours_of(folder)
    odd = {"TMPDIR": str(tmp_path / "my tmp"), "HOME": str(tmp_path / "my home")}
    for path in odd.values():
        Path(path).mkdir()
        fill(Path(path.partition(" ")[0]), tag)
    for goals in REMOVING:
        make("--ignore-errors", "--keep-going", *goals, cwd=folder, **odd)
        assert neighbours_of(folder) == before
    for path in odd.values():
        assert (Path(path.partition(" ")[0]) / "kept").is_file()


# Scripts


@pytest.mark.parametrize("name", ["proj", "my proj", "my&proj"])
def test_ci_removes_records_of_its_own_alone(copy, name, tmp_path, tools):
    """Whatever a link to it is in."""
    folder = copy(name)
    elsewhere = tmp_path / "elsewhere"
    kept = elsewhere / "build" / "matrix" / "kept"
    kept.parent.mkdir(parents=True)
    kept.touch()
    (elsewhere / "bin").mkdir()
    (elsewhere / "bin" / "ci").symlink_to(folder / ".ci" / "run")
    before = neighbours_of(folder)
    fake = tmp_path / "fake"
    script(fake / "make", "#!/bin/sh\necho make does not work here >&2\nexit 2\n")
    finished = run(elsewhere / "bin" / "ci", cwd=elsewhere, PATH=f"{fake}:{os.environ['PATH']}", HOME=str(tmp_path))
    assert (finished.returncode, finished.stdout) == (2, "make does not work here\n")
    assert kept.is_file()
    assert neighbours_of(folder) == before
    assert not (folder / "build").exists()


@pytest.mark.parametrize("path", ["tests/fuzz/asan.sh", "tests/stress/tsan.sh", "tests/abi3/everywhere.sh"])
@pytest.mark.parametrize("name", ["proj", "my proj", "my&proj;", "-proj"])
def test_script_works_in_its_own_folder(copy, name, path, tmp_path):
    """Not in one of the same name that CDPATH has, nor in one that is part of the path."""
    folder = copy(name)
    decoy = shutil.copytree(folder / "tests", tmp_path / "decoy" / "tests").parent
    before = neighbours_of(folder), files(decoy)
    fake = tmp_path / "fake"
    script(fake / "rustc", "#!/bin/sh\nexit 7\n")
    python = script(fake / "python", "#!/bin/sh\necho /nowhere\n")
    search = {"PATH": f"{fake}:{os.environ['PATH']}", "CDPATH": str(decoy), "CC": "false"}
    finished = run("bash", path, python, cwd=folder, **search)
    assert finished.returncode != 0
    assert (neighbours_of(folder), files(decoy)) == before
    assert list((folder / "build").iterdir())


def test_benchmarks_run_beside_their_own_interpreter_alone(tmp_path):
    """They empty a folder beside it."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    kept = tmp_path / "counts" / "kept"
    kept.parent.mkdir()
    kept.touch()
    for name in ("counts.py", "bench.py"):
        finished = run(environment / "bin" / "python", ROOT / "benches" / name, cwd=tmp_path)
        assert (finished.returncode, "is not the interpreter of" in finished.stdout) == (1, True)
        assert kept.is_file()


# What is missing


def without(tmp_path, tools, *names):
    """A PATH that has no program of these names."""
    folder = tmp_path / "path"
    shutil.copytree(tools, folder)
    for name in ("sh", "env", "tr", "wc", "find", "ls", "head", "rm", "sed", "awk", "make"):
        (folder / name).symlink_to(shutil.which(name))
    for name in names:
        (folder / name).unlink()
    return str(folder)


def nothing_was_made(folder):
    return not (folder / "build").exists()


NEEDING = ["demo", "test", "wheel", "library", "bench", "test-all"]


@pytest.mark.parametrize("goal", NEEDING)
def test_make_says_first_that_rust_is_missing(copy, make, tools, tmp_path, goal):
    folder = copy("proj")
    finished = make(goal, cwd=folder, PATH=without(tmp_path, tools, "cargo", "rustc"), HOME=str(tmp_path))
    assert finished.returncode == 2
    assert finished.stdout.startswith("What is needed to build pyawaitable is not all there, and nothing was built.\n")
    assert " - Rust is missing, there is no cargo in PATH: https://rustup.rs installs it" in finished.stdout
    assert "C compiler" not in finished.stdout
    assert nothing_was_made(folder)


def test_make_says_where_rust_is(copy, make, tools, tmp_path):
    folder = copy("proj")
    script(tmp_path / ".cargo" / "bin" / "cargo", "#!/bin/sh\n")
    path = without(tmp_path, tools, "cargo", "rustc")
    environment = {"PATH": path, "HOME": str(tmp_path), "CARGO_HOME": ""}
    finished = make("demo", cwd=folder, **environment)
    assert f'run  export PATH="{tmp_path}/.cargo/bin:$PATH"  first' in finished.stdout
    assert nothing_was_made(folder)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("echo cargo 1.70.0", "Rust is too old, 1."),
        ("echo no toolchain >&2; exit 1", "Rust does not work, `cargo --version` says: no toolchain\n"),
        ("exit 1", "Rust does not work, `cargo --version` says: nothing, exit status 1\n"),
    ],
)
def test_make_says_what_is_wrong_with_rust(copy, make, tools, tmp_path, says, expected):
    folder = copy("proj")
    path = without(tmp_path, tools)
    script(Path(path) / "cargo", f"#!/bin/sh\n{says}\n")
    finished = make("demo", cwd=folder, PATH=path)
    assert finished.returncode == 2
    assert expected in finished.stdout
    assert nothing_was_made(folder)


@pytest.mark.parametrize("goal", ["demo", "test"])
def test_make_says_first_that_a_c_compiler_is_missing(copy, make, tools, tmp_path, goal):
    folder = copy("proj")
    path = without(tmp_path, tools, "cc")
    finished = make(goal, cwd=folder, PATH=path)
    assert finished.returncode == 2
    assert " - A C compiler is missing, there is no cc in PATH: " in finished.stdout
    assert "Rust" not in finished.stdout
    finished = make(goal, cwd=folder, PATH=path, CC="ccache nocc")
    assert " - A C compiler is missing, there is no ccache in PATH: " in finished.stdout
    assert nothing_was_made(folder)


def test_make_says_that_the_c_compiler_does_not_work(copy, make, tools, tmp_path):
    folder = copy("proj")
    path = without(tmp_path, tools)
    script(Path(path) / "cc", "#!/bin/sh\necho in file 1 >&2; echo 'fatal error: stdio.h: nothing' >&2; exit 1\n")
    finished = make("demo", cwd=folder, PATH=path)
    assert " - The C compiler cc does not work: " in finished.stdout
    assert "It says: fatal error: stdio.h: nothing\n" in finished.stdout
    assert nothing_was_made(folder)


@pytest.mark.parametrize("there", [False, True])
def test_make_says_first_that_the_headers_are_missing(copy, make, tools, tmp_path, there):
    folder = copy("proj")
    headers = tmp_path / "headers"
    headers.mkdir()
    expected = f"there is no {headers}/Python.h: apt install python3."
    if there:
        # As where one package of two is installed.
        (headers / "Python.h").write_text("#include <pyconfig-of-another-package.h>\n")
        expected = "do not work: apt install python3."
    path = without(tmp_path, tools)
    (Path(path) / "cc").unlink()
    (Path(path) / "cc").symlink_to(shutil.which("cc"))
    finished = make("demo", cwd=folder, PATH=path, PYAWAITABLE_PYTHON_INCLUDE=str(headers))
    assert finished.returncode == 2
    assert " - The C headers of " in finished.stdout
    assert expected in finished.stdout
    assert nothing_was_made(folder)


def test_make_says_first_that_there_is_no_venv(copy, make, tools, tmp_path):
    """As with Debian's python3 without python3-venv."""
    folder = copy("proj")
    finder = tmp_path / "without" / "sitecustomize.py"
    finder.parent.mkdir()
    finder.write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name: None if name == 'ensurepip' else find(name)\n"
    )
    path = without(tmp_path, tools)
    python = Path(path) / "python3"
    base = getattr(sys, "_base_executable", sys.executable)
    python.write_text(f'#!/bin/sh\nPYTHONPATH={finder.parent} exec {base} "$@"\n')
    finished = make("demo", cwd=folder, PATH=path)
    assert finished.returncode == 2
    assert "has no venv, or no pip for it: apt install python3." in finished.stdout
    assert nothing_was_made(folder)


@pytest.fixture
def pip(copy, tmp_path):
    """Builds a wheel without isolation, which gets no Rust from PyPI; returns its error message."""

    def build(**environment):
        folder = copy("my proj")
        options = ["--no-build-isolation", "--no-deps", "--wheel-dir", tmp_path]
        finished = run(sys.executable, "-m", "pip", "wheel", *options, ".", cwd=folder, HOME=str(tmp_path), **environment)
        assert finished.returncode == 1
        assert "What is needed to build pyawaitable is not all there, and nothing was built." in finished.stdout
        assert "Traceback" not in finished.stdout
        return finished.stdout

    return build


NO_RUST = "Rust is missing, there is no cargo in PATH: https://rustup.rs installs it"


def test_pip_says_first_that_rust_is_missing(pip, tools, tmp_path):
    assert NO_RUST in pip(PATH=without(tmp_path, tools, "cargo", "rustc"))


def test_pip_says_that_rust_could_not_be_fetched(pip, tools, tmp_path):
    """By the distribution that maturin asks for, in builds that are isolated."""
    fetching = tmp_path / "fetching"
    fetching.mkdir()
    (fetching / "puccinialin.py").write_text("def setup_rust(): raise OSError('no network')\n")
    said = pip(PATH=without(tmp_path, tools, "cargo", "rustc"), PYTHONPATH=str(fetching))
    assert NO_RUST in said
    assert "It could not be fetched for this build, either: OSError: no network." in said


def test_pip_says_first_that_a_c_compiler_is_missing(pip, tools, tmp_path):
    """Before it fetches a Rust."""
    fetching = tmp_path / "fetching"
    fetching.mkdir()
    (fetching / "puccinialin.py").write_text("def setup_rust(): raise OSError('no network')\n")
    said = pip(PATH=without(tmp_path, tools, "cargo", "rustc", "cc"), PYTHONPATH=str(fetching))
    assert "A C compiler is missing, there is no cc in PATH: " in said
    assert "network" not in said


@pytest.mark.builds
def test_pip_installs_from_an_odd_folder(copy, tmp_path):
    """Everything, including the library, when more than the sources has such a path."""
    folder = copy("my & project's $1 #2")
    odd = {"TMPDIR": str(tmp_path / "my tmp"), "HOME": str(tmp_path / "my home")}
    for path in odd.values():
        Path(path).mkdir()
    home = Path.home()
    odd["CARGO_HOME"] = os.environ.get("CARGO_HOME", str(home / ".cargo"))
    odd["RUSTUP_HOME"] = os.environ.get("RUSTUP_HOME", str(home / ".rustup"))
    odd["CARGO_TARGET_DIR"] = str(folder / "target")
    options = ["--no-build-isolation", "--no-deps", "--target", str(tmp_path / "my site")]
    command = [sys.executable, "-m", "pip", "install", *options, "."]
    finished = subprocess.run(command, cwd=folder, env={**os.environ, **odd}, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    code = "import pyawaitable, _pyawaitable; print(pyawaitable.library(), pyawaitable.static_library(), _pyawaitable.abi_v3)"
    finished = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(tmp_path / "my site"))
    assert finished.returncode == 0, finished.stdout
    assert "my site/pyawaitable/lib/libpyawaitable.so" in finished.stdout
