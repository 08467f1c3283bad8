"""Results on paper: their size, what of the photo they show, and the resolution in their files."""

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import tiny
from support.batch_results import ONE
from support.folder_batches import grey_file, run
from support.pictures import saved

from painterly.cli.command import main
from painterly.devices.system_memory import resident_memory

pytestmark = pytest.mark.slow  # A process decodes the photos of each run.

PAPER = {"STYLE_SIZE": "", "STYLE_PAPER": "10x15cm", "STYLE_DPI": "25", "STYLE_BLEED": "3mm"}
LYING, UPRIGHT = (154, 104), (104, 154)  # px, width and height of that
RESULT = Path("out/monet/beach.jpg")


def size(path):
    with Image.open(path) as image:
        return image.size


def dpi(path):
    with Image.open(path) as image:
        return tuple(map(round, image.info.get("dpi", ())))


def test_a_result_keeps_the_dpi_of_its_photo_without_paper(folders, stand_in):
    Path("photos/beach.jpg").write_bytes(tiny.file(60, 80, 1, dpi=(240, 240)))
    for output, depth in (("jpg", "8"), ("png", "8"), ("tiff", "16")):
        assert run(folders, **ONE, OUTPUT_FORMAT=output, OUTPUT_DEPTH=depth) == 0
        assert dpi(RESULT.with_suffix(f".{output}")) == (240, 240)
    with tifffile.TiffFile(RESULT.with_suffix(".tiff")) as file:
        assert file.pages[0].tags["XResolution"].value == (240, 1)
        assert file.pages[0].dtype == np.uint16


def test_a_print_of_a_batch_has_the_bytes_of_one_painted_alone(folders):
    """By preset instant, with the program's own network, of a photo with a mask and dpi."""
    instant = {name: value for name, value in folders.items() if name.startswith("BUCKET")}
    Path("photos/beach.jpg").write_bytes(tiny.file(60, 100, 1, dpi=(72, 72)))
    left = np.tile(np.repeat([1.0, 0.0], 50), (60, 1))
    Path("photos/beach.mask.png").write_bytes(grey_file(left))
    assert run(instant, **ONE, **PAPER, STYLE_PRESET="instant") == 0
    alone = ["photos/beach.jpg", "paintings/monet.jpg", "--content-mask", "photos/beach.mask.png"]
    alone += ["--preset=instant", "--paper=10x15cm", "--dpi=25", "--bleed=3mm"]
    assert main([*alone, "-o", "again.jpg"]) == 0
    assert Path("again.jpg").read_bytes() == RESULT.read_bytes()
    assert (size("again.jpg"), dpi("again.jpg")) == (LYING, (25, 25))


@pytest.mark.usefixtures("small_vgg")
def test_a_dry_run_foretells_the_size_and_the_memory_of_prints(folders, capsys):
    assert run(folders, **PAPER, DRY_RUN="1") == 0
    out = capsys.readouterr().out
    assert re.search(r"dry run: 4 to paint, the largest (154 × 104|104 × 154) px", out)
    limit = str(resident_memory() + 700_000_000)
    assert run(folders, **ONE, STYLE_SIZE="", STYLE_PAPER="A2", DRY_RUN="1", MEMORY_LIMIT=limit)
    refused = capsys.readouterr().out
    assert "painting 7016 × 4961 px needs" in refused
    fits = int(re.search(r"the highest dpi that fits is (\d+), on paper A2", refused)[1])
    assert 5 < fits < 300
    lower = {"STYLE_SIZE": "", "STYLE_PAPER": "A2", "STYLE_DPI": str(fits // 2)}
    assert run(folders, **ONE, **lower, DRY_RUN="1", MEMORY_LIMIT=limit) == 0


def test_a_transparent_photo_is_cropped_with_its_alpha(folders, stand_in):
    image = Image.fromarray((tiny.picture(60, 160, 3) * 255).astype(np.uint8)).convert("RGBA")
    alpha = np.full((60, 160), 255, np.uint8)
    alpha[:, 80:], alpha[:, :20], alpha[:, 140:] = 0, 0, 255
    image.putalpha(Image.fromarray(alpha))
    Path("photos/wide.png").write_bytes(saved(image, "PNG"))
    assert run(folders, PHOTO="wide.png", STYLE="monet", **PAPER) == 0
    with Image.open("out/monet/wide.png") as result:
        assert result.size == LYING
        shown = np.asarray(result.getchannel("A"))
    assert (shown[:, 2:74] == 255).all() and (shown[:, 80:] == 0).all()
