"""Bodies in each dialect of C and C++, by both spellings, and in extensions that reach the library in each way."""

import every_word
import pytest
import test_dialects
from test_dialects import compilers, dialects, limited_api, newest_standard
from test_function_modes import MODES

# Not -Wshadow: what a block is called by is shadowed by the blocks in it.
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wimplicit-fallthrough", "-Wstrict-prototypes", "-Werror"]
spellings = pytest.mark.parametrize("long_names", [False, True], ids=["keywords", "long"])


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    monkeypatch.setattr(test_dialects, "STRICT", STRICT)


@dialects
@spellings
def test_every_word_in_every_dialect(compiler, standard, long_names, tmp_path):
    test_dialects.compile_text(tmp_path, compiler, standard, every_word.text(long_names))


@compilers
@pytest.mark.parametrize("optimization", ["-O0", "-O3"])
def test_as_an_object_file(compiler, optimization, tmp_path):
    """Optimizing finds what checking the syntax does not."""
    standard = newest_standard(compiler)
    test_dialects.compile_text(tmp_path, compiler, standard, every_word.text(), "-c", optimization)


@limited_api
@dialects
def test_limited_api(compiler, standard, tmp_path):
    text = every_word.text()
    test_dialects.compile_text(tmp_path, compiler, standard, text, "-fsyntax-only", "-DPy_LIMITED_API=0x03090000")


@spellings
@pytest.mark.parametrize("language", ["c", "cpp"])
@pytest.mark.parametrize("mode", MODES)
def test_it_runs_in_each_mode(mode, language, long_names, tmp_path):
    every_word.check(every_word.build(tmp_path, language, *MODES[mode], long_names=long_names))


@pytest.mark.parametrize(("language", "standard"), [("c", "c99"), ("c", "c2x"), ("cpp", "c++11"), ("cpp", "c++20")])
def test_it_runs_as_each_dialect(language, standard, tmp_path):
    if not test_dialects.python_compiles("g++" if language == "cpp" else "gcc", standard):
        pytest.skip(f"Python.h alone does not compile with -std={standard}")
    every_word.check(every_word.build(tmp_path, language, f"-std={standard}", "-O2"))
