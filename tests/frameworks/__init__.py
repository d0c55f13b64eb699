"""C functions that are `async def` functions, and the same in Python, in frameworks and tools that look at functions."""
