"""The `async def` of every scenario, in files named as the C ones in tests/ext/scenarios.

Each is a function of `env` that makes the inner awaitables which the C function makes, then a coroutine named `outer`. What is
inside a callback in C is at the corresponding place here.
"""

from . import blocks, cancel, errors, functions, iteration, loops, nested, plain, queue  # noqa: F401  (they register their scenarios)
