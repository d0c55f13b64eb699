"""Runs the cases of a tool with the functions of one module, and prints their logs.

    python run.py TOOL in_c|in_python

The logs are JSON, by the case's use: what was noted, or what was raised, or why it was not tried.
"""

import gc
import importlib
import json
import sys
import traceback
import types
import warnings

import cases
import work


def run(case, module):
    work.LOG.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", ".*never awaited")
        raised = False
        try:
            case.run(module)
        except cases.NotTried as reason:
            return {"raised": False, "log": [], "not tried": str(reason)}
        except BaseException as error:
            traceback.print_exc()
            raised = True
            work.note(f"{type(error).__name__}: {error}")
        gc.collect()
    for warning in caught:
        work.note(f"{warning.category.__name__}: {warning.message}")
    return {"raised": raised, "log": [line.replace(module.__name__, "module") for line in work.LOG]}


def main():
    tool, name = sys.argv[1:]
    module = importlib.import_module(name)
    # For files of tests, which import it.
    chosen = sys.modules["chosen"] = types.ModuleType("chosen")
    chosen.module = module
    found = {case.use: run(case, module) for case in cases.CASES if case.tool == tool}
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
