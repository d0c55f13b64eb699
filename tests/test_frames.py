"""Bodies in C: their definitions and frames, what owns what, and who may do what with them when.

test_language.py has the words, and tests/differential/test_translated.py compares bodies with `async def`.
"""

import functools
import gc
import itertools
import subprocess
import tempfile
import threading
import types
import warnings
import weakref
from pathlib import Path

import pytest
from compiling import compile_extension, compiler, load_extension, python_includes

import pyawaitable

SOURCE = r"""
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

typedef struct {
    HEAD
    PyObject *call, *value, *log;
    DATA
    PyObject *hidden; /* what `traverse` and `release` are about */
    int number;
} Frame;

static PyObject *seen;     /* what was called, in order */
static Frame *last;        /* the frame that was made last */

static void
note(const char *text, int is_there)
{
    PyObject *entry = Py_BuildValue("(sO)", text, is_there ? Py_True : Py_False);
    if (entry == NULL || PyList_Append(seen, entry) < 0) {
        PyErr_Clear();
    }
    Py_XDECREF(entry);
}

static int
traverse(PyObject *frame, visitproc visit, void *arg)
{
    Py_VISIT(((Frame *)(void *)frame)->hidden);
    return 0;
}

static void
release(void *frame)
{
    Frame *f = (Frame *)frame;
    note("release", f->call != NULL);
    Py_CLEAR(f->hidden);
}

static void
clean_up(void *frame)
{
    note("clean-up", ((Frame *)frame)->call != NULL);
}

/* await call() and return what that gave */
BODY(awaits_body, Frame, f)
    AWAIT(value, PyObject_CallNoArgs(f->call));
    RETURN(Py_NewRef(f->value));
END_BODY

/* await call() for ever, each time into the same field */
BODY(repeats_body, Frame, f)
    for (;;) {
        TRY
            AWAIT(value, PyObject_CallNoArgs(f->call));
        EXCEPT
            if (CAUGHT(PyExc_LookupError)) {
                SUSPEND(log, Py_NewRef(f->value));
            }
        END_TRY
        SUSPEND(log, Py_NewRef(f->value));
    }
END_BODY

BODY(self_body, Frame, f)
    CHECK(PyAwaitable_AddCleanup(SELF, clean_up, f) == 0);
    RETURN(Py_NewRef(SELF));
END_BODY

BODY(deep_body, Frame, f)
    TRY
        TRY
            TRY
                TRY
                    TRY
                        TRY
                            TRY
                                TRY
                                    TRY
                                        AWAIT(value, PyObject_CallNoArgs(f->call));
                                        RETURN(PyLong_FromLong(f->number));
                                    FINALLY
                                        f->number++;
                                        AWAIT_ONLY(PyObject_CallNoArgs(f->call));
                                    END_TRY
                                FINALLY
                                    f->number++;
                                END_TRY
                            FINALLY
                                f->number++;
                            END_TRY
                        FINALLY
                            f->number++;
                        END_TRY
                    FINALLY
                        f->number++;
                    END_TRY
                FINALLY
                    f->number++;
                END_TRY
            FINALLY
                f->number++;
            END_TRY
        FINALLY
            f->number++;
        END_TRY
    FINALLY
        f->number++;
        if (f->number == 9) {
            RETURN(PyLong_FromLong(f->number));
        }
    END_TRY
END_BODY

#define DEFINED(name) PyAwaitable_DEFINITION_WITH(#name, name##_body, Frame, traverse, release)
static const PyAwaitable_Definition definitions[] = {
    DEFINED(awaits), DEFINED(repeats), DEFINED(self), DEFINED(deep)};

/* make(index, call, hidden=None) */
static PyObject *
make(PyObject *Py_UNUSED(module), PyObject *args)
{
    int index;
    PyObject *call, *hidden = NULL;
    if (!PyArg_ParseTuple(args, "iO|O", &index, &call, &hidden)) {
        return NULL;
    }
    PyObject *awaitable = PyAwaitable_NewBody(&definitions[index], &last);
    if (awaitable != NULL) {
        last->call = Py_NewRef(call);
        last->hidden = Py_XNewRef(hidden);
    }
    return awaitable;
}

/* A new frame is zeroed; what is in it does not matter to the body. */
static PyObject *
is_zeroed(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Frame *f;
    PyObject *awaitable = PyAwaitable_NewBody(&definitions[0], &f);
    if (awaitable == NULL) {
        return NULL;
    }
    int zeroed = f->call == NULL && f->value == NULL && f->log == NULL && f->hidden == NULL && f->number == 0;
    memset(&f->number, 0xFF, sizeof f->number); /* for who gets the memory next */
    PyAwaitable_Cancel(awaitable);
    Py_DECREF(awaitable);
    return PyBool_FromLong(zeroed);
}

/* Whether the references of the frame made last are NULL. */
static PyObject *
is_empty(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(last->call == NULL && last->value == NULL && last->log == NULL);
}

/* What a definition with one change gives, and whether the frame's pointer is NULL then. */
static PyObject *
refuses(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *what;
    Frame *f = last;
    if (!PyArg_ParseTuple(args, "s", &what)) {
        return NULL;
    }
    static PyAwaitable_Definition changed;
    changed = definitions[0];
    if (strcmp(what, "size") == 0) {
        changed.size -= (Py_ssize_t)sizeof(void *);
    }
    else if (strcmp(what, "body") == 0) {
        changed.body = NULL;
    }
    else if (strcmp(what, "frame") == 0) {
        changed.frame_size = 3;
    }
    else if (strcmp(what, "head") == 0) {
        changed.head_size += (Py_ssize_t)sizeof(void *);
    }
    else if (strcmp(what, "references") == 0) {
        changed.references = 99;
    }
    int is_nothing = strcmp(what, "nothing") == 0;
    PyObject *awaitable = strcmp(what, "no frame") == 0 ? PyAwaitable_NewBody(&changed, NULL)
                                                        : PyAwaitable_NewBody(is_nothing ? NULL : &changed, &f);
    if (awaitable == NULL && f != NULL && strcmp(what, "no frame") != 0) {
        PyErr_SetString(PyExc_AssertionError, "the frame is not NULL");
    }
    return awaitable;
}

static int
ignores(PyObject *awaitable, PyObject *value)
{
    return PyAwaitable_SetResult(awaitable, value);
}

static int
ignores_deferred(PyObject *Py_UNUSED(awaitable))
{
    return 0;
}

/* Call one of the functions for callbacks. */
static PyObject *
queue(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *name;
    PyObject *awaitable, *object;
    if (!PyArg_ParseTuple(args, "sOO", &name, &awaitable, &object)) {
        return NULL;
    }
    int status = 0;
    if (strcmp(name, "AddAwait") == 0) {
        status = PyAwaitable_AddAwait(awaitable, object, ignores, NULL);
    }
    else if (strcmp(name, "AddExpr") == 0) {
        status = PyAwaitable_AddExpr(awaitable, Py_NewRef(object), NULL, NULL);
    }
    else if (strcmp(name, "AsyncWith") == 0) {
        status = PyAwaitable_AsyncWith(awaitable, object, NULL, NULL);
    }
    else if (strcmp(name, "AsyncFor") == 0) {
        status = PyAwaitable_AsyncFor(awaitable, object, ignores, ignores_deferred, NULL);
    }
    else if (strcmp(name, "DeferAwait") == 0) {
        status = PyAwaitable_DeferAwait(awaitable, ignores_deferred);
    }
    else if (strcmp(name, "SetResult") == 0) {
        status = PyAwaitable_SetResult(awaitable, object);
    }
    else if (strcmp(name, "SaveValues") == 0) {
        status = PyAwaitable_SaveValues(awaitable, 1, object);
    }
    else if (strcmp(name, "SaveArbValues") == 0) {
        status = PyAwaitable_SaveArbValues(awaitable, 1, &status);
    }
    else if (strcmp(name, "SaveIntValues") == 0) {
        status = PyAwaitable_SaveIntValues(awaitable, 1, 1L);
    }
    else if (strcmp(name, "Cancel") == 0) {
        PyAwaitable_Cancel(awaitable);
    }
    else {
        status = PyAwaitable_AddCleanup(awaitable, clean_up, last);
    }
    if (status < 0 || PyErr_Occurred()) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* By callbacks: return await object */
static PyObject *
by_callbacks(PyObject *Py_UNUSED(module), PyObject *object)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable != NULL && PyAwaitable_AddAwait(awaitable, object, ignores, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyMethodDef methods[] = {
    {"make", make, METH_VARARGS, NULL},
    {"is_zeroed", is_zeroed, METH_NOARGS, NULL},
    {"is_empty", is_empty, METH_NOARGS, NULL},
    {"refuses", refuses, METH_VARARGS, NULL},
    {"queue", queue, METH_VARARGS, NULL},
    {"by_callbacks", by_callbacks, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "frames", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit_frames(void)
{
    PyObject *module = PyModule_Create(&definition);
    seen = PyList_New(0);
    if (module == NULL || seen == NULL || PyObject_SetAttrString(module, "seen", seen) < 0) {
        Py_CLEAR(module);
    }
#ifdef Py_GIL_DISABLED
    if (module != NULL) {
        PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);
    }
#endif
    return module;
}
"""
AWAITS, REPEATS, SELF, DEEP = range(4)


@functools.cache
def built():
    """No fixture: it cannot be loaded twice without leaving something."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.c"
        path.write_text(SOURCE, encoding="utf-8")
        return load_extension(compile_extension(folder, "frames", [path]))


@pytest.fixture
def frames():
    del built().seen[:]
    return built()


class Thing:
    """Something to look at weakly, and to hold things."""


class Ready:
    """To await: gives a value at once."""

    def __init__(self, value=None):
        self.value = value

    def __await__(self):
        yield from ()
        return self.value


@types.coroutine
def suspends():
    yield "suspended"


# ---- Definitions and new frames --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("nothing", "NULL passed to PyAwaitable_NewBody.. where a definition is needed"),
        ("no frame", "NULL passed to PyAwaitable_NewBody.. where the address of a pointer to the frame is needed"),
        ("size", "of another size: written by hand, or made for a newer PyAwaitable"),
        ("body", "without a body"),
        ("frame", "whose frame is smaller than its head"),
        ("head", "with a head of another size"),
        ("references", "with more references than fit into its frame"),
    ],
)
def test_a_definition_that_is_not_valid_is_system_error(change, text, frames):
    with pytest.raises(SystemError, match=text):
        frames.refuses(change)


def test_a_frame_is_zeroed(frames):
    assert [frames.is_zeroed() for _ in range(20)] == [True] * 20


def test_nothing_runs_before_the_first_step(frames):
    called = []
    aw = frames.make(AWAITS, lambda: called.append(1) or Ready())
    assert type(aw) is pyawaitable.PyAwaitable and (aw.__name__, aw.__qualname__) == ("awaits", "awaits")
    assert called == []
    with pytest.raises(StopIteration):
        aw.send(None)
    assert called == [1]


# ---- What owns what --------------------------------------------------------------------------------


def finish(aw):
    with pytest.raises(StopIteration):
        while True:
            aw.send(None)


def fail(aw):
    aw.send(None)
    with pytest.raises(KeyError):
        aw.throw(KeyError())


def close(aw):
    aw.send(None)
    aw.close()


def close_at_once(aw):
    aw.close()


@pytest.mark.parametrize("end", [finish, fail, close, close_at_once])
def test_at_its_end_references_are_released_once(end, frames):
    """After the clean-ups, and before `release`; and the frame may be read for as long as there is the awaitable."""
    call, hidden = lambda: suspends(), Thing()
    references = weakref.ref(call), weakref.ref(hidden)
    aw = frames.make(AWAITS, call, hidden)
    frames.queue("AddCleanup", aw, None)
    del call, hidden
    assert all(reference() for reference in references) and not frames.is_empty()
    end(aw)
    gc.collect()
    assert frames.seen == [("clean-up", True), ("release", False)]
    assert frames.is_empty() and not any(reference() for reference in references)
    del aw
    gc.collect()
    assert len(frames.seen) == 2


@pytest.mark.parametrize("begun", [False, True])
def test_one_that_goes_before_its_end_releases_them_too(begun, frames):
    call = lambda: suspends()  # noqa: E731 (it is looked at weakly)
    reference = weakref.ref(call)
    aw = frames.make(AWAITS, call)
    frames.queue("AddCleanup", aw, None)
    del call
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        if begun:
            aw.send(None)
        del aw
        gc.collect()
    assert frames.seen == [("clean-up", True), ("release", False)] and reference() is None


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("place", ["reference", "hidden"])
def test_the_collector_sees_the_frame(place, begun, frames):
    holder = Thing()
    holder.call = lambda: suspends()
    reference = weakref.ref(holder)
    if place == "reference":
        bound = types.MethodType(lambda holder: holder.call(), holder)
        holder.aw = frames.make(AWAITS, bound)
        del bound
    else:
        holder.aw = frames.make(AWAITS, holder.call, holder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        if begun:
            holder.aw.send(None)
        del holder
        gc.collect()
    assert reference() is None and frames.seen == [("release", False)]


def test_an_old_value_stays_until_the_await_has_succeeded(frames):
    first, second = Thing(), Thing()
    values = [first, KeyError("missing"), second]
    reference = weakref.ref(first)
    seen = []

    async def gives():
        value = values.pop(0)
        seen.append(reference() is not None)
        if isinstance(value, Exception):
            raise value
        return value

    aw = frames.make(REPEATS, gives)
    assert aw.send(None) is first
    del first
    assert aw.send(None) is reference()  # the await failed
    aw.send(None)  # and the body suspends once more
    assert aw.send(None) is second and reference() is None
    assert seen == [True, True, True]
    aw.close()


def test_self_is_the_awaitable_and_takes_clean_ups(frames):
    aw = frames.make(SELF, None)
    with pytest.raises(StopIteration) as stopped:
        aw.send(None)
    assert stopped.value.value is aw
    assert frames.seen == [("clean-up", True), ("release", False)]


# ---- Who may do what, and when ---------------------------------------------------------------------

QUEUE = "AddAwait AddExpr AsyncWith AsyncFor DeferAwait SetResult SaveValues SaveArbValues SaveIntValues".split()


class Context:
    async def __aenter__(self):
        raise AssertionError("it is not entered")

    async def __aexit__(self, *exception):
        raise AssertionError("it is not entered")

    def __await__(self):
        raise AssertionError("it is not awaited")

    def __aiter__(self):
        raise AssertionError("it is not iterated over")


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("name", QUEUE)
def test_functions_for_a_queue_are_runtime_errors(name, begun, frames):
    aw = frames.make(AWAITS, suspends)
    if begun:
        aw.send(None)
    with pytest.raises(RuntimeError):
        frames.queue(name, aw, Context())
    finish(aw)


def test_cancel_before_the_first_step_only_ends_the_warning(frames):
    aw = frames.make(AWAITS, suspends)
    frames.queue("Cancel", aw, None)
    assert aw.send(None) == "suspended"
    aw.close()
    aw = frames.make(AWAITS, suspends)
    frames.queue("Cancel", aw, None)
    del aw  # pytest makes an error of a warning
    gc.collect()


def test_cancel_after_the_end_does_nothing(frames):
    """Twice, since what it had broken was what the next body reuses."""
    for _ in range(2):
        aw = frames.make(AWAITS, lambda: Ready(7))
        with pytest.raises(StopIteration):
            aw.send(None)
        frames.queue("Cancel", aw, None)
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            aw.send(None)


def test_callbacks_and_bodies_await_each_other(frames):
    inner = frames.by_callbacks(frames.make(AWAITS, lambda: Ready(7)))
    outer = frames.make(AWAITS, lambda: inner)
    with pytest.raises(StopIteration) as stopped:
        outer.send(None)
    assert stopped.value.value == 7


@pytest.mark.parametrize("way", ["returns", "raises", "closed"])
def test_blocks_nest_nine_deep(way, frames):
    calls = itertools.count()

    async def call():
        if next(calls) == 0 and way != "returns":
            if way == "raises":
                raise KeyError
            await suspends()

    aw = frames.make(DEEP, call)
    if way == "closed":
        aw.send(None)
        aw.close()
        return
    with pytest.raises(StopIteration) as stopped:
        aw.send(None)
    assert stopped.value.value == 9


def test_a_thread_that_comes_during_a_step_gets_value_error(frames):
    raised = []

    def step():
        try:
            aw.send(None)
        except BaseException as error:
            raised.append(type(error))

    def call():
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
        return Ready(3)

    aw = frames.make(AWAITS, call)
    with pytest.raises(StopIteration) as stopped:
        aw.send(None)
    assert (stopped.value.value, raised) == (3, [ValueError])


def test_any_thread_may_take_the_next_step(frames):
    aw = frames.make(AWAITS, suspends)
    stepped = []
    thread = threading.Thread(target=lambda: stepped.append(aw.send(None)))
    thread.start()
    thread.join()
    assert stepped == ["suspended"]
    finish(aw)


# ---- Compilers -------------------------------------------------------------------------------------

WORDS = SOURCE[: SOURCE.index("static PyMethodDef methods")]


@pytest.mark.parametrize(
    ("standard", "optimization"),
    [("c99", "-O0"), ("c99", "-O2"), ("c17", "-O2"), ("c++11", "-O0"), ("c++11", "-O2"), ("c++20", "-O2")],
)
def test_bodies_compile_without_a_warning(standard, optimization, tmp_path):
    is_cxx = "++" in standard
    source = tmp_path / ("words.cpp" if is_cxx else "words.c")
    used = "make is_zeroed is_empty refuses queue by_callbacks".split()
    source.write_text(WORDS + "PyCFunction used[] = {" + ", ".join(used) + "};\n", encoding="utf-8")
    command = [compiler(is_cxx), f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Wimplicit-fallthrough", "-Werror"]
    command += [optimization, *python_includes(), f"-I{pyawaitable.include()}", "-c", str(source), "-o", "words.o"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")
