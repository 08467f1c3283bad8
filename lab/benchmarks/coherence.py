"""Measures how coherent painted clips are.

    python lab/benchmarks/coherence.py [--kinds KIND …] [--clips FILE …] [--long 240]

Clips are made of samples, with motion that is known exactly, or read from files, for which another
method estimates it. For each there is a row for the frames painted alone, for a plain blend with
the last one carried along, and for the steadied ones:

- warp: the RMS difference in levels of 255 to the picture before, moved by the motion, as far as
  nothing is occluded; warp8: the same over eight frames
- sharp: the variance of the Laplacian over that of the frames painted alone
- drift: the RMS difference to them after a blur of 4 px, in the last four frames
- ms: processor time of steadying a frame

With --long, the frames of each clip are shown forwards and backwards until there are as many, and
the last of them are measured. Painted frames are kept in a folder.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

import painterly
from painterly.devices.system_memory import free_memory
from painterly.video import steadying
from painterly.video.reading import ClipFile

PHOTOS = Path(painterly.__file__).parents[1] / "samples/photos"
MARGIN = 4  # px at the border, where a moved picture has no neighbours
KINDS = ("pan", "zoom", "turn", "over", "fast", "fade", "noise", "static", "cut")
Motion = tuple[np.ndarray, np.ndarray]  # the way back to another frame, and a mask of its use


class Clip(NamedTuple):
    """Frames, uint8 [h, w, 3], and the motion from one number to an earlier one."""

    frames: list[np.ndarray]
    motion: Callable[[int, int], Motion]


class Scene:
    """A landscape under a moving camera, over which a still life in an oval may move."""

    def __init__(self, kind: str, size: int) -> None:
        self.kind = kind
        self.size = height, width = round(size / 3) * 2, size
        world = np.asarray(Image.open(PHOTOS / "landscape.jpg").convert("RGB"))
        scale = 1.5 * width / world.shape[1]
        self._world = cv2.resize(world, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        still = np.asarray(Image.open(PHOTOS / "still-life.jpg").convert("RGB"))
        side = round(0.42 * height)
        self._still = cv2.resize(still, (side, side), interpolation=cv2.INTER_AREA)
        y, x = np.mgrid[:side, :side]
        edge = 1 - np.hypot((x - side / 2) / (0.38 * side), (y - side / 2) / (0.46 * side))
        self._oval = np.clip(edge * side / 4, 0, 1).astype(np.float32)

    def layers(self, number: int) -> list[np.ndarray]:
        """Return the matrices [3, 3] from a frame's pixels to those of each layer."""
        height, width = self.size
        moves = self.kind in ("pan", "over", "fast", "fade")
        t = number * (3 if self.kind == "fast" else 1) if moves else 0
        by = (0.12 * width + 2.3 * t - 20, 0.1 * height + 3 * np.sin(t / 3))
        zoom = 1.35 ** (number / 24) if self.kind == "zoom" else 1.0
        angle = np.radians(7) * number / 24 if self.kind in ("zoom", "turn") else 0.0
        x, y, cos, sin = width / 2, height / 2, np.cos(angle) / zoom, np.sin(angle) / zoom
        centred = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]])
        ground = np.array([[cos, -sin, x + by[0]], [sin, cos, y + by[1]], [0, 0, 1]]) @ centred
        if self.kind not in ("pan", "over"):
            return [ground]
        speed = 1.7 if self.kind == "pan" else 6.3
        at = 0.2 * width + speed * number, 0.3 * height + 0.6 * number
        return [ground, np.array([[1, 0, -at[0]], [0, 1, -at[1]], [0, 0, 1]])]

    def frame(self, number: int) -> np.ndarray:
        """Return a frame."""
        maps = self.layers(number)
        picture = self._seen(self._world, maps[0]).astype(np.float32)
        if len(maps) > 1:
            share = self._seen(self._oval, maps[1], cv2.BORDER_CONSTANT)[..., None]
            picture += share * (self._seen(self._still, maps[1]) - picture)
        if self.kind == "fade":
            picture *= 0.97**number
        if self.kind == "noise":
            picture += np.random.default_rng(number).normal(0, 2, picture.shape)
        if self.kind == "cut" and number >= CUT_AT:
            picture = 255 - picture[::-1]
        return (np.clip(picture, 0, 255) + 0.5).astype(np.uint8)

    def motion(self, now: int, before: int) -> Motion:
        """Return the way from each pixel to its place in another frame, and a mask of the pixels
        that are seen there."""
        height, width = self.size
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(float)
        mine, theirs, flow = self._whose(now), self._whose(before), np.zeros(grid.shape)
        for number, (one, other) in enumerate(
            zip(self.layers(now), self.layers(before), strict=True)
        ):
            matrix = np.linalg.inv(other) @ one
            moved = grid @ matrix[:2, :2].T + matrix[:2, 2] - grid
            flow[mine == number] = moved[mine == number]
        at = (grid + flow).astype(np.float32)
        there = cv2.remap(theirs, at[..., 0], at[..., 1], cv2.INTER_LINEAR)
        edge = cv2.morphologyEx(mine, cv2.MORPH_GRADIENT, np.ones((5, 5))) > 0
        seen = _inside(at) & ~edge & (np.abs(there - mine) < 0.01)
        return flow.astype(np.float32), seen

    def _whose(self, number: int) -> np.ndarray:
        maps = self.layers(number)
        if len(maps) == 1:
            return np.zeros(self.size, np.float32)
        share = self._seen(self._oval, maps[1], cv2.BORDER_CONSTANT)
        return (share > 0.5).astype(np.float32)

    def _seen(
        self, picture: np.ndarray, matrix: np.ndarray, border: int = cv2.BORDER_REFLECT
    ) -> np.ndarray:
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(picture, matrix[:2], self.size[::-1], flags=flags, borderMode=border)
        )


CUT_AT = 12


def _inside(at: np.ndarray) -> np.ndarray:
    height, width = at.shape[:2]
    most = np.array([width, height]) - 1 - MARGIN
    return np.asarray(((at >= MARGIN) & (at <= most)).all(-1))


def made(kind: str, size: int, count: int) -> Clip:
    """Make a clip."""
    scene = Scene(kind, size)
    return Clip([scene.frame(each) for each in range(count)], scene.motion)


def read(path: Path, size: int, count: int) -> Clip:
    """Read the first frames of a clip. Its motion is Farnebäck's, as far as it is the same both
    ways."""
    shown = []
    for frame in islice(ClipFile(path.name, path, free_memory()).frames(), count):
        scale = min(1.0, size / max(frame.shape))
        side = [2 * round(scale * length / 2) for length in frame.shape[1::-1]]
        shown.append(cv2.resize(frame, side, interpolation=cv2.INTER_AREA))
    greys = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in shown]

    def way(one: int, other: int) -> np.ndarray:
        start = np.zeros((*greys[one].shape, 2), np.float32)
        two = greys[one], greys[other]
        return np.asarray(cv2.calcOpticalFlowFarneback(*two, start, 0.5, 5, 21, 5, 7, 1.5, 0))

    def motion(now: int, before: int) -> Motion:
        back, forth = way(now, before), way(before, now)
        height, width = greys[0].shape
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
        trip = steadying.warped(forth, back) + back
        at = (grid + back).astype(np.float32)
        return back, _inside(at) & (np.hypot(trip[..., 0], trip[..., 1]) < 0.5)

    return Clip(shown, motion)


def painted(shown: Sequence[np.ndarray], style: str, kept: Path) -> list[np.ndarray]:
    """Paint each frame alone, and keep it."""
    kept.mkdir(parents=True, exist_ok=True)
    pictures = []
    for number, frame in enumerate(shown):
        path = kept / f"{number:03}.png"
        if not path.exists():
            image = Image.fromarray(frame)
            result = painterly.paint(image, style, preset="instant", size=max(frame.shape))
            result.convert("RGB").save(path)
        pictures.append(np.asarray(Image.open(path)))
    return pictures


def blended(alone: Sequence[np.ndarray], shown: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield frames, each blended with the last one carried along, and nothing else."""
    last = before = None
    for picture, frame in zip(alone, shown, strict=True):
        mixed = picture.astype(np.float32)
        if last is not None and before is not None:
            flow, trust = steadying.flow_between(frame, before)
            moved = steadying.warped(last, flow, cv2.INTER_CUBIC)
            mixed += steadying.KEEP * trust[..., None] * (moved - mixed)
        last, before = mixed, frame
        yield (np.clip(mixed, 0, 255) + 0.5).astype(np.uint8)


def steadied(alone: Sequence[np.ndarray], shown: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the frames as a run steadies them."""
    last = before = None
    for picture, frame in zip(alone, shown, strict=True):
        if last is not None and before is not None:
            picture = steadying.steadied(picture, frame, last, before)
        last, before = picture, frame
        yield picture


def figures(
    pictures: Sequence[np.ndarray], alone: Sequence[np.ndarray], numbers: Sequence[int], clip: Clip
) -> list[float]:
    """Return warp, warp8, sharp and drift of painted frames, by their numbers in the clip."""
    sharp = [_sharp(one) / _sharp(other) for one, other in zip(pictures, alone, strict=True)]
    drift = [_drift(one, other) for one, other in zip(pictures[-4:], alone[-4:], strict=True)]
    over = [_warp(pictures, numbers, clip, each) for each in (1, 8)]
    return [*over, float(np.mean(sharp)), float(np.mean(drift))]


def _warp(pictures: Sequence[np.ndarray], numbers: Sequence[int], clip: Clip, over: int) -> float:
    errors = []
    for now in range(over, len(pictures)):
        flow, seen = clip.motion(numbers[now], numbers[now - over])
        moved = steadying.warped(pictures[now - over], flow, cv2.INTER_CUBIC)
        errors.append(np.square(moved - pictures[now])[seen].mean())
    return float(np.sqrt(np.mean(errors))) if errors else 0.0


def _sharp(picture: np.ndarray) -> float:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def _drift(picture: np.ndarray, alone: np.ndarray) -> float:
    one, other = (cv2.GaussianBlur(each.astype(np.float32), (0, 0), 4) for each in (picture, alone))
    return float(np.sqrt(np.square(one - other).mean()))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--style", default="van-gogh-starry-night")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--clips", nargs="*", type=Path, default=[])
    parser.add_argument("--long", type=int, default=0)
    parser.add_argument("--kept", type=Path, default=Path("/tmp/coherence"))
    args = parser.parse_args()
    print("| clip | variant | warp | warp8 | sharp | drift | ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    clips = [(kind, made(kind, args.size, args.frames)) for kind in args.kinds]
    clips += [(path.stem, read(path, args.size, args.frames)) for path in args.clips]
    for name, clip in clips:
        once = painted(clip.frames, args.style, args.kept / f"{name}-{args.style}-{args.size}")
        there = [*range(args.frames), *range(args.frames - 2, 0, -1)]
        count = max(args.long, args.frames)
        numbers = [there[each % len(there)] for each in range(count)]
        alone, shown = ([of[each] for each in numbers] for of in (once, clip.frames))
        for variant, paint in (("alone", None), ("blend", blended), ("steadied", steadied)):
            started = time.process_time()
            pictures = alone if paint is None else [*paint(alone, shown)]
            each_ms = 1000 * (time.process_time() - started) / count
            last = slice(count - args.frames, count)
            found = figures(pictures[last], alone[last], numbers[last], clip)
            row = " | ".join(f"{value:.2f}" for value in found)
            print(f"| {name} | {variant} | {row} | {each_ms:.0f} |", flush=True)
        if name == "cut":
            first = [*steadied(alone, shown)][CUT_AT]
            print("after a cut, the frame as painted:", np.array_equal(first, alone[CUT_AT]))


if __name__ == "__main__":
    main()
