"""Compares the pictures of two commits: `python tools/same_pictures.py BEFORE [AFTER]`.

A refactoring leaves them the same byte for byte. Both commits paint the same pairs, in float32
and deterministic: the samples' photos, one of them with a mask, in styles of each
recipe, with a blend, regions, kept colours, tiles and L-BFGS. The exit code is 1 if any differs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
PAINTINGS = ("hokusai", "ink", "mosaic")  # ready styles
STYLES = """
[hokusai]
paintings = ["hokusai.jpg"]
[hokusai-bold]
paintings = ["hokusai.jpg"]
strength = 0.8
stroke_size = 1.5
preserve_color = true
[blend]
paintings = { "ink.jpg" = 0.7, "mosaic.jpg" = 0.3 }
[halves]
paintings = ["ink.jpg", "mosaic.jpg"]
regions = { "ink.jpg" = "left.mask.png", "mosaic.jpg" = "right.mask.png" }
[lbfgs]
paintings = ["mosaic.jpg"]
optimizer = "lbfgs"
iterations = 3
[moments]
paintings = ["hokusai.jpg"]
recipe = "moments"
[moments-blend]
paintings = { "ink.jpg" = 0.5, "hokusai.jpg" = 0.5 }
recipe = "moments"
init_image = "noise"
[original]
paintings = ["hokusai.jpg"]
recipe = "inetwork"
iterations = 3
[original-blend]
paintings = { "ink.jpg" = 0.6, "mosaic.jpg" = 0.4 }
recipe = "inetwork"
model = "vgg19"
iterations = 3
"""
# The settings and variables of each run. Tiles need a picture larger than the smallest tile.
RUNS = {
    "at-once": {"STYLE_SIZE": "160", "STYLE_ITERATIONS": "9"},
    "in-tiles": {
        "STYLE_SIZE": "600",
        "STYLE_ITERATIONS": "2",
        "STYLE": "hokusai",
        "MEMORY_LIMIT": "1300MB",
    },
}
ALWAYS = {
    "STYLE_DETERMINISTIC": "1",
    "STYLE_PRECISION": "float32",
    "OUTPUT_FORMAT": "png",
    "PROGRESS": "none",
    "DEVICE": "cpu",
}


def main() -> int:
    """Paint with both commits, print what differs, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", nargs="?", help="another one; default: the working tree")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_inputs(work)
        for name, commit in (("before", args.before), ("after", args.after)):
            paint(checked_out(commit, work / f"{name}-code"), work, work / name)
        return compare(work / "before", work / "after")


def write_inputs(work: Path) -> None:
    """Write photos, paintings, masks and styles.toml."""
    photos, paintings = work / "photos", work / "paintings"
    photos.mkdir()
    paintings.mkdir()
    for photo in (ROOT / "samples/photos").iterdir():
        (photos / photo.name).write_bytes(photo.read_bytes())
    for name in PAINTINGS:
        painting = (ROOT / f"painterly/styles/{name}.jpg").read_bytes()
        (paintings / f"{name}.jpg").write_bytes(painting)
    mask = Image.new("L", (96, 64))
    ImageDraw.Draw(mask).ellipse((16, 8, 80, 56), fill=255)
    mask.save(photos / "still-life.mask.png")
    half = Image.new("L", (96, 64))
    ImageDraw.Draw(half).rectangle((0, 0, 47, 63), fill=255)
    half.save(paintings / "left.mask.png")
    half.point(lambda value: 255 - value).save(paintings / "right.mask.png")
    (paintings / "styles.toml").write_text(STYLES)


def checked_out(commit: str | None, folder: Path) -> Path:
    """Return a folder with a commit's files, or with the working tree's for None."""
    if commit is None:
        return ROOT
    folder.mkdir()
    archive = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    subprocess.run(["tar", "-x"], cwd=folder, input=archive.stdout, check=True)
    return folder


def paint(code: Path, work: Path, results: Path) -> None:
    """Paint all runs with the code in a folder, in this script's Python environment."""
    for run, variables in RUNS.items():
        environment = {
            **os.environ,
            **ALWAYS,
            **variables,
            # Commits differ in the grammar of the command line.
            "BUCKET_SOURCE": f"{work}/photos",
            "BUCKET_STYLE": f"{work}/paintings",
            "BUCKET_RESULT": f"{results}/{run}",
            "VIRTUAL_ENV": sys.prefix,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        subprocess.run(["./start.sh"], cwd=code, env=environment, check=True)


def compare(before: Path, after: Path) -> int:
    """Print a line for each picture that differs, and their number. Return 1 if any does."""
    pictures = {path.relative_to(side) for side in (before, after) for path in results_in(side)}
    different = 0
    for picture in sorted(pictures):
        files = before / picture, after / picture
        if not all(map(Path.exists, files)):
            print(f"{picture}: only {'before' if files[0].exists() else 'after'}")
            different += 1
        elif pixels(files[0]) != pixels(files[1]):
            print(f"{picture}: differs")
            different += 1
    print(f"{len(pictures)} pictures, {different} differ")
    return 1 if different or not pictures else 0


def results_in(folder: Path) -> list[Path]:
    """Return the results in a folder, without the gallery's pictures."""
    return [
        path
        for path in folder.rglob("*.png")
        if not any(part.startswith("_") for part in path.relative_to(folder).parts)
    ]


def pixels(path: Path) -> tuple[tuple[int, int], bytes]:
    """Return a picture's size and pixels."""
    with Image.open(path) as image:
        return image.size, image.tobytes()


if __name__ == "__main__":
    sys.exit(main())
