"""What compiled extensions have of bodies in their code, forever: the definition, the head of a frame, and the words' numbers.

tests/body_abi has, for each version that changed them, the headers as they were published.
"""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import every_word
import pytest
from compiling import WARNINGS, compiler, python_includes

import pyawaitable

FROZEN = sorted(path for path in (Path(__file__).parent / "body_abi").iterdir() if path.is_dir())
INCLUDE = Path(pyawaitable.include())
HEADERS = ["frames.h", "language.h"]
frozen = pytest.mark.parametrize("folder", FROZEN, ids=[folder.name for folder in FROZEN])

# Of 64-bit platforms: byte offsets, and the sizes of the whole.
LAYOUT = {
    "PyAwaitable_Definition": {
        "size": 0,
        "name": 8,
        "body": 16,
        "file": 24,
        "frame_size": 32,
        "head_size": 40,
        "first_reference": 48,
        "references": 56,
        "traverse": 64,
        "release": 72,
    },
    "PyAwaitable_Head": {
        "PyAwaitable__blocks": 0,
        "PyAwaitable__room": 8,
        "PyAwaitable__how": 10,
        "PyAwaitable__open": 11,
        "PyAwaitable__label": 12,
        "PyAwaitable__value": 16,
        "PyAwaitable__definition": 24,
        "PyAwaitable__left": 32,
    },
    "PyAwaitable_Block": {
        "PyAwaitable__pending": 0,
        "PyAwaitable__manager": 8,
        "PyAwaitable__receiver": 16,
        "PyAwaitable__state": 24,
    },
    "PyAwaitable_Outcome": {"PyAwaitable__action": 0, "PyAwaitable__label": 4},
}
SIZES = {"PyAwaitable_Definition": 80, "PyAwaitable_Head": 40, "PyAwaitable_Block": 32, "PyAwaitable_Outcome": 8}


def includes(folder, tmp_path):
    """The installed headers, with those of the folder instead of their successors."""
    mixed = tmp_path / "include"
    shutil.copytree(INCLUDE, mixed)
    for name in HEADERS:
        shutil.copy(folder / name, mixed / "pyawaitable" / name)
    return mixed


@frozen
@pytest.mark.parametrize("language", ["c", "cpp"])
def test_an_extension_of_that_version_is_served(folder, language, tmp_path):
    every_word.check(every_word.build(tmp_path, language, include=includes(folder, tmp_path)))


def test_until_a_version_is_published_what_is_frozen_is_what_will_be():
    """Later versions may change the headers, and keep what is here."""
    newest = FROZEN[-1]
    if pyawaitable.__version__.startswith(f"{newest.name}."):
        for name in HEADERS:
            same = (newest / name).read_text() == (INCLUDE / "pyawaitable" / name).read_text()
            assert same, f"copy include/pyawaitable/{name} to tests/body_abi/{newest.name}, unless {newest.name} is published"


def numbers(header):
    """The enumerators of a header, whose values are all written out."""
    return {name: int(value) for name, value in re.findall(r"^    (PYAWAITABLE__\w+) = (\d+)", header, re.M)}


@frozen
def test_the_numbers_of_the_words_stay(folder):
    before, now = (numbers((each / "language.h").read_text()) for each in (folder, INCLUDE / "pyawaitable"))
    assert len(before) > 30 and before.items() <= now.items()


def layout_assertions(sizes):
    lines = ["#include <pyawaitable.h>"]
    for name, fields in LAYOUT.items():
        lines += [f'_Static_assert(offsetof({name}, {field}) == {at}, "{field}");' for field, at in fields.items()]
        lines.append(f'_Static_assert(sizeof({name}) == {sizes[name]}, "{name}");')
    return "\n".join(lines) + "\n"


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the offsets are those of 64-bit platforms")
@pytest.mark.parametrize("version", ["frozen", "installed"])
def test_the_layout_of_the_first_version_stays(version, tmp_path):
    """A definition may grow at its end; a change of the rest needs a way to tell the two apart."""
    source = tmp_path / "layout.c"
    include = includes(FROZEN[0], tmp_path) if version == "frozen" else INCLUDE

    def failed(sizes):
        source.write_text(layout_assertions(sizes))
        command = [compiler(), *WARNINGS, *python_includes(), f"-I{include}", "-fsyntax-only", source.name]
        finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return re.findall(r'static assertion failed[^"]*"(.*?)"', finished.stderr)

    assert failed(SIZES) == []
    assert failed({**SIZES, "PyAwaitable_Head": 48}) == ["PyAwaitable_Head"]
