"""inetwork.py: one photo from a file, painted into a file, by the original's arguments and ours."""

import csv
import io
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny

from styletransfer.cli import inetwork_arguments, loss_log
from styletransfer.cli.inetwork import inetwork
from styletransfer.errors import DivergedError
from styletransfer.images import arrays, decode
from styletransfer.images import colour as colours
from styletransfer.images.decode import decode_mask

REPOSITORY = Path(__file__).parents[2]
QUICK = ["--num_iter", "1", "--weights", "random", "--device", "cpu"]
ONE, TWO = ["beach.jpg", "monet.jpg", "x"], ["beach.jpg", "monet.jpg", "klimt.png", "x"]


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("beach.jpg").write_bytes(tiny.file(60, 80, 1))
    Path("monet.jpg").write_bytes(tiny.file(50, 50, 2))
    Path("klimt.png").write_bytes(tiny.file(40, 60, 3, "PNG"))
    Path("text.jpg").write_text("dear diary")
    grey("left.png", np.tile([255] * 40 + [0] * 40, (60, 1)))
    grey("right.png", np.tile([0] * 40 + [255] * 40, (60, 1)))
    grey("black.png", np.zeros((60, 80)))


@pytest.fixture(autouse=True)
def small_vgg(monkeypatch):
    from styletransfer.vgg import network as vgg

    real = vgg.load_vgg

    def load(model, weights, seed):
        return tiny.network(model, seed) if weights == "random" else real(model, weights, seed)

    monkeypatch.setattr(vgg, "load_vgg", load)


def grey(name, values):
    Image.fromarray(np.asarray(values, np.uint8)).save(name)


def pixels(name):
    return np.asarray(Image.open(name), np.float32) / 255


@cache
def painted(*flags, pictures=tuple(ONE)):
    """The picture that these flags paint."""
    size = () if {"--size", "--image_size"} & set(flags) else ("--image_size", "48")
    assert inetwork([*pictures, *size, *QUICK, "--num_iter", "4", *flags]) == 0
    return np.asarray(Image.open("x.png"))


def table(name="x.csv"):
    with Path(name).open() as file:
        return list(csv.DictReader(file))


def test_a_photo_is_painted_into_prefix_png(capsys):
    assert inetwork(["beach.jpg", "monet.jpg", "out/beach-by-monet", "--size", "64", *QUICK]) == 0
    assert Image.open("out/beach-by-monet.png").size == (64, 48)
    assert capsys.readouterr().out.splitlines()[-1] == "out/beach-by-monet.png"


def test_progress_is_a_line_every_ten_percent_with_loss_speed_and_time_left(capsys):
    inetwork([*ONE, "--size", "64", *QUICK, "--num_iter", "20"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert 1 <= len(lines) <= 10
    assert "100 %" in lines[-1]
    for part in ("loss ", " it/s", " left"):
        assert all(part in line for line in lines)


# --- what each argument does --------------------------------------------------------------------

LONGER = ["--num_iter", "40"]
ORIGINAL = ["--recipe", "inetwork", "--num_iter", "1", "--image_size", "48"]


@pytest.mark.parametrize(
    "before, flags",
    [
        ([], ["--content_weight", "3"]),
        ([], ["--style_scale", "2"]),
        ([], ["--total_variation_weight", "50"]),
        ([], ["--num_iter", "5"]),
        ([], ["--model", "vgg16"]),
        (ORIGINAL, ["--content_loss_type", "2"]),
        ([], ["--content_layer", "conv5_1"]),
        ([], ["--init_image", "noise"]),
        ([], ["--init_image", "gray"]),
        ([], ["--init_image", "style-mean"]),
        ([], ["--init_image", "klimt.png"]),
        ([], ["--pool_type", "ave"]),
        ([], ["--preserve_color"]),
        (["--preserve_color"], ["--color_mask", "left.png"]),
        (LONGER, ["--strength", "0"]),
        ([], ["--style_statistics", "gram"]),
        ([], ["--color_match", "moments"]),
        ([], ["--padding", "zero"]),
        ([], ["--optimizer", "lbfgs"]),
        ([], ["--learning_rate", "0.1"]),
        ([], ["--averaging", "0"]),
        (["--precision", "float32"], ["--precision", "bfloat16"]),
        (["--init_image", "noise"], ["--seed", "3"]),
        ([], ["--content_mask", "left.png"]),
        ([], ["--style_masks", "left.png"]),
        (["--rescale_image"], ["--rescale_method", "nearest"]),
    ],
    ids=lambda words: "=".join(words),
)
def test_every_flag_changes_the_picture(before, flags):
    one, other = painted(*before), painted(*before, *flags)
    assert one.shape == other.shape and (one != other).any()


def test_the_memory_it_takes_is_told_first_and_a_picture_beyond_the_limit_is_refused(capsys):
    assert inetwork([*ONE, "--size", "64", *QUICK]) == 0
    told = next(line for line in capsys.readouterr().out.splitlines() if "of memory" in line)
    assert "64 × " in told
    assert inetwork([*ONE, "--size", "9000", *QUICK, "--memory_limit", "1GB"]) == 1
    refused = capsys.readouterr().err
    assert "of memory" in refused and "MEMORY_LIMIT" in refused


def test_no_flag_is_left_untried():
    here = Path(__file__).read_text()
    flags = [action.option_strings for action in inetwork_arguments._parser()._actions]
    assert [each for each in flags if each and not any(f'"{name}"' in here for name in each)] == []


def test_image_size_is_the_number_of_rows():
    assert painted("--image_size", "66").shape == (66, 88, 3)
    assert painted("--image_size", "48", "--maintain_aspect_ratio", "False").shape == (48, 48, 3)


def test_a_rescaled_result_has_the_photos_size():
    assert painted("--rescale_image", "True").shape == (60, 80, 3)
    one, other = (painted("--rescale_image", "--rescale_method", m) for m in ("cubic", "bicubic"))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("words", [["TRUE"], ["yes"], ["t"], ["1"], []], ids=" ".join)
def test_switches_take_the_originals_words_and_stand_alone(words):
    plain = painted("--preserve_color", "False")
    assert np.array_equal(plain, painted())
    assert np.array_equal(painted("--preserve_color", *words), painted("--preserve-color=true"))
    assert (plain != painted("--preserve_color")).any()


def test_a_switch_before_the_pictures_swallows_none():
    told = inetwork_arguments.parsed(["--preserve_color", *ONE, "--rescale-image", "no"])
    assert told.pictures == ONE
    assert (told.preserve_color, told.rescale_image) == ("true", "no")


def test_outside_the_content_mask_the_photo_is_kept():
    result = painted("--content_mask", "left.png", "--size", "80")
    photo = np.asarray(Image.open("beach.jpg"))
    assert np.array_equal(result[:, 44:], photo[:, 44:])
    assert (result[:, :36] != photo[:, :36]).mean() > 0.9


def test_preserve_color_acts_inside_the_color_mask_only():
    everywhere, half = (
        painted("--preserve_color"),
        painted("--preserve_color", "--color_mask", "left.png"),
    )
    assert np.array_equal(half[:, :28], everywhere[:, :28])
    assert np.array_equal(half[:, 36:], painted()[:, 36:])


def test_a_picture_to_start_from_is_where_it_starts():
    result = painted("--init_image", "klimt.png", "--num_iter", "1", "--learning_rate", "1e-5")
    start = arrays.resize(decode.decode(Path("klimt.png").read_bytes(), "").pixels, 48, 64)
    assert np.abs(result / 255 - start).mean() < 0.02


def test_several_paintings_are_blended_in_the_shares_told():
    how = ("--content_weight", "0", "--learning_rate", "0.05", "--style_statistics", "gram")
    means = []
    for name, colour in (("red", (230, 20, 20)), ("blue", (20, 20, 230))):
        Image.new("RGB", (64, 64), colour).save(f"{name}.png")
    for weights in (("0.95", "0.05"), ("0.05", "0.95")):
        shares = (*how, "--num_iter", "30", "--style_weight", *weights)
        result = painted(*shares, pictures=("beach.jpg", "red.png", "blue.png", "x"))
        means.append(result.mean((0, 1)))
    assert means[0][0] - means[0][2] > means[1][0] - means[1][2] + 20


def test_a_single_style_weight_is_for_all_in_equal_parts():
    assert inetwork_arguments.shares(None, 2) == [0.5, 0.5]
    assert inetwork_arguments.shares([3], 2) == [1.5, 1.5]
    assert inetwork_arguments.shares([3, 1], 2) == [3, 1]
    pair = {"pictures": tuple(TWO)}
    one, other = (painted(*ORIGINAL, "--style_weight", *w, **pair) for w in (["6"], ["3", "3"]))
    assert np.array_equal(one, other)
    assert (one != painted(*ORIGINAL, **pair)).any()


def test_regions_say_where_in_the_picture_each_painting_goes():
    pair = {"pictures": tuple(TWO)}
    parted = painted("--regions", "left.png", "right.png", **pair)
    swapped = painted("--regions", "right.png", "left.png", **pair)
    both = painted("--regions", "-", "-", **pair)
    assert np.array_equal(both, painted(**pair))
    assert (parted != swapped).any() and (parted != both).any()
    # Without regions and content mask, a style mask is both.
    assert np.array_equal(
        painted("--style_masks", "left.png", "-", **pair),
        painted("--style_masks", "left.png", "-", "--regions", "left.png", "-", **pair),
    )


def test_min_improvement_ends_the_run():
    flags = ["--size", "64", "--optimizer", "lbfgs", "--min_improvement", "100"]
    assert inetwork([*ONE, *QUICK, *flags, "--num_iter", "5"]) == 0
    assert len(table()) == 2


def test_recipe_inetwork_paints_400_rows_unless_a_size_is_told():
    def size(*flags):
        told = inetwork_arguments.parsed([*ONE, *flags])
        return inetwork_arguments.sized(inetwork_arguments.settings(told), told, 60, 80).size

    assert size("--recipe", "inetwork") == 533
    assert size("--recipe", "inetwork", "--maintain_aspect_ratio", "False") == 400
    assert size("--recipe", "inetwork", "--size", "400") == 400
    assert size() == 512


def test_recipe_inetwork_writes_a_picture_after_each_iteration():
    assert inetwork([*ONE, *QUICK, *ORIGINAL, "--num_iter", "2"]) == 0
    assert [row["iteration"] for row in table()] == ["1", "2"]
    first, second = (Path(f"x_at_iteration_{n}.png").read_bytes() for n in (1, 2))
    assert first != second == Path("x.png").read_bytes()


def test_deterministic_makes_the_device_compute_the_same_bits(monkeypatch):
    from styletransfer.engine import stylize

    asked = []  # The real one is for the whole process, and so for all tests after this one.
    monkeypatch.setattr(stylize, "deterministic", lambda: asked.append(True))
    assert inetwork([*ONE, "--size", "32", *QUICK]) == 0 and not asked
    assert inetwork([*ONE, "--size", "32", *QUICK, "--deterministic"]) == 0 and asked


# --- what is written ----------------------------------------------------------------------------


def test_a_picture_is_written_every_so_many_steps():
    painted("--save_every", "3", "--num_iter", "4")
    assert {path.name for path in Path().glob("x*")} == {
        *("x.png", "x.csv", "x_losses.png"),
        *("x_at_iteration_3.png", "x_at_iteration_6.png"),
    }


def test_the_losses_are_a_row_a_step_and_a_drawing():
    assert inetwork([*ONE, "--size", "192", *QUICK, "--num_iter", "2"]) == 0
    rows = table()
    names = ["iteration", "scale", "content", "style", "total_variation", "total", "seconds"]
    assert list(rows[0]) == names
    assert [row["iteration"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert [row["scale"] for row in rows] == ["136"] * 4 + ["192"] * 2
    for row in rows:
        assert float(row["total"]) == pytest.approx(sum(float(row[each]) for each in names[2:5]))
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds) and seconds[0] > 0
    assert Image.open("x_losses.png").size == (1080, 600)


def test_the_drawing_has_a_line_a_term_and_each_scale_and_is_logarithmic_where_it_can():
    rows = [loss_log.Row(n, 128 * (1 + n // 3), 0.0, 5 / n, 2.0, 2 + 5 / n, n) for n in range(1, 6)]
    axes = loss_log.figure(rows).axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["style", "total variation", "total"]
    assert [text.get_text() for text in axes.texts] == ["128 px", "256 px"]
    assert axes.get_yscale() == "log"
    below = [row._replace(style=-1.0) for row in rows]
    assert loss_log.figure(below).axes[0].get_yscale() == "linear"


def stylize_that(ends, monkeypatch):
    """Three steps, and then what `ends` it."""
    from styletransfer.engine import stylize

    real = stylize.stylize

    def broken(*arguments, **others):
        for number, step in enumerate(real(*arguments, **others), start=1):
            yield step
            if number == 3:
                raise ends

    monkeypatch.setattr(stylize, "stylize", broken)


def test_a_stopped_run_keeps_its_losses_and_last_picture_and_says_so(monkeypatch, capsys):
    stylize_that(KeyboardInterrupt, monkeypatch)
    flags = ["--size", "64", "--num_iter", "9", "--save_every", "2"]
    assert inetwork([*ONE, *QUICK, *flags]) == 130
    told = "inetwork.py: stopped; kept x.csv and x_at_iteration_2.png\n"
    assert capsys.readouterr().err == told
    assert len(table()) == 3 and Path("x_at_iteration_2.png").exists()
    assert not Path("x.png").exists()


def test_a_picture_that_runs_away_is_told_in_one_line(monkeypatch, capsys):
    stylize_that(DivergedError("the picture ran away"), monkeypatch)
    assert inetwork([*ONE, *QUICK, "--size", "64", "--num_iter", "9"]) == 1
    assert capsys.readouterr().err == "inetwork.py: the picture ran away\n"
    assert len(table()) == 3


def test_the_result_is_written_as_told():
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    Image.open("beach.jpg").save("placed.jpg", exif=exif)

    def written(kind, *flags):
        told = ["placed.jpg", "monet.jpg", "x", "--size", "64", *QUICK, *flags]
        assert inetwork(told) == 0
        return Image.open(f"x.{kind}")

    assert written("jpg", "--output_format", "same").format == "JPEG"
    worse = len(Path("x.jpg").read_bytes())
    written("jpg", "--output_format", "jpg", "--output_quality", "20")
    assert len(Path("x.jpg").read_bytes()) < worse / 2
    written("png", "--output_depth", "16")
    assert Path("x.png").read_bytes()[24] == 16  # The header's bit depth.
    assert not written("png").getexif().get_ifd(0x8825)
    assert written("png", "--keep_gps").getexif().get_ifd(0x8825)[1] == "N"


def test_alpha_is_kept():
    rgba = np.full((60, 80, 4), 200, np.uint8)
    rgba[:, :, 3] = 255
    rgba[:30, :, 3] = 0
    Image.fromarray(rgba).save("logo.png")
    assert inetwork(["logo.png", "monet.jpg", "x", "--size", "80", *QUICK]) == 0
    alpha = np.asarray(Image.open("x.png"))[..., 3]
    assert alpha[:28].max() == 0 and alpha[32:].min() == 255


# --- masks and the two extra scripts ------------------------------------------------------------


def test_a_masks_grey_is_the_luma_of_its_colours_and_what_is_clear_is_black():
    def mask(image):
        out = io.BytesIO()
        image.save(out, "PNG")
        return decode_mask(out.getvalue(), "m.png")

    ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    found = mask(Image.fromarray(ramp))
    assert found.dtype == np.float32
    assert np.abs(found - ramp / 255).max() < 1e-6 and found.max() == 1
    assert mask(Image.new("RGB", (16, 16), (0, 255, 0)))[0, 0] == pytest.approx(0.587)
    clear = np.full((16, 32, 4), 255, np.uint8)
    clear[:, :8, 3], clear[:, 8:16, 3] = 0, 51
    assert np.abs(mask(Image.fromarray(clear))[0, ::8] - [0, 0.2, 1, 1]).max() < 1e-6


@pytest.mark.parametrize(
    "flags, name, arguments",
    [
        ([], "original", (None, False)),
        (["--hist_match", "1"], "histogram", (None, True)),
        (["--mask", "left.png"], "original", ("left.png", False)),
        (["--mask", "left.png", "--hist_match", "1"], "histogram", ("left.png", True)),
    ],
    ids=["original", "histogram", "original-masked", "histogram-masked"],
)
def test_color_transfer_brings_the_photos_colors_into_a_finished_painting(flags, name, arguments):
    told = ["--color-transfer-only", "beach.jpg", "klimt.png", *flags]
    assert inetwork(told) == 0
    mask, histogram = arguments
    where = None if mask is None else arrays.resize(pixels(mask), 40, 60)
    expected = colours.transfer(pixels("beach.jpg"), pixels("klimt.png"), where, histogram)
    assert np.abs(pixels(f"klimt_{name}_color.png") - expected).max() < 0.51 / 255


def test_mask_transfer_brings_the_photos_pixels_back_where_the_mask_is_black():
    grey("large.png", np.tile([255] * 80 + [0] * 80, (120, 1)))
    Image.open("beach.jpg").save("beach.png")
    Path("painted.jpg").write_bytes(tiny.file(60, 80, 5))
    assert inetwork(["--mask_transfer", "beach.png", "painted.jpg", "large.png"]) == 0
    result = pixels("painted_masked.png")
    assert np.array_equal(result[:, :39], pixels("painted.jpg")[:, :39])
    assert np.array_equal(result[:, 41:], pixels("beach.png")[:, 41:])


def test_the_extra_scripts_load_no_tensorflow():
    program = (
        "import sys; from styletransfer.cli.inetwork import inetwork\n"
        "for way in (['--color_transfer_only'], ['--mask_transfer']):\n"
        "    mask = ['left.png'] if 'mask' in way[0] else []\n"
        "    assert inetwork([*way, 'beach.jpg', 'klimt.png', *mask]) == 0\n"
        "assert 'tensorflow' not in sys.modules"
    )
    environment = {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


# --- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        ([], 2, "expected BASE, one or more REF, and PREFIX"),
        (["nowhere.jpg", "monet.jpg", "x"], 2, "BASE 'nowhere.jpg' cannot be read"),
        (["beach.jpg", "nowhere.jpg", "x"], 2, "REF 'nowhere.jpg' cannot be read"),
        (["beach.jpg", "text.jpg", "x"], 1, "text.jpg: is text"),
        ([*ONE, "--size", "7"], 2, "--size is '7'; expected"),
        ([*ONE, "--image_size", "7"], 2, "--image_size of 7 rows makes a longer side of 9 px"),
        ([*ONE, "--image_size", "64", "--size", "64"], 2, "give one of them"),
        ([*ONE, "--bogus"], 2, "unrecognized arguments: --bogus"),
        ([*ONE, "--style_weight", "1", "2"], 2, "2 values for 1 paint"),
        ([*TWO, "--style_weight", "0", "0"], 2, "not all 0"),
        ([*TWO, "--style_masks", "left.png"], 2, "--style_masks has 1 masks for 2 paintings"),
        ([*ONE, "--regions", "-", "left.png"], 2, "--regions has 2 masks for 1 paintings"),
        ([*ONE, "--content_mask", "no.png"], 2, "--content_mask 'no.png' cannot be read"),
        ([*ONE, "--color_mask", "text.jpg", "--preserve_color"], 1, "text.jpg: is text"),
        ([*ONE, "--regions", "black.png"], 1, "black.png: is black all over"),
        ([*ONE, "--init_image", "grey"], 2, "none of content, gray, noise, style-mean, and"),
        ([*ONE, "--model", "resnet"], 2, "one of vgg16, vgg19"),
        ([*ONE, "--content_loss_type", "3"], 2, "--content_loss_type is '3'; expected"),
        ([*ONE, "--preserve_color=ture"], 2, "expected true or false"),
        ([*ONE, "--output_depth", "16", "--output_format", "jpg"], 2, "add --output_format png"),
        ([*ONE, "--mask", "left.png"], 2, "belong to --color_transfer_only"),
        ([*ONE, "--weights", "none.h5"], 3, "none.h5"),
        (["beach.jpg", "monet.jpg", "text.jpg/x"], 2, "text.jpg is not a folder"),
        (["beach.jpg", "monet.jpg", "x/"], 2, "expected a name after the folder"),
        (["beach.jpg", "klimt.png", "klimt"], 2, "would be written over klimt.png"),
        (["--color_transfer_only", "beach.jpg"], 2, "takes CONTENT and GENERATED"),
        (["--mask_transfer", "beach.jpg", "klimt.png"], 2, "takes CONTENT, GENERATED and MASK"),
        (["--from_record", "x.json", "--mask_transfer", "a"], 2, "do not go together"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_an_exit_code(capsys, arguments, code, told):
    quick = [flag for flag in QUICK if "--weights" not in arguments or flag not in QUICK[2:4]]
    assert inetwork([*arguments, *quick]) == code
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1
    assert not list(Path().glob("x*"))


def test_what_does_not_count_is_said(capsys):
    told = ["--content_loss_type", "1", "--color_mask", "left.png", "--size", "32"]
    assert inetwork([*ONE, *QUICK, *told]) == 0
    out = capsys.readouterr().out
    assert "--content_loss_type counts with --recipe inetwork only" in out
    assert "--color_mask counts with --preserve_color only" in out


def test_help_answers_at_once():
    started = time.perf_counter()
    command = [sys.executable, str(REPOSITORY / "inetwork.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    modules = [sys.executable, "-X", "importtime", *command[1:]]
    imported = subprocess.run(modules, capture_output=True, text=True, check=True).stderr
    assert "--content_weight" in done.stdout
    assert not any(name in imported for name in ("tensorflow", "numpy", "PIL", "matplotlib"))
    assert time.perf_counter() - started < 10
