"""Where the program and its workspace are."""

from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1]  # code and samples
WORKSPACE = PROGRAM  # .env, weights/, results/
