"""The list of scenarios."""

SCENARIOS = []
DEFAULT_VARIANT = {"": {}}


class Scenario:
    """A C function of the module `scenarios`, and the function that makes its twin.

    variants are the same code with other inner awaitables or another `env.value`.
    """

    def __init__(self, twin, variant, inners, contexts, value, outside, loops, arguments):
        self.name = twin.__name__
        self.variant = variant
        self.id = f"{self.name}[{variant}]" if variant else self.name
        self.twin = twin
        self.inners = inners
        self.contexts = contexts
        self.value = value
        self.outside = outside
        self.loops = loops
        self.arguments = arguments

    def __repr__(self):
        return self.id


def scenario(variants=None, *, inners=None, contexts=None, value=None, outside=False, loops=None, arguments=None):
    """Registers a twin.

    variants   name -> inner awaitables that differ
    outside    the twin is written on the model of the queue, so that other code may add to it and cancel it
    loops      the event loops it is for; None for all, and for driving by hand
    arguments  a function of env: what both are called with after env, as (positional, by keyword)
    """

    def register(twin):
        for variant, special in (variants or DEFAULT_VARIANT).items():
            all_inners = {**(inners or {}), **special}
            SCENARIOS.append(Scenario(twin, variant, all_inners, contexts or {}, value, outside, loops, arguments))
        return twin

    return register
