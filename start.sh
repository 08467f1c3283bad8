#!/usr/bin/env bash
# Finds a Python, which makes the environment if it is missing and then runs a mode: see usage().
# Written for the bash 3.2 of macOS as well.
set -euo pipefail
unset CDPATH # With it, cd prints where it went.

usage() {
  cat <<'END'
Paints every photo in every look.

  ./start.sh                paint: the bundled samples, or what BUCKET_* name (see .env.example)
  ./start.sh PHOTOS PAINTINGS RESULTS [--size N …]
                            paint these folders (./name) or buckets (name), or single pictures;
                            any setting is a flag (docs/settings.md)
  ./start.sh --open         open the page of the results in the browser at the end
  ./start.sh --keep         only paint what has no result yet, whatever has changed since
  ./start.sh --dry-run      only report what would be painted, how long it takes, and the memory
  ./start.sh web            serve a page and an API to paint from a browser (docs/web.md);
                            RUN_MODE=web is the same
  ./start.sh cluster …      paint on a Ray cluster, which CLUSTER names (docs/cluster.md);
                            without it, on that of this machine
  ./start.sh setup [--dev] [--cluster]
                            make the Python environment and print the path of its Python;
                            --dev adds what the tests need, --cluster Ray
  ./start.sh weights        download VGG's weights into ./weights, for all later starts
  ./start.sh test [ARG …]   run the tests; --quick skips the slow ones, other arguments are pytest's

The first start finds a Python 3.11 to 3.13, or uv, which downloads one, and installs this project
and its requirements into .venv beside this script. If the active environment, python3 or python
already has the requirements, that one is used, unless ALWAYS_VENV=1 is set. Relative paths in
variables start at this script's folder.
Exit codes of its own: 2 no usable Python or an unknown mode, 6 .venv could not be made.
END
}

say() { printf '%s\n' "$@" >&2; }

self=${BASH_SOURCE[0]}
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=$(dirname -- "$self")/$link ;;
  esac
done
export STARTED_IN=$PWD
cd -P -- "$(dirname -- "$self")"

# A mode is what Python runs in the environment, after the extras that the environment needs.
mode=${1:-${RUN_MODE:-}}
case $mode in
  -h | --help) usage && exit ;;
  '' | -*) run=(${CLUSTER:+--cluster} -m styletransfer "$@") ;;
  cluster) run=(--cluster -m styletransfer "${@:2}" --cluster) ;;
  web) run=(-m styletransfer.cli.web "${@:2}") ;;
  weights) run=(-m styletransfer.vgg.download "${@:2}") ;;
  setup) run=("${@:2}" -c 'import sys; print(sys.executable)') ;;
  test)
    run=(--dev -m pytest "${@:2}")
    if [ "${2:-}" = --quick ]; then run=(--dev -m pytest -m "not slow" "${@:3}"); fi
    ;;
  *)
    if [ $# -lt 3 ]; then
      say "start.sh: there is no mode '$mode'; ./start.sh --help lists them." \
        "Three arguments are PHOTOS PAINTINGS RESULTS."
      exit 2
    fi
    run=(${CLUSTER:+--cluster} -m styletransfer "$@")
    ;;
esac

export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2} # Without TensorFlow's own notes.
export PYTHONUNBUFFERED=${PYTHONUNBUFFERED:-1}         # Logs show a line when it is written.

# uv trusts the system's certificates, a company's proxy among them, only if it is asked to.
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  [ ! -s "$bundle" ] || export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-1}
done

# exec, so that signals reach Python itself.
for python in .venv/bin/python python3.13 python3.12 python3.11 python3 python; do
  if "$python" tools/check_python.py >/dev/null 2>&1; then
    exec "$python" tools/environment.py "${run[@]}"
  fi
done

# The last two are where its installer puts uv, which only the next shell has on PATH.
for uv in uv ~/.local/bin/uv ~/.cargo/bin/uv; do
  if command -v "$uv" >/dev/null; then
    say "There is no Python 3.11 to 3.13 here; uv provides one."
    exec "$uv" run --no-project --python '>=3.11,<3.14' tools/environment.py "${run[@]}"
  fi
done

found=$(python3 --version 2>/dev/null || echo none)
say "TensorFlow needs Python 3.11, 3.12 or 3.13; there is none on PATH (python3 is: $found)." \
  "Any one of these helps. Then start again:" \
  "  curl -LsSf https://astral.sh/uv/install.sh | sh    uv, which downloads Python itself" \
  "  brew install python@3.13                           macOS with Homebrew" \
  "  sudo apt install python3 python3-venv              Debian 12 and 13, Ubuntu 24.04 and later" \
  "  clever env set CC_PYTHON_VERSION 3.13              Clever Cloud"
exit 2
