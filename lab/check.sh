#!/usr/bin/env bash
# lab/check.sh [usual]: checks the lab in the environment of ./start.sh setup --dev, and installs
# PyTorch there, which takes 5 GB. `usual` does not: then tests of the training are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
programs=.venv/bin

if [ "${1:-}" != usual ]; then
  # uv downloads and unpacks several packages at a time.
  "$programs/uv" pip install --quiet --python "$programs/python" -r lab/requirements.txt ||
    echo "Notice: PyTorch could not be installed; the tests of the training are skipped."
fi
"$programs/ruff" format --check lab
"$programs/ruff" check lab
"$programs/mypy" --config-file lab/pyproject.toml
"$programs/python" -m pytest lab/tests
