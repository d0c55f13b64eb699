"""What the racing threads await and keep, and what becomes of a step."""

import types


class Ready:
    """Has its value at once. One instance can be awaited any number of times."""

    def __await__(self):
        return self
        yield


class Block:
    """A context manager that suspends in both its methods."""

    async def __aenter__(self):
        await suspend()

    async def __aexit__(self, *exception):
        await suspend()


class Once:
    """An iterator over one item, which suspends before it and before its end."""

    left = 1

    def __aiter__(self):
        return self

    async def __anext__(self):
        await suspend()
        self.left -= 1
        if self.left < 0:
            raise StopAsyncIteration


class Value:
    """What is saved and returned: can be weakly referenced, so that its end is seen."""


@types.coroutine
def suspend():
    return (yield "suspended")


async def sleepy(steps):
    for _ in range(steps):
        await suspend()


class Failed(Exception):
    """What an awaited coroutine raises."""


async def failing():
    await suspend()
    raise Failed


# What step() says that became of a step.
YIELDED, ENDED, EXECUTING, FINISHED = "yielded", "ended", "executing", "finished"


def step(act, *arguments):
    try:
        act(*arguments)
    except (StopIteration, Failed, GeneratorExit):
        return ENDED
    except ValueError as error:
        assert "already executing" in str(error), error
        return EXECUTING
    except RuntimeError as error:
        # The error callback handles everything, and so what is queued after it may yield.
        if "ignored GeneratorExit" in str(error):
            return YIELDED
        assert "already awaited" in str(error), error
        return FINISHED
    return YIELDED
