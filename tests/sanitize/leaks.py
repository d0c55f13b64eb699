"""The scenarios of raw_leaks.py, a few rounds of each: for a LeakSanitizer that looks when the process ends."""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import raw_leaks

ROUNDS = 20

warnings.simplefilter("ignore")
sys.unraisablehook = raw_leaks.ignore
for scenario in raw_leaks.SCENARIOS.values():
    for _ in range(ROUNDS):
        scenario()
if raw_leaks.LOOP is not None:
    raw_leaks.LOOP.close()
print(len(raw_leaks.SCENARIOS), "scenarios")
