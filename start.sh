#!/usr/bin/env bash
# Finds or makes the Python environment, then runs a mode in it: see usage().
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

The first start installs this project and its requirements into .venv beside this script, by uv,
which it downloads into .uv if there is none; uv finds a Python 3.11 to 3.13, or downloads one. If
the active environment, python3 or python already has the requirements, that one is used, unless
ALWAYS_VENV=1 is set. On Linux x86_64 with an NVIDIA GPU, or with DEVICE=gpu, CUDA is installed too.
Relative paths in variables start at this script's folder.
Exit codes of its own: 2 an unknown mode, or neither uv nor Python; 6 .venv could not be made.
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

# A mode is what Python runs in the environment, and the extras of pyproject.toml that it needs.
extras=()
[ -z "${CLUSTER:-}" ] || extras=(cluster)
mode=${1:-${RUN_MODE:-}}
case $mode in
  -h | --help) usage && exit ;;
  '' | -*) run=(-m styletransfer "$@") ;;
  cluster) extras=(cluster) run=(-m styletransfer "${@:2}" --cluster) ;;
  web) extras=() run=(-m styletransfer.cli.web "${@:2}") ;;
  weights) extras=() run=(-m styletransfer.vgg.download "${@:2}") ;;
  setup)
    extras=() run=(-c 'import sys; print(sys.executable)')
    for option in "${@:2}"; do
      case $option in
        --dev | --cluster) extras+=("${option#--}") ;;
        *) say "start.sh setup: expected --dev, --cluster or nothing, not $option" && exit 2 ;;
      esac
    done
    ;;
  test)
    extras=(dev) run=(-m pytest "${@:2}")
    if [ "${2:-}" = --quick ]; then run=(-m pytest -m "not slow" "${@:3}"); fi
    ;;
  *)
    if [ $# -lt 3 ]; then
      say "start.sh: there is no mode '$mode'; ./start.sh --help lists them." \
        "Three arguments are PHOTOS PAINTINGS RESULTS."
      exit 2
    fi
    run=(-m styletransfer "$@")
    ;;
esac

export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2} # Without TensorFlow's own notes.
export PYTHONUNBUFFERED=${PYTHONUNBUFFERED:-1}         # Logs show a line when it is written.

# Sets `python` to the one of an environment with these extras, which it makes if it is missing.
. tools/environment.sh
exec "$python" "${run[@]}" 9>&- # exec, so that signals reach Python itself.
