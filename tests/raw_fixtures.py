"""Fixtures for tests that use the extension `rawapi`: `pytest_plugins = ["raw_fixtures"]`."""

import pytest
import rawapi
from raw_support import finish

import pyawaitable


@pytest.fixture
def slots():
    """Give back the callback slots after the test; by then its awaitables have ended."""
    yield
    rawapi.reset()


@pytest.fixture
def new(slots):
    """rawapi.new(), every object being ended after the test."""
    made = []

    def new():
        aw = rawapi.new()
        assert type(aw) is pyawaitable.PyAwaitable
        made.append(aw)
        return aw

    yield new
    while made:
        finish(made.pop())
