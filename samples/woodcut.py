"""A colour woodcut: a great wave, a snow-capped mountain and a vermilion sun.

Flat colour blocks are printed first, then the key block with the carved lines. A line is a level
set of a field (mostly the distance to a contour), and the tone of the place sets its thickness.
"""

import numpy as np
from fields import Array, blend, fbm, perlin, pixel_grid, rgb, shrink, smoothstep, to_bytes
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.interpolate import CubicSpline

SIZE = (720, 900)  # height, width in pixels at scale 1
OVERSAMPLE = 2
SEED = 1831
CLAW_STEPS = 26  # discs that make up a claw of foam

PAPER = rgb("f1e5c8")
KEY = rgb("16244d")  # indigo of the key block
PRUSSIAN = rgb("274f86")
BLUE = rgb("5b8db0")
PALE = rgb("b4cbc8")
VERMILION = rgb("d5432a")
OCHRE = rgb("e7b765")

SUN = (0.965, 0.255, 0.125)
PEAK = (0.80, 0.385)
# Contours as knots of splines, in picture heights.
GREAT_WAVE = (
    (-0.10, 0.66), (0.03, 0.47), (0.13, 0.29), (0.25, 0.16), (0.39, 0.095), (0.52, 0.125),
    (0.60, 0.21), (0.625, 0.315), (0.60, 0.375), (0.575, 0.31), (0.515, 0.262), (0.445, 0.275),
    (0.395, 0.345), (0.385, 0.45), (0.42, 0.56), (0.50, 0.66), (0.62, 0.725), (0.78, 0.745),
    (0.95, 0.715), (1.12, 0.65), (1.35, 0.60), (1.40, 1.10), (-0.15, 1.10),
)  # fmt: skip
MIDDLE_WAVE = (
    (-0.10, 0.90), (0.05, 0.845), (0.19, 0.765), (0.27, 0.735), (0.325, 0.765), (0.325, 0.81),
    (0.37, 0.865), (0.50, 0.895), (0.68, 0.87), (0.86, 0.79), (0.98, 0.705), (1.06, 0.675),
    (1.12, 0.70), (1.125, 0.755), (1.18, 0.80), (1.35, 0.83), (1.40, 1.10), (-0.15, 1.10),
)  # fmt: skip
FRONT_WAVE = (
    (-0.10, 0.93), (0.02, 0.945), (0.20, 0.965), (0.38, 0.955), (0.53, 0.905), (0.62, 0.875),
    (0.68, 0.895), (0.70, 0.93), (0.80, 0.955), (1.00, 0.955), (1.35, 0.90), (1.40, 1.12),
    (-0.15, 1.12),
)  # fmt: skip
# Stretches of a contour that carry foam, as (first knot, last knot).
GREAT_FOAM, MIDDLE_FOAM, FRONT_FOAM = (3.0, 10.6), ((2.0, 4.9), (9.6, 13.0)), (4.0, 7.0)
MISTS = (
    (0.62, 1.30, 0.085, 0.020),
    (0.78, 1.08, 0.128, 0.016),
    (0.96, 1.40, 0.330, 0.017),
    (0.70, 0.93, 0.300, 0.013),
    (-0.1, 0.14, 0.100, 0.019),
    (-0.1, 0.07, 0.145, 0.015),
)  # left, right, y, half height


def _spline(knots: tuple[tuple[float, float], ...]) -> CubicSpline:
    """Closed curve through the knots; the parameter counts knots."""
    closed = np.array([*knots, knots[0]])
    return CubicSpline(np.arange(len(closed)), closed, bc_type="periodic")


def _signed_distance(outline: Array, shape: tuple[int, int]) -> Array:
    """Distance to a closed polygon (points, 2), positive inside, all in picture heights."""
    height, width = shape
    mask = Image.new("1", (width, height))
    ImageDraw.Draw(mask).polygon([tuple(point) for point in outline * height], fill=1)
    inside = np.asarray(mask)
    outside = ndimage.distance_transform_edt(~inside)
    within = ndimage.distance_transform_edt(inside)
    return ndimage.gaussian_filter((within - outside) / height, 1.0).astype(np.float32)


class Print:
    """The sheet being printed: colours (height, width, 3), and the state shared by all blocks."""

    def __init__(self, height: int, width: int) -> None:
        self.x, self.y = pixel_grid(height, width)
        self.shape = (height, width)
        self.pixel = 1.0 / height
        x, y = self.x, self.y
        # The hand of the carver: slow wander of the lines, and the swelling of the gouge.
        self.wander = 0.0022 * fbm(9 * x, 9 * y, SEED + 1, 3)
        self.swell = fbm(7 * x, 16 * y, SEED + 2, 3)
        self.rough = 0.0009 * fbm(120 * x, 120 * y, SEED + 3, 2)
        # Grain of the block, long across the sheet, and the starved patches of the inking.
        grain = fbm(3 * x, 75 * y + 2.0 * perlin(3 * x, 4 * y, SEED), SEED + 4, 4, 0.7)
        patch = fbm(5 * x, 6 * y, SEED + 5, 4)
        fleck = fbm(150 * x, 150 * y, SEED + 6, 2)
        self.ink = np.clip(0.97 + 0.13 * grain + 0.05 * patch + 0.10 * np.minimum(fleck, 0), 0, 1)
        fibre = fbm(25 * x, 90 * y, SEED + 7, 4)
        self.sheet = PAPER * (1.0 + 0.030 * fibre + 0.02 * patch)[..., None]

    def cover(self, colour: Array, where: Array) -> None:
        """Print a block of one colour where `where` (height, width) is 1."""
        self.sheet = blend(self.sheet, colour, where * self.ink)

    def paper(self, where: Array) -> None:
        """Clear the sheet down to paper: a place cut away in every block."""
        self.sheet = blend(self.sheet, PAPER, where * 0.985)

    def edge(self, distance: Array) -> Array:
        """Anti-aliased inside of a signed distance, with the roughness of a cut edge."""
        return smoothstep(-self.pixel, self.pixel, distance + self.rough)

    def lines(self, field: Array, period: float, share: Array) -> Array:
        """Parallel lines along the level sets of a field, inked over `share` of each period."""
        wave = np.abs(((field + self.wander) / period) % 1.0 - 0.5) * 2.0
        share = share + 0.30 * self.swell * (share > 0.0)
        blur = 2.0 * self.pixel / period
        return smoothstep(-blur, blur, share - wave + self.rough / period) * (share > 0.02)

    def window(self, centre: Array, reach: float) -> tuple[tuple[slice, slice], Array, Array]:
        """Slices of the pixels within `reach` of a point, and their offsets from it."""
        bounds = []
        for middle in (centre[1], centre[0]):
            low, high = (middle - reach) / self.pixel, (middle + reach) / self.pixel
            bounds.append(slice(max(int(low), 0), max(int(high) + 1, 0)))
        window = (bounds[0], bounds[1])
        return window, self.x[window] - centre[0], self.y[window] - centre[1]

    def outline(self, distance: Array, breadth: float = 0.0034) -> Array:
        """A swelling line along the zero set of a signed distance."""
        swollen = breadth * (1.0 + 0.55 * self.swell)
        return smoothstep(self.pixel, -self.pixel, np.abs(distance) - 0.5 * swollen + self.rough)


def _sky(sheet: Print) -> None:
    x, y = sheet.x, sheet.y
    sheet.cover(PALE, 0.75 * smoothstep(0.36, 0.02, y + 0.3 * sheet.wander))
    sheet.cover(OCHRE, 0.85 * np.exp(-(((y - 0.58) / 0.15) ** 2)))
    sheet.cover(VERMILION, 0.55 * np.exp(-(((y - 0.60) / 0.075) ** 2)))
    cx, cy, radius = SUN
    sun = radius - np.hypot(x - cx, y - cy)
    disc = sheet.edge(sun)
    drift = y + 0.010 * np.sin(5.0 * x + 1.0) + 0.006 * np.sin(11.0 * x)
    share = 0.92 * smoothstep(0.50, -0.02, y) - 0.10
    carved = sheet.lines(drift, 0.0165, share) * (1.0 - disc) * (sun < -0.008)
    sheet.cover(blend(PRUSSIAN, KEY, smoothstep(0.25, 0.0, y)), carved)
    sheet.paper(disc)
    sheet.cover(VERMILION, disc)
    gouge = sheet.lines(drift, 0.0165, 0.62 * smoothstep(cy + 0.02, cy + 1.1 * radius, y) - 0.03)
    sheet.cover(OCHRE, disc * gouge)
    sheet.cover(KEY, sheet.outline(sun, 0.0030))
    for left, right, level, half in MISTS:
        beyond = np.maximum(np.maximum(left - x, x - right), 0.0)
        mist = half - np.hypot(beyond, y - level)
        inside = sheet.edge(mist)
        sheet.paper(inside)
        sheet.cover(
            PALE, inside * sheet.lines(y, 0.0090, 0.42 * smoothstep(level, level + half, y))
        )
        sheet.cover(KEY, sheet.outline(mist, 0.0026))


def _mountain(sheet: Print) -> None:
    x, y = sheet.x, sheet.y
    px, py = PEAK
    spread = np.abs(x - px)
    ridge = py + 0.012 * np.exp(-((spread / 0.02) ** 2)) + 0.62 * spread - 0.34 * spread**2
    flank = y - ridge + 0.004 * perlin(40 * x, 0 * y, SEED + 11)
    body = sheet.edge(flank * 0.8)
    sheet.paper(body)
    sheet.cover(BLUE, body * 0.55)
    # The lines run down the flanks: they are the rays of a fan with its apex above the peak.
    fan = np.arctan2(x - px, y - py + 0.16) + 0.05 * perlin(9 * x, 9 * y, SEED + 12)
    shade = 0.30 + 0.35 * smoothstep(px - 0.05, px + 0.12, x) + 0.15 * smoothstep(0.42, 0.62, y)
    sheet.cover(PRUSSIAN, body * sheet.lines(0.22 * fan, 0.0125, shade))
    tongue = np.abs((fan * 9.0) % 1.0 - 0.5) + 0.35 * perlin(14 * x, 2 * y, SEED + 13)
    snow = sheet.edge((0.085 + 0.10 * tongue - (y - py)) * 0.5) * body
    sheet.paper(snow)
    sheet.cover(PRUSSIAN, snow * sheet.lines(0.22 * fan, 0.0200, 0.55 * shade - 0.12))
    sheet.cover(KEY, sheet.outline(flank * 0.8, 0.0040))


def _foam(sheet: Print, curve: CubicSpline, stretch: tuple[float, float], size: float) -> None:
    """Scales of foam along a stretch of a contour: pale discs with a crescent of shade in each."""
    rng = np.random.default_rng(SEED + round(1000 * stretch[0]))
    scales = []
    for rank, (inset, grow) in enumerate(((0.55, 1.25), (-0.10, 1.0), (-0.75, 0.72))):
        t = stretch[0]
        while t < stretch[1]:
            point, along = curve(t), curve(t, 1)
            speed = np.hypot(*along)
            taper = (
                0.45 + 0.55 * np.sin(np.pi * (t - stretch[0]) / (stretch[1] - stretch[0])) ** 0.5
            )
            radius = size * grow * taper * rng.uniform(0.75, 1.2)
            inward = np.array([-along[1], along[0]]) / speed
            centre = point + inward * radius * (inset + rng.uniform(-0.25, 0.25))
            scales.append((rank, centre, radius, np.arctan2(-inward[1], -inward[0])))
            t += 1.25 * radius / speed
    for _, centre, radius, outward in scales:
        window, dx, dy = sheet.window(centre, 1.3 * radius)
        if not dx.size:
            continue
        r = np.hypot(dx, dy)
        pixel, ink = sheet.pixel, sheet.ink[window]
        inside = smoothstep(pixel, -pixel, r - radius)
        part = blend(sheet.sheet[window], PAPER, inside)
        # A crescent of blue gives each scale its curl.
        turn = outward + rng.choice([-0.9, 0.9])
        hollow = np.hypot(dx - 0.35 * radius * np.cos(turn), dy - 0.35 * radius * np.sin(turn))
        shade = smoothstep(-pixel, pixel, hollow - 0.80 * radius) * inside
        part = blend(part, BLUE, 0.85 * shade * ink)
        rim = np.abs(r - radius) - 0.00135
        part = blend(part, KEY, smoothstep(pixel, -pixel, rim))
        sheet.sheet[window] = part


def _claws(sheet: Print, curve: CubicSpline, stretch: tuple[float, float], size: float) -> None:
    """Fingers of foam that reach out of a contour and hook downwards."""
    rng = np.random.default_rng(SEED + 7 + round(1000 * stretch[0]))
    t = stretch[0] + 0.1
    while t < stretch[1]:
        along = curve(t, 1)
        speed = np.hypot(*along)
        outward = np.arctan2(-along[0], along[1])
        down = np.arctan2(0.85, 0.55)  # claws hook forwards and down
        turn = np.angle(np.exp(1j * (down - outward)))
        grip = size * rng.uniform(0.8, 1.35)
        path, heading = [curve(t)], outward
        for step in np.linspace(0.0, 1.0, CLAW_STEPS):
            heading = outward + 1.25 * turn * step**1.2
            direction = np.array([np.cos(heading), np.sin(heading)])
            path.append(path[-1] + 0.085 * grip * direction)
        window, dx, dy = sheet.window(path[CLAW_STEPS // 2], 3.2 * grip)
        t += 0.85 * grip / speed
        if not dx.size:
            continue
        finger, core = np.full(dx.shape, -1.0), np.full(dx.shape, -1.0)
        for step, point in enumerate(path):
            thick = 0.44 * grip * (1.0 - step / (CLAW_STEPS + 1.5)) ** 0.8
            offset = point - path[CLAW_STEPS // 2]
            finger = np.maximum(finger, thick - np.hypot(dx - offset[0], dy - offset[1]))
            away = np.hypot(dx - offset[0] + 0.3 * thick, dy - offset[1] - 0.3 * thick)
            core = np.maximum(core, 0.45 * thick - away)
        pixel = sheet.pixel
        part = blend(sheet.sheet[window], PAPER, smoothstep(-pixel, pixel, finger))
        part = blend(part, BLUE, 0.8 * smoothstep(-pixel, pixel, core))
        rim = np.abs(finger) - 0.0013
        sheet.sheet[window] = blend(part, KEY, smoothstep(pixel, -pixel, rim))


def _wave(sheet: Print, knots: tuple, foams: tuple, period: float, size: float) -> None:
    curve = _spline(knots)
    outline = curve(np.linspace(0.0, len(knots), 1200))
    distance = _signed_distance(outline, sheet.shape)
    body = sheet.edge(distance)
    sheet.paper(body)
    # Broad stripes follow the contour; finer cuts ride on each of them.
    flow = distance + 0.012 * fbm(3 * sheet.x, 3 * sheet.y, SEED + 21, 2)
    stripe = (flow / (4.0 * period)) % 1.0
    depth = smoothstep(0.0, 0.30, distance)
    sheet.cover(PALE, body * 0.9)
    sheet.cover(BLUE, body * sheet.lines(flow, 4.0 * period, 0.55 + 0.3 * depth))
    sheet.cover(PRUSSIAN, body * sheet.lines(flow, 4.0 * period, 0.22 + 0.45 * depth))
    share = 0.16 + 0.34 * (1.0 - np.abs(2.0 * stripe - 1.0)) + 0.18 * depth
    sheet.cover(KEY, body * sheet.lines(flow, period, share))
    sheet.paper(body * sheet.lines(flow + 0.5 * period, 4.0 * period, 0.10 - 0.16 * depth))
    sheet.cover(KEY, sheet.outline(distance, 0.0052))
    for stretch in foams:
        _claws(sheet, curve, stretch, size)
        _foam(sheet, curve, stretch, size)


def _spray(sheet: Print) -> None:
    """Drops thrown off the crest of the great wave."""
    rng = np.random.default_rng(SEED + 31)
    curve = _spline(GREAT_WAVE)
    for _ in range(110):
        centre = curve(rng.uniform(4.0, 8.4)) + rng.normal((0.035, 0.0), (0.055, 0.05))
        radius = 0.0022 + 0.0045 * rng.random() ** 2
        window, dx, dy = sheet.window(centre, radius + 0.004)
        drop = radius - np.hypot(dx, dy)
        part = blend(sheet.sheet[window], PAPER, smoothstep(-sheet.pixel, sheet.pixel, drop))
        rim = np.abs(drop) - 0.0008
        sheet.sheet[window] = blend(part, KEY, smoothstep(sheet.pixel, -sheet.pixel, rim))


def draw(scale: float = 1.0) -> NDArray[np.uint8]:
    """The print, (720, 900, 3) bytes at scale 1."""
    height, width = (round(side * scale) * OVERSAMPLE for side in SIZE)
    sheet = Print(height, width)
    _sky(sheet)
    _mountain(sheet)
    _spray(sheet)
    _wave(sheet, GREAT_WAVE, (GREAT_FOAM,), 0.0130, 0.030)
    _wave(sheet, MIDDLE_WAVE, MIDDLE_FOAM, 0.0125, 0.024)
    _wave(sheet, FRONT_WAVE, (FRONT_FOAM,), 0.0115, 0.021)
    return to_bytes(shrink(sheet.sheet, OVERSAMPLE))
