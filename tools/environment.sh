# shellcheck shell=bash
# Finds or makes the Python environment: part of start.sh, which gives `extras`, the extras of
# pyproject.toml that it needs, and `paints`, and gets `python`. Ends with 2 if there is nothing to make
# it with, or .venv is the user's own and unusable; with 4 if DEVICE=gpu has no GPU to paint on here;
# with 6 if it could not be made.

# In WSL, /dev has no NVIDIA device, and not every shell has the folder of nvidia-smi on PATH.
has_gpu() {
  [ -e /dev/nvidiactl ] || [ -e /dev/nvidia0 ] ||
    PATH=$PATH:/usr/lib/wsl/lib nvidia-smi -L >/dev/null 2>&1
}

gpu_is_missing=
if [ "${extras[0]:-}" = tensorflow ]; then
  # PyPI has TensorFlow with CUDA for Linux on x86_64 only.
  if [ "$(uname -sm)" = "Linux x86_64" ]; then with_gpu=gpu; else with_gpu=cpu; fi
  extras[0]=cpu
  if [ "${DEVICE:-}" != cpu ] && has_gpu; then
    extras[0]=$with_gpu
  elif [ "${DEVICE:-}" = gpu ] && [ -n "$paints" ]; then
    case " ${extras[*]} " in
      *" cluster "*) ;; # The GPUs may be in other machines.
      *) extras[0]=$with_gpu gpu_is_missing=1 ;;
    esac
  fi
fi
tensorflow=${extras[0]:-}
case $tensorflow in
  gpu) size="7 GB on disk for TensorFlow with CUDA" ;;
  cpu) size="1.8 GB on disk" ;;
  *) size="0.2 GB on disk" ;;
esac

# .venv/installed has what .venv was made of, then its extras. It is empty while uv installs; a .venv
# made by hand has none. The project in .venv is a link to this folder, hence the folder's name.
made_of="$PWD $(cksum pyproject.toml uv.lock)"
installed() { tail -n 1 .venv/installed 2>/dev/null || true; }

is_ready() {
  local extra
  [ -x .venv/bin/python ] && [ "$(sed '$d' .venv/installed 2>/dev/null)" = "$made_of" ] || return 1
  for extra in ${extras[@]+"${extras[@]}"}; do
    case "$extra $(installed) " in
      *" $extra "* | "cpu "*" gpu "*) ;;
      *) return 1 ;;
    esac
  done
}

is_usable() {
  [ -e .venv/installed ] || return 0
  case "$tensorflow $(installed) " in
    "gpu extras:"*" cpu "*) return 1 ;; # Without CUDA; the two conflict with each other.
    *" extras: "*) [ -x .venv/bin/python ] ;;
    *) return 1 ;; # Unfinished, or of an earlier version.
  esac
}

# Old versions of uv cannot read uv.lock. The middle two are where uv's installer puts it, which only
# the next shell has on PATH.
find_uv() {
  for uv in uv ~/.local/bin/uv ~/.cargo/bin/uv .uv/uv; do
    ! "$uv" export --quiet --frozen --no-emit-project >/dev/null 2>&1 || return 0
  done
  return 1
}

download_uv() {
  local python
  for python in python3 python3.13 python3.12 python3.11 python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null; then
      say "Downloading uv, which installs the requirements, into .uv …"
      run "$python" tools/download_uv.py .uv || give_up
      return
    fi
  done
  say "There is neither uv nor a Python to download it with. Any of these helps; then start again:" \
    "  curl -LsSf https://astral.sh/uv/install.sh | sh    uv, which downloads Python itself" \
    "  brew install uv                                    macOS with Homebrew" \
    "  sudo apt install python3                           Debian, Ubuntu" \
    "  clever env set CC_PYTHON_VERSION 3.13              Clever Cloud"
  exit 2
}

# In the background: bash obeys a signal only after a command in the foreground has ended.
run() {
  "$@" &
  child=$!
  wait "$child"
}

stop() {
  if [ -n "$child" ] && kill "$child" 2>/dev/null; then wait "$child" || true; fi
  say "Stopped while the Python environment was being prepared."
  exit "$1"
}

give_up() {
  [ -z "$before" ] || printf '%s\n' "$before" >.venv/installed # uv downloads all, then changes.
  say ".venv could not be made, for the reason above. It needs about $size, a network, and on" \
    "Linux glibc. Behind a proxy, set HTTPS_PROXY, and SSL_CERT_FILE to the file with its certificate." \
    "If github.com cannot be reached, install Python 3.11, 3.12 or 3.13: uv downloads it from there."
  exit 6
}

# The packages of another Python on PYTHONPATH would come before those of .venv.
use_venv() { unset PYTHONPATH PYTHONHOME; }

python=.venv/bin/python
if is_ready; then use_venv && return; fi
if [ -z "${ALWAYS_VENV:-}" ]; then
  by_hand=
  [ -e .venv/installed ] || by_hand=$python # Or by a platform, with `uv sync`.
  for python in ${VIRTUAL_ENV:+"$VIRTUAL_ENV/bin/python"} ${by_hand:+"$by_hand"} python3 python; do
    if "$python" tools/has_requirements.py ${extras[@]+"${extras[@]}"} 2>/dev/null; then
      if [ "$python" = "$by_hand" ]; then use_venv; fi
      return
    fi
  done
fi
[ -z "$gpu_is_missing" ] || fail 4 "DEVICE=gpu, but there is no NVIDIA GPU here, or no driver for it: \
no /dev/nvidiactl, and nvidia-smi lists none; DEVICE=cpu paints without one"

# One at a time. The lock is on the open file, which uv inherits: if this script is killed, the lock
# lasts until uv has ended. macOS has no flock.
child='' before=''
: 2>/dev/null >.venv.lock || { say "start.sh may not write into $PWD."; exit 6; }
exec 9>.venv.lock
if ! command -v flock >/dev/null; then
  perl -e 'open F, ">&=9"; flock F, 2'
elif ! flock -n 9; then
  say "Another start.sh is making .venv; waiting for it."
  flock 9
fi
python=.venv/bin/python
use_venv
if is_ready; then return; fi

in_range='import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'
if [ -e .venv ] && [ ! -e .venv/installed ] && ! "$python" -c "$in_range" 2>/dev/null; then
  say "$PWD/.venv has no Python 3.11 to 3.13. Remove that folder, then start again."
  exit 2
fi

export UV_PROJECT_ENVIRONMENT=$PWD/.venv
unset VIRTUAL_ENV # Or uv says that it does not use it.
unset UV_INDEX UV_INDEX_URL UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL UV_FIND_LINKS # uv.lock names PyPI.
# uv trusts the system's certificates, a company's proxy among them, only if it is asked to.
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  [ ! -s "$bundle" ] || export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-1}
done
# A service's user may have no home for uv's cache.
if [ ! -w "${HOME:-}" ]; then
  export UV_CACHE_DIR=${UV_CACHE_DIR:-$PWD/.uv/cache} UV_PYTHON_INSTALL_DIR=$PWD/.uv/python
fi

trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM
find_uv || download_uv
find_uv || give_up
say "Setting up Python in .venv (about $size, a few minutes the first time) …"
if [ -e .venv ] && is_usable; then
  # It keeps all that it has, including packages that the user has installed.
  before=$(cat .venv/installed 2>/dev/null || true)
  case "$tensorflow $(installed) " in "cpu "*" gpu "*) extras[0]=gpu ;; esac
  [ -z "$before" ] || : >.venv/installed # If this is killed, .venv is made again.
else
  rm -rf .venv
  mkdir .venv || give_up
  : >.venv/installed
  run "$uv" venv --quiet --allow-existing .venv || give_up
fi
wanted=
options=(--locked --inexact --no-default-groups)
for extra in $(tr ' ' '\n' <<<"${extras[*]:-} ${before##*extras: }" | sort -u); do
  if grep -q "^$extra = \[" pyproject.toml; then # An earlier version may have had others.
    wanted="$wanted $extra"
    options+=(--extra "$extra")
  fi
done
run "$uv" sync "${options[@]}" || give_up
printf '%s\n' "$made_of" "extras:$wanted " >.venv/installed
trap - HUP INT TERM
