"""`async def` functions as bodies in C, made of their source.

translate   the source of a function as C, and the code objects of what it does between its awaits
build       many of them in one extension, and the functions that make them
runtime.h   what the C code begins with

Control flow, awaits, blocks and exceptions are C in the words of the language. An expression or a simple statement that awaits
nothing is evaluated as Python code, whose local and global variables are one dictionary in the frame.
"""
