import gc

import pytest


@pytest.fixture(scope="module", autouse=True)
def quiet_collector():
    """The garbage collector runs only where a run asks for it, so that a log does not depend on when
    it happens to run; what exists already is put out of its way."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()
