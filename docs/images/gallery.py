"""Makes the picture of the results' page in README.md.

    .venv/bin/python docs/images/gallery.py

Paints the samples in four styles, as drafts, by start.sh; then takes the page's picture with
Chromium. Takes three minutes on two processor cores.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parent.parent
SAMPLES = REPOSITORY / "samples"
STYLES = "hokusai,van-gogh-starry-night,kandinsky,mosaic"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WINDOW = (1280, 930)  # px
WIDTH = 1024  # width of the picture in px
QUALITY = 88  # JPEG quality


def main() -> None:
    """Paints, takes the picture and writes gallery.jpg."""
    browser = find_browser()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paint(folder)
        take(browser, (folder / "results" / "index.html").as_uri(), folder / "page.png")
        save((folder / "page.png").read_bytes(), "gallery")


def find_browser() -> str:
    """Return the path of an installed browser. Exits if none is installed."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is installed; one of them takes the picture")
    return browser


def save(page: bytes, name: str) -> None:
    """Write the picture of a page, a file's bytes, into this folder."""
    with Image.open(BytesIO(page)) as whole:
        picture = whole.convert("RGB")
    picture.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    picture.save(FOLDER / f"{name}.jpg", quality=QUALITY, optimize=True)


def paint(folder: Path) -> None:
    """Paint the samples in four ready styles into folder/results."""
    command = [REPOSITORY / "start.sh", SAMPLES / "photos", STYLES, folder / "results"]
    environment = {**os.environ, "VGG_WEIGHTS": "builtin"}
    subprocess.run([*command, "--preset", "draft"], env=environment, check=True)


def take(browser: str, address: str, file: Path) -> None:
    """Write a picture of a page as PNG."""
    size = f"--window-size={WINDOW[0]},{WINDOW[1]}"
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", size, f"--screenshot={file}"]
    subprocess.run([browser, *options, address], check=True)


if __name__ == "__main__":
    main()
