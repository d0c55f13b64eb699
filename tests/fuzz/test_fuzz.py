"""Random programs do the same in C as in `async def`. `make fuzz` runs many more of them."""

import os
import random
import sysconfig

from . import search

# Free-threaded builds collect garbage much more slowly.
PROGRAMS = 500 if sysconfig.get_config_var("Py_GIL_DISABLED") else 2_000
SEED = 0 if os.environ.get("CI") else random.randrange(1 << 32)


def test_random_programs_do_the_same():
    print(f"seed {SEED}")
    assert search.search(PROGRAMS, SEED) > PROGRAMS
