"""Runs a case again and again, a later allocation failing each time, until it makes no more.

A case is a function without arguments that goes through `failing.call` wherever memory may fail, and returns what came of
it. Each point of failure is run several times, and has to leave as many memory blocks as there were before.
"""

import gc
import sys

import failing
import rawapi

from .modes import MODES

MOST_POINTS = 20_000
# More than an interpreter's two pools have, of awaitables and of what some of them have beside the object.
POOLED_OBJECTS, POOLED_PARTS = 256, 65
# More than a part of the pool may hold, so that what was taken out is not put back.
TOO_MANY = range(320)


def without_pools():
    """Objects that have taken what the library's pools had, so that the next ones need memory."""
    taken = []
    for number in range(POOLED_OBJECTS):
        aw = rawapi.new()
        rawapi.cancel(aw)
        if number < POOLED_PARTS:
            rawapi.save_int_values(aw, *TOO_MANY)
        taken.append(aw)
    return taken


def once(case, number, further):
    """(what came of it, whether there was that allocation)."""
    taken = without_pools()
    failing.begin(number, further)
    try:
        outcome = case()
    finally:
        reached = failing.end()
    del taken
    return outcome, reached


# The older name warns from 3.13 on, and a warning's memory would be counted.
clear_type_cache = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache


def blocks():
    """Memory blocks in use, without those that CPython's cache of attributes keeps: it holds the names, and C code may make
    one anew for each look-up."""
    gc.collect()
    clear_type_cache()
    return sys.getallocatedblocks()


def leak(case, number, further, tries=6):
    """How many blocks each run leaves, at least."""
    least = None
    once(case, number, further)
    for _ in range(tries):
        before = blocks()
        # Two, since one block may be the interpreter's own, which it lets go of at the next count.
        once(case, number, further)
        once(case, number, further)
        grown = (blocks() - before) // 2
        least = grown if least is None else min(least, grown)
        if least <= 0:
            return 0
    return least


class Undisturbed:
    """What a case does when memory does not fail."""

    def __init__(self, case):
        self.outcome, _ = once(case, MOST_POINTS, False)
        self.leaks = leak(case, MOST_POINTS, False)


def sweep(case, complain, at=lambda mode, number: None, begin=(None, 0), leaks=True):
    """Yields (mode, number, complaint or None) for each point of failure.

    complain(outcome, undisturbed outcome) says what is wrong, or nothing.
    at is told of each point before it runs: what crashes has been named by then.
    begin is the first point of interest: (mode, number).
    """
    undisturbed = Undisturbed(case)
    start_mode, number = begin
    if undisturbed.leaks > 0:
        yield "none", 0, f"leaks {undisturbed.leaks} blocks without a failure"
    for mode, further in MODES.items():
        if start_mode not in (None, mode):
            continue
        start_mode = None
        while True:
            at(mode, number)
            outcome, reached = once(case, number, further)
            if not reached:
                break
            complaint = complain(outcome, undisturbed.outcome)
            if complaint is None and leaks:
                left = leak(case, number, further)
                if left > 0:
                    complaint = f"leaks {left} blocks"
            yield mode, number, complaint
            number += 1
            if number == MOST_POINTS:
                raise AssertionError("allocates without end")
        number = 0
