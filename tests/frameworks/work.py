"""What the functions in C and in Python have to do, which each case says, and the log of it."""

JOBS = {}
LOG = []


def does(function):
    """Decorates what a function of both modules is to do: of the same name, `Service__` for a method."""
    JOBS[function.__name__.replace("Service_", "Service.", 1)] = function
    return function


def note(*words):
    """A line, whatever is in the words."""
    LOG.append(" ".join(" ".join(map(str, words)).split()))


async def job(name, *args, **kwargs):
    return await JOBS[name](*args, **kwargs)


async def iteration(name, *args):
    yield await job(name, *args)
    await job(name)
