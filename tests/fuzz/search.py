"""Lets Hypothesis make programs until one differs, which it then makes as small as it can."""

import contextlib
import gc
import os
from pathlib import Path

import hypothesis
from differential.record import RECORDER
from hypothesis import HealthCheck, Phase, strategies

from . import drive, program

# With the rest of what is made: pytest stumbles over a folder of Hypothesis's among the sources.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(Path(__file__).parents[2] / "build" / "hypothesis"))

# More than a program takes: 0 follows, which is always the simplest choice.
LENGTH = 160
# Hypothesis remembers what it has tried, and searches it: many small searches are faster than one.
BATCH = 5_000


@contextlib.contextmanager
def quiet():
    """Warnings and unraisable exceptions go to the log at hand; the collector runs only where a program says so."""
    with RECORDER.installed():
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            yield
        finally:
            gc.enable()
            gc.unfreeze()
            # What programs have left in cycles may have something to say at its end.
            gc.collect()


def search(programs, seed, shrink=True):
    """Fails with the smallest program that differs, or the first. Returns how many lines the programs have logged."""
    lines = [0]

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=programs,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(strategies.binary(min_size=LENGTH, max_size=LENGTH))
    def same(data):
        lines[0] += len(drive.check(program.decode(data)))

    with quiet():
        same()
    return lines[0]
