"""C functions that are `async def` functions: what calls them, what they are taken for, and what Python code may do to them.

tests/ext/functions has them; each returns what it was called with.
"""

import asyncio
import contextlib
import copy
import functools
import gc
import inspect
import operator
import pickle
import re
import subprocess
import sys
import sysconfig
import threading
import types
import typing
import warnings
import weakref
from pathlib import Path

import pytest
from raw_support import run

import functions
import pyawaitable

TIMES = 20_000


async def gives(value):
    return value


def result(awaitable):
    """What an awaitable of the extension returns, without an event loop."""
    assert type(awaitable) is pyawaitable.PyAwaitable
    return run(awaitable)


# ---- What they are -------------------------------------------------------------------------------------------------

ASYNC = [
    "noargs", "one", "one_by_name", "varargs", "keywords", "fast", "fast_keywords", "anything", "broken", "no_signature",
    "greet", "given", "fails", "bad", "named", "imports",
]  # fmt: skip
METHODS = ["noargs", "one", "keywords", "fast", "of_class", "of_nobody", "__aenter__", "__aexit__"]
TYPES = [name for name in ("Heap", "Immutable", "Before", "After") if hasattr(functions, name)]


@pytest.mark.parametrize("name", ASYNC)
def test_they_are_coroutine_functions(name):
    function = getattr(functions, name)
    assert type(function) is types.FunctionType
    assert inspect.iscoroutinefunction(function)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert asyncio.iscoroutinefunction(function)
    assert not inspect.isgeneratorfunction(function) and not inspect.isasyncgenfunction(function)
    assert function.__name__ == function.__qualname__ == name
    assert function.__module__ == "functions"
    assert function.__globals__ is vars(functions)
    assert function.__code__.co_name == name
    assert pickle.loads(pickle.dumps(function)) is function is copy.deepcopy(function)
    assert weakref.ref(function)() is function


@pytest.mark.parametrize("type_name", TYPES)
@pytest.mark.parametrize("name", METHODS)
def test_methods_are_coroutine_functions(name, type_name):
    type_ = getattr(functions, type_name)
    bound = getattr(type_(), name)
    assert inspect.iscoroutinefunction(bound)
    function = getattr(bound, "__func__", bound)
    assert type(function) is types.FunctionType
    assert function.__qualname__ == f"{type_name}.{name}"
    assert function.__globals__ is vars(functions)
    if not name.startswith("__"):
        assert pickle.loads(pickle.dumps(getattr(type_, name))).__name__ == name


def test_a_generator_function_is_one():
    assert inspect.isasyncgenfunction(functions.iterate)
    assert not inspect.iscoroutinefunction(functions.iterate)


def test_what_is_not_flagged_is_what_it_always_was():
    assert type(functions.plain) is types.BuiltinFunctionType
    assert type(vars(functions.Heap)["plain"]) is type(str.join)
    assert type(vars(functions.Heap)["plain_of_class"]) is type(vars(dict)["fromkeys"])
    assert type(vars(functions.Heap)["plain_of_nobody"]) is staticmethod
    assert run(functions.plain(1)) == ("one", None, 1)
    thing = functions.Heap()
    assert run(thing.plain(1)) == ("one", thing, 1)
    assert run(functions.Heap.plain_of_class(1)) == ("one", functions.Heap, 1)
    assert run(thing.plain_of_nobody(1))[2] == 1


def test_a_flag_means_nothing_to_cpython():
    assert type(functions.degraded) is types.BuiltinFunctionType
    assert run(functions.degraded(1)) == ("one", None, 1)


SIGNATURES = {
    "noargs": "()",
    "one": "(object, /)",
    "one_by_name": "(object)",
    "varargs": "(a, b=None)",
    "keywords": "(a, b=None, *, c: 'int' = 3)",
    "fast": "(*args)",
    "fast_keywords": "(a, /, b=2, *args, c, **kwargs)",
    "anything": "(*args, **kwargs)",
    "broken": "(*args, **kwargs)",
    "no_signature": "()",
    "given": "(object, /)",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signature_is_that_of_the_docstring(name):
    assert str(inspect.signature(getattr(functions, name))) == SIGNATURES[name]


def test_signatures_of_methods():
    for type_name in TYPES:
        type_ = getattr(functions, type_name)
        assert str(inspect.signature(type_.noargs)) == "(self, /)"
        assert str(inspect.signature(type_().noargs)) == "()"
        assert str(inspect.signature(type_().keywords)) == "(a, b=None, *, c=3)"
        assert str(inspect.signature(type_.of_class)) == "(object, /)"
        assert str(inspect.signature(type_.of_nobody)) == "(object, /)"
        assert str(inspect.signature(type_().fast)) == "(*args, **kwargs)"


def test_the_docstring_is_what_comes_after():
    assert functions.greet.__doc__ == "Awaits name, and greets it."
    assert functions.one.__doc__ is None
    assert functions.anything.__doc__ is None
    assert functions.no_signature.__doc__ == "Says nothing of arguments."
    assert functions.broken.__doc__ == "Its signature."
    assert functions.keywords.__kwdefaults__ == {"c": 3}
    assert functions.keywords.__defaults__ == (None,)
    assert functions.keywords.__annotations__ == {"c": "int"}


def test_annotations_are_found_where_the_interpreter_looks_for_them():
    def twin(a, b=None, *, c: "int" = 3): ...

    for function in (functions.keywords, twin):
        general = functools.singledispatch(twin)
        general.register(function)  # its type is that of the first annotation
        assert general.dispatch(int) is function
        assert typing.get_type_hints(function) == {"c": int}
    if sys.version_info >= (3, 14):
        assert functions.keywords.__annotate__(1) == {"c": "int"}
        assert functions.keywords.__annotate__.__qualname__ == "keywords.__annotate__"
        assert functions.one.__annotate__ is None


def test_help_shows_them():
    import pydoc

    text = pydoc.plain(pydoc.render_doc(functions.greet))
    assert "async greet(name)" in text and "Awaits name" in text


# ---- Calls ---------------------------------------------------------------------------------------------------------

# Each call, and what it hands on.
CALLS = {
    "noargs": [((), {}, ())],
    "one": [((1,), {}, (1,))],
    "one_by_name": [((1,), {}, (1,)), ((), {"object": 1}, (1,))],
    "varargs": [((1,), {}, (1, None)), ((1, 2), {}, (1, 2)), ((), {"a": 1, "b": 2}, (1, 2))],
    "keywords": [
        ((1,), {}, (1, None, 3)),
        ((1, 2), {}, (1, 2, 3)),
        ((1,), {"c": 4}, (1, None, 4)),
        ((), {"b": 2, "a": 1, "c": 4}, (1, 2, 4)),
    ],
    "fast": [((), {}, ((),)), ((1, 2, 3), {}, ((1, 2, 3),))],
    "anything": [((1,), {"b": 2}, ((1,), ("b",), (2,))), ((), {}, ((), (), ()))],
}
ALL_CALLS = [(name, *each) for name in CALLS for each in CALLS[name]]


def ways(function, args, kwargs):
    """Each way to call it."""
    yield lambda: function(*args, **kwargs)
    yield lambda: functools.partial(function, *args, **kwargs)()
    yield lambda: functools.partial(function, *args)(**kwargs)
    yield lambda: function.__call__(*args, **kwargs)
    yield lambda: types.FunctionType.__call__(function, *args, **kwargs)
    if args and not kwargs:
        yield lambda: next(map(function, *[[each] for each in args]))
    wrapper = functools.wraps(function)(lambda *args, **kwargs: function(*args, **kwargs))
    yield lambda: wrapper(*args, **kwargs)


@pytest.mark.parametrize(("name", "args", "kwargs", "expected"), ALL_CALLS)
def test_each_way_to_call_gives_the_same(name, args, kwargs, expected):
    function = getattr(functions, name)
    first = "one" if name == "one_by_name" else "fast_keywords" if name == "anything" else name
    for way in ways(function, args, kwargs):
        assert result(way()) == (first, None, *expected)


def test_many_keywords_are_bound_as_python_binds_them():
    expected = ("fast_keywords", None, (1, 2), ("c",), (3,))
    assert result(functions.fast_keywords(1, c=3)) == expected
    assert result(functions.fast_keywords(1, b=2, c=3)) == expected
    more = ("fast_keywords", None, (1, 5, 6), ("c", "d"), (3, 4))
    assert result(functions.fast_keywords(1, 5, 6, c=3, d=4)) == more


WRONG = [
    ("noargs", (1,), {}),
    ("one", (), {}),
    ("one", (1, 2), {}),
    ("one", (), {"object": 1}),
    ("varargs", (), {}),
    ("varargs", (1, 2, 3), {}),
    ("keywords", (1,), {"d": 2}),
    ("keywords", (1,), {"c": "no integer"}),
    ("keywords", (1, 2, 3), {}),
    ("fast", (), {"a": 1}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), WRONG)
def test_wrong_arguments_raise_at_the_call(name, args, kwargs):
    function = getattr(functions, name)
    for way in ways(function, args, kwargs):
        with pytest.raises(TypeError):
            way()


@pytest.mark.parametrize("type_name", TYPES)
def test_methods_get_themselves(type_name):
    type_ = getattr(functions, type_name)
    thing = type_()
    assert result(thing.noargs()) == result(type_.noargs(thing)) == ("noargs", thing)
    assert result(thing.one(1)) == ("one", thing, 1)
    assert result(thing.keywords(1, c=5)) == ("keywords", thing, 1, None, 5)
    assert result(thing.fast(1, 2)) == ("fast", thing, (1, 2))
    assert result(type_.of_class(1)) == result(thing.of_class(1)) == ("one", type_, 1)
    assert result(type_.of_nobody(1))[2] == result(thing.of_nobody(1))[2] == 1


@pytest.mark.parametrize("type_name", TYPES)
def test_self_is_checked(type_name):
    type_ = getattr(functions, type_name)
    for wrong in (1, None, type_, functions):
        for method in (type_.noargs, type_.__aenter__):
            with pytest.raises(TypeError, match=f"for '(functions\\.)?{type_name}' objects doesn't apply to a '.*' object"):
                method(wrong)
    with pytest.raises(TypeError):
        type_.noargs()
    with pytest.raises(TypeError):
        type_.__dict__["of_class"].__func__(1, 2)


def test_subclasses():
    class Sub(functions.Heap):
        async def one(self, object):
            return ("sub", *await super().one(object))

        noargs_too = functions.Heap.noargs

    thing = Sub()
    assert run(thing.one(1)) == ("sub", "one", thing, 1)
    assert result(thing.noargs()) == result(thing.noargs_too()) == ("noargs", thing)
    assert result(Sub.of_class(1)) == ("one", Sub, 1)


def test_a_method_that_is_told_its_type():
    thing = functions.Mutable()
    assert result(thing.defining(1, 2)) == ("defining", thing, functions.Mutable, (1, 2))
    sub = type("Sub", (functions.Mutable,), {})()
    assert result(sub.defining()) == ("defining", sub, functions.Mutable, ())


def test_methods_that_slots_call():
    thing = functions.Heap()
    assert result(thing(1, c=2)) == ("keywords", thing, 1, None, 2)
    assert thing.__aiter__() is thing

    async def first():
        async for item in thing:
            return item

    assert run(first()) == ("noargs", thing)
    sub = type("Sub", (functions.Heap,), {})()
    assert result(sub(1)) == ("keywords", sub, 1, None, 3)


def test_a_slot_stays_unless_the_method_is_to_coexist():
    assert inspect.iscoroutinefunction(vars(functions.Mutable)["__repr__"])
    thing = functions.Heap()
    assert "functions.Heap object" in repr(thing)


@pytest.mark.parametrize("type_name", TYPES)
def test_async_with(type_name):
    thing = getattr(functions, type_name)()

    async def main():
        async with thing as entered:
            return entered

    assert run(main()) == ("noargs", thing)


def test_a_context_manager_of_theirs_may_suppress():
    """What `__aexit__` returned is a tuple, which is true."""

    async def main():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(functions.Heap())
            raise LookupError
        return "suppressed"

    assert run(main()) == "suppressed"


def test_c_can_import_however_it_is_called():
    """`PyImport_ImportModule()` takes `__import__` from the globals of the function that runs."""
    imports = functions.imports
    args = ("colorsys",)
    for way in (lambda: imports("colorsys"), lambda: imports(*args), functools.partial(imports, "colorsys")):
        for _ in range(100):
            assert result(way()) == ("imports", sys.modules["colorsys"])
    assert result(next(map(imports, args)))[0] == "imports"


# ---- The same, however the interpreter calls -----------------------------------------------------------------------


def uses():
    one, thing = functions.one, functions.Heap()
    yield "plain", lambda: one(1)
    yield "with arguments in a tuple", lambda: one(*(1,))
    yield "with keywords in a dict", lambda: functions.one_by_name(**{"object": 1})
    yield "by keyword", lambda: functions.one_by_name(object=1)
    yield "of the module", lambda: functions.one(1)
    yield "bound", lambda: thing.one(1)
    yield "unbound", lambda: functions.Heap.one(thing, 1)
    yield "of a class", lambda: functions.Heap.of_class(1)
    yield "of nobody", lambda: functions.Heap.of_nobody(1)
    yield "with a default", lambda: functions.varargs(1)
    yield "with a default for a keyword", lambda: functions.keywords(1)
    yield "partial", functools.partial(one, 1)

    class Holder:
        value = property(functions.one)
        __getitem__ = lambda self, object: one(object)  # noqa: E731
        __call__ = functions.one
        method = functions.one

    holder = Holder()
    yield "property", lambda: holder.value
    yield "call of an instance", lambda: holder()
    yield "method", lambda: holder.method()
    yield "item", lambda: holder[1]

    class Getter:
        def __getattribute__(self, name):
            return one(1)

    getter = Getter()
    yield "attribute", lambda: getter.anything

    class Attribute:
        __getattr__ = functions.varargs

    attribute = Attribute()
    yield "missing attribute", lambda: attribute.missing

    class Item:
        __getitem__ = functions.varargs

    item = Item()
    yield "item by the function itself", lambda: item[1]
    yield "special call", lambda: thing(1)

    class Attributes:
        __getattribute__ = functions.varargs

    attributes = Attributes()
    yield "attribute by the function itself", lambda: attributes.anything

    class Sub(functions.Heap):
        def one(self, object):
            return super().one(object)

    sub = Sub()
    yield "super()", lambda: sub.one(1)
    yield "bound, with arguments in a tuple", lambda: thing.one(*(1,))
    yield "bound, with keywords", lambda: thing.keywords(1, c=2)
    yield "bound, with keywords in a dict", lambda: thing.keywords(**{"a": 1, "c": 2})
    wrapped = functools.wraps(one)(lambda *args, **kwargs: one(*args, **kwargs))
    yield "wrapped", lambda: wrapped(1)
    yield "mapped", lambda: next(map(one, (1,)))
    yield "by its method", lambda: operator.methodcaller("one", 1)(thing)

    class Made:
        made = []

        def __init__(self):
            Made.made.append(one(1))

    def make():
        Made()
        return Made.made.pop()

    yield "in __init__", make


USES = dict(uses())


@pytest.mark.parametrize("use", USES)
def test_the_interpreter_reaches_c_each_time(use):
    call = USES[use]
    expected = result(call())
    for _ in range(TIMES):
        awaitable = call()
        if type(awaitable) is not pyawaitable.PyAwaitable:
            pytest.fail(f"made {awaitable!r}")
        awaitable.close()
    assert result(call()) == expected


@contextlib.contextmanager
def traced():
    sys.settrace(lambda *_: lambda *_: None)
    try:
        yield
    finally:
        sys.settrace(None)


@contextlib.contextmanager
def profiled():
    sys.setprofile(lambda *_: None)
    try:
        yield
    finally:
        sys.setprofile(None)


@contextlib.contextmanager
def monitored():
    monitoring = sys.monitoring
    monitoring.use_tool_id(3, "test")
    events = monitoring.events
    for event in (events.CALL, events.PY_START, events.PY_RETURN, events.LINE, events.C_RETURN):
        if event != events.C_RETURN:
            monitoring.register_callback(3, event, lambda *_: None)
    monitoring.set_events(3, events.CALL | events.PY_START | events.PY_RETURN | events.LINE)
    try:
        yield
    finally:
        monitoring.set_events(3, 0)
        monitoring.free_tool_id(3)


WATCHED = {"traced": traced, "profiled": profiled}
if hasattr(sys, "monitoring"):
    WATCHED["monitored"] = monitored


@pytest.mark.parametrize("watched", WATCHED)
@pytest.mark.parametrize("use", USES)
def test_and_under_tools_that_watch(use, watched):
    call = USES[use]
    with WATCHED[watched]():
        for _ in range(TIMES):
            awaitable = call()
            if type(awaitable) is not pyawaitable.PyAwaitable:
                pytest.fail(f"made {awaitable!r}")
            awaitable.close()


def test_under_cprofile():
    import cProfile

    profile = cProfile.Profile()
    assert profile.runcall(lambda: result(functions.one(1))) == ("one", None, 1)


# ---- What they return ----------------------------------------------------------------------------------------------


def test_what_comes_back_is_called_after_the_function():
    aw = functions.greet(gives("you"))
    assert (aw.__name__, aw.__qualname__) == ("greet", "greet")
    assert re.match(r"<PyAwaitable greet at 0x\w+>|<.*greet.*>", repr(aw))
    assert run(aw) == "Hello, you!"
    aw = functions.Heap().one(1)
    assert (aw.__name__, aw.__qualname__) == ("one", "Heap.one")
    aw.close()


def test_a_name_of_its_own_stays():
    aw = functions.named("mine")
    assert (aw.__name__, aw.__qualname__) == ("mine", "mine")
    aw.close()


def test_a_foreign_awaitable_keeps_its_name():
    coroutine = gives(1)
    assert functions.given(coroutine) is coroutine
    assert coroutine.__name__ == "gives"
    coroutine.close()
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    assert functions.given(future) is future
    loop.close()


def test_one_that_has_begun_keeps_its_name():
    class Suspends:
        def __await__(self):
            yield

    aw = functions.greet(Suspends())
    aw.send(None)
    assert functions.given(aw) is aw
    assert aw.__name__ == "greet"
    aw.close()


def test_a_task_is_called_after_it():
    async def main():
        task = asyncio.create_task(functions.greet(gives("you")))
        shown = repr(task)
        return shown, await task

    shown, value = asyncio.run(main())
    assert "greet" in shown and value == "Hello, you!"


def test_the_warning_names_it():
    with pytest.warns(ResourceWarning, match="'Heap.one' was never awaited"):
        functions.Heap().one(1)
        gc.collect()


def test_the_system_error_of_its_callback_names_it():
    with pytest.raises(SystemError, match="of 'bad' returned -1"):
        run(functions.bad(gives(1)))


def test_what_cannot_be_awaited_is_type_error():
    for wrong in (1, "text", object(), [], gives):
        message = rf"given\(\) is flagged METH_ASYNC, and returned '{type(wrong).__name__}', which cannot be awaited"
        with pytest.raises(TypeError, match=message):
            functions.given(wrong)
    with pytest.raises(SystemError):
        functions.given(None)


def test_what_is_no_iterator_is_type_error():
    async def generator():
        yield 1

    made = generator()
    assert functions.iterate(made) is made
    for wrong in (1, functions.Immutable() if hasattr(functions, "Immutable") else object()):
        with pytest.raises(TypeError, match="METH_ASYNC_GENERATOR, and returned .*, which is no asynchronous iterator"):
            functions.iterate(wrong)
    thing = functions.Heap()
    assert functions.iterate(thing) is thing


def test_what_it_raises_is_raised_at_the_call():
    with pytest.raises(LookupError, match="told"):
        functions.fails("told")


# ---- What Python code can do to them -------------------------------------------------------------------------------


@pytest.fixture
def fresh():
    """A module of its own with the functions."""
    module = types.ModuleType("fresh")
    functions.add_functions(module, "functions")
    return module


def outcome(call):
    """A call, or an exception: never a crash."""
    try:
        made = call()
    except Exception as error:
        return type(error)
    close = getattr(made, "close", None)
    if close is not None:
        close()
    return type(made)


def two(a, b=None):
    return "python", a, b


def closing():
    free = 5

    def inner(*args, **kwargs):
        return free, args, kwargs

    return inner


ONE_FREE = closing()


@pytest.mark.filterwarnings("ignore:Assigning a code object of non-matching type:DeprecationWarning")
def test_another_code_is_what_is_run(fresh):
    fresh.one.__code__ = ONE_FREE.__code__
    kind = outcome(lambda: fresh.one(1))
    assert kind is tuple
    assert fresh.one(1)[1:] == ((1,), {})
    with pytest.raises(ValueError):
        fresh.varargs.__code__ = two.__code__


def test_its_code_in_another_function(fresh):
    code = fresh.one.__code__
    with pytest.raises((ValueError, TypeError)):
        types.FunctionType(code, {})
    for cell in (fresh.one.__closure__[0], types.CellType(5), types.CellType(lambda *args: args), types.CellType()):
        outcome(functools.partial(types.FunctionType(code, {}, "x", None, (cell,)), 1))
    copied = types.FunctionType(code, {}, "copied", None, fresh.one.__closure__)
    if sys.version_info >= (3, 11):
        assert result(copied(1)) == ("one", None, 1)


def test_another_thing_in_its_cell(fresh):
    cell = fresh.one.__closure__[0]
    target = cell.cell_contents
    for other in (5, None, len, lambda *args: args):
        cell.cell_contents = other
        outcome(lambda: fresh.one(1))
    del cell.cell_contents
    outcome(lambda: fresh.one(1))
    cell.cell_contents = target
    assert result(fresh.one(1)) == ("one", None, 1)


def test_what_is_in_its_cell(fresh):
    target = fresh.one.__closure__[0].cell_contents
    assert result(target(1)) == ("one", None, 1)
    with pytest.raises(TypeError):
        target()
    with pytest.raises(TypeError, match="cannot create"):
        type(target)()
    with pytest.raises(TypeError):
        type("Sub", (type(target),), {})
    with pytest.raises(TypeError):
        copy.copy(target)
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(target)


def test_other_defaults(fresh):
    fresh.varargs.__defaults__ = (7,)
    kind = outcome(lambda: fresh.varargs(1))
    assert kind is pyawaitable.PyAwaitable
    if sys.version_info >= (3, 11):
        assert result(fresh.varargs(1)) == ("varargs", None, 1, 7)
    fresh.varargs.__defaults__ = None
    fresh.varargs.__defaults__ = (1, 2, 3, 4)
    outcome(lambda: fresh.varargs())
    fresh.keywords.__kwdefaults__ = {"c": "x"}
    outcome(lambda: fresh.keywords(1))
    fresh.keywords.__kwdefaults__ = None
    outcome(lambda: fresh.keywords(1))


def test_attributes_may_be_written(fresh):
    fresh.one.anything = 1
    fresh.one.__name__ = "renamed"
    fresh.one.__qualname__ = "Other.renamed"
    aw = fresh.one(1)
    assert (aw.__name__, aw.__qualname__) == ("renamed", "Other.renamed")
    aw.close()
    fresh.one.__doc__ = "Changed."
    fresh.one.__annotations__["object"] = int
    with pytest.raises(AttributeError):
        fresh.one.__closure__ = None


def test_replaced_while_it_is_called(fresh):
    """C code runs while its function goes, with the cell that led to it."""

    class Evil:
        def __index__(self):
            fresh.keywords.__closure__[0].cell_contents = None
            fresh.__dict__.clear()
            gc.collect()
            return 5

        __int__ = __index__

    function = fresh.keywords
    aw = function(1, c=Evil())
    assert run(aw) == ("keywords", None, 1, None, 5)


def test_they_keep_no_copy_of_their_module():
    """What the module had when they were added may go from it."""

    class Value:
        pass

    module = types.ModuleType("changing")
    module.value = Value()
    alive = weakref.ref(module.value)
    functions.add_functions(module, "functions")
    del module.value
    gc.collect()
    assert alive() is None
    assert result(module.one(1)) == ("one", None, 1)


def need_collection():
    """Skips the test where functions and modules live forever: native ones, too."""
    module = types.ModuleType("native")
    exec("def function(): pass", module.__dict__)
    alive = weakref.ref(module), weakref.ref(module.function)
    del module
    gc.collect()
    if [each() for each in alive] != [None, None]:
        pytest.skip("CPython collects no function or module: a free-threaded 3.13, once a thread has been started")


def test_they_are_collected():
    need_collection()
    module = types.ModuleType("gone")
    functions.add_functions(module, "functions")
    alive = weakref.ref(module.one), weakref.ref(module)
    aw = module.one(1)
    del module
    gc.collect()
    # The awaitable is called after the function, and so keeps it.
    assert aw.__name__ == "one"
    aw.close()
    del aw
    gc.collect()
    assert [each() for each in alive] == [None, None]


def test_a_cycle_through_what_they_return():
    need_collection()
    module = types.ModuleType("cycle")
    functions.add_functions(module, "functions")
    module.one.result = module.one(module)
    module.one.result.close()
    gone = weakref.ref(module.one)
    del module
    gc.collect()
    assert gone() is None


def test_no_memory_is_left(fresh):
    need_collection()

    def once():
        for name in ASYNC:
            outcome(functools.partial(getattr(fresh, name), 1))
        module = types.ModuleType("again")
        functions.add_functions(module, "functions")

    for _ in range(3):
        once()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(10):
        once()
    gc.collect()
    assert len(gc.get_objects()) - before < 20


def test_collection_before_any_thread():
    """The tests above, in a process of their own."""
    names = "test_they_are_collected or test_a_cycle_through_what_they_return or test_no_memory_is_left"
    command = [sys.executable, "-m", "pytest", "-q", __file__, "-k", names]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0 and "3 passed" in finished.stdout, finished.stdout + finished.stderr


def test_threads_call_one_function():
    def work():
        for number in range(2000):
            assert result(functions.one(number)) == ("one", None, number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ---- Tables --------------------------------------------------------------------------------------------------------


def test_flags_that_exclude_each_other():
    with pytest.raises(ValueError, match=r"both\(\) cannot be METH_ASYNC and METH_ASYNC_GENERATOR at once"):
        functions.add_functions(types.ModuleType("wrong"), "contradictory")
    with pytest.raises(ValueError, match="cannot be METH_CLASS or METH_STATIC"):
        functions.add_functions(types.ModuleType("wrong"), "of_a_class")
    with pytest.raises(ValueError, match="both METH_CLASS and METH_STATIC"):
        functions.add_methods(functions.Mutable, "of_a_class_and_nobody")


def test_no_table_and_no_object():
    functions.add_functions(types.ModuleType("empty"), "none")
    functions.add_methods(functions.Mutable, "none")
    with pytest.raises(SystemError, match=r"NULL passed to PyAwaitable_AddFunctions\(\)"):
        functions.add_functions(None, "functions")
    with pytest.raises(SystemError, match=r"NULL passed to PyAwaitable_AddMethods\(\)"):
        functions.add_methods(None, "methods")
    with pytest.raises(SystemError):
        functions.add_functions(5, "functions")


@pytest.mark.parametrize("type_name", [name for name in TYPES if name != "Heap"])
def test_a_slot_of_a_closed_type_is_value_error(type_name):
    with pytest.raises(ValueError, match=f"__call__\\(\\) is called by a slot of the type 'functions.{type_name}'"):
        functions.add_methods(getattr(functions, type_name), "special")


def all_types(type_=object):
    for sub in type.__subclasses__(type_):
        if sub.__module__ == "builtins":
            yield sub
            yield from all_types(sub)


# Whatever stands for a slot in a type of the interpreter's own, and what it has no type for.
SLOT_NAMES = {
    name for type_ in (object, *all_types()) for name, value in vars(type_).items() if type(value) is type(object.__str__)
}
SLOT_NAMES |= {
    f"__{kind}{name}__" for kind in ("", "r", "i") for name in ("add", "pow", "matmul", "truediv", "floordiv", "mod")
}
SLOT_NAMES |= {"__divmod__", "__rdivmod__", "__new__", "__del__", "__getattr__", "__await__", "__aiter__", "__anext__"}
# These are methods that nothing calls by a slot.
NO_SLOTS = (
    "__aenter__",
    "__aexit__",
    "__enter__",
    "__reduce__",
    "__sizeof__",
    "__rr__",
    "__i__",
    "one",
    "__",
    "____",
    "add",
    "__add",
)


@pytest.mark.parametrize("name", sorted(SLOT_NAMES))
def test_each_slot_of_a_closed_type_is_value_error(name):
    before = set(vars(functions.After))
    with pytest.raises(ValueError, match=f"{name}\\(\\) is called by a slot of the type 'functions.After'"):
        functions.add_one(functions.After, name)
    assert set(vars(functions.After)) == before


@pytest.mark.parametrize("name", NO_SLOTS)
def test_what_no_slot_calls_may_be_added_to_a_closed_type(name):
    functions.add_one(functions.After, name)
    thing = functions.After()
    assert result(getattr(thing, name)(1)) == ("one", thing, 1)


def test_they_may_be_added_to_a_class_of_python():
    class Python:
        pass

    functions.add_methods(Python, "methods")
    thing = Python()
    assert result(thing.one(1)) == ("one", thing, 1)
    assert thing.one.__qualname__.endswith("Python.one")


@pytest.fixture
def testcapi():
    """CPython's own tool for that, without the collector, whose callbacks are other people's."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("a free-threaded build cannot change its allocators while it runs")
    found = pytest.importorskip("_testcapi", reason="CPython's own test module is not part of this installation")
    gc.collect()
    gc.disable()
    yield found
    gc.enable()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="`def` without memory crashes CPython 3.12 and 3.13")
def test_making_them_without_memory(testcapi):
    """Each allocation in turn fails: MemoryError, and what could be made works.

    The interpreter's own compiler does not bear that, so the signatures have been compiled before.
    """
    functions.add_methods(type("First", (), {}), "methods")
    failed = 0
    for start in range(1000):
        type_ = type("First", (), {})
        testcapi.set_nomemory(start, start + 1)
        try:
            functions.add_methods(type_, "methods")
        except MemoryError:
            failed += 1
        finally:
            testcapi.remove_mem_hooks()
        if "one" in vars(type_):
            assert result(type_().one(1))[2] == 1
    assert failed > 300


def test_calling_them_without_memory(testcapi):
    failed = 0
    for call in (lambda: functions.keywords(1, c=2), lambda: functions.Heap().keywords(1, c=2)):
        for start in range(40):
            testcapi.set_nomemory(start, start + 1)
            try:
                aw = call()
            except MemoryError:
                failed += 1
                continue
            finally:
                testcapi.remove_mem_hooks()
            name, _, *values = result(aw)
            assert (name, values) == ("keywords", [1, None, 2])
    assert failed > 0


# ---- Interpreters --------------------------------------------------------------------------------------------------

SUB = """
import functions, inspect, sys

def run(awaitable):
    try:
        awaitable.send(None)
    except StopIteration as stopped:
        return stopped.value

assert inspect.iscoroutinefunction(functions.one)
assert run(functions.one(1)) == ("one", None, 1)
thing = functions.Heap()
assert run(thing.keywords(1, c=5)) == ("keywords", thing, 1, None, 5)
aw = thing.noargs()
assert aw.__qualname__ == "Heap.noargs"
aw.close()
assert not hasattr(functions, "After")
try:
    functions.add_methods(functions.static_type(), "methods")
except RuntimeError as error:
    assert "a static type is shared by interpreters" in str(error)
else:
    raise AssertionError("added")
print("passed", flush=True)
"""


@pytest.mark.parametrize("kind", ["legacy", "own"] if sys.version_info >= (3, 12) else ["legacy"])
def test_in_subinterpreters(kind, run_python):
    code = f"import functions\nfrom interpreters import Interpreter\nfor _ in range(3):\n    sub = Interpreter({kind!r})\n"
    code += f"    sub.run({SUB!r})\n    sub.destroy()\n"
    environment = {"PYTHONPATH": str(Path(__file__).parent / "stress"), "PYTHONMALLOC": "debug"}
    assert run_python(code, "-W", "ignore", env=environment).stdout.split() == ["passed"] * 3


def test_at_exit(run_python):
    """Functions, and awaitables that are called after them, that live until the interpreter ends."""
    code = "import functions\nkept = [functions.one(n) for n in range(100)]\nfunctions.one.kept = kept\n"
    code += "for aw in kept: aw.close()\n"
    assert run_python(code, env={"PYTHONMALLOC": "debug"}).stdout == ""


# ---- A coroutine of Python's own -----------------------------------------------------------------------------------


def test_as_coroutine():
    coroutine = functions.as_coroutine(functions.greet(gives("you")))
    assert type(coroutine) is types.CoroutineType
    assert (coroutine.__name__, coroutine.__qualname__) == ("greet", "greet")
    assert asyncio.run(coroutine) == "Hello, you!"


def test_as_coroutine_of_anything_that_can_be_awaited():
    assert run(functions.as_coroutine(gives(1))) == 1

    class Awaitable:
        def __await__(self):
            return iter(())

    assert run(functions.as_coroutine(Awaitable())) is None
    with pytest.raises(TypeError, match="object int can't be used in 'await' expression|'int' object can't be awaited"):
        functions.as_coroutine(1)
    with pytest.raises(SystemError, match="NULL passed to PyAwaitable_AsCoroutine"):
        functions.as_coroutine(...)


def test_one_that_is_never_awaited_warns_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        aw = functions.one(1)
        functions.as_coroutine(aw)
        del aw
        gc.collect()
    assert ["one" in str(each.message) for each in caught] == [True]
    assert caught[0].category is RuntimeWarning
