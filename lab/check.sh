#!/usr/bin/env bash
# lab/check.sh [packages]: checks the lab in the environment of ./start.sh setup --dev, and installs
# PyTorch there; `packages` only installs. Without PyTorch, the tests of the training are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
programs=.venv/bin

# uv downloads and unpacks several packages at a time.
"$programs/uv" pip install --quiet --python "$programs/python" -r lab/requirements.txt ||
  echo "Notice: PyTorch could not be installed; the tests of the training are skipped."
[ "${1:-}" != packages ] || exit 0
"$programs/ruff" format --check lab
"$programs/ruff" check lab
"$programs/mypy" --config-file lab/pyproject.toml
"$programs/python" -m pytest lab/tests
