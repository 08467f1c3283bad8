"""Recipe instant: its networks and matches against plain formulas, and its pictures."""

import dataclasses
import json
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from support.painted import as_before
from support.pictures import psnr, sample, sample_bytes
from support.tiny import each_read

from painterly import Settings, objective, stylize
from painterly.devices.budget import host_budget
from painterly.devices.system_memory import resident_memory
from painterly.engine.features import convolutions
from painterly.engine.instant import instant
from painterly.engine.instant import matches as instant_matches
from painterly.engine.instant import networks as instant_networks
from painterly.engine.instant.instant import InstantTransfer
from painterly.engine.instant.networks import DECODER
from painterly.engine.paintings import Paintings
from painterly.engine.picture import Canvas
from painterly.engine.places import MATCHED_LAYERS
from painterly.engine.transfer import PhotoCache, TransferInputs
from painterly.errors import MemoryShortError, PictureError
from painterly.images.arrays import box_average, resize
from painterly.settings.installation import PROGRAM
from painterly.vgg.architectures import BUILTIN
from painterly.vgg.sources import read_weights

USUAL = Settings(preset="instant", size=96)
PHOTO = sample("photos/landscape.jpg")
MOSAIC, INK = (sample(f"styles/{name}.jpg") for name in ("mosaic", "ink"))
LEFT = np.zeros(PHOTO.shape[:2], np.float32)
LEFT[:, : LEFT.shape[1] // 2] = 1
RANDOM = np.random.default_rng(0)


def paint(photo, paintings, settings, **others):
    *_, last = stylize(photo, paintings, settings, **others)
    return last.image


def on_canvas(image):
    return Canvas.around(image.shape[:2]).padded(image)


def changed(**changes):
    return dataclasses.replace(USUAL, **changes)


def colourfulness(picture):
    return (picture.max(-1) - picture.min(-1)).mean()


def halves(picture):
    """Return the left and the right half of a picture, without the middle."""
    half = picture.shape[1] // 2
    return picture[:, : half - 8], picture[:, half + 8 :]


@pytest.fixture(scope="module")
def mosaic():
    """A mosaic as the painting."""
    return Paintings([MOSAIC])


@pytest.fixture(scope="module")
def in_mosaic(mosaic):
    """The photo, painted as a mosaic."""
    return paint(PHOTO, mosaic, USUAL)


# --- plain formulas, in float64 -------------------------------------------------------------------


def convolved(x, weights, bias):
    """Return x [h, w, C] convolved with a kernel [n, n, C, C′]; its border is repeated."""
    around = len(weights) // 2
    padded = np.pad(np.float64(x), [(around, around), (around, around), (0, 0)], "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, weights.shape[:2], (0, 1))
    return np.einsum("hwcij,ijcn->hwn", windows, np.float64(weights)) + bias


def blocks(x, side):
    height, width, *channels = x.shape
    return x.reshape(height // side, side, width // side, side, *channels)


def doubled(x):
    return x.repeat(2, 0).repeat(2, 1)


def depth_to_space(x, side):
    height, width, depth = x.shape
    squares = x.reshape(height, width, side, side, depth // side**2).swapaxes(1, 2)
    return squares.reshape(side * height, side * width, -1)


def plain_features(image):
    """Return the features of an image's places [h, w, 608]."""
    network = read_weights(BUILTIN, "vgg19")
    x, block, places = 255 * image - network.mean, 1, []
    for layer, (weights, bias) in network.kernels.items():
        if int(layer[4]) > block:
            block, x = block + 1, blocks(x, 2).max((1, 3))
        x = np.maximum(convolved(x, weights, bias), 0)
        if layer in MATCHED_LAYERS:
            places.append(doubled(x) if block == 4 else blocks(x, 2 ** (3 - block)).mean((1, 3)))
    return np.concatenate(places, -1)


def plain_decoded(features, pixels):
    """Return what the decoder makes of places, as lab/training/decoder.py has it."""
    with np.load(DECODER) as file:
        arrays = dict(file)

    def layer(name, *parts):
        weights = arrays[f"{name}_W"] * arrays[f"{name}_scale"]
        return convolved(np.concatenate(parts, -1), weights, arrays[f"{name}_b"])

    def rectified(name, *parts):
        return np.maximum(layer(name, *parts), 0)

    pixels = 3 * (pixels - 0.45)
    collage = depth_to_space(pixels, 4)
    squares = blocks(collage, 2).swapaxes(1, 2)
    x = rectified("join", (features - arrays["mean"]) / arrays["deviation"], pixels)
    for name in ("quarter1", "quarter2"):
        x = x + rectified(name, x)
    x = rectified("half1", doubled(x))
    x = rectified("half2", x, squares.reshape(*squares.shape[:2], -1))
    x = rectified("full2", depth_to_space(rectified("full1", x), 2), collage)
    return 0.45 + collage / 3 + 0.2 * layer("full3", x)


def plain_tones(image):
    return blocks(image @ [0.299, 0.587, 0.114], 4).mean((1, 3)).ravel()


def plain_matches(candidates, queries, key_tones, tones):
    """Return the number of each query's candidate, from features [K, D] and [N, D], and tones."""
    first, scales = 0, []
    for channels in (32, 64, 128, 128, 256):
        of_layer = candidates[:, first : first + channels]
        scales += [1 / (of_layer.std() * channels**0.5)] * channels
        first += channels
    candidates, queries = candidates * scales, queries * scales
    candidates, queries = candidates - candidates.mean(0), queries - queries.mean(0)
    queries = queries * np.minimum(candidates.std(0) / (queries.std(0) + 1e-6), 3)
    keys = candidates / np.linalg.norm(candidates, axis=1, keepdims=True)
    lengths = np.linalg.norm(queries, axis=1, keepdims=True)
    shuffled = (queries / lengths)[np.random.default_rng(0).permutation(len(queries))]
    crowding = np.mean([(shuffled[n::4] @ keys.T).max(0) for n in range(4)], 0)
    similar = (queries / lengths) @ keys.T - 0.2 * crowding * lengths / lengths.mean()
    order = tones.argsort().argsort()  # The darkest place gets the darkest tone.
    wanted = np.sort(key_tones)[order * len(key_tones) // len(tones)]
    apart = (wanted[:, None] - key_tones) / (key_tones.std() + 0.03)
    return (similar * lengths - 0.1 * lengths.mean() * apart**2).argmax(1)


# --- networks and matches -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "size", "block"),
    [(5, (32, 40), 1), (5, (32, 40), 2), (5, (32, 40), 4), (64, (30, 38), 1)],
)
@pytest.mark.parametrize("tile_bytes", [1, 200_000, 10_000_000])
def test_a_convolution_is_the_same_in_tiles_of_any_size(
    monkeypatch, tile_bytes, channels, size, block
):
    monkeypatch.setattr(convolutions, "TILE_BYTES", tile_bytes)
    image = RANDOM.standard_normal((*size, channels)).astype(np.float32)
    weights = RANDOM.standard_normal((3, 3, channels, channels + 2)) / channels**0.5
    bias = RANDOM.standard_normal(channels + 2)
    x, inside = convolutions.Maps().framed(*image.shape)
    inside[:] = image
    out = np.full((*size, channels + 2), np.nan, np.float32)
    kernel = convolutions.kernel(weights, bias, block)
    convolutions.convolve(convolutions.repeat_border(x), kernel, convolutions.rectified(out))
    np.testing.assert_allclose(out, np.maximum(convolved(image, weights, bias), 0), atol=1e-4)


def test_features_of_places_are_those_of_the_network_in_bands_of_any_size():
    image = on_canvas(PHOTO[:90, :70])
    whole = instant_networks.features_of(image, slice(0, len(image)))
    wanted = plain_features(image)
    np.testing.assert_allclose(whole, wanted, atol=1e-4 * wanted.max())
    for rows in (slice(0, 16), slice(48, 80), slice(80, len(image))):
        part = instant_networks.features_of(image, rows)
        np.testing.assert_allclose(part, whole[rows.start // 4 : rows.stop // 4], atol=1e-4)


def test_the_decoder_makes_of_places_what_it_was_trained_to():
    image = on_canvas(PHOTO[:50, :70])
    features, pixels = plain_features(image), instant_networks.pixels_of(image)
    features += RANDOM.standard_normal(features.shape)
    first = instant_networks.joined(np.float32(features), pixels)
    decoded = instant_networks.decoded(first, pixels)
    np.testing.assert_allclose(decoded, plain_decoded(features, pixels), atol=1e-4)


def test_places_are_matched_by_angle_and_tone_and_crowded_candidates_held_back(monkeypatch):
    monkeypatch.setattr(instant_matches, "MATCHED_DIRECTIONS", 608)  # Else only nearly the same.
    image, painting = (on_canvas(x[:60, :80]) for x in (PHOTO, MOSAIC))
    features, queries = plain_features(painting), plain_features(image)
    flat = np.float32(features.reshape(-1, 608))
    pixels = instant_networks.pixels_of(np.float32(painting)).reshape(-1, 48)
    prepared = convolutions.later(instant_matches.Candidates.of, flat.copy(), pixels)
    tones = plain_tones(image)
    shares = [np.ones((*queries.shape[:2], 1), np.float32)]
    (matches,) = instant_matches.nearest(
        [prepared], image, tones.reshape(queries.shape[:2]), shares, {}, lambda: None
    )
    wanted = plain_matches(flat, queries.reshape(-1, 608), plain_tones(painting), tones)
    assert (matches.ravel() == wanted).mean() > 0.95


def test_the_mask_of_a_small_painting_is_turned_with_it():
    painting = np.zeros((64, 64, 3), np.float32)
    painting[:, :32, 0] = painting[:, 32:, 2] = 1
    left = np.repeat(np.arange(64)[None] < 28, 64, axis=0).astype(np.float32)
    found = instant_matches.drawn(painting, (64, 64), left, lambda: None).result()
    pixels = found.pixels.reshape(len(found.pixels), -1, 3)
    assert len(pixels) > 4 * 16 * 6 and pixels[..., 0].min() > 0.99


# --- pictures -------------------------------------------------------------------------------------


def test_the_more_strength_the_further_from_the_photo_and_at_0_it_stays_itself(mosaic):
    strengths = 0.0, 0.1, 0.3, 0.5, 1.0
    pictures = [paint(PHOTO, mosaic, changed(strength=strength)) for strength in strengths]
    likeness = [psnr(picture, resize(PHOTO, *picture.shape[:2])) for picture in pictures]
    assert likeness == sorted(likeness, reverse=True) and len(set(likeness)) == 5
    assert likeness[0] > 26
    as_before("instant_strength", pictures[0], pictures[2])


@pytest.mark.thorough
def test_what_a_style_leaves_of_its_photo_changes_no_other_picture():
    memory, other = PhotoCache(), np.ascontiguousarray(PHOTO[::-1])
    for photo, painting, changes in (
        (PHOTO, MOSAIC, {}),
        (PHOTO, INK, {}),
        (PHOTO, INK, {"strength": 0.3}),
        (other, MOSAIC, {"size": 150}),
    ):
        style, settings = Paintings([painting]), changed(**changes)
        inputs = TransferInputs(photo, style, settings, cache=memory.entries(photo))
        *_, after = InstantTransfer(inputs, host_budget()).steps()
        np.testing.assert_array_equal(after.image, paint(photo, style, settings))


def test_colours_come_from_the_painting_or_from_the_photo(in_mosaic):
    ink = Paintings([INK])
    assert colourfulness(in_mosaic) > 2 * colourfulness(paint(PHOTO, ink, USUAL))
    recoloured = changed(preserve_color=True)
    of_photo = paint(PHOTO, ink, recoloured)
    assert abs(colourfulness(of_photo) - colourfulness(PHOTO)) < 0.05
    np.testing.assert_array_equal(paint(PHOTO, ink, changed(photo_color=1)), of_photo)
    partly = colourfulness(paint(PHOTO, ink, changed(photo_color=0.5)))
    assert 0.3 < partly / colourfulness(of_photo) < 0.7
    masked = paint(PHOTO, ink, recoloured, color_mask=LEFT)
    as_before("instant", in_mosaic, masked)
    left, right = halves(masked)
    assert colourfulness(left) > 1.5 * colourfulness(right)


def test_a_blend_is_between_its_paintings_as_its_shares_are():
    both = Paintings([MOSAIC, INK])
    shares = (1, 0.001), (0.9, 0.1), (0.5, 0.5), (0.1, 0.9)
    pictures = [paint(PHOTO, both.with_shares(each), USUAL) for each in shares]
    colourful = [colourfulness(picture) for picture in pictures]
    assert colourful == sorted(colourful, reverse=True)
    as_before("instant_blend", pictures[2])
    anew = paint(PHOTO, Paintings([INK, MOSAIC], [9, 1]), USUAL)
    assert np.abs(anew - pictures[3]).mean() < 0.005  # Here and there, a patch is another one.


def test_a_painting_with_the_share_0_is_not_used(in_mosaic):
    assert np.array_equal(paint(PHOTO, Paintings([MOSAIC, INK], [2, 0]), USUAL), in_mosaic)


@pytest.mark.thorough
def test_regions_are_painted_after_their_paintings():
    def sides(regions, shares=None):
        style = Paintings([MOSAIC, INK], shares, regions=regions)
        picture = paint(PHOTO, style, changed(size=128))
        return [colourfulness(side) for side in halves(picture)]

    one, other = sides([LEFT, 1 - LEFT])
    assert one > 2 * other
    both, alone = sides([LEFT, None])  # The ink is everywhere.
    assert one > both > alone and abs(alone - other) < 0.05
    everywhere = np.ones_like(LEFT)
    most, least = (sides([everywhere] * 2, shares)[0] for shares in ((0.9, 0.1), (0.1, 0.9)))
    assert most > 1.5 * least


@pytest.mark.parametrize("name", ["content_mask", "region"])
def test_what_is_not_painted_keeps_the_photos_pixels(mosaic, name):
    """It is decoded from the photo's own places, so the seam has no trace of the painting."""
    if name == "content_mask":
        style, masks = mosaic, {"content_mask": LEFT}
    else:
        style, masks = Paintings([MOSAIC], regions=[LEFT]), {}
    left, right = halves(paint(PHOTO, style, USUAL, **masks))
    photo_left, photo_right = halves(resize(PHOTO, *left.shape[:1], USUAL.size))
    assert np.array_equal(right, photo_right) and psnr(left, photo_left) < 18
    transfer = InstantTransfer(TransferInputs(PHOTO, style, USUAL, **masks), host_budget())
    transfer._postprocess = lambda picture: picture
    *_, last = transfer.steps()
    assert psnr(halves(last.image)[1][:, 24:], photo_right[:, 24:]) > 26


def test_masks_that_leave_nothing_to_paint_are_refused():
    style = Paintings([MOSAIC], regions=[LEFT])
    far_right = np.roll(LEFT, LEFT.shape[1] // 4, 1) * (1 - LEFT)
    far_right[:, : LEFT.shape[1] // 2 + 8] = 0
    with pytest.raises(PictureError, match="nothing of the photo is left"):
        paint(PHOTO, style, USUAL, content_mask=far_right)
    with pytest.raises(ValueError, match="the mask of painting 1 is black"):
        Paintings([MOSAIC], masks=[0 * LEFT])


def test_only_the_part_of_a_painting_inside_its_mask_is_used(in_mosaic):
    half = np.concatenate([MOSAIC, np.full_like(MOSAIC, [1, 0, 1])], 1)
    mask = np.zeros(half.shape[:2], np.float32)
    mask[:, : MOSAIC.shape[1]] = 1

    def pink(picture):
        return (picture[..., [0, 2]].min(-1) - picture[..., 1] > 0.4).mean()

    assert pink(paint(PHOTO, Paintings([half]), USUAL)) > 0.05
    assert pink(paint(PHOTO, Paintings([half], masks=[mask]), USUAL)) < 0.005


@pytest.mark.thorough
def test_larger_strokes_make_a_smoother_picture(mosaic):
    usual, larger = (paint(PHOTO, mosaic, changed(size=192, stroke_size=s)) for s in (1.0, 2.0))

    def roughness(picture):
        return np.abs(np.diff(picture, axis=1)).mean()

    assert roughness(larger) < 0.9 * roughness(usual)


@pytest.mark.parametrize("shape", [(256, 170), (31, 200), (40, 40), (20, 5)])
def test_photos_of_any_shape_are_painted(shape):
    photo = RANDOM.random((*shape, 3), np.float32)
    narrow = Paintings([MOSAIC[:90, :3]])
    picture = paint(photo, narrow, changed(size="full" if max(shape) > 32 else 32))
    assert picture.shape == (*shape, 3) or picture.shape == (32, 8, 3)
    assert picture.dtype == np.float32 and 0 <= picture.min() <= picture.max() <= 1


def test_the_photos_own_size_and_a_square_come_if_they_are_asked_for(mosaic):
    assert paint(PHOTO, mosaic, changed(rescale_image=True)).shape == PHOTO.shape
    assert paint(PHOTO, mosaic, changed(maintain_aspect_ratio=False)).shape == (96, 96, 3)


def test_a_blank_photo_is_painted_without_a_mesh(mosaic):
    image = paint(np.ones((128, 192, 3), np.float32), mosaic, changed(size=192))
    one, other = image[24:104, 24:136], image[24:104, 40:152]  # As far apart as a few places.
    assert np.corrcoef((one - one.mean()).ravel(), (other - other.mean()).ravel())[0, 1] < 0.5


def test_it_begins_from_a_picture_if_there_is_one(mosaic, in_mosaic):
    other = paint(PHOTO, mosaic, USUAL, init=PHOTO[::-1])
    assert np.abs(other - in_mosaic).mean() > 0.01


def test_it_takes_a_step_at_each_scale_and_integers_are_taken_as_floats_are(mosaic):
    steps = each_read(stylize(PHOTO, mosaic, changed(size=256)))
    assert [step.scale for step in steps] == [128, 256, 256], "the last one rebuilds"
    assert [step.iteration for step in steps] == [1, 2, 3] and steps[-1].fraction == 1
    assert steps[1].fraction < 0.9 and np.abs(steps[1].image - steps[2].image).max() > 0.01
    assert steps[-1].losses == {} and not steps[-1].can_resume
    photo, painting = sample_bytes("photos/landscape.jpg"), sample_bytes("styles/mosaic.jpg")
    other = paint(photo, Paintings([painting]), changed(size=256))
    assert np.array_equal(other, steps[-1].image)


def test_it_has_no_loss_and_needs_the_network_that_its_decoder_was_trained_for(
    in_mosaic, mosaic, builtin, tiny
):
    with pytest.raises(ValueError, match="no loss"):
        objective(PHOTO, PHOTO, [MOSAIC], USUAL, builtin)
    with pytest.raises(ValueError, match="built-in network"):
        stylize(PHOTO, [MOSAIC], USUAL, tiny)
    assert np.array_equal(paint(PHOTO, mosaic, USUAL, vgg=builtin), in_mosaic)
    with np.load(DECODER) as file:
        assert json.loads(str(file["recipe"]))["network"] == builtin.identity


@pytest.mark.parametrize(
    ("name", "value"),
    [("content", PHOTO * 255), ("init", PHOTO * 255), ("content_mask", LEFT * 255)],
)
def test_values_out_of_range_are_refused(mosaic, name, value):
    arguments = {"content": PHOTO, "styles": mosaic, "settings": USUAL, name: value}
    with pytest.raises(ValueError, match="expected floats in 0…1"):
        stylize(**arguments)


def test_a_picture_that_does_not_fit_is_refused_before_its_first_step(mosaic):
    limit = resident_memory() + 10**9
    with pytest.raises(MemoryShortError, match="the largest size that fits is") as refused:
        stylize(PHOTO, mosaic, changed(size=16000), memory_limit=limit)
    largest = int(str(refused.value).partition("fits is ")[2].split()[0])
    assert 500 < largest < 4000
    stylize(PHOTO, mosaic, changed(size=largest - 100), memory_limit=limit)


def test_a_picture_is_the_same_each_time_and_in_bands(monkeypatch, mosaic, in_mosaic):
    assert np.array_equal(paint(PHOTO, mosaic, USUAL), in_mosaic)  # With what is kept.
    assert np.array_equal(paint(PHOTO, Paintings([MOSAIC]), USUAL), in_mosaic)
    decoded = paint(PHOTO, mosaic, changed(strength=0.0))
    monkeypatch.setattr(instant_networks, "BAND_PIXELS", 1)
    np.testing.assert_allclose(paint(PHOTO, mosaic, changed(strength=0.0)), decoded, atol=1e-4)
    in_bands = paint(PHOTO, mosaic, USUAL)  # With another sample of what is crowded.
    assert psnr(box_average(in_bands, 8), box_average(in_mosaic, 8)) > 28
    monkeypatch.setattr(instant_matches, "MOST_FEATURE_BYTES", 0)
    assert np.array_equal(paint(PHOTO, mosaic, USUAL), in_bands)


def test_a_paintings_places_are_kept_for_further_photos_within_bounds(monkeypatch):
    monkeypatch.setattr(instant, "MAX_PREPARED", 2)
    painting = Paintings([MOSAIC])

    def calls(size):
        counted = []
        inputs = TransferInputs(PHOTO[:64], painting, changed(size=size))
        transfer = InstantTransfer(inputs, host_budget())
        list(transfer.steps(check_stop=lambda: counted.append(0)))
        return len(counted)

    first = calls(64)
    assert calls(64) < first
    for size in (70, 74):
        calls(size)
    assert calls(64) == first


def test_threads_share_what_is_kept_of_a_painting():
    painting, usual = Paintings([MOSAIC]), sys.getswitchinterval()
    drawn = {key: Future() for key in range(2 * instant.MAX_PREPARED)}
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = [
                *pool.map(
                    lambda number: [
                        instant._prepared(painting, key, lambda key=key: drawn[key])
                        for _ in range(3000)
                        for key in np.roll(range(len(drawn)), number).tolist()
                    ],
                    range(4),
                )
            ]
    finally:
        sys.setswitchinterval(usual)
    for number, each in enumerate(found):
        assert each == 3000 * np.roll([*drawn.values()], number).tolist()


@pytest.mark.thorough
def test_a_large_picture_asks_for_a_stop_in_each_of_its_parts():
    """No part takes long of a picture that takes seconds, however many threads or processes share
    the machine."""
    asked = []
    photo, mosaic = sample_bytes("photos/landscape.jpg"), sample_bytes("styles/mosaic.jpg")
    inputs = TransferInputs(photo, Paintings([mosaic]), changed(size=1040))
    transfer = InstantTransfer(inputs, host_budget())
    *_, last = transfer.steps(check_stop=lambda: asked.append(time.process_time()))
    assert max(last.image.shape) == 1040 and np.diff(asked).max() < np.ptp(asked) / 5


def test_a_stop_ends_a_picture_at_once(mosaic):
    calls = []

    def stop():
        calls.append(0)
        if len(calls) == 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(
            InstantTransfer(TransferInputs(PHOTO, mosaic, USUAL), host_budget()).steps(
                check_stop=stop
            )
        )
    assert len(calls) == 5


@pytest.mark.thorough
@pytest.mark.parametrize("strength", [0.5, 0.4])
def test_a_picture_takes_no_more_memory_than_estimated_and_no_tensorflow(strength):
    code = rf"""if True:
        import re, sys, numpy
        from painterly import Settings
        from painterly.devices.budget import host_budget
        from painterly.engine.instant.instant import InstantTransfer
        from painterly.engine.paintings import Paintings
        from painterly.engine.transfer import TransferInputs
        random = numpy.random.default_rng(0)
        photo, painting = (random.integers(256, size=(400, 600, 3), dtype="u1") for _ in range(2))
        settings = Settings(preset="instant", size=512, strength={strength})
        def most():
            return 1024 * int(re.search("VmHWM:\s*(\d+)", open("/proc/self/status").read())[1])
        inputs = TransferInputs(photo, Paintings([painting]), settings)
        transfer, before = InstantTransfer(inputs, host_budget()), most()
        *_, last = transfer.steps()
        last.image
        print(most() - before)
        print(transfer.memory_plan.bytes_needed)
        print(sorted({{"tensorflow", "scipy", "h5py"}} & set(sys.modules)))"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=PROGRAM, capture_output=True, text=True, check=True
    )
    taken, estimated, modules = ran.stdout.splitlines()
    assert int(taken) <= int(estimated) < 4 * int(taken)
    assert modules == "[]"
