"""Random calls at the edge of the C API break nothing. `make fuzz` makes many more of them, under AddressSanitizer."""

import os
import random

from . import edge

CALLS = 20_000
FIRST = 0 if os.environ.get("CI") else random.randrange(1 << 32)


def test_random_calls_break_nothing():
    print(f"first episode {FIRST}")
    made, _, _ = edge.Edge().run(CALLS, FIRST)
    assert made >= CALLS


def test_random_calls_of_two_threads_break_nothing():
    first = FIRST - FIRST % edge.TOGETHER + edge.TOGETHER - 1
    print(f"first episode {first}")
    made, _, _ = edge.Edge().run(CALLS, first, step=edge.TOGETHER)
    assert made >= CALLS
