"""The extension of tests/body_abi/every_word.h, and what it has to do however it was built."""

import re
from pathlib import Path

import pytest
from compiling import compile_extension, load_extension
from raw_support import Context, Ready, failing, ready, run, steps

import pyawaitable

SOURCE = Path(__file__).parent / "body_abi" / "every_word.h"


def text(long_names=False):
    """The source; with the long names, nothing is defined before the header."""
    source = SOURCE.read_text()
    if not long_names:
        return source
    header = (Path(pyawaitable.include()) / "pyawaitable" / "language.h").read_text()
    words = re.findall(r"^#define (\w+) PyAwaitable_\1$", header, re.M)
    assert "AWAIT" in words and len(words) > 20
    source = source.replace("#define PYAWAITABLE_KEYWORDS\n", "")
    return re.sub(rf"\b({'|'.join(words)})\b", r"PyAwaitable_\1", source)


def build(folder, language, *options, long_names=False, include=None):
    """The extension, loaded."""
    source = folder / f"every_word.{language}"
    source.write_text(text(long_names))
    return load_extension(compile_extension(folder, "every_word", [source], *options, include=include), "every_word")


async def three():
    for number in range(3):
        yield number


async def collected(iterable):
    return [item async for item in iterable]


def check(module):
    """Values, errors, clean-ups, blocks and loops."""
    assert run(module.gives(ready(5))) == 5
    with pytest.raises(SystemError, match="RAISE without an exception set"):
        run(module.gives())
    with pytest.raises(KeyError, match="of the body"):
        run(module.fails(Ready()))
    key, log = KeyError("there"), []

    def note(value=None):
        log.append(value)
        return Ready("noted")

    assert run(module.catches(lambda: failing(key), note)) is key
    with pytest.raises(ValueError, match="raised again"):
        run(module.catches(lambda: failing(ValueError("raised again")), note))
    assert run(module.catches(lambda: Ready(1), note)) == 1
    assert run(module.cleans(lambda: Ready(2), note)) == 2
    with pytest.raises(KeyError):
        run(module.cleans(lambda: failing(key), note))
    assert len(log) == 3
    context = Context("entered")
    assert run(module.enters(context, note)) == ("entered", "noted")
    assert context.log == ["enter", ("exit", None)]
    swallowing = Context("entered", swallow=True)
    assert run(module.enters(swallowing, lambda: failing(key))) == "entered"
    assert swallowing.log == ["enter", ("exit", KeyError)]
    assert run(module.iterates(three())) == 6
    assert run(module.iterates(three(), 1)) == 4
    assert run(module.loops(Ready, note)) == 4 and len(log) == 9
    made = module.suspends("out")
    assert steps(made) == ((made, None), ["out"])
    assert run(collected(module.generates())) == [0, 1, 2]
    with pytest.raises(SystemError, match="YIELD in a body that is no generator"):
        run(module.yields(1))
