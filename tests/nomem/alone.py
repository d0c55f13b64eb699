"""What an interpreter does badly without memory, without the library."""

import warnings

import failing

from .sweep import sweep


def warn():
    """Some crash here."""
    failing.call(failing.warn, warn)


class Raising:
    def __bool__(self):
        raise ValueError


def lose():
    """Some lose the exception of a Python function that C code has called: a SystemError."""
    failing.call(bool, Raising())


def fill():
    """Some go on when a dictionary cannot grow: a SystemError here, a crash where a type is made (3.13.0)."""
    names = {}
    for number in range(20):
        failing.call(names.setdefault, str(number), None)


CALLS = {"warn": warn, "lose": lose, "fill": fill}


def goes_wrong(name):
    warnings.simplefilter("ignore")

    def case():
        try:
            CALLS[name]()
        except Exception as exception:
            return type(exception)

    return any(wrong for _, _, wrong in sweep(case, lambda outcome, _: outcome is SystemError, leaks=False))
