"""What several of these tests use."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "sqlite"

# A query of so many rows, and one that does not end.
SERIES = "with recursive s (n) as (select 1 union all select n + 1 from s where n < {}) select n from s"
FOREVER = "with recursive s (n) as (select 1 union all select n + 1 from s) select count(*) from s"


def run_python(target, code, *arguments, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), *filter(None, [os.environ.get("PYTHONPATH")])])}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )
