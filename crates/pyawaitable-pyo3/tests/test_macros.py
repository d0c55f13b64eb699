"""The macros: `async fn` as functions and methods."""

import inspect
import threading

import pytest


def result(coroutine):
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    raise AssertionError("it has suspended")


def test_function(macros, run):
    async def main():
        return await macros.double(21)

    assert run(main) == 42


def test_unit(macros):
    assert result(macros.nothing()) is None


def test_error(macros):
    with pytest.raises(ValueError, match="text"):
        macros.fails("text").send(None)


def test_wrong_argument_is_a_type_error_of_the_call(macros):
    with pytest.raises(TypeError, match="'str' object cannot be|argument 'number'"):
        macros.double("text")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'number'"):
        macros.double()


def test_names_and_documentation(macros):
    assert macros.double.__name__ == "double"
    assert macros.double.__doc__ == "Doubles a number."
    assert str(inspect.signature(macros.double)) == "(number)"
    coroutine = macros.double(1)
    assert (coroutine.__name__, coroutine.__qualname__) == ("double", "double")
    coroutine.close()


def test_never_awaited(macros):
    with pytest.warns(ResourceWarning, match="awaitable 'Counter.after' was never awaited"):
        macros.Counter().after(None)


def test_signature(macros):
    assert str(inspect.signature(macros.total)) == "(first, *others, factor=2, **options)"
    assert result(macros.total(1, 2, 3)) == (12, 0)
    assert result(macros.total(1, factor=3, more=1)) == (3, 1)


def test_other_name(macros):
    assert result(macros.renamed()) == 4
    assert not hasattr(macros, "named_otherwise")


def test_name_that_is_a_keyword_of_rust(macros, run):
    async def main():
        return await getattr(macros, "yield")(macros.double(2))

    assert run(main) == 4


def test_local(macros, run, sleep):
    async def main():
        return await macros.local(sleep(0))

    assert run(main) is None


def test_detached(macros, run):
    async def main():
        return await macros.detached(5)

    assert run(main) == 5


def test_streams(macros, run):
    async def main():
        assert [item async for item in macros.count(3)] == [0, 1, 2]
        return [item async for item in macros.results([macros.double(1), macros.double(2)])]

    assert run(main) == [2, 4]
    assert macros.count(0).__name__ == "count"


def test_function_that_is_not_asynchronous(macros):
    assert macros.plain(3) == 3
    assert macros.plain.__doc__ == "Not asynchronous at all."


def test_methods(macros, run, sleep):
    async def main():
        counter = macros.Counter()
        assert await counter.add(3, None) == 3
        assert await counter.after(sleep(0)) == 3
        assert await counter.add(1, object=sleep(0)) == 4
        assert await counter.later == 4
        assert await counter.otherwise == -4
        assert await counter.detached() == 4
        assert await macros.Counter.zero() == 0
        assert await macros.Counter.name("!") == "Counter!"
        assert [item async for item in counter.items()] == [0, 1, 2, 3]
        assert [item async for item in counter] == [3, 2, 1, 0]
        return counter.plain()

    assert run(main) == 0


def test_names_of_methods(macros):
    counter = macros.Counter()
    assert counter.after.__doc__ == "The count, when the object has been awaited."
    for coroutine, name in [(counter.later, "later"), (counter.otherwise, "otherwise"), (counter.after(1), "after")]:
        assert (coroutine.__name__, coroutine.__qualname__) == (name, f"Counter.{name}")
        coroutine.close()


def test_context_manager(macros, run):
    async def main():
        async with macros.Counter() as count:
            assert count == 0
            raise ValueError("swallowed")

    assert run(main) is None


def test_borrow_lasts_as_long_as_the_coroutine(macros):
    counter = macros.Counter()
    coroutine = counter.add(1, None)
    with pytest.raises(RuntimeError, match="Already mutably borrowed"):
        counter.plain()
    with pytest.raises(RuntimeError, match="Already borrowed|Already mutably borrowed"):
        counter.add(1, None)
    coroutine.close()
    assert counter.plain() == 0
    shared = [counter.after(None), counter.after(None)]
    with pytest.raises(RuntimeError, match="Already borrowed"):
        counter.add(1, None)
    for coroutine in shared:
        coroutine.close()
    assert result(counter.add(1, None)) == 1


def test_object_lives_as_long_as_the_coroutine(macros, run, sleep):
    async def main():
        return await macros.Counter().after(sleep(0))

    assert run(main) == 0


def test_borrow_is_given_up_by_another_thread(macros):
    counter = macros.Counter()
    held = [counter.add(1, None)]
    thread = threading.Thread(target=lambda: held.pop().close())
    thread.start()
    thread.join()
    assert counter.plain() == 0
