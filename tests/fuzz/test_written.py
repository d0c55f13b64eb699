"""Random programs do the same as bodies in C as they do as `async def`. `make fuzz-bodies` runs many more of them."""

import random

import pytest
from differential.compare import Different

from . import bodies, generators, written

PROGRAMS = 150
GENERATORS = 100


def test_random_programs_do_the_same():
    assert bodies.search(PROGRAMS, seed=0, batch=PROGRAMS, keep=True) == PROGRAMS


def test_random_generators_do_the_same():
    assert bodies.search(GENERATORS, seed=0, batch=GENERATORS, keep=True, kind=generators.Kind) == GENERATORS


def test_a_difference_is_found_and_made_small(monkeypatch):
    """Of a body that returns another value, all that is left is a `return`."""
    monkeypatch.setattr(bodies, "MOST_ATTEMPTS", 30)
    lines = ["env.log('first')", "if True:", "    await env.inner('a')", "    return 5", "env.log('last')"]
    program = written.Program("p0", lines, {}, {}, {}, False)
    monkeypatch.setattr(bodies.written, "write", lambda rng, name, is_generator: program)
    made = bodies.Unit.make

    def make(unit, index, variables):
        unit.codes[index] = tuple(
            compile("6", "wrong", "eval") if code.co_consts == (5,) else code for code in unit.codes[index]
        )
        return made(unit, index, variables)

    monkeypatch.setattr(bodies.Unit, "make", make)
    with bodies.quiet(), pytest.raises(Different) as found:
        bodies.check(0, [0], runs=1)
    text = str(found.value)
    assert "async def p0(env):\n    return 5\n" in text
    assert "-next returns 5" in text and "+next returns 6" in text


def test_programs_have_everything():
    source = "\n".join(written.write(random.Random(number), f"p{number}", number % 3 == 2).source() for number in range(300))
    for word in (
        "try: except finally: else: async-for async-with while for await suspend return break continue raise from yield".split()
    ):
        assert word.replace("-", " ") in source
