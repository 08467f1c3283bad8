#!/usr/bin/env bash
# Makes the Python environment if it is missing, then does what is asked for: see usage() below.
#
# Written for the bash 3.2 of macOS as well: no associative arrays, no mapfile, no ${x,,}.
set -euo pipefail
unset CDPATH # With it, cd prints where it went.

usage() {
  cat <<'END'
Paints every photo in every look.

  ./start.sh                 paint: the bundled samples, or what BUCKET_* name (see .env.example)
  ./start.sh --dry-run       only tell what would be painted, for how long, with how much memory
  ./start.sh setup           make the Python environment, and print the path of its Python
  ./start.sh weights         fetch VGG's weights into ./weights, so that later starts have them
  ./start.sh test [ARG …]    run the tests; the arguments are pytest's

The first start finds a Python 3.11, 3.12 or 3.13 (or lets uv bring one) and installs
requirements.txt into .venv beside this script. A Python that has the requirements already is used
as it is; ALWAYS_VENV=1 makes .venv all the same. Paths are relative to this script's folder.
Exit codes of its own: 2 no usable Python or a wrong mode, 6 the environment could not be made.
END
}

# Where the checkout lies, also when called from elsewhere or through a link.
self=${BASH_SOURCE[0]}
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=$(dirname -- "$self")/$link ;;
  esac
done
cd -P -- "$(dirname -- "$self")"

venv=.venv
state=$venv/start.sh # What is installed; in a .venv that somebody else made, there is none.
lock=.venv.lock
newest=3.13
probe_code='
import sys

# Runs in whatever is called python, Python 2 included, up to the first exit.
number = "%d.%d" % sys.version_info[:2]
if "t" in getattr(sys, "abiflags", ""):
    number += " (free-threaded)"
if "PyPy" in sys.version:
    number = "PyPy " + number
if number not in ("3.11", "3.12", "3.13"):
    print("%s\nPython 3.11-3.13\n%s" % (number, sys.executable))
    sys.exit()

import re
from importlib import metadata, util

MODULES = {"pillow": "PIL", "python-dotenv": "dotenv"}
CUDNN = "libcudnn.so.9"


def parts(version):
    return ([int(each) for each in re.findall("[0-9]+", version)] + [0] * 4)[:4]


def installed(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def reaches(name, limits):
    # A package by another name (tensorflow-cpu, a conda build) has its module but not its name.
    if not installed(name):
        return True
    have = parts(installed(name))
    low = all(have >= parts(each) for each in re.findall(">=([^,]+)", limits))
    return low and all(have < parts(each) for each in re.findall("<([^,=]+)", limits))


def cuda():
    # As TensorFlow looks for it: beside itself as a package, then where the system has libraries.
    try:
        if util.find_spec("nvidia.cudnn"):
            return True
    except ModuleNotFoundError:
        pass
    import ctypes

    try:
        return bool(ctypes.CDLL(CUDNN))
    except OSError:
        return False


missing = []
for file in sys.argv[2:]:
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            line = line.partition("#")[0].partition(";")[0].replace(" ", "").strip()
            found = re.match(r"([\w.-]+)(?:\[[^]]*\])?(.*)", line)
            if found:
                name, limits = found.groups()
                module = MODULES.get(name.lower(), name.replace("-", "_"))
                if not (installed(name) or util.find_spec(module)) or not reaches(name, limits):
                    missing.append(name)
if sys.argv[1] == "gpu" and not cuda():
    missing.append("the CUDA libraries")
print("%s\n%s\n%s" % (number, ", ".join(missing), sys.executable))
'

say() { printf '%s\n' "$*" >&2; }

# gpu: whether an NVIDIA GPU is to be used here. Looked up once; nvidia-smi alone knows in WSL.
gpu_known=
gpu() {
  if [ -z "$gpu_known" ]; then
    gpu_known=no
    local devices=${NVIDIA_DEVICES:-/dev} # The tests have another folder.
    # Other systems' TensorFlow cannot use one.
    if [ "${DEVICE:-auto}" != cpu ] && [ "$(uname -sm)" = "Linux x86_64" ]; then
      if [ -e "$devices/nvidiactl" ] || [ -e "$devices/nvidia0" ]; then
        gpu_known=yes
      elif command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then
        gpu_known=yes
      fi
    fi
  fi
  [ "$gpu_known" = yes ]
}

# probe gpu|cpu PYTHON [FILE …]: sets version, executable, and missing: what PYTHON lacks of the
# files' requirements. Nothing is imported; fails where PYTHON does not run.
probe() {
  local kind=$1 python=$2 out rest
  shift 2
  out=$("$python" -c "$probe_code" "$kind" "$@" 2>/dev/null </dev/null) || return 1
  version=${out%%$'\n'*}
  rest=${out#*$'\n'}
  missing=${rest%%$'\n'*}
  executable=${rest#*$'\n'}
  [ -n "$executable" ]
}

in_range() { [ "$missing" != "Python 3.11-3.13" ]; }

# requirements FILE: its lines without comments, so that a changed comment installs nothing.
requirements() { sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$1"; }

# ready: whether .venv holds what is asked for.
ready() {
  local file
  [ -d "$state" ] && [ ! -e "$state/unfinished" ] || return 1
  for file in "${files[@]}"; do
    [ -f "$state/$file" ] && [ "$(cat "$state/$file")" = "$(requirements "$file")" ] || return 1
  done
  [ -e "$state/gpu" ] || ! gpu || return 1
  probe cpu "$venv/bin/python" "${files[@]}" && [ -z "$missing" ]
}

# ready_elsewhere: finds a Python that has everything already, as platforms do that install
# requirements.txt themselves; sets python.
ready_elsewhere() {
  local name kind=cpu
  [ -z "${ALWAYS_VENV:-}" ] || return 1
  ! gpu || kind=gpu
  for name in ${VIRTUAL_ENV:+"$VIRTUAL_ENV/bin/python"} python3 python; do
    command -v "$name" >/dev/null || continue
    probe "$kind" "$name" "${files[@]}" || continue
    if [ -z "$missing" ]; then
      python=$executable
      return 0
    fi
    if [ "$missing" = "the CUDA libraries" ]; then
      say "$executable has the requirements, but not the libraries to use the GPU here."
    fi
  done
  return 1
}

# find_pythons: sets pythons (those in range, best first) and seen (a list for the message).
find_pythons() {
  local name
  pythons=() seen=
  for name in python3.13 python3.12 python3.11 python3 python; do
    command -v "$name" >/dev/null || continue
    probe cpu "$name" || continue # A shim may be there without a Python behind it.
    if in_range; then
      pythons[${#pythons[@]}]=$executable
    else
      seen="$seen${seen:+, }$name is $version"
    fi
  done
}

find_uv() {
  uv=
  local each
  # The last two: where its installer puts it, which is on PATH in the next shell only.
  for each in uv ${HOME:+"$HOME/.local/bin/uv" "$HOME/.cargo/bin/uv"}; do
    if command -v "$each" >/dev/null; then
      uv=$each
      return
    fi
  done
}

no_python() {
  say "No usable Python: TensorFlow needs Python 3.11, 3.12 or 3.13 (${seen:-none is on PATH})."
  say "Any one of these helps, then start again:"
  say "  curl -LsSf https://astral.sh/uv/install.sh | sh    uv, which brings Python $newest itself"
  say "  brew install python@$newest                         macOS with Homebrew"
  say "  sudo apt install python3 python3-venv              Debian 12 and 13, Ubuntu 24.04 and 25"
  if [ -n "${CC_COMMIT_ID:-}" ]; then
    say "  clever env set CC_PYTHON_VERSION $newest            Clever Cloud"
  fi
  exit 2
}

# abandoned OWNER: whether the process that made the lock is gone. Another host's process, or one
# whose number was given away again, shows by the lock not being touched any more.
abandoned() {
  if [ "${1#*@}" = "$(uname -n)" ] && ! kill -0 "${1%%@*}" 2>/dev/null; then
    return 0
  fi
  [ -n "$(find "$lock" -maxdepth 0 -mmin +2 2>/dev/null)" ]
}

# take_lock: from here on, no other start.sh changes .venv. A link is made in one go and with its
# owner's name in it, so there is no lock without an owner.
take_lock() {
  local owner told='' failed=0
  if [ ! -w . ]; then
    say "$PWD cannot be written to, which making .venv there needs."
    exit 6
  fi
  me=$$@$(uname -n)
  until ln -s "$me" "$lock" 2>/dev/null; do
    if ! owner=$(readlink "$lock"); then # Given back just now, or no links on this disk.
      failed=$((failed + 1))
      if [ "$failed" -gt 50 ]; then
        say "$PWD/$lock could not be made:"
        ln -s "$me" "$lock" || exit 6
        break
      fi
    elif abandoned "$owner"; then
      # Of several that see it, one removes it; the others must not remove the next owner's.
      if mkdir "$lock.removing" 2>/dev/null; then
        [ "$(readlink "$lock")" != "$owner" ] || rm -f "$lock"
        rmdir "$lock.removing"
        continue
      fi
    elif [ -z "$told" ]; then
      told=yes
      say "Another start.sh is at work on .venv; waiting for it."
    fi
    sleep 0.1
  done
}

give_lock_back() {
  if [ "$(readlink "$lock" 2>/dev/null)" = "${me:-}" ]; then
    rm -f "$lock"
  fi
}

child=
stop() {
  trap '' HUP INT TERM
  if [ -n "$child" ]; then
    kill "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  say "Stopped; the next start sets up .venv anew."
  exit "$1"
}

# logged LOG COMMAND …: runs it with its output in LOG, and tells now and then what it is at. In the
# background, since bash would obey a signal only after a command in the foreground has ended.
logged() {
  local log=$1 began=$SECONDS since=$SECONDS status=0 pause=0.03
  shift
  "$@" >"$log" 2>&1 </dev/null &
  child=$!
  while kill -0 "$child" 2>/dev/null; do
    sleep "$pause"
    [ "$SECONDS" -le "$began" ] || pause=0.3
    if [ $((SECONDS - since)) -ge 20 ]; then
      since=$SECONDS
      touch -h "$lock"
      say "  … $SECONDS s: $(tail -n 1 "$log" | sed -e 's/^ *//' -e 's/:.*//' | cut -c 1-80)"
    fi
  done
  wait "$child" || status=$?
  child=
  return "$status"
}

# run_uv LOG ARG …: uv, with the system's certificates where its own do not do: behind the proxies of
# companies. Not from the start, since a slim container has none.
run_uv() {
  local log=$1 status=0
  shift
  logged "$log" "$uv" "$@" || status=$?
  if [ "$status" -ne 0 ] && [ -z "${UV_SYSTEM_CERTS:-}" ] && grep -qi certificate "$log"; then
    say "uv does not trust the package index' certificate; trying with the system's certificates."
    export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 # The new name and the old.
    status=0
    logged "$log" "$uv" "$@" || status=$?
  fi
  return "$status"
}

# explain LOG: the end of what was logged, and what most likely lies behind it.
explain() {
  local log=$1
  tail -n 12 "$log" | sed 's/^/  | /' >&2
  if grep -qiE 'no space left|disk quota|os error 28' "$log"; then
    say "The disk is full: .venv needs about $size, and the folder for temporary files 1 GB."
  elif grep -qiE 'certificate' "$log"; then
    say "The package index' certificate is not trusted here. Behind a company's proxy, SSL_CERT_FILE"
    say "(for pip: PIP_CERT) names the file with its certificate."
  elif grep -qiE 'connection|resol(ution|ve host)|dns error|unreachable|timed out|proxyerror|error sending request|failed to fetch|name or service' "$log"; then
    say "A server could not be reached: is there a network? Behind a proxy: HTTPS_PROXY names it."
  elif grep -qiE 'no matching distribution|no solution found' "$log"; then
    say "There is no TensorFlow for this machine ($(uname -sm)). It is made for Linux with glibc on"
    say "x86_64 and arm64, and for Macs with Apple silicon."
  fi
}

# make_venv: an empty .venv, with uv or with the first Python that can.
make_venv() {
  local python log=$state/log lacking=
  rm -rf "$venv"
  mkdir -p "$state"
  touch "$state/unfinished"
  if [ -n "$uv" ]; then
    [ "${#pythons[@]}" -gt 0 ] || say "No Python 3.11-3.13 here: uv brings Python $newest."
    if run_uv "$log" venv --allow-existing --python "${pythons[0]:-$newest}" "$venv"; then
      return
    fi
    say "uv could not make .venv:"
    explain "$log"
    exit 6
  fi
  for python in "${pythons[@]}"; do
    for way in venv virtualenv pip; do
      rm -rf .venv/bin .venv/lib .venv/include .venv/pyvenv.cfg
      case $way in
        venv) logged "$log" "$python" -m venv "$venv" && return ;;
        virtualenv) logged "$log.2" "$python" -m virtualenv "$venv" && return ;;
        pip) # A pip beside Python can put itself into a .venv that was made without one.
          logged "$log.2" "$python" -m venv --without-pip "$venv" &&
            logged "$log.2" "$python" -m pip --python "$venv/bin/python" install pip && return
          ;;
      esac
      # Debian and Ubuntu have the module venv, but what it needs is in another package.
      grep -q ensurepip "$log" || break
    done
    probe cpu "$python"
    lacking=${lacking:-$version}
  done
  say "${pythons[0]} could not make .venv:"
  if grep -q ensurepip "$log"; then
    say "it comes without the part that does. Either of these helps, then start again:"
    say "  sudo apt install python$lacking-venv"
    say "  curl -LsSf https://astral.sh/uv/install.sh | sh"
  else
    explain "$log"
  fi
  rm -rf "$venv"
  exit 6
}

# install: the requirements into .venv, which is made if it is missing or unfinished.
install() {
  local file what log=$state/log args status=0 new=''
  find_pythons
  find_uv
  if [ -d "$venv" ] && [ ! -d "$state" ]; then
    # Somebody's own: it gets what it lacks, but it is not thrown away.
    if ! probe cpu "$venv/bin/python" || ! in_range; then
      say "$PWD/.venv was not made by start.sh, and its Python (${version:-it does not run}) cannot be"
      say "used: TensorFlow needs 3.11, 3.12 or 3.13. Remove that folder, then start again."
      exit 2
    fi
    mkdir "$state"
  elif [ ! -d "$venv" ] || [ -e "$state/unfinished" ] || ! probe cpu "$venv/bin/python" ||
    ! in_range; then
    new=yes
  fi
  if [ -z "$new$uv" ] && ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    new=yes # uv made it, without pip, and uv is gone.
  fi
  size='2.5 GB'
  ! gpu || size='7 GB'
  if [ -n "$new" ]; then
    [ -n "$uv" ] || [ "${#pythons[@]}" -gt 0 ] || no_python
    say "Setting up Python in .venv (once; about $size on disk, a few minutes) …"
    make_venv
  fi

  if [ -n "$uv" ]; then
    args=(run_uv "$log" pip install --python "$venv/bin/python")
  else
    args=(logged "$log" "$venv/bin/python" -m pip install --no-input --progress-bar off)
  fi
  for file in "${files[@]}"; do
    args=("${args[@]}" -r "$file")
  done
  if gpu; then
    say "There is an NVIDIA GPU here: CUDA's libraries come along."
    args=("${args[@]}" "$(requirements requirements.txt | sed -n 's/^tensorflow/&[and-cuda]/p')")
  fi
  what=${files[*]}
  say "Installing ${what// / and } with $([ -n "$uv" ] && echo uv || echo pip) …"
  touch "$state/unfinished"
  "${args[@]}" || status=$?
  if [ "$status" -eq 0 ]; then
    if ! probe cpu "$venv/bin/python" "${files[@]}" || [ -n "$missing" ]; then
      say "The installation ended well, but Python does not find ${missing:-anything}: see $log."
      exit 6
    fi
    rm -f "$state/requirements-dev.txt" "$state/gpu"
    for file in "${files[@]}"; do
      requirements "$file" >"$state/$file"
    done
    ! gpu || touch "$state/gpu"
    rm -f "$state/unfinished" "$log"
    say "Done after $SECONDS s."
    return
  fi
  say "The requirements could not be installed (exit code $status); it ended with:"
  explain "$log"
  # Both installers change nothing before all is downloaded, and undo what they could not finish:
  # what was there before is there still.
  [ -n "$new" ] || rm -f "$state/unfinished"
  exit 6
}

mode=paint
case ${1:-} in
  -h | --help)
    usage
    exit
    ;;
  setup | weights | test)
    mode=$1
    shift
    ;;
  -* | '') ;;
  *)
    say "start.sh: there is no mode '$1'; expected setup, weights or test, or nothing to paint."
    exit 2
    ;;
esac
files=(requirements.txt)
[ "$mode" != test ] || files=(requirements.txt requirements-dev.txt)

export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2} # Without TensorFlow's own notes.
export PYTHONUNBUFFERED=${PYTHONUNBUFFERED:-1}         # Logs show a line when it is written.

if ready; then
  python=$PWD/$venv/bin/python
elif ! ready_elsewhere; then
  # Whatever the machine sets for pip: packages belong into .venv, and its version is no matter.
  export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1
  trap give_lock_back EXIT
  trap 'stop 129' HUP
  trap 'stop 130' INT
  trap 'stop 143' TERM
  take_lock
  ready || install # Another start.sh may have done it meanwhile.
  give_lock_back
  trap - EXIT HUP INT TERM
  python=$PWD/$venv/bin/python
fi

# exec, so that signals reach Python itself.
case $mode in
  setup) printf '%s\n' "$python" ;;
  weights) exec "$python" -m styletransfer.vgg.download "$@" ;;
  test) exec "$python" -m pytest "$@" ;;
  paint) exec "$python" -m styletransfer "$@" ;;
esac
