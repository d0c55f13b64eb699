"""What each process of the soak tells about itself, and whether that stays flat."""

import gc
import logging
import os
import resource
import sys


class Watch(logging.Handler):
    """Everything that should not be: unraisable exceptions, warnings (as errors), logged errors."""

    def __init__(self, expected=()):
        super().__init__(logging.WARNING)
        self.expected = dict.fromkeys(expected, 0)
        self.wrong = []

    def install(self):
        sys.unraisablehook = self.unraisable
        logging.basicConfig(handlers=[self], level=logging.WARNING, force=True)

    def unraisable(self, unraisable):
        self.complain(f"unraisable: {unraisable.exc_value!r} in {unraisable.object!r}")

    def emit(self, record):
        message = record.getMessage()
        if message in self.expected:
            self.expected[message] += 1
        else:
            self.complain(f"logged: {message} {record.exc_info}")

    def complain(self, sentence):
        # A flood of them should not look like a leak of the library.
        if len(self.wrong) < 20:
            self.wrong.append(sentence)


def measure():
    """Call it when nothing is under way."""
    for _ in range(3):
        gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return {
        "rss": pages * resource.getpagesize(),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "blocks": sys.getallocatedblocks(),
        "objects": len(gc.get_objects()),
        "files": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
    }


# How much more there may be at the end. Of what a request or a task leaves behind there would be
# thousands.
ALLOWED = {"blocks": 500, "objects": 200, "files": 5, "threads": 5}


def allowed(name, samples):
    """Resident memory varies with where in a page the last object of it is: by a tenth of the peak."""
    return ALLOWED.get(name) or max(4 << 20, samples[-1]["peak"] // 10)


def growth(samples):
    """From the second quarter, when all is warm, to the last: name, before, after, too much.

    The least of each, since what varies comes on top of what stays.
    """
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    for name in ("rss", *ALLOWED):
        before, after = (min(sample[name] for sample in part) for part in (early, late))
        yield name, before, after, after - before > allowed(name, samples)
