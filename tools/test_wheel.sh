#!/usr/bin/env bash
# Runs tests of the package as pip installs it: they import the wheel from an empty folder, not this
# checkout. Tests of scripts, samples and documents are left out, and most that read no file of the
# package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
programs=$PWD/.venv/bin
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$programs/uv" build --quiet --wheel --out-dir "$folder"
"$programs/uv" pip install --quiet --no-deps --python "$programs/python" --target "$folder/site" "$folder"/*.whl
cp -R tests pyproject.toml "$folder"
mkdir -p "$folder/docs/images"
cp docs/images/portrait-photo.jpg "$folder/docs/images" # a photo with a face
cd "$folder"
# -P: no folder of this checkout is on Python's path.
PYTHONPATH=$folder/site "$programs/python" -P -m pytest -n 2 -m "not thorough and not slow" \
  tests/painters/test_library.py tests/painters/test_sheet.py \
  tests/gallery/test_gallery.py tests/gallery/test_page.py tests/orders/test_record.py \
  tests/words/test_texts.py tests/web/test_{first_screen,lan,openapi,other_pages,paint_api}.py \
  tests/web/test_{paintings_api,ready_styles_api,refusal_pages,stored_pictures}.py
