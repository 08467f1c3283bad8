"""Count the painted faces that a recogniser takes for the same person as in the photo.

    npm install --prefix FOLDER @vladmandic/face-api@1.7.15 \
        @tensorflow/tfjs@4 @tensorflow/tfjs-backend-wasm@4
    python lab/faces/identity.py PHOTOS RESULTS [RESULTS …] --node FOLDER [--each]

The recogniser is face-api's (MIT): an SSD finds the faces, and dlib's ResNet describes each by 128
numbers. The engine has neither. PHOTOS is a folder of photos, each RESULTS one of paint.py. A row
of the table is a folder's faces by a style:

- faces: faces that the recogniser finds in the photos, of at least 5 % of the longer side
- found: of these, the share that it finds at their places in the paintings
- same: the share whose distance to the photo's face is below 0.6, dlib's threshold
- nearest: the share whose nearest face of all photos is the person's own
- distance: the mean over the faces that were found

Only pairs that are in every folder count. What was found is kept in RESULTS/faces.json.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from paint import photos_of
from PIL import Image, ImageOps

SCRIPT = Path(__file__).with_suffix(".cjs")
SIDE = 1024  # px of the longer side, at which the recogniser sees each picture
TRUSTED = 0.6  # score of a photo's face that counts
NARROW = 0.05  # of the longer side
SAME_PLACE = 0.3  # intersection over union
SAME_PERSON = 0.6  # distance of descriptors
KEPT = "faces.json"

Found = dict[str, Any]  # See identity.cjs; box and points are parts of the longer side.


class Seen(NamedTuple):
    """What is found of a photo's face in a painting of it."""

    style: str
    distance: float | None
    nearest: bool


def main() -> None:
    """Measure the folders of the command line, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--node", type=Path, required=True, help="folder of npm install")
    parser.add_argument("--each", action="store_true", help="print each face, too")
    options = parser.parse_args()
    photos = faces_of(options.photos, options.node)
    painted = {folder: faces_of(folder, options.node) for folder in options.results}
    common = sorted(set.intersection(*({*each} for each in painted.values())))
    print(f"{'':24s} {'':24s} faces  found   same  nearest  distance")
    for folder, faces in painted.items():
        seen = {pair: seen_of(pair, photos, faces[pair]) for pair in common}
        if options.each:
            for pair, each in seen.items():
                print(folder, pair, *(f"{face.distance or 9:.2f}" for face in each))
        rows = [face for each in seen.values() for face in each]
        for style in [*sorted({row.style for row in rows}), ""]:
            print(line(str(folder), style, [row for row in rows if style in ("", row.style)]))


def faces_of(folder: Path, node: Path) -> dict[str, list[Found]]:
    """Find the faces of a folder's pictures, but for those that are kept."""
    kept = folder / KEPT
    known = json.loads(kept.read_text()) if kept.exists() else {}
    files = photos_of(folder)
    stamps = {name: file.stat().st_mtime for name, file in files.items()}
    new = {name for name in files if known.get(name, {}).get("stamp") != stamps[name]}
    found = _found({name: files[name] for name in sorted(new)}, node) if new else {}
    known |= {name: {"stamp": stamps[name], "faces": faces} for name, faces in found.items()}
    kept.write_text(json.dumps(known))
    return {name: known[name]["faces"] for name in files}


def _found(files: dict[str, Path], node: Path) -> dict[str, list[Found]]:
    with tempfile.TemporaryDirectory() as folder:
        pictures = [_raw(name, file, Path(folder)) for name, file in files.items()]
        list_file, found_file = Path(folder) / "list.json", Path(folder) / "found.json"
        list_file.write_text(json.dumps(pictures))
        environment = os.environ | {"NODE_PATH": str(node.resolve() / "node_modules")}
        command = ["node", str(SCRIPT), str(list_file), str(found_file)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        found = json.loads(found_file.read_text())
    for each in pictures:
        for face in found[each["name"]]:
            side = max(each["height"], each["width"])
            face["box"] = [part / side for part in face["box"]]
            face["points"] = [[part / side for part in point] for point in face["points"]]
    return found


def _raw(name: str, file: Path, folder: Path) -> dict[str, Any]:
    picture = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    scale = SIDE / max(picture.size)
    width, height = (round(scale * side) for side in picture.size)
    raw = folder / f"{name}.rgb"
    raw.write_bytes(picture.resize((width, height), Image.Resampling.LANCZOS).tobytes())
    return {"name": name, "file": str(raw), "height": height, "width": width}


def seen_of(pair: str, photos: dict[str, list[Found]], painted: list[Found]) -> list[Seen]:
    """Look for each face of a pair's photo in the painting."""
    photo, style = pair.rsplit("_", 1)
    everyone = [face for faces in photos.values() for face in faces]
    seen = []
    for face in filter(counts, photos[photo]):
        here = [each for each in painted if overlap(face["box"], each["box"]) > SAME_PLACE]
        distances = [distance(face, each) for each in here]
        best = int(np.argmin(distances)) if here else None
        nearest = best is not None and all(
            distances[best] <= distance(other, here[best]) for other in everyone
        )
        seen.append(Seen(style, None if best is None else distances[best], nearest))
    return seen


def counts(face: Found) -> bool:
    """Say whether a photo's face is trusted, and wide enough to be looked for."""
    return face["score"] >= TRUSTED and face["box"][2] - face["box"][0] >= NARROW


def distance(one: Found, other: Found) -> float:
    """Return the distance of two faces' descriptors."""
    return float(np.linalg.norm(np.subtract(one["descriptor"], other["descriptor"])))


def overlap(one: list[float], other: list[float]) -> float:
    """Return the intersection of two boxes (left, top, right, bottom) over their union."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = np.prod(np.maximum(high - low, 0))
    areas = (np.prod(np.subtract(box[2:], box[:2])) for box in (one, other))
    return float(shared / (sum(areas) - shared))


def line(folder: str, style: str, seen: Iterable[Seen]) -> str:
    """Return a row of the table."""
    rows = list(seen)
    found = [row.distance for row in rows if row.distance is not None]
    same = sum(distance < SAME_PERSON for distance in found)
    parts = [part / len(rows) for part in (len(found), same, sum(row.nearest for row in rows))]
    mean = f"{np.mean(found):8.3f}" if found else "       –"
    shares = "  ".join(f"{part:5.0%}" for part in parts)
    return f"{folder:24s} {style or 'all':24s} {len(rows):5d}  {shares}  {mean}"


if __name__ == "__main__":
    main()
