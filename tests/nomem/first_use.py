"""Making the module, and the first call, which makes the library's types: in a child process for each point."""

import _imp
import os
import shutil
import sys
import tempfile
import traceback
from importlib.machinery import ExtensionFileLoader
from importlib.util import spec_from_file_location

import failing

from .modes import MODES

# What a child found: no memory was refused, all went well, a SystemError, or something else that is wrong.
UNDISTURBED, WELL, SYSTEM_ERROR, WRONG = 0, 3, 4, 5
COMPLAINTS = {WELL: None, SYSTEM_ERROR: "SystemError: in place of a MemoryError"}


class FirstUse:
    """A copy of the library that this process has not loaded, for its children."""

    def __init__(self, folder):
        import _pyawaitable as loaded

        self.path = shutil.copy(loaded.__file__, folder)

    def make_module(self):
        """What the import system does with an extension module, without the import system, which is Python code."""
        loader = ExtensionFileLoader("_pyawaitable", self.path)
        spec = spec_from_file_location("_pyawaitable", self.path, loader=loader)
        module = failing.call(_imp.create_dynamic, spec)
        failing.call(_imp.exec_dynamic, module)
        # Extensions find this copy.
        sys.modules["_pyawaitable"] = module


def child(first_use, number, further):
    import rawapi
    from raw_support import Ready, keep_result, run

    failing.begin(number, further)
    for function in first_use.make_module, lambda: failing.call(rawapi.init):
        try:
            function()
        except MemoryError:
            # Called again, it works.
            function()
    reached = failing.end()
    aw = rawapi.new()
    rawapi.add_await(aw, Ready("value"), keep_result)
    if run(aw) != "value":
        return WRONG
    return WELL if reached else UNDISTURBED


def at_point(first_use, number, further):
    """The exit status of a process whose first use of the library runs out of memory."""
    pid = os.fork()
    if pid == 0:
        status = WRONG
        try:
            status = child(first_use, number, further)
        except SystemError:
            status = SYSTEM_ERROR
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def sweep():
    """Like sweep.sweep, but leaks cannot be measured here."""
    with tempfile.TemporaryDirectory() as folder:
        first_use = FirstUse(folder)
        for mode, further in MODES.items():
            number = 0
            while True:
                status = at_point(first_use, number, further)
                if status == UNDISTURBED:
                    break
                yield mode, number, COMPLAINTS.get(status, f"exit status {status}")
                number += 1
