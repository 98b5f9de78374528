"""The grid of simulated recordings is a benchmark; its tests are here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
