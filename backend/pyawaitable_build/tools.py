"""Finds the compiler and GNU's tools for the platform that is built for."""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple


class Tools(NamedTuple):
    """Each a command: the program, and options that it always needs."""

    compiler: list
    linker: list
    objcopy: list
    archiver: list


class Missing(Exception):
    """There is no such tool for that platform; the text says which, and how to name one."""


def system(target):
    """What `sys.platform` is on the platform of a target of Rust's; on this one for None."""
    if target is None:
        return "linux" if sys.platform.startswith("linux") else sys.platform
    names = {"linux": "linux", "windows": "win32", "apple": "darwin"}
    return next((names[part] for part in target.split("-") if part in names), target)


def find(target=None, host=None, folders=()):
    """The tools for a target of Rust's, which None says is that of this machine, as `host` is.

    `folders` are those in which cargo looks for its configuration.
    """
    if target is None or target == host:
        return Tools(
            os.environ.get("CC", "cc").split(),
            [os.environ.get("LD") or ("ld.bfd" if shutil.which("ld.bfd") else "ld")],
            [os.environ.get("OBJCOPY", "objcopy")],
            [os.environ.get("AR", "ar")],
        )
    own = own_tools(target, host)
    compiler = named("CC", target) or cargo_linker(target, folders)
    prefixes = [f"{name}-" for name in gnu_names(target)]
    compiler = compiler or first(f"{prefix}{name}" for prefix in prefixes for name in ("gcc", "cc")) or own["CC"]
    if compiler:
        # aarch64-linux-gnu-gcc-14: the others begin as it does, a path included.
        like = re.match(r"(.*-)(?:gcc|g?cc|clang)(?:-[\d.]+)?$", compiler[0])
        prefixes = [like[1], *prefixes] if like else prefixes
    names = {"LD": ("ld.bfd", "ld"), "OBJCOPY": ("objcopy",), "AR": ("ar",)}
    found = {"CC": compiler}
    for variable, programs in names.items():
        candidates = (f"{prefix}{program}" for prefix in prefixes for program in programs)
        found[variable] = named(variable, target) or first(candidates) or own[variable]
    missing = [variable for variable, command in found.items() if not command]
    if missing:
        likely = {"CC": "gcc", "LD": "ld", "OBJCOPY": "objcopy", "AR": "ar"}
        programs = ", ".join(f"{prefixes[0]}{likely[variable]}" for variable in missing)
        variables = ", ".join(f"{variable}_{target.replace('-', '_')}" for variable in missing)
        raise Missing(f"not found for {target}: {programs} (other programs are named by {variables})")
    return Tools(found["CC"], found["LD"], found["OBJCOPY"], found["AR"])


def named(variable, target):
    """The command that an environment variable names, in the order of Rust's crate `cc`; or None."""
    for name in (f"{variable}_{target}", f"{variable}_{target.replace('-', '_')}", f"TARGET_{variable}", variable):
        if os.environ.get(name):
            return os.environ[name].split()
    return None


def first(programs):
    return next(([program] for program in programs if shutil.which(program)), None)


def gnu_names(target):
    """What GNU's tools for a target of Rust's begin with: aarch64-linux-gnu, the vendor in it or not."""
    architecture, *rest = target.split("-")
    architecture = re.sub(r"^(?:arm|thumb)v\d\w*", "arm", re.sub(r"^(riscv\d+)\w+", r"\1", architecture))
    return [
        "-".join([architecture, *(part for part in rest if part != "unknown")]),
        "-".join([architecture, *rest]),
    ]


def own_tools(target, host):
    """The tools of this machine, where they make what is for the target, too: of the same family, for Linux."""
    families = {"x86_64": "x86", "i686": "x86", "i586": "x86"}
    (there, here) = ((name or "").split("-")[0] for name in (target, host))
    if system(target) != "linux" or system(host) != "linux" or families.get(there, there) != families.get(here, here):
        return dict.fromkeys(("CC", "LD", "OBJCOPY", "AR"))
    linker = first(["ld.bfd", "ld"])
    if "musl" in target and "musl" not in host:
        compiler = first(["musl-gcc"])
    elif there == here:
        compiler = first(["cc"])
    else:
        compiler = ["cc", "-m64" if there == "x86_64" else "-m32"]
    if linker and there != here:
        linker += ["-m", "elf_x86_64" if there == "x86_64" else "elf_i386"]
    return {"CC": compiler, "LD": linker, "OBJCOPY": first(["objcopy"]), "AR": first(["ar"])}


def cargo_linker(target, folders):
    """What cargo links with, if its configuration says so and it is a compiler; or None."""
    variable = f"CARGO_TARGET_{target.upper().replace('-', '_').replace('.', '_')}_LINKER"
    names = [os.environ.get(variable), *linkers_of_files(target, folders)]
    is_compiler = re.compile(r"(?:^|[-/\\+])(?:gcc|cc|clang|g\+\+|c\+\+|clang\+\+)(?:-[\d.]+)?$")
    return next(([name] for name in names if name and is_compiler.search(name)), None)


def linkers_of_files(target, folders):
    try:
        import tomllib
    except ImportError:
        try:
            import tomli as tomllib
        except ImportError:
            return
    for folder in folders:
        for path in (Path(folder, "config"), Path(folder, "config.toml")):
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                yield tomllib.loads(text).get("target", {}).get(target, {}).get("linker")


def machine(content):
    """What a library is for, as its first bytes say: the same for all of a platform."""
    if content[:4] == b"\x7fELF":
        return content[4:6] + content[18:20]
    if content[:2] == b"MZ":
        header = int.from_bytes(content[60:64], "little")
        return content[header : header + 6]
    return content[:8]
