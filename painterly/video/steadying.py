"""Steadying: a painted frame takes from the one before what has only moved.

Each frame is painted alone, P. The last steadied picture is carried along by the optical flow of
the clip's own frames, W, and blended in where the flow can be trusted, c:

    M = P + KEEP · c · (W − P)

A mean of several frames is smooth. So each band of detail of M gets back what it lacks, place by
place, until it varies as much as in P. After Ruder et al. 2016 (flow and occlusions), Bonneel et
al. 2015 (consistency of frames that were changed one by one), and Kroeger et al. 2016 (the flow).
"""

from functools import cache
from typing import Any

import cv2
import numpy as np

KEEP = 0.9  # the share of the last picture where the flow can be trusted
RESIDUAL, MOST_RESIDUAL = 3.0, 10.0  # levels of 255: trusted below; the deviation beyond
ROUND_TRIP = 0.5  # px²; more between the flow there and back is an occlusion
SHORTEST, LONGER = 8, 12  # px, the sides that a frame needs for flow
CUT = 0.3  # a smaller mean of c is a cut
DETAIL = 0.7, 1.4  # px, standard deviations of blurs; bands of detail are their differences
MOST_GAIN = 1.4  # the largest factor of a band; with more, a mesh grows in dark parts
MORE = 1.06  # times the variance in P: the finest detail of a band lacks some
EVEN = 4 / 255  # deviation of a band; parts with less are even
AROUND = 8.0  # px: detail varies as much as it does in the painted frame around each pixel
_NONE = 1e-7  # variance of a part without detail
_NEAR = np.ones((3, 3), np.uint8)
# The flow depends on the number of threads, and results should not depend on the machine.
cv2.setNumThreads(2)


def fitted(frame: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a frame at the size of a picture."""
    if frame.shape == shape:
        return frame
    how = cv2.INTER_AREA if shape[0] < frame.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame, (shape[1], shape[0]), interpolation=how))


def steadied(
    painted: np.ndarray, now: np.ndarray, last: np.ndarray, before: np.ndarray
) -> np.ndarray:
    """Return a painted frame, steadied.

    Args:
        painted: The frame as painted alone, uint8 [h, w, 3].
        now: The frame of the clip, of the same shape.
        last: The steadied picture of the frame before.
        before: The frame of the clip before.
    """
    if np.array_equal(now, before):
        return last
    shorter, longer = sorted(now.shape[:2])
    if shorter < SHORTEST or longer < LONGER:
        return painted
    flow, trust = flow_between(now, before)
    if trust.mean() < CUT:
        return painted
    alone, mixed = painted.astype(np.float32) / 255, carried(last, flow)
    mixed /= 255
    mixed -= alone
    mixed *= KEEP * trust[..., None]
    mixed += alone
    strong = with_detail_of(np.clip(mixed, 0, 1, out=mixed), alone)
    return (255 * strong + 0.5).astype(np.uint8)


def carried(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return a picture as seen at x + flow(x), sharp and without ringing, also after hundreds of
    frames: each value is limited to the range of its neighbours."""
    least, most = (warped(of(picture, _NEAR), flow) for of in (cv2.erode, cv2.dilate))
    return np.asarray(np.clip(warped(picture, flow, cv2.INTER_LANCZOS4), least, most))


def flow_between(now: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each pixel of a frame was in the one before, [h, w, 2], in px from its place,
    and how far that can be trusted, [h, w], 0…1. Both frames are uint8 [h, w, 3]."""
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (now, before)]
    method = _flow_method()
    back, forth = method.calc(*grey, None), method.calc(*grey[::-1], None)
    there = warped(forth, back)
    del forth
    trip = np.square(there + back).sum(-1)
    allowed = 0.01 * (np.square(back).sum(-1) + np.square(there).sum(-1)) + ROUND_TRIP
    trust = np.exp(-np.maximum(trip - allowed, 0) / ROUND_TRIP)
    del there, trip, allowed
    exposure = float(now.mean() / max(before.mean(), 1.0))
    changed = warped(before, back)
    changed *= min(2.0, max(0.5, exposure))  # A fade is not a cut.
    changed -= now
    residual = np.square(changed, out=changed).mean(-1)
    residual = cv2.GaussianBlur(residual, (0, 0), 1.0) - RESIDUAL**2
    trust *= np.exp(-np.maximum(residual, 0) / (2 * MOST_RESIDUAL**2))
    height, width = trust.shape
    x, y = (np.arange(each, dtype=np.float32) for each in (width, height))
    x, y = x + back[..., 0], y[:, None] + back[..., 1]
    trust *= (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)
    # Borders of what is hidden are soft, and on the safe side.
    eroded = cv2.erode(trust.astype(np.float32), _NEAR)
    return back, np.minimum(trust, cv2.GaussianBlur(eroded, (0, 0), 1.0)).astype(np.float32)


@cache
def _flow_method() -> Any:
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    method.setFinestScale(0)  # A third of the error in twice the time.
    return method


def warped(image: np.ndarray, flow: np.ndarray, how: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Return an image [h, w, C] as floats, as seen at x + flow(x)."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    maps = x + flow[..., 0], y + flow[..., 1]
    pixels = image.astype(np.float32)
    return np.asarray(cv2.remap(pixels, *maps, how, borderMode=cv2.BORDER_REFLECT))


def with_detail_of(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Give each band of detail of an image [h, w, 3], 0…1, what it lacks to vary as much as in the
    other one.

    A factor gives one part of it, and the detail of the other image the rest. A factor alone is
    calmer, but the waves that survive carrying best grow from frame to frame: after a hundred
    frames, even parts have ripples. So these get more of the other image."""
    strong = np.zeros_like(image)
    for deviation in DETAIL:
        smooth, smoother = (
            np.asarray(cv2.GaussianBlur(each, (0, 0), deviation, borderType=cv2.BORDER_REFLECT))
            for each in (image, other)
        )
        band, new = image - smooth, other - smoother
        image, other = smooth, smoother
        there = _mean_around(band * band) + _NONE
        wanted = MORE * _mean_around(new * new) + _NONE
        rich = wanted / (EVEN**2 + wanted)
        gain = 1 + rich * (np.clip(np.sqrt(wanted / there), 1, MOST_GAIN) - 1)
        band *= gain
        common = _mean_around(band * new)
        lacking = wanted * np.maximum(wanted - gain**2 * there, 0)
        band += np.minimum((np.sqrt(common**2 + lacking) - common) / wanted, 1) * new
        strong += band
        del band, new
    strong += image
    return np.clip(strong, 0, 1, out=strong)


def _mean_around(values: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(values.mean(-1), (0, 0), AROUND))[..., None]
