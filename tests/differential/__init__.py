"""The differential tests: each scenario is written once as `async def` and once in C, and both must log the same.

record      what a run writes down, and how objects are named so that two runs can be compared
blocks      what a scenario is made of: inner awaitables of every kind, async context managers, tokens
scenario    the list of scenarios: a C function of the module `scenarios` and its twin
twins       the `async def` of every scenario, in files named as the C ones
constructs  scenarios for each construct of the language of bodies, whose C is made of them: see tests/translated
by_hand     drives an awaitable by send, throw and close, and disturbs it at every step
loops       drives it under asyncio, uvloop, trio and anyio, and disturbs it at every iteration
compare     runs both twins, and shows what is different
"""
