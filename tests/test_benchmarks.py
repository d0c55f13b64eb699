"""The part of the wheels' build that `make test` would not run otherwise."""

import subprocess
import sys
from pathlib import Path

TRAINING = Path(__file__).parents[1] / "benches" / "train.py"


def test_the_training_for_a_profile_runs(tmp_path):
    subprocess.run([sys.executable, TRAINING, tmp_path, "0"], check=True)
