"""What is done with the functions. Each case is given one of the two modules, and leaves a log in work.LOG."""

from typing import NamedTuple

CASES = []


class NotTried(Exception):
    """The version of a tool that this Python has lacks what a case is about."""


class Case(NamedTuple):
    tool: str
    use: str
    run: object
    # The distributions that it needs, the tool's own first; none for the standard library.
    packages: tuple


def case(tool, use, *packages):
    def register(function):
        CASES.append(Case(tool, use, function, packages))
        return function

    return register


# In the order of the table.
from . import web, testing, others  # noqa: E402, F401, I001
