"""The build backend, without a compiler: what a wheel gets, and which tools make it, for other platforms too."""

import csv
import io
import os
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOST = "x86_64-unknown-linux-gnu"
ARM = "aarch64-unknown-linux-gnu"


@pytest.fixture
def backend(monkeypatch):
    """The package, as a build imports it."""
    monkeypatch.syspath_prepend(str(ROOT / "backend"))
    import pyawaitable_build

    for name in [name for name in os.environ if name.startswith(("CARGO_", "CC", "LD", "AR", "OBJCOPY", "TARGET_"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("MATURIN_PEP517_ARGS", raising=False)
    monkeypatch.setattr(pyawaitable_build.library, "host", lambda: HOST)
    return pyawaitable_build


# The wheel


def elf(machine, kind=2):
    """The beginning of a library for Linux: 62 is x86-64, 183 AArch64."""
    return b"\x7fELF" + bytes([kind, 1, 1, 0]) + bytes(8) + b"\x03\x00" + machine.to_bytes(2, "little") + bytes(44)


X86, AARCH64 = elf(62), elf(183)


def wheel_for(platform, python=None):
    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    abi = python or "cp{}{}{}".format(*sys.version_info[:2], free_threaded)
    return f"pyawaitable_rs-3.0.0-{abi.rstrip('t')}-{abi}-{platform}.whl"


@pytest.fixture
def build(backend, tmp_path, monkeypatch, capsys):
    """Build a wheel: maturin makes an extension module, cargo a library, of the given content."""

    def run(name, module, library, settings=None):
        asked = []

        def build_wheel(folder, config_settings=None, metadata_directory=None):
            info = "pyawaitable_rs-3.0.0"
            files = {"_pyawaitable/__init__.so": module, f"{info}.data/platlib/pyawaitable_variable.pth": b"#\n"}
            rows = [[file, backend.wheel.digest(text), len(text)] for file, text in files.items()]
            record = io.StringIO()
            csv.writer(record, lineterminator="\n").writerows([*rows, [f"{info}.dist-info/RECORD", "", ""]])
            with zipfile.ZipFile(Path(folder, name), "w") as archive:
                for file, text in {**files, f"{info}.dist-info/RECORD": record.getvalue()}.items():
                    archive.writestr(file, text)
            return name

        def make(folder, target=None, python=None):
            asked.append((target, python if target else None))
            folder.mkdir()
            if isinstance(library, Exception):
                raise library
            (folder / "libpyawaitable.so").write_bytes(library)
            (folder / "libpyawaitable.a").write_bytes(b"")

        monkeypatch.setattr(backend.maturin, "build_wheel", build_wheel)
        monkeypatch.setattr(backend.library, "make", make)
        out = tmp_path / "out"
        out.mkdir()
        assert backend.build_wheel(str(out), settings) == name
        with zipfile.ZipFile(out / name) as archive:
            check_record(backend, archive)
            libraries = {Path(file).name: archive.read(file) for file in archive.namelist() if "/lib/" in file}
        return asked, libraries, capsys.readouterr().err

    return run


def check_record(backend, archive):
    (record,) = (file for file in archive.namelist() if file.endswith("/RECORD"))
    rows = list(csv.reader(io.StringIO(archive.read(record).decode("utf-8"))))
    assert [row[0] for row in rows] == archive.namelist()
    for name, digest, size in rows[:-1]:
        content = archive.read(name)
        assert (digest, int(size)) == (backend.wheel.digest(content), len(content))


def test_what_goes_beside_the_packages_is_at_the_top_of_the_wheel(build, tmp_path):
    name = wheel_for("linux_x86_64")
    build(name, X86, X86)
    with zipfile.ZipFile(tmp_path / "out" / name) as archive:
        names = archive.namelist()
        assert archive.read("pyawaitable_variable.pth") == b"#\n"
    assert [file for file in names if ".data/" in file] == []


def test_libraries_of_this_platform(build):
    asked, libraries, said = build(wheel_for("linux_x86_64"), X86, X86)
    assert asked == [(None, None)]
    assert libraries == {"libpyawaitable.so": X86, "libpyawaitable.a": b""}
    assert said == ""


SETTINGS = {
    "one": {"build-args": f"--locked --target {ARM} -i python3.13"},
    "equals": {"build-args": f"--target={ARM}"},
    "list": {"build-args": ["--target", ARM]},
    "maturin's name": {"maturin.build-args": f"--target {ARM}"},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_libraries_are_of_the_target_that_maturin_is_told(build, settings):
    asked, libraries, said = build(wheel_for("linux_aarch64", "cp313"), AARCH64, AARCH64, settings)
    assert asked == [(ARM, "3.13")]
    assert libraries["libpyawaitable.so"] == AARCH64
    assert said == ""


@pytest.mark.parametrize("variable", ["CARGO_BUILD_TARGET", "MATURIN_PEP517_ARGS"])
def test_libraries_are_of_the_target_that_the_environment_names(build, monkeypatch, variable):
    monkeypatch.setenv(variable, ARM if variable == "CARGO_BUILD_TARGET" else f"--target {ARM}")
    asked, libraries, _ = build(wheel_for("linux_aarch64", "cp314t"), AARCH64, AARCH64)
    assert asked == [(ARM, "3.14t")]
    assert libraries["libpyawaitable.so"] == AARCH64


def test_target_that_is_this_platform(build):
    asked, libraries, _ = build(wheel_for("linux_x86_64"), X86, X86, {"build-args": f"--target {HOST}"})
    assert asked == [(None, None)]
    assert libraries["libpyawaitable.so"] == X86


def test_libraries_of_another_platform_are_left_out(build):
    """As where only maturin knows the target, by a way that is its own."""
    name = wheel_for("linux_aarch64")
    asked, libraries, said = build(name, AARCH64, X86)
    assert libraries == {}
    assert said.startswith(f"warning: {name} gets no libpyawaitable: ")
    assert "for another platform than the extension module" in said


def test_libraries_that_cannot_be_built_for_the_target_are_left_out(build, backend):
    """As where maturin links by a tool that it has brought."""
    error = backend.subprocess.CalledProcessError(101, ["cargo"])
    settings = {"build-args": f"--target {ARM} --zig"}
    _, libraries, said = build(wheel_for("linux_aarch64"), AARCH64, error, settings)
    assert libraries == {}
    assert f"gets no libpyawaitable: cargo does not build it for {ARM}" in said


def test_libraries_that_cannot_be_built_for_this_platform_are_an_error(build, backend):
    error = backend.subprocess.CalledProcessError(101, ["cargo"])
    with pytest.raises(backend.subprocess.CalledProcessError):
        build(wheel_for("linux_x86_64"), X86, error)


def test_libraries_of_another_python_are_left_out(build):
    asked, libraries, said = build(wheel_for("linux_x86_64", "cp399"), X86, X86)
    assert (asked, libraries) == ([], {})
    assert "gets no libpyawaitable: it is for Python 3.99, and " in said


def pe(machine):
    return b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + machine.to_bytes(2, "little")


def mach_o(processor):
    return b"\xcf\xfa\xed\xfe" + processor.to_bytes(4, "little") + bytes(8)


def test_each_platform_is_told_from_the_others(backend):
    libraries = [X86, AARCH64, elf(3, kind=1), elf(40, kind=1), pe(0x8664), pe(0xAA64), mach_o(0x1000007), mach_o(0x100000C)]
    assert len({backend.tools.machine(content) for content in libraries}) == len(libraries)
    assert backend.tools.machine(X86 + b"1") == backend.tools.machine(X86 + b"2")


# The tools


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Let PATH have programs of these names and no others."""
    folder = tmp_path / "bin"

    def have(*names):
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).write_text("")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return have


OWN = ["cc", "ld", "ld.bfd", "objcopy", "ar"]
CROSS = [f"aarch64-linux-gnu-{name}" for name in ("gcc", "ld", "objcopy", "ar")]
only_here = pytest.mark.skipif(os.name == "nt", reason="a program's name has a suffix there")


def commands(tools):
    return [" ".join(command) for command in tools]


@only_here
def test_tools_of_this_platform(backend, programs, monkeypatch):
    programs(*OWN)
    assert commands(backend.tools.find()) == ["cc", "ld.bfd", "objcopy", "ar"]
    assert backend.tools.find(HOST, HOST) == backend.tools.find()
    for variable in ("CC", "LD", "OBJCOPY", "AR"):
        monkeypatch.setenv(variable, f"my-{variable}")
    assert commands(backend.tools.find()) == ["my-CC", "my-LD", "my-OBJCOPY", "my-AR"]


@only_here
@pytest.mark.parametrize(
    ("target", "prefix"),
    [
        (ARM, "aarch64-linux-gnu-"),
        (ARM, "aarch64-unknown-linux-gnu-"),
        ("armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf-"),
        ("riscv64gc-unknown-linux-gnu", "riscv64-linux-gnu-"),
        ("powerpc64le-unknown-linux-gnu", "powerpc64le-linux-gnu-"),
        ("aarch64-unknown-linux-musl", "aarch64-linux-musl-"),
    ],
)
def test_tools_of_the_target_are_found_by_their_usual_names(backend, programs, target, prefix):
    programs(*OWN, *(prefix + name for name in ("gcc", "ld", "objcopy", "ar")))
    assert commands(backend.tools.find(target, HOST)) == [prefix + name for name in ("gcc", "ld", "objcopy", "ar")]


@only_here
def test_tools_are_those_that_variables_name(backend, programs, monkeypatch):
    programs(*OWN, *CROSS)
    variables = {
        "CC_aarch64_unknown_linux_gnu": "clang --target=aarch64-linux-gnu",
        "CC": "never",
        f"LD_{ARM}": "my-ld",
        "TARGET_OBJCOPY": "my-objcopy",
        "AR": "my-ar",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = commands(backend.tools.find(ARM, HOST))
    assert found == ["clang --target=aarch64-linux-gnu", "my-ld", "my-objcopy", "my-ar"]


@only_here
@pytest.mark.parametrize("way", ["variable", "file"])
def test_compiler_is_what_cargo_links_with(backend, programs, monkeypatch, tmp_path, way):
    names = [f"arm-none-{name}" for name in ("ld", "objcopy", "ar")]
    programs(*OWN, *names)
    if way == "variable":
        monkeypatch.setenv("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "arm-none-gcc-14")
    else:
        pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli", reason="what reads the file")
        text = f'[target.{ARM}]\nlinker = "arm-none-gcc-14"\n'
        (tmp_path / "config.toml").write_text(text)
    found = backend.tools.find(ARM, HOST, [tmp_path / "none", tmp_path])
    assert commands(found) == ["arm-none-gcc-14", *names]


@only_here
def test_linker_of_cargo_that_is_no_compiler_is_not_taken_for_one(backend, programs, monkeypatch):
    programs(*CROSS)
    monkeypatch.setenv("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "rust-lld")
    assert commands(backend.tools.find(ARM, HOST)) == CROSS


@only_here
@pytest.mark.parametrize(
    ("target", "compiler", "linker"),
    [
        ("i686-unknown-linux-gnu", "cc -m32", "ld.bfd -m elf_i386"),
        ("x86_64-unknown-linux-musl", "musl-gcc", "ld.bfd"),
    ],
)
def test_tools_of_this_machine_that_are_good_for_the_target(backend, programs, target, compiler, linker):
    programs(*OWN, "musl-gcc")
    assert commands(backend.tools.find(target, HOST)) == [compiler, linker, "objcopy", "ar"]


@only_here
def test_tools_that_are_missing_are_named(backend, programs):
    programs(*OWN, "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-ar")
    with pytest.raises(backend.tools.Missing) as caught:
        backend.tools.find(ARM, HOST)
    assert str(caught.value) == (
        "not found for aarch64-unknown-linux-gnu: aarch64-linux-gnu-ld, aarch64-linux-gnu-objcopy "
        "(other programs are named by LD_aarch64_unknown_linux_gnu, OBJCOPY_aarch64_unknown_linux_gnu)"
    )


@only_here
def test_a_large_static_library_is_said_to_be_one(backend, programs, monkeypatch, tmp_path, capsys):
    """Where tools are missing, it is cargo's own."""
    programs(*OWN)
    made = tmp_path / "made"
    made.mkdir()
    paths = [made / "libpyawaitable.so", made / "libpyawaitable.a"]
    for path in paths:
        path.write_bytes(AARCH64)
    monkeypatch.setattr(backend.library, "cargo", lambda target, python, *types: paths)
    backend.library.make(tmp_path / "lib", ARM, "3.13")
    assert {path.name for path in (tmp_path / "lib").glob("lib*")} == {path.name for path in paths}
    said = capsys.readouterr().err
    assert said.startswith("warning: libpyawaitable.a is as cargo makes it, many megabytes instead of")
    assert "aarch64-linux-gnu-gcc" in said
