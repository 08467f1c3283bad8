#!/usr/bin/env bash
# Makes this machine a node of a Ray cluster that paints, and runs until it is stopped:
#
#   RAY_AUTH_TOKEN=… cluster/node.sh head          the first machine; more arguments are ray start's
#   RAY_AUTH_TOKEN=… cluster/node.sh HEAD:6379     each further one
#
# IN_BACKGROUND=1: returns once the node runs.
#
# All machines and the driver have the same token: anyone who has it can run programs on all of them.
# `ray start` finds GPUs and cores itself. On a head that only coordinates: head --num-cpus=0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ $# -eq 0 ]; then
  sed -n '2,/^set /{/^# /s/^# //p;}' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
# As painterly/cluster/fleet.py: a machine that no longer answers is given up after about
# 9 s, not 7 minutes.
export RAY_grpc_client_keepalive_time_ms=${RAY_grpc_client_keepalive_time_ms:-5000}
export RAY_grpc_client_keepalive_timeout_ms=${RAY_grpc_client_keepalive_timeout_ms:-5000}
export RAY_health_check_initial_delay_ms=${RAY_health_check_initial_delay_ms:-1000}
export RAY_health_check_period_ms=${RAY_health_check_period_ms:-1000}
export RAY_health_check_timeout_ms=${RAY_health_check_timeout_ms:-2000}
export RAY_health_check_failure_threshold=${RAY_health_check_failure_threshold:-3}
# Python 3.11.2 and 3.11.7 understand each other.
export RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL=${RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL:-minor}
export RAY_ENABLE_UV_RUN_RUNTIME_ENV=${RAY_ENABLE_UV_RUN_RUNTIME_ENV:-0}
export RAY_AUTH_MODE=${RAY_AUTH_MODE:-token}
if [ "$RAY_AUTH_MODE" = token ] && [ -z "${RAY_AUTH_TOKEN:-}${RAY_AUTH_TOKEN_PATH:-}" ] &&
  [ ! -f ~/.ray/auth_token ]; then
  echo "cluster/node.sh: RAY_AUTH_TOKEN is not set; choose one, the same on all machines:" \
    "openssl rand -hex 32" >&2
  exit 2
fi
# A socket's path has 107 bytes at most, and Ray's below its temporary folder take about 70.
if [ -z "${RAY_TMPDIR:-}" ] && [ "$(printf %s "${TMPDIR:-}" | wc -c)" -gt 30 ]; then
  export RAY_TMPDIR=/tmp
fi

python=$(./start.sh setup --cluster)
start=("$(dirname "$python")/ray" start --disable-usage-stats)
if [ -z "${IN_BACKGROUND:-}" ]; then start+=(--block); fi
if [ "$1" = head ]; then
  exec "${start[@]}" --head --port=6379 --dashboard-host=127.0.0.1 "${@:2}"
fi
exec "${start[@]}" --address="$1" "${@:2}"
