"""Where a C function and its twin differ, and why.

`make frameworks` fails for a difference that is not listed here, and for one that is and does not show.
"""

import sys
from typing import NamedTuple


class Known(NamedTuple):
    tool: str
    use: str
    why: str
    # Versions of Python: since the first, and before the second.
    since: tuple = (3,)
    before: tuple = (4,)


KNOWN = [
    Known(
        *("cProfile", "the call is counted"),
        "cProfile counts frames of Python code, and such a call reaches C without one",
    ),
]


def reason(tool, use):
    for known in KNOWN:
        if (known.tool, known.use) == (tool, use) and known.since <= sys.version_info < known.before:
            return known.why
    return None
