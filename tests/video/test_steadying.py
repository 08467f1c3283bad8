"""Steadying: calm where only the camera moves, the frame as painted where something is new."""

import cv2
import numpy as np
import pytest
from support.painted import as_before

from painterly.video import steadying

COUNT, HEIGHT, WIDTH, BY = 12, 64, 96, 1.5  # px that the camera moves in a frame
EVEN = 4  # levels; strokes that vary less are on an even ground


@pytest.fixture(scope="module")
def panorama():
    """A wide smooth picture, over which a camera moves."""
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, 160, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return 128 + 3 * (smooth - smooth.mean())


@pytest.fixture(scope="module")
def pan(panorama):
    """Frames in which the camera moves, and the same painted alone: each with other strokes."""
    return panned(panorama, 25)


def panned(world, strokes_of):
    """Frames and painted frames, with strokes of a deviation."""
    x = np.arange(WIDTH, dtype=np.float32) + np.zeros((HEIGHT, 1), np.float32)
    y = np.arange(HEIGHT, dtype=np.float32)[:, None] + np.zeros((1, WIDTH), np.float32)
    frames, painted = [], []
    for number in range(COUNT):
        seen = cv2.remap(world, x + BY * number, y, cv2.INTER_CUBIC)
        strokes = np.random.default_rng(number).normal(0, strokes_of, (HEIGHT, WIDTH, 3))
        frames.append(np.clip(seen, 0, 255).astype(np.uint8))
        shown = seen if strokes_of > EVEN else seen.mean()
        painted.append(np.clip(shown + strokes, 0, 255).astype(np.uint8))
    return frames, painted


def steadied(frames, painted):
    return [painted[0], *after(painted[0], frames[0], painted[1:], frames[1:])]


def after(last, before, painted, frames):
    """Painted frames, steadied after another one."""
    for picture, frame in zip(painted, frames, strict=True):
        last, before = steadying.steadied(picture, frame, last, before), frame
        yield last


def flicker(pictures):
    """The RMS difference to the picture before, moved as the camera has moved."""
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = BY
    pairs = zip(pictures[3:], pictures[2:], strict=False)
    errors = [steadying.warped(last, flow, cv2.INTER_CUBIC) - now for now, last in pairs]
    return np.sqrt(np.mean([np.square(each[4:-4, 4:-8]).mean() for each in errors]))


def sharpness(pictures):
    return np.mean([cv2.Laplacian(each, cv2.CV_32F).var() for each in pictures[3:]])


def test_strokes_stay_on_what_they_show_and_stay_sharp(pan):
    frames, painted = pan
    calm = steadied(frames, painted)
    assert flicker(calm) < 0.5 * flicker(painted)
    assert sharpness(calm) > 0.7 * sharpness(painted)


def test_a_repeated_frame_has_the_same_picture_bit_for_bit(pan):
    frames, painted = pan
    again = steadying.steadied(painted[1], frames[0], painted[0], frames[0])
    assert np.array_equal(again, painted[0])


def test_after_a_cut_a_frame_is_as_it_was_painted(pan):
    frames, painted = pan
    other = 255 - frames[0][::-1]
    assert np.array_equal(steadying.steadied(painted[1], frames[1], painted[0], other), painted[1])


@pytest.mark.parametrize("shape", [(3, 64), (64, 7), (11, 11)])
def test_frames_that_are_too_narrow_for_flow_are_as_they_were_painted(shape):
    noise = np.random.default_rng(0).integers(0, 255, (4, *shape, 3), np.uint8)
    assert np.array_equal(steadying.steadied(*noise), noise[0])


def test_a_fade_is_no_cut(pan):
    frames, _ = pan
    darker = (0.85 * frames[1]).astype(np.uint8)
    _, trust = steadying.flow_between(darker, frames[0])
    assert trust.mean() > 0.5


def test_what_comes_into_view_is_as_it_was_painted(pan):
    frames, _ = pan
    _, trust = steadying.flow_between(frames[1], frames[0])
    assert trust[4:-4, -1].mean() < 0.2 < 0.9 < trust[4:-4, 8:-30].mean()


def test_what_has_changed_in_the_painted_frames_is_seen_in_the_end(pan):
    frames, _ = pan
    random, shown, before = np.random.default_rng(0), None, None
    for number in range(COUNT):
        noise = random.integers(-1, 2, frames[0].shape)
        frame = np.clip(frames[0] + noise, 0, 255).astype(np.uint8)
        now = np.full_like(frame, 140 if number else 100)
        shown = now if before is None else steadying.steadied(now, frame, shown, before)
        before = frame
    assert 120 < shown.mean() < 135


def test_a_frame_that_is_larger_than_its_picture_is_averaged():
    stripes = np.full((40, 40, 3), 255, np.uint8)
    stripes[:, ::4] = 0
    assert np.abs(steadying.fitted(stripes, (10, 10, 3)).astype(int) - 191).max() <= 1


def test_it_goes_on_after_any_frame_as_without_a_pause(pan):
    frames, painted = pan
    whole = steadied(frames, painted)
    as_before("steadied", whole[1], whole[-1], rounding=5e-3)
    rest = after(whole[5], frames[5], painted[6:], frames[6:])
    assert all(map(np.array_equal, rest, whole[6:]))


@pytest.mark.thorough
def test_detail_does_not_grow_from_frame_to_frame(pan):
    frames, painted = pan
    calm, _ = shuttled(frames, painted, 72)
    late, early = sharpness(calm[-COUNT:]), sharpness(calm[COUNT : 2 * COUNT])
    assert late < 1.15 * early


def shuttled(frames, painted, count):
    """Frames that are shown forwards and backwards, steadied, and as painted."""
    there = [*range(COUNT), *range(COUNT - 2, 0, -1)]
    order = [there[each % len(there)] for each in range(count)]
    alone = [painted[each] for each in order]
    return steadied([frames[each] for each in order], alone), alone


def frequencies(pictures):
    """The number of frequencies that the fine detail has, by the entropy of its spectrum."""
    window = np.outer(np.hanning(HEIGHT), np.hanning(WIDTH))
    found = []
    for each in pictures:
        grey = cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine = grey - cv2.GaussianBlur(grey, (0, 0), 1.4)
        power = np.square(np.abs(np.fft.fft2(fine * window))) + 1e-9
        power /= power.sum()
        found.append(np.exp(-(power * np.log(power)).sum()))
    return np.mean(found)


@pytest.mark.thorough
def test_no_ripples_grow_in_even_parts(panorama):
    calm, alone = shuttled(*panned(panorama, EVEN), 180)
    assert frequencies(calm[-COUNT:]) > 0.75 * frequencies(alone[-COUNT:])
