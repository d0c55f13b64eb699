"""Other people's test suites, with a trampoline in C under every coroutine."""
