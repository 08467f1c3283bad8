#!/bin/bash
# Stops what rgw-up.sh started in FOLDER: by the files of process ids, and only where that process
# still runs with the configuration of this folder.
# usage: rgw-down.sh FOLDER
folder=$(realpath "$1")
for name in client.rgw osd.0 mon.a; do
  [ -f "$folder/run/$name.pid" ] || continue
  pid=$(cat "$folder/run/$name.pid")
  if grep -qzxF -- "$folder/ceph.conf" "/proc/$pid/cmdline" 2>/dev/null; then
    kill -KILL "$pid"
  fi
done
exit 0
