#!/usr/bin/env bash
# tools/try_image.sh [OPTION …]: builds the image for CPUs with docker, podman or buildah, and tries it:
# it paints a sample, serves the page, and ends with 4 if a GPU is asked for. The options are of the
# build, such as --build-arg PYTHON_IMAGE=… for another base. Only the build needs a network.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

image=painter:cpu
for tool in docker podman buildah none; do
  if [ $tool = buildah ] && command -v buildah >/dev/null; then break; fi # It has no daemon.
  ! $tool ps >/dev/null 2>&1 || break
done

# in_image NAME=VALUE COMMAND …: runs a command in a new container.
case $tool in
  none)
    echo "None of docker, podman and buildah runs here." >&2
    exit 1
    ;;
  buildah)
    # In a container itself, or without a runtime such as runc, buildah can only change the root.
    export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}
    in_image() {
      local container status=0
      container=$(buildah from --pull-never $image)
      buildah run --env "$1" "$container" -- "${@:2}" || status=$?
      buildah rm "$container" >/dev/null
      return $status
    }
    ;;
  *) in_image() { $tool run --rm --env "$1" $image "${@:2}"; } ;;
esac

$tool build --build-arg TENSORFLOW=cpu --tag $image "$@" .
$tool images $image

echo "-- painting"
in_image STYLE_SIZE=256 sh -c '
  python -m painterly ./samples/photos ink -o /tmp/painted --preset draft
  ls -l /tmp/painted && test -s /tmp/painted/ink/landscape.jpg'

echo "-- serving the page"
# shellcheck disable=SC2016 # The container's shell expands it.
in_image WEB_HOST=127.0.0.1 sh -c '
  python -m painterly web & service=$!
  for second in $(seq 60); do
    ! python -c "from urllib.request import urlopen; print(urlopen(\"http://127.0.0.1:8080/readyz\").read())" ||
      { kill $service; exit 0; }
    sleep 1
  done 2>/dev/null
  exit 1'

echo "-- without a GPU"
status=0
in_image DEVICE=gpu python -m painterly ./samples/photos ink -o /tmp/painted ||
  status=$?
[ $status -eq 4 ] || { echo "exit code $status, expected 4" >&2; exit 1; }
echo "The image works."
