"""inetwork.py: what each of its arguments does."""

from importlib import util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from support.inetwork_runs import DEFAULTS, ONE, QUICK, TWO, painted, table, tries

from styletransfer.cli import inetwork_arguments, loss_log
from styletransfer.cli.inetwork import inetwork
from styletransfer.errors import ConfigError
from styletransfer.images import arrays, borders, decode
from styletransfer.settings import QUALITIES, Settings

# Each test paints a picture.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("inetwork_files", "no_chart")]


@pytest.fixture
def no_chart(monkeypatch):
    """The losses' chart takes longer than a picture; test_inetwork.py has it drawn."""
    monkeypatch.setattr(loss_log, "chart_png", lambda rows: b"")


LONGER = ["--num_iter", "40"]
ORIGINAL = ["--recipe", "inetwork", "--num_iter", "1", "--image_size", "48"]
# For each flag, what is there before it and what it takes to change the picture.
VARIANTS = {
    "content_weight": [([], ["--content_weight", "3"])],
    "style_scale": [([], ["--style_scale", "2"])],
    "stroke_size": [([], ["--stroke_size", "2"])],
    "total_variation_weight": [([], ["--total_variation_weight", "50"])],
    "structure_weight": [([], ["--structure_weight", "30"])],
    "iterations": [([], ["--num_iter", "5"])],
    "model": [([], ["--model", "vgg16"])],
    "content_loss_type": [(ORIGINAL, ["--content_loss_type", "2"])],
    "content_layer": [([], ["--content_layer", "conv5_1"])],
    "init_image": [
        ([], ["--init_image", start]) for start in ("noise", "gray", "style-mean", "klimt.png")
    ],
    "pool_type": [([], ["--pool_type", "ave"])],
    "preserve_color": [([], ["--preserve_color"])],
    "color_mask": [(["--preserve_color"], ["--color_mask", "left.png"])],
    "strength": [(LONGER, ["--strength", "0"])],
    "style_statistics": [([], ["--style_statistics", "gram"])],
    "color_match": [([], ["--color_match", "moments"])],
    "padding": [([], ["--padding", "zero"])],
    "optimizer": [([], ["--optimizer", "lbfgs"])],
    "learning_rate": [([], ["--learning_rate", "0.1"])],
    "averaging": [([], ["--averaging", "0"])],
    "precision": [(["--precision", "float32"], ["--precision", "bfloat16"])],
    "seed": [(["--init_image", "noise"], ["--seed", "3"])],
    "content_mask": [([], ["--content_mask", "left.png"])],
    "style_masks": [([], ["--style_masks", "left.png"])],
    "rescale_method": [(["--rescale_image"], ["--rescale_method", "nearest"])],
}


@pytest.mark.parametrize(
    "flag, before, words",
    [(flag, *case) for flag, cases in VARIANTS.items() for case in cases],
    ids=lambda given: given if isinstance(given, str) else "=".join(given),
)
def test_a_flag_changes_the_picture(flag, before, words):
    @tries(flag)
    def changes():
        one, other = painted(*before), painted(*before, *words)
        assert one.shape == other.shape and (one != other).any()

    changes()


def test_each_of_the_parsers_flags_is_tried():
    """Here or in another module beside this one, by a test that is marked so."""
    tried = set(VARIANTS)
    for path in Path(__file__).parent.glob("test_*.py"):
        spec = util.spec_from_file_location(path.stem, path)
        module = util.module_from_spec(spec)
        spec.loader.exec_module(module)
        tried |= {
            flag for each in vars(module).values() for flag in getattr(each, "tried_flags", ())
        }
    assert tried == set(DEFAULTS)


@tries("image_size", "maintain_aspect_ratio")
def test_image_size_is_the_number_of_rows():
    assert painted("--image_size", "66").shape == (66, 88, 3)
    assert painted("--image_size", "48", "--maintain_aspect_ratio", "False").shape == (48, 48, 3)


@tries("rescale_image")
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
    args = inetwork_arguments.parse_arguments(["--preserve_color", *ONE, "--rescale-image", "no"])
    assert args.pictures == ONE
    assert (args.preserve_color, args.rescale_image) == ("true", "no")


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


def save_cut_out(source, part, name):
    """Saves a picture of which only the left `part` is opaque, and that as a mask."""
    opaque = np.asarray(Image.open(source).convert("RGB"))
    alpha = np.zeros((*opaque.shape[:2], 1), np.uint8)
    alpha[:, : int(part * opaque.shape[1])] = 255
    Image.fromarray(np.dstack([opaque, alpha])).save(f"{name}.png")
    Image.fromarray(alpha[..., 0]).save(f"{name}.mask.png")


# Hardly a step: what is compared are colours, for which nothing beside a pixel counts.
RECOLOURED = ("--color_match", "moments", "--num_iter", "1", "--learning_rate", "1e-5")


def test_transparent_parts_of_a_painting_do_not_count():
    save_cut_out("klimt.png", 1 / 2, "half")
    Image.new("L", (16, 16), "white").save("all.png")
    mask = ("--content_mask", "all.png", "--style_masks", "half.mask.png")
    cut, whole, masked = (
        painted(*RECOLOURED, *flags, pictures=("beach.jpg", painting, "x"))
        for painting, flags in (("half.png", ()), ("klimt.png", ()), ("klimt.png", mask))
    )
    np.testing.assert_allclose(cut, masked, atol=1)
    assert np.abs(whole - 1.0 * masked).max() > 5


def test_a_paintings_border_does_not_count():
    klimt = Image.open("klimt.png").convert("RGB").resize((160, 160))
    ImageOps.expand(klimt, 20, "white").save("framed.png")
    inside = borders.without_border(np.asarray(Image.open("framed.png")))
    Image.fromarray(inside).save("inside.png")
    Image.new("L", (16, 16), "white").save("all.png")
    mask = ("--content_mask", "all.png", "--style_masks", "all.png")
    framed, cut, whole = (
        painted(*RECOLOURED, *flags, pictures=("beach.jpg", painting, "x"))
        for painting, flags in (("framed.png", ()), ("inside.png", ()), ("framed.png", mask))
    )
    np.testing.assert_array_equal(framed, cut)
    assert np.abs(whole - 1.0 * cut).max() > 5


def test_transparent_parts_of_a_photo_take_no_share_of_the_colours():
    save_cut_out("beach.jpg", 1 / 4, "cut")
    mask = ("--content_mask", "cut.mask.png")
    cut = painted(*RECOLOURED, pictures=("cut.png", "klimt.png", "x"))
    masked = painted(*RECOLOURED, *mask, pictures=("beach.jpg", "klimt.png", "x"))
    inside = slice(0, cut.shape[1] // 4 - 2)
    np.testing.assert_allclose(cut[:, inside, :3], masked[:, inside], atol=2)


@tries("style_weight")
def test_several_paintings_are_blended_in_the_shares_given():
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
    assert inetwork_arguments.shares_of(None, 2) == [0.5, 0.5]
    assert inetwork_arguments.shares_of([3], 2) == [1.5, 1.5]
    assert inetwork_arguments.shares_of([3, 1], 2) == [3, 1]
    pair = {"pictures": tuple(TWO)}
    one, other = (painted(*ORIGINAL, "--style_weight", *w, **pair) for w in (["6"], ["3", "3"]))
    assert np.array_equal(one, other)
    assert (one != painted(*ORIGINAL, **pair)).any()


@tries("regions")
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


@tries("min_improvement")
def test_min_improvement_ends_the_run():
    flags = ["--size", "64", "--optimizer", "lbfgs", "--min_improvement", "100"]
    assert inetwork([*ONE, *QUICK, *flags, "--num_iter", "5"]) == 0
    assert len(table()) == 2


def test_recipe_inetwork_paints_400_rows_unless_a_size_is_given():
    def size(*flags):
        args = inetwork_arguments.parse_arguments([*ONE, *flags])
        settings = inetwork_arguments.settings_of(args)
        return inetwork_arguments.with_image_size(settings, args, 60, 80).size

    assert size("--recipe", "inetwork") == 533
    assert size("--recipe", "inetwork", "--maintain_aspect_ratio", "False") == 400
    assert size("--recipe", "inetwork", "--size", "400") == 400
    assert size() == 512
    assert size("--recipe", "inetwork", "--quality", "print") == 533


@tries("compile")
def test_compile_says_whether_xla_compiles_the_steps():
    parsed = inetwork_arguments.parse_arguments([*ONE, "--compile", "never"])
    assert inetwork_arguments.settings_of(parsed).compile == "never"


@pytest.mark.parametrize("quality", QUALITIES)
@tries("quality")
def test_a_quality_changes_the_defaults_of_other_flags(quality):
    def settings(*flags):
        return inetwork_arguments.settings_of(inetwork_arguments.parse_arguments([*ONE, *flags]))

    assert settings("--quality", quality) == Settings(quality=quality)
    sized = settings("--size", "512", "--quality", quality)
    assert (sized.size, sized.iterations) == (512, Settings(quality=quality).iterations)
    with pytest.raises(
        ConfigError, match="--quality is 'best'; expected one of draft, fine, print"
    ):
        settings("--quality", "best")


@tries("recipe")
def test_recipe_inetwork_writes_a_picture_after_each_iteration():
    assert inetwork([*ONE, *QUICK, *ORIGINAL, "--num_iter", "2"]) == 0
    assert [row["iteration"] for row in table()] == ["1", "2"]
    first, second = (Path(f"x_at_iteration_{n}.png").read_bytes() for n in (1, 2))
    assert first != second == Path("x.png").read_bytes()


@tries("deterministic")
def test_deterministic_makes_the_device_compute_the_same_bits(monkeypatch):
    from styletransfer.engine import stylize

    asked = []  # The real one is for the whole process, and so for all tests after this one.
    monkeypatch.setattr(stylize, "deterministic", lambda: asked.append(True))
    assert inetwork([*ONE, "--size", "32", *QUICK]) == 0 and not asked
    assert inetwork([*ONE, "--size", "32", *QUICK, "--deterministic"]) == 0 and asked
