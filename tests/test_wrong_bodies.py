"""Bodies that are wrong: the compiler finds it, or the body when it runs, and its author is told what and where."""

import copy
import gc
import os
import pickle
import random
import re
import shutil
import struct
import subprocess
import sys
import traceback
import weakref
from contextlib import nullcontext
from pathlib import Path

import bodies
import pytest
import rawapi
import wrong_bodies as wrong
from compiling import python_includes
from raw_support import Context, Ready, failing, ready, run, sleepy, steps, suspend

import pyawaitable

pytest_plugins = ["raw_fixtures"]

# ---- What the compiler finds ---------------------------------------------------------------------

PROGRAM = """
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

typedef struct {
    HEAD
    PyObject *object, *value;
    DATA
    PyObject *late;
    int count;
} Frame;

BODY(body, Frame, f)
    // HERE
END_BODY

static const PyAwaitable_Definition definition = PyAwaitable_DEFINITION("body", body, Frame);

PyObject *made(PyObject *object);
PyObject *made(PyObject *object)
{
    Frame *f;
    PyObject *awaitable = PyAwaitable_NewBody(&definition, &f);
    if (awaitable != NULL) {
        f->object = Py_NewRef(object);
    }
    return awaitable;
}
"""
AWAIT = "AWAIT(value, Py_NewRef(f->object));"
FRAME = "    HEAD\n    PyObject *object, *value;\n    DATA\n"
NEGATIVE = "negative"
UNDECLARED = "undeclared|not declared|not a declared"

# By what is wrong: the lines of the body, how they are written right, and what the compiler says.
REFUSED = {
    "a local as the target": ("PyObject *local;\nAWAIT(local, Py_NewRef(f->object));", AWAIT, "no member named .local"),
    "the target by way of the frame": ("AWAIT(f->value, Py_NewRef(f->object));", AWAIT, "no member named .f\\b"),
    "a target that is no reference of the frame": ("AWAIT(late, Py_NewRef(f->object));", AWAIT, NEGATIVE),
    "another such, sent by the event loop": ("SUSPEND(late, Py_NewRef(f->object));", AWAIT, NEGATIVE),
    "no target": ("AWAIT(Py_NewRef(f->object));", "AWAIT_ONLY(Py_NewRef(f->object));", "requires 2 arguments|too few"),
    "a plain return of a value": (
        "return f->object;",
        "RETURN(Py_NewRef(f->object));",
        "incompatible types|incompatible result type|cannot convert|could not|no viable conversion",
    ),
    "a plain return of NULL": (
        "return NULL;",
        "RAISE;",
        "incompatible types|incompatible result type|cannot convert|could not|conversion",
    ),
    "two awaits in a line": (f"{AWAIT} {AWAIT}", f"{AWAIT}\n{AWAIT}", "duplicate case"),
    "two blocks in a line": (
        "TRY TRY\nFINALLY\nEND_TRY\nFINALLY\nEND_TRY",
        "TRY\nTRY\nFINALLY\nEND_TRY\nFINALLY\nEND_TRY",
        "duplicate case",
    ),
    "BREAK outside of a LOOP": ("for (;;) {\nBREAK;\n}", "for (;;) {\nLOOP\nBREAK;\n}", NEGATIVE),
    "CONTINUE outside of a LOOP": ("for (;;) {\nCONTINUE;\n}", "for (;;) {\nLOOP\nCONTINUE;\n}", NEGATIVE),
    "RERAISE outside of EXCEPT": ("RERAISE;", "TRY\nEXCEPT\nRERAISE;\nEND_TRY", UNDECLARED),
    "RERAISE in FINALLY": ("TRY\nFINALLY\nRERAISE;\nEND_TRY", "TRY\nEXCEPT\nRERAISE;\nEND_TRY", UNDECLARED),
    "EXCEPTION outside of EXCEPT": (
        "f->count = EXCEPTION != NULL;",
        "TRY\nEXCEPT\nf->count = EXCEPTION != NULL;\nEND_TRY",
        UNDECLARED,
    ),
    "CAUGHT outside of EXCEPT": (
        "f->count = CAUGHT(f->object);",
        "TRY\nEXCEPT\nf->count = CAUGHT(f->object);\nEND_TRY",
        UNDECLARED,
    ),
    "EXCEPT and FINALLY of one TRY": (
        "TRY\nEXCEPT\nFINALLY\nEND_TRY",
        "TRY\nTRY\nEXCEPT\nEND_TRY\nFINALLY\nEND_TRY",
        "duplicate case",
    ),
    "a TRY with neither": ("TRY\nEND_TRY", "TRY\nFINALLY\nEND_TRY", UNDECLARED),
    "a TRY with neither in a section of another": (
        "TRY\nFINALLY\nTRY\nEND_TRY\nEND_TRY",
        "TRY\nFINALLY\nTRY\nEXCEPT\nEND_TRY\nEND_TRY",
        NEGATIVE,
    ),
    "a TRY without its end": ("TRY\nFINALLY", "TRY\nFINALLY\nEND_TRY", ""),
    "an end without its TRY": ("END_TRY", "TRY\nFINALLY\nEND_TRY", ""),
    "an ASYNC_WITH without its end": ("ASYNC_WITH(value, f->object)", "ASYNC_WITH(value, f->object)\nEND_WITH", ""),
    "the end of another block": ("ASYNC_FOR(value, f->object)\nEND_WITH", "ASYNC_FOR(value, f->object)\nEND_FOR", ""),
    "a RETURN of nothing": ("RETURN();", "RETURN(Py_NewRef(Py_None));", "expected"),
    "a body in a body": ("BODY(inner, Frame, g)\nEND_BODY", "", ""),
}

# Outside of the body: a part of the program, and what is wrong in its place.
REFUSED_ELSEWHERE = {
    "a frame without HEAD": (FRAME, FRAME.replace("HEAD", "PyObject *more[4];"), "PyAwaitable__head"),
    "a HEAD that is not first": (
        FRAME,
        FRAME.replace("    HEAD\n    PyObject *object, *value;", "    PyObject *object, *value; HEAD"),
        NEGATIVE,
    ),
    "a frame without DATA": (FRAME, FRAME.replace("DATA", ""), "PyAwaitable__data"),
    "a word in a function": (
        "PyObject *made(PyObject *object)\n{\n",
        "PyObject *made(PyObject *object)\n{\n    RAISE;\n",
        UNDECLARED,
    ),
    "another frame than the body's": ("BODY(body, Frame, f)", "BODY(body, Missing, f)", "Missing"),
}

LANGUAGES = {
    "c": [["gcc", "-std=c99"], ["gcc", "-std=c17"], ["clang", "-std=c99"]],
    "c++": [["g++", "-std=c++11"], ["g++", "-std=c++20"], ["clang++", "-std=c++11"]],
}
EVERY = [command for commands in LANGUAGES.values() for command in commands]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wimplicit-fallthrough"]


def said(folder, command, text, *options):
    """What a compiler says of a program, and whether it has taken it."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    source = folder / ("source.cpp" if "++" in command[0] else "source.c")
    source.write_text(text)
    command = [
        *command,
        *STRICT,
        *python_includes(),
        f"-I{pyawaitable.include()}",
        *(options or ["-fsyntax-only"]),
        source.name,
    ]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return finished.stderr, finished.returncode == 0


def body_of(lines):
    return PROGRAM.replace("// HERE", lines)


def in_an_error(output, pattern):
    """Whether an error says this, not only a warning or a note."""
    return re.search(rf"\berror: .*(?:{pattern})", output) is not None


compilers = pytest.mark.parametrize("command", EVERY, ids=lambda command: "".join(command))


@compilers
@pytest.mark.parametrize("case", REFUSED)
def test_it_does_not_compile(case, command, tmp_path):
    wrong_lines, right_lines, pattern = REFUSED[case]
    assert said(tmp_path, command, body_of(right_lines)) == ("", True)
    output, is_taken = said(tmp_path, command, body_of(wrong_lines))
    assert not is_taken
    assert in_an_error(output, pattern), output


@compilers
@pytest.mark.parametrize("case", REFUSED_ELSEWHERE)
def test_what_is_around_it_does_not_compile(case, command, tmp_path):
    right, wrong_text, pattern = REFUSED_ELSEWHERE[case]
    text = body_of(AWAIT)
    assert text.count(right) == 1
    assert said(tmp_path, command, text) == ("", True)
    output, is_taken = said(tmp_path, command, text.replace(right, wrong_text))
    assert not is_taken
    assert in_an_error(output, pattern), output


@compilers
def test_the_compiler_speaks_of_a_return_without_a_value(command, tmp_path):
    """By default: older compilers of C only warn."""
    output, _ = said(tmp_path, command, body_of("return;"))
    assert re.search("return.* with no value|should return a value", output), output


LOCAL = f"PyObject *kept = f->object;\n{AWAIT}\nRETURN(Py_NewRef(kept));"
IN_BRACES = f"{{\nPyObject *kept = f->object;\nf->count = kept != NULL;\n}}\n{AWAIT}"


@pytest.mark.parametrize("command", LANGUAGES["c++"], ids="".join)
def test_an_initialised_local_needs_braces_in_cxx(command, tmp_path):
    assert said(tmp_path, command, body_of(IN_BRACES)) == ("", True)
    output, is_taken = said(tmp_path, command, body_of(LOCAL))
    assert not is_taken
    assert re.search("error: (jump to case label|cannot jump)", output) and "kept" in output, output


def test_a_local_that_lives_across_an_await_is_warned_of_in_c(tmp_path):
    """By gcc, if it optimizes; clang does not see it."""
    output, _ = said(tmp_path, ["gcc", "-std=c99"], body_of(LOCAL), "-O2", "-c", "-o", "object.o")
    assert re.search("kept.* may be used uninitialized", output), output
    assert said(tmp_path, ["gcc", "-std=c99"], body_of(IN_BRACES), "-O2", "-c", "-o", "object.o") == ("", True)


# ---- What is found when it runs ------------------------------------------------------------------

SOURCE = Path(__file__).parent / "ext" / "wrong_bodies" / "wrong_bodies.c"
LINES = {
    marker.group(1): number
    for number, line in enumerate(SOURCE.read_text().splitlines(), 1)
    if (marker := re.search(r"/\* (\w+) \*/$", line))
}
LEFT = "a TRY, ASYNC_WITH or ASYNC_FOR was left by `break`, `continue` or `goto`"
CANNOT_GO_ON = "it cannot go on here: an AWAIT inside a `switch`, or a `break` outside of any loop"
NO_EXCEPTION = "an expression was NULL without an exception set"
WENT_ON = "it went on with an exception set"
NULLS = [
    "awaits_null",
    "awaits_only_null",
    "returns_null",
    "suspends_null",
    "enters_null",
    "iterates_null",
    "returns_null_within",
]
WITH_EXCEPTION = [
    "awaits_with_exception",
    "returns_with_exception",
    "suspends_with_exception",
    "ends_with_exception",
    "enters_with_exception",
    "begins_with_exception",
]


def fault(name, *arguments):
    """The SystemError that a body ends with, and its text without what every text begins with."""
    made = getattr(wrong, name)(*arguments)
    with pytest.raises(SystemError) as caught:
        steps(made)
    with pytest.raises(RuntimeError, match="cannot reuse"):
        made.send(None)
    match = re.fullmatch(rf"body '{name}', line (\d+) of .*wrong_bodies\.c: (.*)", str(caught.value))
    assert match, caught.value
    assert int(match.group(1)) == LINES[name]
    frame = traceback.extract_tb(caught.tb)[-1]
    assert (frame.name, frame.lineno) == (name, LINES[name]) and frame.filename.endswith("wrong_bodies.c")
    return caught.value, match.group(2)


@pytest.mark.parametrize("name", NULLS)
def test_null_is_the_exception_that_is_set(name):
    error, log = KeyError("there"), []
    with pytest.raises(KeyError) as caught:
        steps(getattr(wrong, name)(error, log))
    assert caught.value is error and error.__context__ is None
    assert traceback.extract_tb(caught.tb)[-1].lineno == LINES[name]
    assert log == (["finally"] if name == "returns_null_within" else [])


@pytest.mark.parametrize("name", NULLS)
def test_null_without_an_exception(name):
    log = []
    error, text = fault(name, None, log)
    assert text == "an expression was NULL without an exception set" and error.__cause__ is None
    assert log == (["finally"] if name == "returns_null_within" else [])


@pytest.mark.parametrize("name", ["raises_nothing", "checks_nothing"])
def test_a_raise_without_an_exception(name):
    error, text = fault(name)
    assert text == "RAISE without an exception set" and error.__cause__ is None


@pytest.mark.parametrize("name", WITH_EXCEPTION)
def test_it_goes_on_with_an_exception_set(name):
    cause, log = KeyError("nobody looked"), []
    error, text = fault(name, cause, log)
    assert text == "it went on with an exception set"
    assert error.__cause__ is error.__context__ is cause and log == []


KEY = KeyError("key")


IN_SWITCH = pytest.mark.parametrize("name", ["awaits_in_switch", "awaits_in_switch_in_try"])


@IN_SWITCH
@pytest.mark.parametrize("inner", [ready, sleepy])
def test_a_word_in_a_switch_cannot_be_resumed(inner, name):
    log = []
    error, text = fault(name, inner, log)
    assert text == "it cannot go on here: an AWAIT inside a `switch`, or a `break` outside of any loop"
    assert error.__cause__ is None
    assert log == []


@IN_SWITCH
def test_what_is_raised_in_a_switch_goes_where_it_would_go_without(name):
    """The body need not go on for that."""
    log = []
    with pytest.raises(KeyError) as raised:
        run(getattr(wrong, name)(lambda: failing(KEY), log))
    assert raised.value is KEY
    assert log == (["except"] if name.endswith("try") else [])


def test_a_block_in_a_switch_cannot_be_resumed():
    log = []
    _, text = fault("tries_in_switch", None, log)
    assert text.startswith("it cannot go on here: an AWAIT inside a `switch`")
    assert log == []


class Items:
    """An asynchronous iterator that never ends."""

    def __aiter__(self):
        return self

    async def __anext__(self):
        return self


# What the body begins with, and what it has noted by the time it is found out: nothing of the block's own end.
LEFT = {
    "breaks": (ready, []),
    "breaks_and_awaits": (Ready, []),
    "breaks_and_returns": (list, []),
    "breaks_and_raises": (ready, []),
    "continues": (ready, []),
    "goes_to": (ready, ["out"]),
    "goes_out_of_finally": (list, ["out"]),
    "breaks_within_for": (Items(), []),
    "goes_out_of_for": (Items(), ["out"]),
    "breaks_out_of_with": (Context(), []),
    "continues_out_of_with": (Context(), []),
}


@pytest.mark.parametrize("name", LEFT)
def test_a_block_that_is_left_by_other_means(name):
    begins_with, noted = LEFT[name]
    log = []
    if isinstance(begins_with, Context):
        begins_with.log.clear()
    error, text = fault(name, begins_with, log)
    assert text == "a TRY, ASYNC_WITH or ASYNC_FOR was left by `break`, `continue` or `goto`"
    assert type(error.__cause__) is (KeyError if name == "breaks_and_raises" else type(None))
    assert log == noted
    if isinstance(begins_with, Context):
        assert begins_with.log == ["enter"]


def test_a_finally_that_is_left_loses_what_is_pending():
    def fails():
        raise KEY

    _, text = fault("goes_out_of_finally", fails, [])
    assert text.startswith("a TRY, ASYNC_WITH or ASYNC_FOR was left")


def test_the_blocks_around_such_a_fault_go_on():
    log = []
    assert run(wrong.catches_its_fault(ready, log)) is log
    assert log == ["except"]


def test_a_break_or_continue_outside_of_any_loop():
    _, text = fault("breaks_out_of_itself", ready)
    assert text == "it cannot go on here: an AWAIT inside a `switch`, or a `break` outside of any loop"
    _, text = fault("continues_itself", ready)
    assert text == "a `continue` outside of any loop, after this line"


def test_yield_is_for_generators():
    _, text = fault("yields", Ready)
    assert text == "YIELD in a body that is no generator"


# ---- A body and its own awaitable ----------------------------------------------------------------


def test_it_cannot_resume_itself():
    made = wrong.calls_itself()
    with pytest.raises(ValueError, match="^coroutine already executing$") as caught:
        made.send(None)
    assert traceback.extract_tb(caught.tb)[-1].lineno == LINES["calls_itself"]


def test_it_cannot_await_itself():
    made = wrong.awaits_itself()
    with pytest.raises((ValueError, RuntimeError)) as caught:
        made.send(None)
    assert str(caught.value) == "coroutine already executing"


# ---- The functions for callbacks, and others -----------------------------------------------------

CALLBACK = rawapi.Callback(lambda aw, value: None)
FOR_CALLBACKS = {
    "AddAwait": lambda aw: rawapi.add_await(aw, Ready()),
    "AddExpr": lambda aw: rawapi.add_expr(aw, Ready()),
    "DeferAwait": lambda aw: rawapi.defer_await(aw, lambda aw: None),
    "AwaitFunction": lambda aw: rawapi.await_function(aw, Ready),
    "AsyncWith": lambda aw: rawapi.async_with(aw, Context(), CALLBACK),
    "AsyncFor": lambda aw: rawapi.async_for(aw, Items(), CALLBACK),
    "SetResult": lambda aw: rawapi.set_result(aw, 1),
}


@pytest.mark.parametrize("when", ["before", "suspended", "after"])
@pytest.mark.parametrize("name", FOR_CALLBACKS)
def test_functions_for_callbacks_refuse_a_body(name, when):
    made = bodies.gives(sleepy(5))
    if when != "before":
        assert made.send(None) == "sleepy"
    if when == "after":
        assert run(made) == 5
    with pytest.raises(RuntimeError):
        FOR_CALLBACKS[name](made)
    if when != "after":
        assert run(made) == 5


def test_cancel_before_the_first_step_only_ends_the_warning():
    made = bodies.gives(ready(5))
    rawapi.cancel(made)
    assert run(made) == 5
    rawapi.cancel(bodies.gives(Ready()))
    gc.collect()


def test_cancel_after_the_first_step_is_refused():
    made = bodies.gives(sleepy(5))
    made.send(None)
    with pytest.raises(RuntimeError):
        rawapi.cancel(made)
    assert made.cr_suspended and run(made) == 5


# ---- Definitions ---------------------------------------------------------------------------------

DEFINITION, FRAME_SIZE, HEAD_SIZE, BLOCK = wrong.sizes()
WORD = struct.calcsize("P")


def defined(size=None, name="", has_body=True, frame_size=None, head_size=None, first_reference=None, references=None, more=0):
    return wrong.defined(size, name, has_body, frame_size, head_size, first_reference, references, more)


ANOTHER_SIZE = "a PyAwaitable_Definition of another size: written by hand, or made for a newer PyAwaitable"
ANOTHER_HEAD = "a PyAwaitable_Definition with a head of another size: written by hand, or made for a newer PyAwaitable"
MISPLACED = "a PyAwaitable_Definition whose references begin in the head, beyond the frame, or askew"
TOO_MANY = "a PyAwaitable_Definition with more references than fit into its frame"
SMALL = "a PyAwaitable_Definition whose frame is smaller than its head"
INVALID = [
    *[({"size": size}, ANOTHER_SIZE) for size in (0, -1, 8, DEFINITION - 1, 1 << 20, sys.maxsize, -sys.maxsize - 1)],
    ({"size": DEFINITION + 8, "more": 1}, ANOTHER_SIZE),
    ({"has_body": False}, "a PyAwaitable_Definition without a body"),
    *[({"frame_size": size}, SMALL) for size in (0, -1, HEAD_SIZE - 1, -sys.maxsize - 1)],
    *[({"frame_size": size}, "a PyAwaitable_Definition whose frame is too large") for size in (sys.maxsize, (1 << 30) + 1)],
    *[({"head_size": size}, ANOTHER_HEAD) for size in (0, HEAD_SIZE - WORD, HEAD_SIZE + WORD, -1, -sys.maxsize - 1)],
    ({"head_size": sys.maxsize}, SMALL),
    *[
        ({"first_reference": first}, MISPLACED)
        for first in (0, -1, HEAD_SIZE - WORD, HEAD_SIZE + 1, FRAME_SIZE + WORD, sys.maxsize, -sys.maxsize - 1)
    ],
    *[({"references": number}, TOO_MANY) for number in (-1, FRAME_SIZE, sys.maxsize, -sys.maxsize - 1)],
    ({"first_reference": HEAD_SIZE + WORD, "references": (FRAME_SIZE - HEAD_SIZE) // WORD}, TOO_MANY),
]


@pytest.mark.parametrize(("numbers", "text"), INVALID, ids=str)
def test_a_definition_that_is_not_valid(numbers, text):
    for _ in range(2):
        with pytest.raises(SystemError) as caught:
            defined(**numbers)
        assert str(caught.value) == text


def test_null_as_a_definition_and_as_the_place_of_the_frame():
    with pytest.raises(SystemError, match="where a definition is needed$"):
        wrong.null_definition()
    with pytest.raises(SystemError, match="where the address of a pointer to the frame is needed$"):
        wrong.null_frame()


def test_a_definition_without_a_name():
    made = defined(name=None)
    assert (made.__name__, made.__qualname__) == ("PyAwaitable", "PyAwaitable")
    assert repr(made).startswith("<PyAwaitable object PyAwaitable at")
    assert run(made) == 0
    with pytest.warns(ResourceWarning, match="'PyAwaitable' was never awaited"):
        defined(name=None)
        gc.collect()


@pytest.mark.parametrize("more", [0, 1, 8, 64])
def test_a_newer_definition_that_asks_for_nothing_new(more):
    assert run(defined(size=DEFINITION + more)) == 0


@pytest.mark.parametrize("numbers", [{"references": 0}, {"first_reference": FRAME_SIZE, "references": 0}], ids=str)
def test_a_frame_without_references(numbers):
    assert run(defined(**numbers)) == 0


def test_definitions_of_random_numbers(seed=1):
    """Each is refused, or works."""
    chance = random.Random(seed)
    around = [0, HEAD_SIZE, FRAME_SIZE, DEFINITION, 1 << 30, sys.maxsize - 100, -sys.maxsize + 100]
    names = ["size", "frame_size", "head_size", "first_reference", "references"]
    worked = 0
    for _ in range(5000):
        numbers = {name: chance.choice(around) + chance.randint(-9, 9) for name in chance.sample(names, chance.randint(1, 2))}
        if numbers.get("frame_size", FRAME_SIZE) not in range(-sys.maxsize - 1, FRAME_SIZE) and "frame_size" in numbers:
            # The body writes where its frame has no room; or there is really that much.
            del numbers["frame_size"]
        try:
            made = defined(**numbers)
        except SystemError as error:
            assert "PyAwaitable_Definition" in str(error)
        else:
            made.close()
            worked += 1
    assert worked


# ---- Outcomes that no word makes -----------------------------------------------------------------

END = 5


@pytest.mark.parametrize("action", [0, 20, 99, 255, -1, -256], ids=str)
def test_an_outcome_that_is_not_known(action):
    made = wrong.returns_nonsense([(action, 0)])
    with pytest.raises(
        SystemError, match="^body 'returns_nonsense', line 0 of .*: an outcome that this version .* does not know$"
    ):
        made.send(None)


@pytest.mark.parametrize("action", range(-2, 40), ids=str)
@pytest.mark.parametrize("rest", [0, 1 << 8, 1 << 16, 255 << 16, 1 << 24, 127 << 24, 0x7FFFFF00, -(1 << 31)], ids=hex)
@pytest.mark.parametrize("label", [0, 5, -1], ids=str)
def test_nonsense_is_an_exception_or_nothing(action, rest, label):
    """Whatever it is that a body returns, and however often."""
    # One that parks, and there is no event loop to wait in: RuntimeError.
    with pytest.raises((SystemError, StopIteration, RuntimeError)):
        wrong.returns_nonsense([(action & 0xFF | rest, label)] * 5).send(None)


def test_random_nonsense():
    chance = random.Random(2)
    for _ in range(5_000):
        number = chance.randint(1, 8)
        outcomes = [
            (
                chance.randint(0, 21) | chance.randint(0, 3) << 8 | chance.randint(0, 3) << 16 | chance.randint(0, 3) << 24,
                chance.randint(0, 1),
            )
            for _ in range(number)
        ]
        with pytest.raises((SystemError, StopIteration, RuntimeError)):
            wrong.returns_nonsense(outcomes).send(None)


# ---- What owns what ------------------------------------------------------------------------------


class Value:
    """Something that can be watched dying."""


@pytest.mark.parametrize("end", ["returns", "raises", "closed", "thrown into", "dropped", "never begun"])
def test_what_else_a_frame_owns_is_released_once(end):
    async def inner():
        if end == "raises":
            raise KeyError
        await suspend()

    before, made = wrong.times_released(), wrong.owns(inner(), False)
    if end != "never begun":
        if end == "raises":
            with pytest.raises(KeyError):
                made.send(None)
        else:
            made.send(None)
    if end == "returns":
        assert run(made) is None
    elif end == "closed":
        made.close()
    elif end == "thrown into":
        with pytest.raises(OSError):
            made.throw(OSError())
    assert wrong.times_released() - before == (end in ("returns", "raises", "closed", "thrown into"))
    if end == "never begun":
        rawapi.cancel(made)
    with pytest.warns(RuntimeWarning, match="inner.* was never awaited") if end == "never begun" else nullcontext():
        del made
        gc.collect()
    assert wrong.times_released() - before == 1


@pytest.mark.parametrize("begun", [False, True])
def test_what_else_a_frame_owns_is_visited(begun):
    class Awaited:
        def __await__(self):
            yield

    awaited = Awaited()
    alive, before = weakref.ref(awaited), wrong.times_released()
    awaited.made = wrong.owns(awaited, False)
    if begun:
        awaited.made.send(None)
    else:
        rawapi.cancel(awaited.made)
    del awaited
    gc.collect()
    assert alive() is None and wrong.times_released() - before == 1


def test_what_the_release_of_a_frame_raises_is_unraisable(monkeypatch):
    lost = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: lost.append(each.exc_type))
    assert run(wrong.owns(Ready(5), True)) == 5
    with pytest.raises(KeyError):
        wrong.owns(failing(KeyError()), True).send(None)
    assert lost == [ZeroDivisionError] * 2


class Cycle:
    """Awaited, entered and iterated over: each suspends, and then goes on. Nothing suspends while it is closed."""

    is_closing = False

    def __await__(self):
        if not self.is_closing:
            try:
                yield
            except GeneratorExit:
                self.is_closing = True
                raise

    def __call__(self):
        return self

    async def __aenter__(self):
        await self
        return self

    async def __aexit__(self, kind, exception, traceback):
        await self

    def __aiter__(self):
        return self

    async def __anext__(self):
        await self
        return self


class Refusing(Cycle):
    def __await__(self):
        yield
        raise KeyError


# By the constructs that a body is suspended in, and how many steps there are.
SUSPENDED = {
    "gives": (lambda cycle: bodies.gives(cycle), 1),
    "sums": (lambda cycle: bodies.sums(cycle), 1),
    "enters": (lambda cycle: bodies.enters(cycle, cycle), 3),
    "returns_within": (lambda cycle: bodies.returns_within(cycle, cycle), 3),
    "iterates": (lambda cycle: bodies.iterates(cycle, None, cycle), 8),
    "cleans": (lambda cycle: bodies.cleans(cycle, cycle), 2),
    "leaves": (lambda cycle: bodies.leaves(cycle, cycle), 10),
    "catches": (lambda cycle: bodies.catches(cycle.other, cycle), 2),
    "leaves_handler": (lambda cycle: bodies.leaves_handler(cycle.other, cycle), 4),
}
PLACES = [(name, step) for name, (_, number) in SUSPENDED.items() for step in range(number + 1)]


@pytest.mark.filterwarnings("ignore:.*never awaited")
@pytest.mark.parametrize(("name", "step"), PLACES)
def test_a_cycle_through_the_frame_is_collected_wherever_it_is_suspended(name, step):
    cycle = Cycle()
    cycle.other = Refusing()
    cycle.other.back = cycle
    alive = weakref.ref(cycle)
    cycle.made = SUSPENDED[name][0](cycle)
    for _ in range(step):
        cycle.made.send(None)
    del cycle
    gc.collect()
    assert alive() is None


def test_the_size_is_that_of_the_frame_too():
    queue, body = rawapi.new(), wrong.counts()
    assert body.__sizeof__() - queue.__sizeof__() == FRAME_SIZE
    for each in (queue, body):
        rawapi.cancel(each)
    # The room for blocks is made at the first TRY, and stays with the frame for the next body.
    made = bodies.cleans(sleepy, ready)
    size = made.__sizeof__()
    made.send(None)
    assert made.__sizeof__() - size in (0, 4 * BLOCK)
    size = made.__sizeof__()
    made.close()
    assert made.__sizeof__() == size


@pytest.mark.parametrize("state", ["before", "suspended", "after"])
def test_a_body_cannot_be_copied_or_pickled(state):
    made = bodies.gives(Cycle())
    if state != "before":
        made.send(None)
    if state == "after":
        made.close()
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps, lambda made: pickle.dumps(made, 0)):
        with pytest.raises(TypeError, match="cannot pickle 'pyawaitable.PyAwaitable' object"):
            attempt(made)
    made.close()
