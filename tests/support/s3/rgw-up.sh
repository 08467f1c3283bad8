#!/bin/bash
# Starts a Ceph object gateway, the software that Cellar runs, for tests: one monitor, one store in
# memory, one radosgw; no devices, no docker, ready in about 1 s, in about 110 MB of memory.
# usage: rgw-up.sh FOLDER HTTP_PORT HTTPS_PORT MONITOR_PORT
# It is stopped, and FOLDER removed, when process $OWNER ends, if that is set.
# Keys: $KEY_ID (testaccess) and $SECRET (testsecret). The certificate: FOLDER/cert.pem.
# needs: apt-get install -y --no-install-recommends ceph-mon ceph-osd radosgw curl openssl
set -euo pipefail
folder=$(realpath -m "$1") http=$2 https=$3 monitor=$4
here=$(dirname "$(realpath "$0")")
trap '[ $? = 0 ] || "$here/rgw-down.sh" "$folder"' EXIT
fsid=$(cat /proc/sys/kernel/random/uuid) osd=$(cat /proc/sys/kernel/random/uuid)
mkdir -p "$folder"/{mon,osd,run,log,rgw}
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
  -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>"$folder/log/openssl.err"
cat "$folder/key.pem" "$folder/cert.pem" > "$folder/rgw.pem"
cat > "$folder/ceph.conf" <<CONF
[global]
fsid = $fsid
mon_host = [v2:127.0.0.1:$monitor]
ms_bind_msgr1 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
keyring = $folder/keyring
run_dir = $folder/run
admin_socket = $folder/run/\$name.asok
pid_file = $folder/run/\$name.pid
log_file = $folder/log/\$name.log
crash_dir = $folder/log
mon_cluster_log_file = $folder/log/cluster.log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_allow_pool_delete = true
mon_max_pg_per_osd = 1000
mon_warn_on_pool_no_redundancy = false
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
mon_tick_interval = 1
[mon]
keyring = $folder/keyring
mon_data = $folder/mon
mon_data_avail_warn = 1
mon_data_avail_crit = 1
[osd]
keyring = $folder/keyring
osd_data = $folder/osd
osd_objectstore = memstore
memstore_device_bytes = 8589934592
osd_class_load_list = *
osd_class_default_list = *
osd_op_num_shards = 2
osd_scrub_auto_repair = false
[client.rgw]
rgw_data = $folder/rgw
keyring = $folder/keyring
rgw_frontends = beast endpoint=127.0.0.1:$http ssl_endpoint=127.0.0.1:$https ssl_certificate=$folder/rgw.pem tcp_nodelay=1
rgw_thread_pool_size = 32
rgw_enable_usage_log = false
rgw_run_sync_thread = false
rgw_nfs_run_lc_threads = false
CONF
export CEPH_CONF="$folder/ceph.conf" CEPH_ARGS=""
ceph-authtool -C "$folder/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
for who in client.admin osd.0 client.rgw; do
  ceph-authtool "$folder/keyring" --gen-key -n $who \
    --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
done
monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$monitor]" "$folder/monmap" >/dev/null
ceph-mon -c "$CEPH_CONF" --mkfs -i a --monmap "$folder/monmap" --keyring "$folder/keyring"
ceph-mon -c "$CEPH_CONF" -i a
ceph -c "$CEPH_CONF" osd new "$osd" >/dev/null
ceph-osd -c "$CEPH_CONF" -i 0 --mkfs --osd-uuid "$osd" >/dev/null 2>"$folder/log/mkfs.err"
ceph-osd -c "$CEPH_CONF" -i 0 >/dev/null
radosgw -c "$CEPH_CONF" -n client.rgw
radosgw-admin -c "$CEPH_CONF" user create --uid=test --display-name=test --max-buckets=0 \
  --access-key="${KEY_ID:-testaccess}" --secret-key="${SECRET:-testsecret}" \
  >/dev/null 2>"$folder/log/user.err"
if [ -n "${OWNER:-}" ]; then  # Tests may be killed, with all their group, before they clean up.
  setsid bash -c 'while kill -0 "$1"; do sleep 1; done; "$2/rgw-down.sh" "$3"; rm -rf "$3"' \
    owner-ends "$OWNER" "$here" "$folder" </dev/null >/dev/null 2>&1 &
fi
for _ in $(seq 300); do
  curl -fs -o /dev/null "http://127.0.0.1:$http/" && exit 0
  sleep 0.1
done
echo "radosgw does not answer at 127.0.0.1:$http; see $folder/log" >&2
exit 1
