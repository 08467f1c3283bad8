"""The folders of the program and of its workspace.

The program is read only: code and samples. The workspace is written: `.env` by the user, `weights/`
and `results/` by the program. In a checkout both are the same folder.
"""

from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1]
WORKSPACE = PROGRAM
