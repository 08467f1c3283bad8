"""A painting in ink on paper: mountains in mist, a pine branch, a boat, and a red sun."""

from dataclasses import dataclass

import numpy as np
from fields import Array, fbm, mix, perlin, pixel_grid, rgb, ridged, shrink, smoothstep, to_bytes
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

SIZE = (720, 900)  # height, width in pixels at scale 1
OVERSAMPLE = 2
SEED = 1506

PAPER = rgb("efe6d2")
INK = -np.log(np.array([0.085, 0.095, 0.115], np.float32))  # what one layer of full ink absorbs
SUN = rgb("c8371f")
SUN_AT = (0.36, 0.175)  # x, y, as those below
SEAL_AT = (1.165, 0.79)
BOAT = (0.44, 0.915)
BOUGH = (
    *((1.30, 0.100), (1.19, 0.155), (1.10, 0.150), (1.03, 0.205)),
    *((0.95, 0.215), (0.86, 0.285), (0.77, 0.290)),
)
BRISTLES, ARC = 64, 24  # bristles of a brush, points of an arc


@dataclass(frozen=True)
class Ridge:
    """A range of mountains: its crest and roughness, its darkness, and the depth of its mist."""

    crest: float
    height: float
    frequency: float
    ink: float
    mist: float
    bleed: float  # reach of the wet edge, in picture heights


RIDGES = (
    Ridge(0.33, 0.20, 1.5, 0.20, 0.16, 0.0060),
    Ridge(0.44, 0.26, 2.1, 0.36, 0.17, 0.0035),
    Ridge(0.60, 0.24, 2.6, 0.62, 0.15, 0.0020),
    Ridge(0.79, 0.17, 3.1, 1.15, 0.075, 0.0012),
)


def _crest(x: Array, ridge: Ridge, number: int) -> Array:
    """Height of a ridge's crest at x: peaks with flat valleys between them."""
    rough = ridged(ridge.frequency * x, np.full_like(x, 3.7 * number), SEED + 20 * number)
    swell = perlin(1.1 * x + number, np.full_like(x, 0.5), SEED + number)
    return ridge.crest - ridge.height * (0.9 * rough - 0.35 + 0.35 * swell)


def _washes(x: Array, y: Array) -> Array:
    """Density of the mountains' ink: dark along the crest, thinner towards the mist below."""
    density = np.zeros_like(x)
    for number, ridge in enumerate(RIDGES):
        seed = SEED + 100 + 10 * number
        run = fbm(40 * x, 40 * y, seed, 4) + 0.5 * fbm(160 * x, 160 * y, seed + 5, 2)
        below = y - _crest(x[:1], ridge, number) + 2.0 * ridge.bleed * run
        inside = smoothstep(0.0, ridge.bleed + 0.0015, below)
        fade = np.exp(-np.maximum(below, 0.0) / ridge.mist)
        pool = np.exp(-((below / (2.5 * ridge.bleed + 0.002)) ** 2))  # pigment gathers at the edge
        blots = 0.78 + 0.45 * fbm(6 * x, 9 * y, seed + 1, 5)
        texture = (
            blots + (0.9 * _facets(x, y, seed + 2) - 0.25) * smoothstep(0.0, 0.02, below) * fade
        )
        layer = ridge.ink * inside * (fade * np.maximum(texture, 0.05) + 0.25 * pool)
        # A nearer mountain hides what is behind it, and mist hides its foot.
        density = density * (1.0 - inside * smoothstep(0.0, 0.9, fade)) + layer
    return density


def _facets(x: Array, y: Array, seed: int) -> Array:
    """Strokes of the brush's side along the slopes, 0..1, broken where it was dry."""
    slope = 14 * x + 30 * y * np.where(perlin(5 * x, 3 * y, seed) > 0, 1.0, -1.0)
    facet = smoothstep(0.05, 0.55, perlin(1.7 * slope, 7 * (x - y), seed + 1))
    return facet * smoothstep(-0.1, 0.5, perlin(150 * x, 150 * y, seed + 2) + 0.6 * facet)


def _stroke(canvas: Array, points: Array, widths: Array, ink: float, dry: float = 0.1) -> None:
    """Draw a brush stroke on canvas (height, width), a density of ink, in place.

    points: (n, 2), x and y; widths: (n,), both in picture heights. dry: 0..1, from bristles that
    stay together to bristles that part at once.
    """
    height, width = canvas.shape
    length = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    steps = np.linspace(0.0, length[-1], max(4, int(length[-1] * height / 1.2)))
    x, y, half = (
        height * np.interp(steps, length, each) for each in (*points.T, np.asarray(widths) / 2)
    )
    wetness = _bristles(len(steps), dry, np.random.default_rng(int(1e6 * length[-1])))
    direction = np.arctan2(np.gradient(y), np.gradient(x))
    for cx, cy, broad, theta, bristles in zip(
        x, y, np.maximum(half, 0.6), direction, wetness, strict=True
    ):
        reach = int(broad) + 2
        x0, x1 = max(int(cx) - reach, 0), min(int(cx) + reach + 1, width)
        y0, y1 = max(int(cy) - reach, 0), min(int(cy) + reach + 1, height)
        if x0 >= x1 or y0 >= y1:
            continue
        dx = np.arange(x0, x1)[None, :] + 0.5 - cx
        dy = np.arange(y0, y1)[:, None] + 0.5 - cy
        across = (dy * np.cos(theta) - dx * np.sin(theta)) / broad
        ahead = np.abs(dx * np.cos(theta) + dy * np.sin(theta))
        cover = smoothstep(1.05, 0.85, np.abs(across)) * smoothstep(2.2, 0.8, ahead)
        wet = bristles[np.clip((across + 1) * BRISTLES / 2, 0, BRISTLES - 1).astype(int)]
        target = canvas[y0:y1, x0:x1]
        np.maximum(target, ink * cover * wet, out=target)


def _bristles(steps: int, dry: float, rng: np.random.Generator) -> Array:
    """Wetness of each bristle at each step, (steps, BRISTLES) in 0..1: bristles dry on the way."""
    hairs = ndimage.gaussian_filter1d(rng.normal(size=BRISTLES), 1.2)
    drift = ndimage.gaussian_filter(rng.normal(size=(steps, BRISTLES)), (30.0, 1.0))
    uneven = hairs / hairs.std() + 0.6 * drift / drift.std()
    along = np.linspace(0.0, 1.0, steps)[:, None]
    return smoothstep(-0.5, 0.2, 1.9 - uneven - 4.2 * dry * along**0.8)


def _arc(start: ArrayLike, angle: float, length: float, bend: float = 0.0) -> Array:
    """Points of an arc, (ARC, 2), that turns by `bend` radians on its way."""
    turning = angle + bend * np.linspace(0.0, 1.0, ARC)
    steps = np.stack([np.cos(turning), np.sin(turning)], 1) * (length / (ARC - 1))
    return np.asarray(start) + np.r_[np.zeros((1, 2)), np.cumsum(steps[:-1], axis=0)]


def _taper(first: float, last: float) -> Array:
    """Widths of an arc, (ARC,), from the first to the last."""
    return np.linspace(first, last, ARC)


def _belly(width: float) -> Array:
    """Widths of an arc, (ARC,), that is broadest in its middle."""
    return width * np.sin(np.linspace(0.2, np.pi - 0.2, ARC))


def _pine(canvas: Array) -> None:
    """Draw a bough from the right in place: crooked wood in dry strokes, needles in fans."""
    rng = np.random.default_rng(SEED + 1)
    s = np.linspace(0, len(BOUGH) - 1, 120)
    path = np.stack([np.interp(s, np.arange(len(BOUGH)), axis) for axis in np.transpose(BOUGH)], 1)
    path = ndimage.gaussian_filter1d(path, 3.0, axis=0, mode="nearest")
    path += 0.004 * np.stack([np.sin(6.5 * s), np.cos(7.0 * s)], 1)
    _stroke(canvas, path, np.linspace(0.060, 0.010, 120), 0.95, dry=0.42)
    for number, knot in enumerate(path[18::9]):
        angle = np.pi * (0.75 if number % 2 else 1.22) + rng.normal(0.0, 0.15)
        twig = _arc(knot, angle, rng.uniform(0.07, 0.13), rng.normal(0.0, 0.5))
        _stroke(canvas, twig, _taper(0.014, 0.005), 1.0, dry=0.25)
        for tip in twig[[-1, 15, 8]]:
            fan = rng.normal(angle, 0.25)
            for needle in fan + np.linspace(-1.25, 1.25, 17) + rng.normal(0.0, 0.06, 17):
                root, length = tip + rng.normal(0, 0.002, 2), rng.uniform(0.035, 0.055)
                blade = _arc(root, needle, length, rng.normal(0.0, 0.25))
                _stroke(canvas, blade, _taper(0.0042, 0.0012), rng.uniform(0.6, 1.1))


def _boat(canvas: Array) -> None:
    rng = np.random.default_rng(SEED + 3)
    x, y = BOAT
    _stroke(canvas, _arc((x - 0.085, y), 0.38, 0.172, -0.76), _belly(0.016), 1.0)
    _stroke(canvas, _arc((x + 0.012, y + 0.010), -1.45, 0.055, 0.3), _taper(0.020, 0.012), 0.9)
    _stroke(canvas, _arc((x - 0.012, y - 0.046), 0.35, 0.052, -0.75), _taper(0.004, 0.012), 1.0)
    _stroke(canvas, _arc((x + 0.03, y - 0.018), -0.75, 0.14, 0.35), _taper(0.003, 0.0015), 0.9)
    for _ in range(26):
        start = rng.uniform((0.02, 0.90), (1.20, 0.99))
        line = _arc(start, rng.normal(0.0, 0.04), rng.uniform(0.03, 0.14), rng.normal(0.0, 0.15))
        _stroke(canvas, line, _belly(0.004), rng.uniform(0.15, 0.45), dry=0.5)


def _drops(canvas: Array, x: Array, y: Array) -> None:
    rng = np.random.default_rng(SEED + 8)
    height, width = canvas.shape
    for _ in range(90):
        cx, cy, ink = rng.uniform(0, width / height), rng.uniform(0, 1), rng.uniform(0.2, 0.8)
        radius = 0.0012 + 0.006 * rng.random() ** 5
        part = np.s_[
            max(0, int((cy - 2 * radius) * height)) : int((cy + 2 * radius) * height) + 1,
            max(0, int((cx - 2 * radius) * height)) : int((cx + 2 * radius) * height) + 1,
        ]
        far = np.hypot(x[part] - cx, (y[part] - cy) * rng.uniform(0.8, 1.2))
        canvas[part] = np.maximum(canvas[part], ink * smoothstep(radius, 0.8 * radius, far))


def _paper(x: Array, y: Array) -> tuple[Array, Array]:
    fibres = 0.5 * fbm(220 * x, 60 * y, SEED + 60, 3) + 0.5 * fbm(60 * x, 220 * y, SEED + 63, 3)
    stain = fbm(2.2 * x, 2.2 * y, SEED + 66, 4)
    return PAPER * (1.0 + 0.022 * fibres + 0.030 * stain)[..., None], fibres


def _sun(x: Array, y: Array) -> Array:
    """Cover of the sun's red, 0..1: blotted, with a darker rim."""
    far = np.hypot(x - SUN_AT[0], y - SUN_AT[1]) + 0.003 * fbm(30 * x, 30 * y, SEED + 70, 4)
    disc = smoothstep(0.094, 0.089, far) * (0.80 + 0.18 * fbm(25 * x, 25 * y, SEED + 72, 4))
    return disc + 0.25 * np.exp(-(((far - 0.0895) / 0.003) ** 2))


def _seal(x: Array, y: Array) -> Array:
    """Cover of the painter's seal, 0..1: a square with signs cut out."""
    dx, dy = x - SEAL_AT[0], y - SEAL_AT[1]
    square = smoothstep(0.030, 0.028, np.maximum(np.abs(dx), np.abs(dy)))
    cut = np.sin(150 * dx) * np.sin(120 * dy) + 0.5 * perlin(60 * x, 60 * y, SEED + 78)
    return square * smoothstep(-0.1, 0.05, 0.45 - cut)


def draw(scale: float = 1.0) -> NDArray[np.uint8]:
    """The painting, (720, 900, 3) bytes at scale 1."""
    tall, wide = (round(side * scale) * OVERSAMPLE for side in SIZE)
    x, y = pixel_grid(tall, wide)
    strokes = np.zeros((tall, wide), np.float32)
    _pine(strokes)
    _boat(strokes)
    _drops(strokes, x, y)
    washes = _washes(x, y)
    clouds = smoothstep(0.0, 0.6, fbm(1.6 * x, 5.0 * y, SEED + 74, 4)) * smoothstep(0.5, 0.0, y)

    paper, fibres = _paper(x, y)
    grain = 1.0 + 0.22 * fbm(260 * x, 260 * y, SEED + 76, 2) + 0.10 * fibres
    density = np.clip((0.62 * (washes + 0.10 * clouds) + strokes) * grain, 0.0, 1.6)
    red = np.clip(_sun(x, y) * np.exp(-2.2 * washes), 0.0, 1.0)
    painted = mix(paper, paper * SUN / PAPER, red[..., None])
    painted = painted * np.exp(-density[..., None] * INK)
    painted = mix(painted, painted * SUN / PAPER, _seal(x, y)[..., None])
    return to_bytes(shrink(painted, OVERSAMPLE))
