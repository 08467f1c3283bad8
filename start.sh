#!/usr/bin/env bash
# Finds or creates the Python environment, then runs a mode in it: see usage().
# Compatible with bash 3.2, which macOS has.
set -euo pipefail
unset CDPATH # With it, cd prints where it went.

usage() {
  cat <<'END'
Paints photos in the style of paintings.

  ./start.sh PHOTO … STYLE [-o RESULT] [--size N …]
                          PHOTO: files, a folder, s3://BUCKET/PREFIX, or -
                          STYLE: hokusai, a painting, a folder or s3://BUCKET;
                          several with commas, or with + in one blend
                          RESULT: a file, a folder, s3://BUCKET, or -
  ./start.sh beach.jpg hokusai
                          paint a photo in a ready style, into a file next to it
  ./start.sh ./photos ./paintings -o ./painted
                          paint every photo in every style
  ./start.sh              paint the photos in BUCKET_SOURCE (see .env.example),
                          or the samples
  ./start.sh --open       open the results page at the end
  ./start.sh --watch      stay, and paint what is new or changed
  ./start.sh --dry-run    only report what would be painted, and the time
  ./start.sh web          serve a page and an API to paint from a browser
                          (docs/web.md); RUN_MODE=web does the same
  ./start.sh cluster …    paint on the Ray cluster at CLUSTER, or else on the
                          one on this machine (docs/cluster.md)
  ./start.sh styles       list the ready styles, such as hokusai
  ./start.sh init         set up Clever Cloud, AWS or another S3 service: write
                          .env, create the buckets (--help lists its flags)
  ./start.sh weights      download VGG's weights into ./weights
  ./start.sh beach.jpg --help
                          show all flags and commands
  ./start.sh setup [--cluster] [--video] [--dev] [--cpu | --gpu]
                          create the environment, print its Python's path;
                          --cluster adds Ray, --video what clips need,
                          --dev what the tests need;
                          --gpu installs CUDA without a GPU, too, as for an
                          image, and --cpu does not
  ./start.sh test [ARG …] run the tests; --quick runs those that start no
                          process, and --all those that take long, too;
                          other arguments are pytest's

The first start installs this project and its requirements with uv into .venv in
this script's folder. If necessary, it downloads uv into .uv, and uv downloads a
Python 3.11 to 3.13. If the active environment, python3 or python already has
the requirements, that one is used, unless ALWAYS_VENV=1 is set. On Linux x86_64
with an NVIDIA GPU, CUDA is installed too, unless DEVICE=cpu is set. Relative
paths in variables start at this script's folder.

Exit codes: 2 unknown mode, or neither uv nor Python; 4 DEVICE=gpu without an
NVIDIA GPU; 6 .venv could not be created; otherwise those of the program
(docs/batches.md)
END
}

say() { printf '%s\n' "$@" >&2; }

# fail CODE MESSAGE: ends with one line, in the form of the program's log.
fail() {
  local text=${2//\\/\\\\}
  text=${text//[[:cntrl:]]/ }
  text=${text//\"/\\\"}
  case ${LOG_FORMAT:-}${PROGRESS:-} in
    *[jJ][sS][oO][nN]*)
      printf '{"level": "critical", "message": "%s", "event": "end", "exit_code": %s}\n' "$text" "$1"
      ;;
    *) say "$2" ;;
  esac
  exit "$1"
}

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

# A mode sets Python's arguments, and the extras of pyproject.toml that it needs; `tensorflow` is cpu
# or gpu, as this machine has it. `paints`: DEVICE=gpu needs a GPU before anything is installed.
extras=(tensorflow) paints=1
[ -z "${CLUSTER:-}" ] || extras=(tensorflow cluster)
mode=${1:-${RUN_MODE:-}}
case $mode in
  -h | --help) usage && exit ;;
  cluster) extras=(tensorflow cluster) run=(-m painterly "$@") ;;
  web) run=(-m painterly web "${@:2}") ;;
  weights) paints="" run=(-m painterly "$@") ;;
  styles | init | buckets | send-source | send-style | send-bucket | get-results | get-bucket)
    extras=() paints="" run=(-m painterly "$@") ;;
  setup)
    extras=(tensorflow) run=(-c 'import sys; print(sys.executable)')
    for option in "${@:2}"; do
      case $option in
        --cpu | --gpu) extras[0]=${option#--} ;;
        --cluster | --video) extras+=("${option#--}") ;;
        --dev) extras+=(dev) ;;
        *) fail 2 "start.sh setup: there is no option '$option'; ./start.sh --help lists them" ;;
      esac
    done
    ;;
  test) extras=(tensorflow dev) paints="" run=(-m pytest "${@:2}") ;;
  '' | -*) run=(-m painterly "$@") ;;
  *)
    case $1 in /*) photo=$1 ;; *) photo=$STARTED_IN/$1 ;; esac
    case $1 in
      - | *[:~*?[]*) ;;
      *) [ -e "$photo" ] || fail 2 "start.sh: there is no mode and no photo '$1'; ./start.sh --help \
lists the modes, and photos go first, as in: ./start.sh beach.jpg hokusai" ;;
    esac
    [ $# -gt 1 ] || extras=() paints="" # A photo alone: painterly says what goes with it.
    run=(-m painterly "$@")
    ;;
esac
case " $* " in *" --help"* | *" -h "*) paints="" ;; esac
case "$(printf '%s ' "$@" | tr '[:upper:]' '[:lower:]')" in # Clips need more.
  *.mp4\ * | *.m4v\ * | *.mov\ * | *.mkv\ * | *.webm\ * | *.avi\ *) extras+=(video) ;;
esac

export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2} # Hides TensorFlow's informational messages.
export PYTHONUNBUFFERED=${PYTHONUNBUFFERED:-1}         # Log lines appear at once.

# Sets `python` to that of an environment with these extras, and creates the environment if necessary.
. tools/environment.sh
exec "$python" "${run[@]}" 9>&- # exec, so that signals reach Python itself.
