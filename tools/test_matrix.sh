#!/usr/bin/env bash
# tools/test_matrix.sh [COLUMN …] [-- ARGUMENT …]: runs the numeric tests under other rounding, one
# column after another, all by default; the arguments are pytest's. It sums up at the end, and fails if
# a column did. ./start.sh setup --dev makes the environment first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CUDA_VISIBLE_DEVICES=-1 TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}

# Column: its variables. Sums are added in another order by each.
columns=(
  "default:"
  "onednn-avx2: ONEDNN_MAX_CPU_ISA=AVX2"
  "openblas-haswell: OPENBLAS_CORETYPE=HASWELL"
  "openblas-skylakex: OPENBLAS_CORETYPE=SKYLAKEX"
  "numpy-baseline: NUMPY=baseline"
  "threads-1: THREADS=1"
  "threads-2: THREADS=2"
  "threads-4: THREADS=4"
  "tensorflow-next: TENSORFLOW=>=2.22.0rc0,<2.23"
  "old-laptop: ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=HASWELL NUMPY=baseline THREADS=2" # CI's.
)
# Those that compute pictures: other files are read in the same way by each.
tests=(tests/engine tests/vgg/test_{network,ops,trained_file}.py
  tests/images/test_{borders,colour,decode_colour,small}.py)

names=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  names+=("$1")
  shift
done
[ $# -eq 0 ] || shift
arguments=("$@")
for name in "${names[@]}"; do
  printf '%s\n' "${columns[@]}" | grep -q "^$name:" || {
    echo "There is no column '$name'; there are:" "${columns[@]%%:*}" >&2
    exit 2
  }
done

# The features that this NumPy dispatches to here. It refuses those that the processor lacks.
dispatched() {
  .venv/bin/python -c 'from numpy._core import _multiarray_umath as numpy
print(*(each for each in numpy.__cpu_dispatch__ if numpy.__cpu_features__.get(each)))'
}

# with_tensorflow RANGE: makes .venv-tensorflow, which has another TensorFlow and else the packages of
# .venv.
with_tensorflow() {
  local uv=.venv/bin/uv python=.venv-tensorflow/bin/python
  [ -x $python ] || $uv venv --quiet --python .venv/bin/python .venv-tensorflow
  $uv pip freeze --quiet --python .venv/bin/python | grep -Eiv '^(-e|tensorflow|painterly)' |
    $uv pip install --quiet --python $python --prerelease allow "tensorflow-cpu$1" --requirements -
}

run() { # Runs a column of these variables.
  local python=.venv/bin/python settings=() each
  for each in "$@"; do
    case $each in
      NUMPY=*) settings+=("NPY_DISABLE_CPU_FEATURES=$(dispatched)") ;;
      THREADS=*)
        settings+=("TF_NUM_INTRAOP_THREADS=${each#*=}" "OMP_NUM_THREADS=${each#*=}"
          "OPENBLAS_NUM_THREADS=${each#*=}")
        ;;
      TENSORFLOW=*)
        with_tensorflow "${each#*=}" || return
        python=.venv-tensorflow/bin/python
        ;;
      *) settings+=("$each") ;;
    esac
  done
  env ${settings[@]+"${settings[@]}"} $python -m pytest -q -n 2 --durations=0 \
    --durations-min=5 "${tests[@]}" ${arguments[@]+"${arguments[@]}"}
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
summary=() failed=0
for column in "${columns[@]}"; do
  name=${column%%:*}
  if [ "${#names[@]}" -gt 0 ]; then
    case " ${names[*]} " in *" $name "*) ;; *) continue ;; esac
  fi
  echo "== $column"
  # No variable in the list has blanks.
  # shellcheck disable=SC2086
  run ${column#*:} 2>&1 | tee "$log" || failed=1
  summary+=("$name: $(tail -n 1 "$log")")
done
echo
printf '%s\n' "${summary[@]}"
exit $failed
