#!/usr/bin/env bash
# Checks the lab in the environment of ./start.sh setup --dev, and installs PyTorch there. Without
# PyTorch, the tests of the training are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
programs=.venv/bin

# By uv: pip takes a minute to unpack what PyTorch needs.
"$programs/uv" pip install --quiet --python "$programs/python" -r lab/requirements.txt ||
  echo "Notice: PyTorch could not be installed; the tests of the training are skipped."
"$programs/ruff" format --check lab
"$programs/ruff" check lab
"$programs/mypy" --config-file lab/pyproject.toml
"$programs/python" -m pytest lab/tests
