"""The Python code that makes functions of signatures, by itself: the shorter way makes what the compiler makes."""

import inspect
import itertools
import types

import pytest
from documents import ROOT

CODE = ROOT / "src/functions/define.py"
DEFINE = types.SimpleNamespace()
exec(compile(CODE.read_text(encoding="utf-8"), str(CODE), "exec", dont_inherit=True), vars(DEFINE))

# Pieces of signatures, right and wrong ones.
PIECES = ["a", "b=1", "/", "*", "*args", "c", "d=None", "**kwargs"]
OTHERS = [
    "",
    "a=-12, b='', c=..., d=(), e=\"\", f=b''",
    "_0, _1, _2=3, *_3, _4, **_5",
    "a, b, c, d, e, f, g, h, /, i, j, *, k, l, m=0",
    "a = 1 , * , b = None",
    "self, /, *args, **kwargs",
]
# What takes the compiler, or does not compile.
COMPILED = [
    "a: int",
    "a: int = 1",
    "*args: int",
    "a=1.5",
    "a=01",
    "a=1_000",
    "a=٣",
    "a=b",
    "a='x'",
    "a=[1, 2]",
    "target",
    "*target",
    "café",
    "a, a",
    "a, *a",
    "class",
    "None",
    "*None",
    "__debug__",
    "***a",
    "*",
    "*, **kwargs",
    "**kwargs, a",
    "*=1",
    "/, a",
    "a, /=1",
    "*args=1",
    "**kwargs=1",
    "a b",
    "1a",
    "=1",
    "a=",
    "a[0]",
    "a()",
    "(a, b)",
    "* args, b",
    "* *a",
    "** a b",
]


def made(maker, text, log):
    """A function whose parameters are these; None if there cannot be one."""

    def target(*arguments, **keywords):
        log.append((arguments, keywords))

    try:
        return maker(DEFINE.split(text), target, {"__builtins__": vars(DEFINE.builtins)}, "<m>")
    except Exception:
        return None


def calls(names):
    """Arguments: too few, enough, too many of them, by position and by name."""
    for count in range(len(names) + 2):
        arguments = tuple(range(count))
        yield arguments, {}
        yield arguments, dict.fromkeys(names[count:], 10)
        yield arguments, dict.fromkeys(names[:1], 10)
        yield arguments, {"other": 10}


def outcome(function, log, arguments, keywords):
    del log[:]
    try:
        function(*arguments, **keywords)
    except TypeError as exception:
        return str(exception)
    return list(log)


def attributes(function):
    code = function.__code__
    plain = (
        "co_argcount co_posonlyargcount co_kwonlyargcount co_flags co_varnames co_filename co_freevars co_firstlineno co_names"
    )
    return (
        [getattr(code, name) for name in plain.split()],
        str(inspect.signature(function)),
        function.__defaults__,
        function.__kwdefaults__,
        function.__annotations__,
    )


def same(text):
    """Whether the shorter way does it; if so, it does the same."""
    log = []
    short = made(DEFINE.renamed, text, log)
    if short is None:
        return False
    long = made(DEFINE.compiled, text, log)
    assert long is not None, text
    assert attributes(short) == attributes(long), text
    long.__qualname__ = short.__qualname__
    for arguments, keywords in calls(short.__code__.co_varnames):
        expected = outcome(long, log, arguments, keywords)
        assert outcome(short, log, arguments, keywords) == expected, (text, arguments, keywords)
    return True


def test_each_order_of_parameters():
    taken = 0
    for count in range(5):
        for pieces in itertools.permutations(PIECES, count):
            text = ", ".join(pieces)
            does = same(text)
            assert does == (made(DEFINE.compiled, text, []) is not None), text
            taken += does
    assert taken > 100


@pytest.mark.parametrize("text", OTHERS)
def test_other_signatures_that_need_no_compiler(text):
    assert same(text)


@pytest.mark.parametrize("text", COMPILED)
def test_signatures_that_are_left_to_the_compiler(text):
    with pytest.raises((ValueError, IndexError)):
        DEFINE.shaped(DEFINE.split(text))


def test_names_of_one_shape_share_what_was_compiled():
    before = len(DEFINE.TEMPLATES)
    for number in range(100):
        made(DEFINE.renamed, f"x{number}, y{number}=None, *, z{number}, t, u, v, w", [])
    assert len(DEFINE.TEMPLATES) == before + 1


def test_all_keywords_are_known():
    keyword = pytest.importorskip("keyword")
    assert set(keyword.kwlist) <= DEFINE.KEYWORDS
