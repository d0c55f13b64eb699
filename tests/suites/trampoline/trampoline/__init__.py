"""A C function that is `async def trampoline(x): return await x`, and how it gets under a program."""
