"""The runner with masks, regions, paper, and the ways to write results."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image
from support import tiny
from support.batch_results import ONE, failures, results
from support.folder_batches import grey_file, keys, run
from support.pictures import decode, saved

from painterly.cli.command import main
from painterly.devices.system_memory import resident_memory
from painterly.images import arrays

LEFT = np.repeat([[1.0] * 40 + [0.0] * 40], 60, 0)  # for a photo of 60 × 80 px: white, then black
TWO = "[two]\npaintings = ['black.png', 'white.png']\n"


def read(path):
    return decode(Path(path).read_bytes(), str(path)).pixels


def paint(key, grey):
    """Puts a painting of these greys, 0…1, with a little grain, into the style bucket."""
    grain = 0.05 * np.random.default_rng(0).standard_normal((50, 50))
    Path("paintings", key).write_bytes(grey_file(np.clip(grey + grain, 0, 1)))


@pytest.fixture
def one_photo(folders, small_vgg):
    """A single photo and a single style, `monet`."""
    Path("photos/trip/old town é.png").unlink()
    for name in ("a.jpg", "b.webp"):
        Path("paintings/both", name).unlink()
    return folders | {"OUTPUT_FORMAT": "png"}


# --- masks and regions ----------------------------------------------------------------------


def test_a_photo_is_painted_where_its_mask_and_regions_say_from_what_a_painting_s_mask_shows(
    one_photo,
):
    paint("black.png", 0.1)
    paint("white.png", np.repeat([[0.1] * 38 + [0.9] * 12], 50, 0))
    Path("paintings/white.mask.png").write_bytes(grey_file([[0.0] * 38 + [1.0] * 12] * 50))
    Path("paintings/left.mask.png").write_bytes(grey_file(LEFT))
    Path("paintings/right.png").write_bytes(grey_file(1 - LEFT))
    regions = "regions = { 'black.png' = 'left.mask.png', 'white.png' = 'right.png' }"
    Path("paintings/styles.toml").write_text(TWO + regions)
    Path("photos/beach.mask.png").write_bytes(grey_file([[0.0] * 80] * 30 + [[1.0] * 80] * 30))
    assert run(one_photo, PRESET="instant") == 0
    change = read("out/two/beach.png") - arrays.resize(read("photos/beach.jpg"), 48, 64)
    upper, left, right = change[:20], change[28:, :28], change[28:, 36:]
    assert np.abs(upper).max() < 0.6 / 255
    assert left.mean() < -0.1 and right.mean() > 0.1


@pytest.mark.slow
def test_what_a_mask_concerns_is_repainted_and_nothing_else(folders, stand_in, capsys):
    """Two photos in the styles `two`, with a region, and `one`."""
    paint("black.png", 0.1)
    paint("white.png", 0.9)
    styles = "regions = { 'black.png' = 'sky.png' }\n[one]\npaintings = ['white.png']"
    Path("paintings/styles.toml").write_text(TWO + styles)
    region, mask = Path("paintings/sky.png"), Path("photos/beach.mask.png")
    region.write_bytes(grey_file(LEFT))

    def painted():
        capsys.readouterr()
        assert run(folders) == 0
        out = capsys.readouterr().out
        done = [line.split(": done, ")[0] for line in out.splitlines() if ": done, " in line]
        return sorted(line.partition(" ")[2] for line in done)  # Without the count.

    assert len(painted()) == 4 and painted() == []
    beach = ["beach.jpg in one", "beach.jpg in two"]
    for change in (
        lambda: mask.write_bytes(grey_file(LEFT)),
        lambda: mask.write_bytes(grey_file(1 - LEFT)),
        mask.unlink,
    ):
        change()
        assert painted() == beach
    region.write_bytes(grey_file(1 - LEFT))
    assert painted() == ["beach.jpg in two", "trip/old town é.png in two"]
    Path("paintings/black.mask.png").write_bytes(grey_file(LEFT))
    assert painted() == ["beach.jpg in two", "trip/old town é.png in two"]
    assert painted() == []
    black = json.loads(Path("out/_records/two/beach.jpg.json").read_text())["paintings"][0]
    assert (black["mask"]["key"], black["region"]["key"]) == ("black.mask.png", "sky.png")


@pytest.mark.slow
def test_a_mask_that_cannot_be_read_fails_its_photo_or_style_alone(folders, stand_in, capsys):
    Path("photos/beach.mask.png").write_text("no mask")
    Path("paintings/monet.mask.png").write_bytes(grey_file(0 * LEFT))
    assert run(folders, DRY_RUN="1") == run(folders) == 1
    assert results() == {"both/trip/old town é.png"}
    failed = failures(capsys)
    assert len(failed) == 2
    assert failed[0].startswith(
        "FAILED: beach.jpg in 2 styles (both, monet): mask beach.mask.png: is not a picture"
    )
    assert "old town é.png in monet: mask monet.mask.png: is black all over" in failed[1]


# --- what else can come out -----------------------------------------------------------------


def test_a_result_scaled_to_its_photos_size_is_reported_as_it_is(one_photo, capsys):
    changes = {"STYLE_RESCALE_IMAGE": "true", "STYLE_SIZE": "48"}
    assert run(one_photo, **changes, DRY_RUN="1") == 0
    assert "the largest 80 × 60 px" in capsys.readouterr().out
    run(one_photo, **changes)
    record = json.loads(Path("out/_records/monet/beach.jpg.json").read_text())
    assert (record["width"], record["height"]) == Image.open("out/monet/beach.png").size == (80, 60)


def test_a_result_has_the_format_the_alpha_and_the_place_that_it_should(one_photo, stand_in):
    rgba = np.zeros((60, 80, 4), np.uint8)
    rgba[..., :3] = (tiny.picture(60, 80, 6) * 255).astype(np.uint8)
    rgba[:, 40:, 3] = 255
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "X100"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    Image.fromarray(rgba).save("photos/cut out.png", exif=exif)
    Path("photos/scan.tiff").write_bytes(tiny.file(60, 80, 3, "TIFF"))
    result = Path("out/monet/cut out.png")

    def camera_and_place():
        exif = Image.open(result).getexif()
        return exif[ExifTags.Base.Model], dict(exif.get_ifd(ExifTags.IFD.GPSInfo))

    assert run(one_photo, OUTPUT_FORMAT="same") == 0
    assert {"monet/cut out.png", "monet/scan.tiff"} <= keys()
    assert camera_and_place() == ("X100", {})
    found = decode(result.read_bytes(), str(result))
    assert found.alpha[:, :28].max() < 0.002 and found.alpha[:, 36:].min() > 0.998
    assert run(one_photo, KEEP_GPS="1") == 0
    assert camera_and_place() == ("X100", {ExifTags.GPS.GPSLatitudeRef: "N"})
    assert {"monet/scan.png", "monet/scan.tiff"} <= keys()


PAPER = {"STYLE_SIZE": "", "STYLE_PAPER": "10x15cm", "STYLE_DPI": "25", "STYLE_BLEED": "3mm"}
LYING, UPRIGHT = (154, 104), (104, 154)  # px, width and height of that
RESULT = Path("out/monet/beach.jpg")


def size(path):
    with Image.open(path) as image:
        return image.size


def dpi(path):
    with Image.open(path) as image:
        return tuple(map(round, image.info.get("dpi", ())))


@pytest.mark.slow  # A process decodes the photos of each run.
def test_a_result_keeps_the_dpi_of_its_photo_without_paper(folders, stand_in):
    Path("photos/beach.jpg").write_bytes(tiny.file(60, 80, 1, dpi=(240, 240)))
    for output, depth in (("jpg", "8"), ("png", "8"), ("tiff", "16")):
        assert run(folders, **ONE, OUTPUT_FORMAT=output, OUTPUT_DEPTH=depth) == 0
        assert dpi(RESULT.with_suffix(f".{output}")) == (240, 240)
    with tifffile.TiffFile(RESULT.with_suffix(".tiff")) as file:
        assert file.pages[0].tags["XResolution"].value == (240, 1)
        assert file.pages[0].dtype == np.uint16


@pytest.mark.thorough
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


@pytest.mark.slow
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
