"""A landscape photo: snowy mountains over a lake at sunrise, a forested shore, pines in front.

A height field is scanned column by column from front to back (a voxel-space renderer) and then
shaded per pixel. Coordinates: x to the right, z away from the viewer, y up; the lake is y = 0.
Lengths are in kilometres or so. Colours are linear light.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from fields import (
    Array,
    blend,
    expose,
    fbm,
    linear,
    mix,
    perlin,
    pixel_grid,
    rgb,
    ridged,
    shrink,
    smoothstep,
    to_bytes,
    with_grain,
)
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

SIZE = (640, 960)  # height, width in pixels at scale 1
OVERSAMPLE = 2
SEED = 77

FOCAL = 1.25  # focal length in picture heights
HORIZON = 0.56  # height of the horizon in the picture, from the top
EYE = 0.055  # height of the eye above the lake
NEAR, FAR, DEPTHS = 0.12, 16.0, 1500  # the scan's range and its number of depths
SUN = np.array([-0.80, 0.36, 0.33], np.float32) / np.float32(np.sqrt(0.80**2 + 0.36**2 + 0.33**2))
SUN_AT = (0.13, 0.36)  # centre of its glow in the picture


SUNLIGHT = np.array([4.3, 2.55, 1.25], np.float32)
SKYLIGHT = np.array([0.24, 0.36, 0.66], np.float32)


def terrain(x: Array, z: Array, octaves: int = 7) -> Array:
    """Height of the ground at (x, z), arrays of one shape; below 0 is the bed of the lake."""
    wx = x + 0.35 * perlin(0.5 * x, 0.5 * z, SEED + 1)
    wz = z + 0.35 * perlin(0.5 * x + 7.0, 0.5 * z, SEED + 2)
    crest = ridged(0.42 * wx + 3.3, 0.42 * wz, SEED + 3, octaves)
    # A main peak right of the middle, a second at the left, and a range behind.
    massif = 1.75 * np.exp(-(((x - 0.9) / 1.5) ** 2) - ((z - 8.2) / 1.7) ** 2)
    massif = massif + 1.15 * np.exp(-(((x + 2.7) / 1.3) ** 2) - ((z - 7.2) / 1.5) ** 2)
    massif = massif + 1.05 * np.exp(-(((x - 4.4) / 1.3) ** 2) - ((z - 7.6) / 1.5) ** 2)
    massif = massif + 1.05 * smoothstep(9.5, 13.0, z)
    hills = 0.22 * smoothstep(3.2, 5.2, z + 0.5 * perlin(0.8 * x, 0.1 * z, SEED + 4))
    shore = 0.16 * smoothstep(0.65, 1.9, np.abs(x + 0.05 * z - 0.1) - 0.16 * z) * (z > 0.5)
    ground = (massif * (0.30 + 0.95 * crest**1.3)) + hills * (0.5 + crest) + shore
    # Two wooded spits reach into the lake and lead the eye to the far shore.
    ragged = 0.25 * perlin(2.0 * x, 2.0 * z, SEED + 6)
    spit = np.exp(-(((z - 2.0 + ragged) / 0.28) ** 2)) * smoothstep(-0.25, -1.0, x + ragged)
    spit = spit + np.exp(-(((z - 3.0 + ragged) / 0.35) ** 2)) * smoothstep(0.75, 1.7, x + ragged)
    ground = ground + 0.13 * spit
    return ground - 0.035 + 0.03 * fbm(2.2 * x, 2.2 * z, SEED + 5, 4)


def forest(x: Array, z: Array, ground: Array) -> tuple[Array, Array]:
    """Height of the tree tops above the ground, and a random number per tree, at (x, z)."""
    size = 0.026
    u, v = x / size, z / size
    cell_u, cell_v = np.floor(u), np.floor(v)
    best, number = np.zeros_like(x), np.zeros_like(x)
    for du in (-1.0, 0.0, 1.0):
        for dv in (-1.0, 0.0, 1.0):
            a, b = cell_u + du, cell_v + dv
            h = np.sin(a * 127.1 + b * 311.7) * 43758.5453
            r1 = h - np.floor(h)
            h = np.sin(a * 269.5 + b * 183.3) * 24634.6345
            r2 = h - np.floor(h)
            r = np.hypot(u - a - 0.15 - 0.7 * r1, v - b - 0.15 - 0.7 * r2)
            tree = np.maximum(0.0, 1.0 - r / 0.62) * (0.55 + 0.75 * ((r1 * 7.0) % 1.0))
            number = np.where(tree > best, (r2 * 13.0) % 1.0, number)
            best = np.maximum(best, tree)
    stand = fbm(1.6 * x + 5.0, 1.6 * z, SEED + 8, 4)
    line = 0.42 + 0.16 * stand  # the tree line
    dense = smoothstep(0.004, 0.016, ground) * smoothstep(line, 0.6 * line, ground)
    dense = dense * smoothstep(-0.55, -0.15, stand)
    return 0.050 * best * dense, number


@dataclass(frozen=True)
class View:
    """Result of a scan of the columns: distance z (infinite for the sky), and x, of each pixel."""

    x: Array
    z: Array


def scan(height: int, width: int, eye: float, near: float) -> View:
    """First ground met by the ray of each pixel, for an eye at `eye` looking along z.

    With the eye mirrored below the lake, the rows count from the bottom: see `reflection`.
    """
    z = np.geomspace(near, FAR, DEPTHS, dtype=np.float32)[:, None]
    column = (np.arange(width, dtype=np.float32) + 0.5 - 0.5 * width) / height
    x = column[None, :] / FOCAL * z
    ground = terrain(x, z + 0.0 * x)
    top = ground + forest(x, z + 0.0 * x, ground)[0]
    # Upward tangent of each sample; the highest one so far hides what is below it.
    rise = np.maximum.accumulate((top - eye) / z, axis=0)
    rows = (HORIZON - (np.arange(height, dtype=np.float32) + 0.5) / height) / FOCAL
    seen_z = np.full((height, width), np.inf, np.float32)
    for i in range(width):
        index = np.searchsorted(rise[:, i], rows)
        hit = index < DEPTHS
        inner = np.clip(index[hit], 1, DEPTHS - 1)
        low, high = rise[inner - 1, i], rise[inner, i]
        part = np.clip((rows[hit] - low) / np.maximum(high - low, 1e-7), 0.0, 1.0)
        seen_z[hit, i] = z[inner - 1, 0] + (z[inner, 0] - z[inner - 1, 0]) * part
    return View(np.where(np.isfinite(seen_z), column[None, :] / FOCAL * seen_z, 0.0), seen_z)


def sky(x: Array, y: Array) -> Array:
    """Light (..., 3) of the sky at picture coordinates (x right, y down, in picture heights)."""
    up = np.clip((HORIZON - y) / HORIZON, 0.0, 1.0)
    colour = blend(linear("f0b273"), linear("7fa6c8"), smoothstep(0.02, 0.50, up))
    colour = blend(colour, linear("24508f"), smoothstep(0.30, 1.15, up))
    glow = np.hypot((x - SUN_AT[0]) * 0.8, (y - SUN_AT[1]) * 1.15)
    colour = colour + np.exp(-glow / 0.20)[..., None] * linear("ff9538") * 1.3
    colour = colour + np.exp(-((glow / 0.045) ** 2))[..., None] * linear("ffe2a8") * 2.2
    # Clouds are on a plane overhead, seen in perspective.
    reach = 1.0 / (up * 0.9 + 0.16)
    u, v = (x - 0.75) * reach * 1.25, reach * 2.1
    warp = 0.5 * fbm(0.8 * u, 0.8 * v, SEED + 20, 3)
    density = fbm(0.9 * u + warp, 1.25 * v + warp, SEED + 21, 6, 0.55)
    towards = fbm(0.9 * (u - 0.22) + warp, 1.25 * (v + 0.16) + warp, SEED + 21, 5, 0.55)
    wisps = fbm(0.7 * u + 9.0 + 2.0 * warp, 3.4 * v, SEED + 22, 6, 0.6)
    cover = smoothstep(0.02, 0.42, density + 0.16) * smoothstep(0.01, 0.14, up)
    lit = np.clip(0.50 + 1.9 * (density - towards), 0.0, 1.0)
    warm = np.exp(-glow / 0.55)
    bright = blend(linear("f4ece4"), linear("ffc98c"), warm) * (1.15 + 1.0 * warm)[..., None]
    shade = blend(linear("63749a"), linear("a8707a"), warm)
    colour = blend(colour, bright, 0.40 * smoothstep(0.10, 0.7, wisps) * smoothstep(0.02, 0.2, up))
    return blend(colour, blend(shade, bright, lit), 0.92 * cover)


def _shadow(x: Array, y: Array, z: Array) -> Array:
    """Sunlight 0..1 that the mountains let through to the points."""
    light = np.ones_like(x)
    for t in np.geomspace(0.05, 3.2, 18):
        above = y + SUN[1] * t - terrain(x + SUN[0] * t, z + SUN[2] * t, 4)
        light = np.minimum(light, 0.5 + 9.0 * above / t)
    return smoothstep(0.0, 1.0, light)


def _surface(x: Array, z: Array) -> Array:
    """Light (count, 3) leaving the ground at (x, z) towards the viewer, before the haze."""
    step = np.maximum(0.0009 * z, 0.0012)
    ground = terrain(x, z, 9)
    trees, number = forest(x, z, ground)

    def top(dx: Array, dz: Array) -> Array:
        g = terrain(x + dx, z + dz, 9)
        return g + forest(x + dx, z + dz, g)[0]

    here = ground + trees
    normal = np.stack([here - top(step, 0.0 * z), step, here - top(0.0 * x, step)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    wooded = smoothstep(0.002, 0.008, trees)
    steep = normal[..., 1]
    strata = fbm(3.0 * x, 60.0 * ground + 3.0 * x, SEED + 30, 4)
    rock = blend(linear("5a5558"), linear("94887c"), np.clip(0.5 + 0.6 * strata, 0.0, 1.0))
    meadow = blend(
        linear("5c6a2c"), linear("9a8a45"), np.clip(0.5 + fbm(9 * x, 9 * z, SEED + 33, 4), 0, 1)
    )
    patch = fbm(4.0 * x, 4.0 * z, SEED + 32, 5)
    colour = blend(meadow, rock, smoothstep(0.30, 0.60, ground + 0.15 * patch))
    colour = blend(colour, rock, smoothstep(0.72, 0.55, steep) * (ground > 0.05))
    snow = smoothstep(0.60, 0.85, ground + 0.22 * patch) * smoothstep(0.30, 0.52, steep)
    colour = blend(colour, linear("f2f4f8"), snow)
    needle = blend(linear("1d3320"), linear("4f6a2c"), number)
    needle = blend(needle, linear("a8872e"), smoothstep(0.90, 0.93, number))  # a few larches
    colour = blend(colour, needle, wooded)
    colour = blend(colour, linear("8a7d68"), smoothstep(0.012, 0.002, here) * (1.0 - wooded))
    sun = np.clip(normal @ SUN, 0.0, 1.0) * _shadow(x, here + 0.002, z)
    # Tree tops catch the light, the gaps between the trees do not.
    depth = mix(1.0, 0.25 + 0.75 * np.clip(trees / 0.035, 0.0, 1.0), wooded)
    fill = (0.45 + 0.55 * steep) * depth
    return colour * (SUNLIGHT * (sun * depth)[..., None] + SKYLIGHT * fill[..., None])


def _haze(light: Array, z: Array, altitude: Array, px: Array) -> Array:
    """Aerial perspective: blue with distance, warm towards the sun, thicker near the lake."""
    thick = 0.055 * z * (0.45 + 1.3 * np.exp(-3.0 * np.maximum(altitude, 0.0)))
    warm = np.exp(-np.abs(px - SUN_AT[0]) / 0.55)
    haze = blend(linear("7d9cc4"), linear("f2b070"), warm) * 0.75
    return blend(light, haze, 1.0 - np.exp(-thick))


def render(height: int, width: int, eye: float, near: float) -> tuple[Array, Array]:
    """Light (height, width, 3) and distance (height, width) of the ground and the sky."""
    view = scan(height, width, eye, near)
    px, py = pixel_grid(height, width)
    image = sky(px, py)
    land = np.isfinite(view.z)
    x, z = view.x[land], view.z[land]
    parts = np.array_split(np.arange(x.size), max(x.size // 40_000, 1))
    with ThreadPoolExecutor(2) as pool:
        light = np.concatenate(list(pool.map(lambda part: _surface(x[part], z[part]), parts)))
    image[land] = _haze(light, z, terrain(x, z, 4), px[land])
    return image, view.z


def _lake(image: Array, distance: Array) -> Array:
    """Cover the bed of the lake with water that mirrors what stands beyond it."""
    height, width = distance.shape
    px, py = pixel_grid(height, width)
    down = np.maximum(py - HORIZON, 1e-4)
    z = EYE * FOCAL / down  # distance at which the ray of the pixel meets the lake
    x = (px - 0.5 * width / height) / FOCAL * z
    water = (py > HORIZON) & (distance > z)
    # Mirrored eye: the reflected ray leaves upwards at the angle at which this one went down.
    # Ripples blur it, so that half the resolution is enough.
    mirror, _ = render(height // 2, width // 2, -EYE, 1.2)
    scale = 26.0
    ripple = fbm(scale * x, 0.55 * scale * z, SEED + 40, 4, 0.6)
    breeze = smoothstep(-0.1, 0.5, fbm(1.1 * x, 1.6 * z, SEED + 41, 3))
    sway = ripple * (0.16 + 0.75 * breeze) * np.minimum(0.11, 0.9 * down)
    row = (2.0 * HORIZON - py + sway - np.abs(0.25 * sway)) * (height // 2)
    column = (px + 0.25 * sway) * (height // 2)
    seen = np.stack(
        [
            ndimage.map_coordinates(mirror[..., i], [row, column], order=1, mode="nearest")
            for i in range(3)
        ],
        axis=-1,
    )
    steep = down / np.hypot(down, FOCAL)
    fresnel = 0.03 + 0.97 * (1.0 - steep) ** 5
    deep = blend(linear("0d2b33"), linear("2f6a66"), smoothstep(0.5, 0.15, z))
    body = deep * (0.45 + 0.2 * ripple)[..., None]
    lake = blend(body, seen * 0.92, np.clip(fresnel + 0.12, 0.0, 1.0))
    lake = _haze(lake, np.minimum(z, FAR) * 0.8, 0.0 * z, px)
    edge = smoothstep(0.0, 0.012, -terrain(x, z, 5)) * 0.5 + 0.5
    return np.where(water[..., None], lake * edge[..., None], image)


def _pine(pen: ImageDraw.ImageDraw, foot: Array, tall: float, rng: np.random.Generator) -> None:
    """A conifer of thousands of needle strokes, dark inside and lit from the left. Pixels."""
    x0, y0 = foot
    lean = rng.normal(0.0, 0.012) * tall
    trunk = [(x0 - 0.011 * tall, y0), (x0 + 0.011 * tall, y0), (x0 + lean, y0 - tall)]
    pen.polygon(trunk, fill=(46, 34, 28))
    whorls = int(34 + 8 * rng.random())
    for level in np.linspace(0.10, 0.985, whorls):
        spread = 0.235 * tall * (1.0 - level) ** 0.82 * rng.uniform(0.72, 1.12) + 0.008 * tall
        base_x, base_y = x0 + lean * level, y0 - tall * level
        for turn in np.sort(rng.uniform(0.0, np.pi, 9)):
            # Branches at the back come first; cos is the side, sin how far it comes forward.
            side = np.cos(turn + rng.normal(0.0, 0.1))
            sag = 0.30 + 0.25 * rng.random()
            steps = np.linspace(0.06, 1.0, max(int(spread / 3.2), 4))
            for t in steps:
                bx = base_x + side * spread * t
                by = base_y + spread * (sag * t - 0.22 * t**3) + 0.10 * spread * np.sin(turn)
                for _ in range(3):
                    length = (0.010 + 0.018 * (1.0 - t * 0.6)) * tall * rng.uniform(0.5, 1.2)
                    tilt = rng.normal(0.55, 0.5)
                    ex = bx + np.sign(side + 1e-9) * length * np.cos(tilt)
                    ey = by + length * np.sin(tilt)
                    light = 0.30 - 0.42 * side * t + 0.30 * t - 0.5 * (tilt - 0.55) * 0.3
                    light = float(np.clip(light + rng.normal(0.0, 0.12), 0.0, 1.0)) ** 1.3
                    tint = blend(rgb("0d1a17"), rgb("76803a"), light)
                    tint = blend(tint, rgb("e0b060"), max(0.0, light - 0.72) * 1.6)
                    pen.line([(bx, by), (ex, ey)], fill=tuple(to_bytes(tint).tolist()), width=2)


def _bank(pen: ImageDraw.ImageDraw, height: int, width: int, rng: np.random.Generator) -> None:
    """The near bank: stones and blades of grass in rows from back to front. Pixels."""
    column = np.arange(0, width + 8, 4)
    u = column / height
    rim = 0.895 + 0.022 * np.sin(3.2 * u + 0.4) + 0.030 * fbm(2.3 * u, 0 * u, SEED + 60, 4)
    rim = rim - 0.11 * smoothstep(1.02, 1.5, u) - 0.05 * smoothstep(0.30, 0.0, u)
    ground = [(float(c), float(r * height)) for c, r in zip(column, rim, strict=True)]
    pen.polygon([*ground, (width, height), (0, height)], fill=(38, 40, 24))
    grass = [rgb(c) for c in ("2c3518", "4a5523", "6f6f2c", "94823a", "b99a4c", "d9b768")]
    flowers = [rgb(c) for c in ("f2e6c8", "e8c33c", "c94f3a", "b9a3d8")]
    px, py = pixel_grid(height, width)
    clumps = fbm(7.0 * px, 12.0 * py, SEED + 61, 2)
    for depth in np.linspace(0.0, 1.0, 34):
        for _ in range(430):
            x = rng.uniform(-10, width + 10)
            top = float(np.interp(x, column, rim))
            y = (top + (1.10 - top) * depth**1.25) * height + rng.normal(0.0, 3.0)
            clump = clumps[int(np.clip(y, 0, height - 1)), int(np.clip(x, 0, width - 1))]
            tall = (0.012 + 0.040 * depth) * height * rng.uniform(0.5, 1.25) * (1.0 + 0.6 * clump)
            bend = rng.normal(0.18, 0.30) * tall
            tone = np.clip(rng.normal(2.1 + 1.7 * clump + 0.5 * (1 - depth), 1.0), 0.0, 5.0)
            tint = grass[int(tone)]
            path = [(x, y), (x + 0.35 * bend, y - 0.6 * tall), (x + bend, y - tall)]
            pen.line(path, fill=tuple(to_bytes(tint).tolist()), width=1 + round(1.6 * depth + 0.4))
            if rng.random() < 0.020 and clump > 0.0:
                petal, r = flowers[rng.integers(4)], (0.0022 + 0.0042 * depth) * height
                box = [x + bend - r, y - tall - r, x + bend + r, y - tall + 0.7 * r]
                pen.ellipse(box, fill=tuple(to_bytes(petal * rng.uniform(0.75, 1.0)).tolist()))


def _foreground(picture: Array) -> Array:
    """Draw the bank and the pines over the picture (height, width, 3) of display colours."""
    height, width = picture.shape[:2]
    sheet = Image.fromarray(to_bytes(picture))
    pen = ImageDraw.Draw(sheet)
    rng = np.random.default_rng(SEED + 70)
    for x, y, tall in (
        (1.30, 0.86, 0.50),
        (1.455, 0.86, 0.66),
        (1.385, 0.90, 0.80),
        (0.05, 0.90, 0.34),
    ):
        _pine(pen, np.array([x, y]) * height, tall * height, rng)
    _bank(pen, height, width, rng)
    return np.asarray(sheet, np.float32) / 255.0


def draw(scale: float = 1.0) -> NDArray[np.uint8]:
    """The photo, (640, 960, 3) bytes at scale 1."""
    height, width = (round(side * scale) * OVERSAMPLE for side in SIZE)
    image, distance = render(height, width, EYE, NEAR)
    picture = _foreground(expose(_lake(image, distance)))
    picture = shrink(picture, OVERSAMPLE)
    return with_grain(picture, 0.008, SEED)
