import gc
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config, items):
    """Leave out what --differential-one-in says."""
    one_in = config.getoption("--differential-one-in")
    ours = [item for item in items if HERE in item.path.parents]
    left_out = {item for index, item in enumerate(ours) if (index + sys.version_info.minor) % one_in}
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))


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
