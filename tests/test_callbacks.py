"""Callbacks: what their return values mean, where they are none of the usual ones, and what is held while they run.

The usual values, and when which callback is called: test_peers.py.
"""

import sys

import pytest
import rawapi
from raw_support import Context, failing, ready, run

pytest_plugins = ["raw_fixtures"]


def callback(aw, answer):
    rawapi.add_await(aw, ready(), lambda aw, value: answer)


def error_callback(aw, answer):
    rawapi.add_await(aw, failing(ValueError("first")), None, lambda aw, exception: answer)


def deferred_callback(aw, answer):
    rawapi.defer_await(aw, lambda aw: answer)


KINDS = [callback, error_callback, deferred_callback]


@pytest.mark.parametrize("code", [-3, -100, -(2**31)])
@pytest.mark.parametrize("add", KINDS)
def test_any_other_negative_value_is_minus_2(add, code, new):
    aw, error = new(), KeyError("set")
    add(aw, (code, error))
    with pytest.raises(KeyError) as caught:
        run(aw)
    assert caught.value is error


@pytest.mark.parametrize("code", [-3, -100])
def test_any_other_negative_value_passes_the_error_callback(code, new):
    aw, seen = new(), []
    rawapi.add_await(aw, ready(), lambda aw, value: (code, KeyError()), lambda aw, exception: seen.append(exception))
    with pytest.raises(KeyError):
        run(aw)
    assert seen == []


@pytest.mark.parametrize("add", KINDS)
def test_success_with_an_exception_set_is_system_error(add, new):
    aw, error = new(), KeyError("set")
    add(aw, (0, error))
    with pytest.raises(SystemError, match="returned 0 with an exception set") as caught:
        run(aw)
    assert caught.value.__cause__ is error


def test_a_deferred_callback_that_is_null_is_value_error(new):
    aw = new()
    with pytest.raises(ValueError, match="NULL"):
        rawapi.defer_await(aw, rawapi.NULL)
    assert run(aw) is None


@pytest.mark.parametrize("kind", ["callback", "error callback", "deferred callback", "callback of a block"])
def test_the_library_holds_the_awaitable_during_a_callback(kind, new):
    """Besides whoever steps it, which inner code has to rely on."""
    aw, counts = new(), []

    async def inner():
        counts.append(sys.getrefcount(aw))

    def count(*arguments):
        counts.append(sys.getrefcount(aw))

    rawapi.add_await(aw, inner(), count if kind == "callback" else None)
    if kind == "error callback":
        rawapi.add_await(aw, failing(ValueError()), None, count)
    elif kind == "deferred callback":
        rawapi.defer_await(aw, count)
    elif kind == "callback of a block":
        rawapi.async_with(aw, Context(), count)
    run(aw)
    before, during = counts
    # One is the library's, one that of the arguments.
    assert during >= before + 2
