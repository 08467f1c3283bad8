"""A painting of oriented brush strokes: a swirling night sky over wheat, hills and a cypress."""

from dataclasses import dataclass

import numpy as np
from fields import Array, blend, fbm, mix, perlin, pixel_grid, rgb, shrink, smoothstep, to_bytes
from numpy.typing import NDArray
from scipy import ndimage

SIZE = (720, 900)  # height, width in pixels at scale 1
OVERSAMPLE = 2  # strokes are painted at this many canvas pixels per picture pixel
SEED = 1889

# Lights in the sky: x, y, radius of the disc.
LIGHTS = (
    (1.06, 0.17, 0.062),
    (0.50, 0.10, 0.022),
    (0.74, 0.085, 0.017),
    (0.27, 0.30, 0.020),
    (0.845, 0.30, 0.020),
    (1.17, 0.40, 0.016),
    (0.36, 0.095, 0.013),
    (0.44, 0.47, 0.014),
)
# Eddies of the sky: x, y, radius, sense of turning.
EDDIES = ((0.57, 0.29, 0.15, 1.0), (0.80, 0.42, 0.085, -1.0), (0.13, 0.12, 0.10, -1.0))

SKY_DARK = [rgb(c) for c in ("14235e", "1b2f7d", "1a3f94", "0f1d4c")]
SKY_MID = [rgb(c) for c in ("2a5bb5", "2f74c0", "3d86c6", "2450a8")]
SKY_LIGHT = [rgb(c) for c in ("7fb4dc", "a9cfe0", "c9dfd8", "5f9fd4")]
GLOW = [rgb(c) for c in ("e9d98a", "c8d6a0", "8fc3b8", "f0c75e")]
FLAME = [rgb(c) for c in ("ffd23f", "ffb627", "fff0a8", "f98b1d")]
HILL = [rgb(c) for c in ("1f4d6b", "2b6a78", "27527f", "3b7f74", "173a5e")]
WHEAT = [rgb(c) for c in ("e8a81c", "f2c230", "d9851a", "f6dc6a", "c4691b")]
WHEAT_SHADE = [rgb(c) for c in ("a8521a", "7a5a22", "8f3f1c", "5d6b2a")]
CYPRESS = [rgb(c) for c in ("0f2a22", "1a3b26", "2c4a22", "123036", "3d5a24")]


@dataclass(frozen=True)
class Layer:
    """One pass over the canvas: number of strokes, size in picture heights, and place."""

    strokes: int
    length: float
    breadth: float
    only: str = ""  # "" paints everywhere; otherwise the name of a mask of `Scene`


LAYERS = (
    Layer(2600, 0.110, 0.030),
    Layer(5200, 0.075, 0.0165),
    Layer(5200, 0.052, 0.0115),
    Layer(900, 0.034, 0.0105, "lights"),
    Layer(1100, 0.070, 0.0120, "cypress"),
)


@dataclass(frozen=True)
class Scene:
    """The motif at every point: flow in radians, and masks and lightness in 0..1."""

    flow: Array
    masks: dict[str, Array]
    tone: Array


def _sky_flow(x: Array, y: Array) -> Array:
    """Direction of the strokes of the sky: a wavy wind, turning round the eddies and the lights."""
    wind = 0.45 * np.sin(5.0 * x + 2.5 * np.sin(3.0 * y)) + 0.3 * perlin(3 * x, 3 * y, SEED)
    along_x, along_y = np.cos(wind), np.sin(wind)
    for cx, cy, radius, sense in EDDIES:
        dx, dy = x - cx, y - cy
        r = np.hypot(dx, dy) + 1e-4
        pull = 4.0 * np.exp(-((r / radius) ** 2) * 0.6)
        # Turning with a slight inward drift makes spirals instead of rings.
        along_x = along_x + pull * (-dy * sense - 0.25 * dx) / r
        along_y = along_y + pull * (dx * sense - 0.25 * dy) / r
    for cx, cy, radius in LIGHTS:
        dx, dy = x - cx, y - cy
        r = np.hypot(dx, dy) + 1e-4
        pull = 7.0 * np.exp(-((r / (2.6 * radius)) ** 2))
        along_x, along_y = along_x - pull * dy / r, along_y + pull * dx / r
    return np.arctan2(along_y, along_x)


def _sky_tone(x: Array, y: Array) -> Array:
    """Lightness of the sky: ribbons of the wind and the spiral arms of the eddies."""
    warp = 0.06 * perlin(4 * x, 4 * y, SEED + 3)
    tone = 0.38 + 0.30 * np.sin(26.0 * (y + 0.07 * np.sin(5.0 * x) + warp) + 1.5 * x)
    tone = tone + 0.25 * fbm(4 * x, 9 * y, SEED + 5, 3)
    for cx, cy, radius, sense in EDDIES:
        dx, dy = x - cx, y - cy
        r = np.hypot(dx, dy) + 1e-3
        arms = 0.5 + 0.5 * np.sin(2.0 * np.arctan2(dy, dx) * sense - 7.0 * np.log(r / radius))
        tone = mix(tone, 0.15 + 0.85 * arms, np.exp(-((r / (1.25 * radius)) ** 4)))
    return np.clip(tone, 0.0, 1.0)


def scene(x: Array, y: Array) -> Scene:
    """The motif at the points (x, y), arrays of one shape."""
    far = 0.60 + 0.045 * np.sin(4.3 * x + 0.6) + 0.03 * np.sin(9.1 * x + 2.0) - 0.05 * x
    near = 0.715 + 0.03 * np.sin(3.1 * x + 2.2) + 0.012 * np.sin(11 * x)
    lean = 0.17 + 0.022 * np.sin(9.0 * y) + 0.02 * y
    girth = 0.085 * smoothstep(0.10, 0.75, y) ** 0.8 * (1.0 + 0.22 * np.sin(31.0 * y + 40.0 * x))
    cypress = smoothstep(0.006, -0.006, np.abs(x - lean) - girth) * (y > 0.1)
    wheat = smoothstep(-0.004, 0.004, y - near)
    hills = smoothstep(-0.004, 0.004, y - far) * (1.0 - wheat)
    halo = np.zeros_like(x)
    disc = np.zeros_like(x)
    for cx, cy, radius in LIGHTS:
        r = np.hypot(x - cx, y - cy)
        rings = 0.78 + 0.22 * np.cos(2.0 * np.pi * r / (1.15 * radius))
        halo = np.maximum(halo, smoothstep(3.6 * radius, 0.9 * radius, r) * rings)
        disc = np.maximum(disc, smoothstep(1.05 * radius, 0.95 * radius, r))
    sky = (1.0 - np.maximum(hills, wheat)) * (1.0 - cypress)

    tilt = np.arctan(4.3 * 0.045 * np.cos(4.3 * x + 0.6) + 0.27 * np.cos(9.1 * x + 2))
    roll = tilt + 0.7 * perlin(6 * x, 9 * y, SEED + 7)
    furrow = -0.35 + 0.9 * (x - 0.55) + 0.5 * perlin(5 * x, 7 * y, SEED + 8)
    flame = np.pi / 2 + 0.5 * np.sin(17.0 * y + 25.0 * x) + 0.25 * perlin(12 * x, 6 * y, SEED)
    flow = np.where(hills > 0.5, roll, _sky_flow(x, y))
    flow = np.where(wheat > 0.5, furrow, flow)
    flow = np.where(cypress > 0.5, flame, flow)

    rows = 0.5 + 0.5 * np.sin(90.0 * ((y - near) * (0.6 + 0.3 * x) - 0.10 * x) / (0.25 + y - near))
    land = np.where(wheat > 0.5, rows, 0.5 + 0.8 * fbm(7 * x, 12 * y, SEED + 9, 3))
    tone = np.where(np.maximum(hills, wheat) > 0.5, land, _sky_tone(x, y))
    horizon = np.exp(-(((y - far + 0.02) / 0.07) ** 2)) * sky
    masks = {
        "cypress": cypress,
        "wheat": wheat,
        "hills": hills,
        "halo": halo * sky,
        "lights": np.maximum(disc, halo > 0.82) * sky,
        "disc": disc * sky,
        "horizon": horizon,
    }
    return Scene(flow, masks, np.clip(tone, 0.0, 1.0))


def _stroke_colour(at: dict[str, float], tone: float, rng: np.random.Generator) -> Array:
    """Colour of one stroke: broken colour, a random pigment of the palette of that place."""
    chance = rng.random()
    if at["cypress"] > 0.5:
        palette = CYPRESS
    elif at["wheat"] > 0.5:
        palette = WHEAT if chance < 0.25 + 0.75 * tone else WHEAT_SHADE
    elif at["hills"] > 0.5:
        palette = HILL if chance < 0.93 else GLOW
    elif at["disc"] > 0.5 or chance < at["halo"] ** 1.4:
        palette = FLAME if at["halo"] > 0.72 or chance < 0.35 else GLOW
    elif chance < 0.75 * at["horizon"]:
        palette = GLOW
    else:
        level = tone + rng.normal(0.0, 0.13)
        palette = SKY_DARK if level < 0.33 else SKY_MID if level < 0.66 else SKY_LIGHT
    pigment = palette[rng.integers(len(palette))]
    return np.clip(pigment * rng.uniform(0.9, 1.1) + rng.normal(0.0, 0.018, 3), 0.0, 1.0)


def _bristle_stamps(rng: np.random.Generator, count: int = 24) -> tuple[Array, Array]:
    """Cover and relief of straight strokes, (count, across, along) each, in 0..1."""
    across, along = 48, 160
    v = np.linspace(-1.0, 1.0, across)[:, None]
    u = np.linspace(-1.0, 1.0, along)[None, :]
    covers, reliefs = [], []
    for _ in range(count):
        hair = ndimage.gaussian_filter1d(rng.normal(size=(across, 1)), 0.9, axis=0)
        hair = hair / hair.std()
        drift = ndimage.gaussian_filter(rng.normal(size=(across, along)), (1.0, 16.0))
        groove = hair + 0.9 * drift / drift.std()
        ragged = ndimage.gaussian_filter1d(rng.normal(size=(across, 1)), 1.5, axis=0) * 0.16
        start, end = -0.90 + 0.12 * v**2 + ragged * 0.5, 0.86 - 0.18 * v**2 + ragged
        inside = smoothstep(-0.03, 0.03, u - start) * smoothstep(0.03, -0.03, u - end)
        dry = smoothstep(-1.6, -0.8, groove - 1.6 * smoothstep(0.1, 1.0, u))
        side = smoothstep(1.0, 0.86, np.abs(v + 0.06 * drift))
        covers.append(inside * side * dry)
        bead = np.exp(-(((np.abs(v) - 0.82) / 0.10) ** 2)) + np.exp(
            -(((u - end + 0.08) / 0.06) ** 2)
        )
        reliefs.append(0.45 + 0.17 * groove + 0.28 * bead - 0.12 * u)
    return np.array(covers, np.float32), np.array(reliefs, np.float32)


def paint_strokes(
    canvas: Array, relief: Array, layer: Layer, stamps: tuple[Array, Array], seed: int
) -> None:
    """Paint a layer of strokes on canvas (height, width, 3) and relief (height, width) in place."""
    height, width = relief.shape
    rng = np.random.default_rng(seed)
    covers, reliefs = stamps
    across, along = covers.shape[1:]
    aspect = SIZE[1] / SIZE[0]
    # A jittered lattice covers evenly; shuffled, so that neighbours overlap either way.
    rows = round(np.sqrt(layer.strokes / aspect)) if not layer.only else 150
    columns = round(rows * aspect)
    px = (np.arange(columns)[None, :] + rng.random((rows, columns))) / columns * aspect
    py = (np.arange(rows)[:, None] + rng.random((rows, columns))) / rows
    order = rng.permutation(rows * columns)
    px, py = px.ravel()[order], py.ravel()[order]
    motif = scene(px, py)
    if layer.only:
        chosen = np.flatnonzero(motif.masks[layer.only] > 0.5)[: layer.strokes]
    else:
        chosen = np.arange(px.size)
    next_flow = scene(px + 0.01 * np.cos(motif.flow), py + 0.01 * np.sin(motif.flow)).flow
    bend = np.clip(np.sin(next_flow - motif.flow) / 0.01, -14.0, 14.0)
    for i in chosen:
        at = {name: float(mask[i]) for name, mask in motif.masks.items()}
        colour = _stroke_colour(at, float(motif.tone[i]), rng)
        second = np.clip(colour + rng.normal(0.0, 0.06, 3), 0.0, 1.0)
        size = rng.uniform(0.75, 1.25)
        half = 0.5 * layer.length * size * height
        broad = 0.5 * layer.breadth * rng.uniform(0.8, 1.2) * height
        theta = motif.flow[i] + rng.normal(0.0, 0.10)
        reach = int(half + broad) + 2
        cx, cy = px[i] * height, py[i] * height
        x0, x1 = max(int(cx) - reach, 0), min(int(cx) + reach, width)
        y0, y1 = max(int(cy) - reach, 0), min(int(cy) + reach, height)
        dx = np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(cx)
        dy = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(cy)
        cos, sin = np.float32(np.cos(theta)), np.float32(np.sin(theta))
        s = dx * cos + dy * sin
        t = dy * cos - dx * sin - np.float32(0.5 * bend[i] / height) * s * s
        column = ((s / half + 1.0) * (0.5 * along)).astype(np.int32)
        row = ((t / broad + 1.0) * (0.5 * across)).astype(np.int32)
        inside = (column >= 0) & (column < along) & (row >= 0) & (row < across)
        yy, xx = np.nonzero(inside)
        if not yy.size:
            continue
        which = int(rng.integers(len(covers)))
        entry = (which, row[yy, xx], column[yy, xx])
        cover, bump = covers[entry], reliefs[entry]
        target = (yy + y0, xx + x0)
        tint = colour + (second - colour) * np.clip(bump * 2.2 - 0.6, 0.0, 1.0)[:, None]
        canvas[target] += cover[:, None] * (tint - canvas[target])
        thick = broad / (0.012 * height)
        relief[target] += cover * (bump * min(thick, 1.2) + 0.15 * relief[target] - relief[target])


def draw(scale: float = 1.0) -> NDArray[np.uint8]:
    """The painting, (720, 900, 3) bytes at scale 1."""
    tall, wide = (round(side * scale) * OVERSAMPLE for side in SIZE)
    rng = np.random.default_rng(SEED)
    _, y = pixel_grid(tall, wide)
    canvas = blend(rgb("1a2b5c"), rgb("8a4d20"), smoothstep(0.55, 0.75, y)).astype(np.float32)
    relief = np.zeros((tall, wide), np.float32)
    stamps = _bristle_stamps(rng)
    for number, layer in enumerate(LAYERS):
        paint_strokes(canvas, relief, layer, stamps, SEED + 10 * number)
    relief = ndimage.gaussian_filter(relief, 0.45 * OVERSAMPLE)
    down, right = np.gradient(relief)
    light = -(0.75 * right + 0.9 * down) * (
        OVERSAMPLE / 1.5
    )  # lamp at the upper left: surfaces facing it are bright
    shaded = canvas * (1.0 + 0.95 * np.clip(light, -0.45, 0.45))[..., None]
    shaded = shaded + 0.30 * (np.clip(light - 0.12, 0.0, 0.5) ** 1.2)[..., None]
    return to_bytes(shrink(shaded, OVERSAMPLE))
