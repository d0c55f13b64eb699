"""Subinterpreters, whatever the version calls the module that makes them.

`legacy` ones share the GIL with the main interpreter; `own` ones have one of their own (3.12 and
later) and refuse modules that do not declare that they can bear it.
"""

import contextlib
import sys
import threading
import time

if sys.version_info >= (3, 13):
    import _interpreters
else:
    import _xxsubinterpreters as _interpreters

KINDS = ("legacy", "own") if sys.version_info >= (3, 12) else ("legacy",)

# 3.12.1 crashes when two threads make or destroy interpreters at once, even ones that do nothing.
MAKING = threading.Lock() if sys.version_info[:2] == (3, 12) else contextlib.nullcontext()


class Failed(Exception):
    """What ran in the subinterpreter raised."""


class Interpreter:
    """A subinterpreter, for a `with` statement: destroyed at the end."""

    def __init__(self, kind):
        with MAKING:
            if sys.version_info >= (3, 13):
                self.id = _interpreters.create("isolated" if kind == "own" else "legacy")
            else:
                # Before 3.12 "isolated" only means that it starts no threads and processes.
                self.id = _interpreters.create(isolated=kind == "own")
        # The path may have grown since this interpreter started.
        self.run(f"import sys; sys.path[:] = {sys.path!r}")

    def run(self, code):
        """Run a string in `__main__`. An exception is a `Failed` here."""
        if sys.version_info >= (3, 13):
            raised = _interpreters.exec(self.id, code)
            if raised is not None:
                raise Failed(raised.formatted)
        else:
            try:
                _interpreters.run_string(self.id, code)
            except _interpreters.RunFailedError as error:
                raise Failed(str(error)) from None

    def destroy(self):
        """End it. A thread that calls a loop without readers may be inside for a moment, and CPython refuses meanwhile."""
        until = time.monotonic() + 30
        while True:
            try:
                with MAKING:
                    _interpreters.destroy(self.id)
                return
            except RuntimeError as error:
                if "more than one thread" not in str(error) or time.monotonic() > until:
                    raise
            # Up to 3.11, a thread that waits for the GIL in one interpreter does not get it from one that is busy in another.
            time.sleep(0.001)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.destroy()
