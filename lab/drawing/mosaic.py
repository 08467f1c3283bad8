"""A mosaic: a sun over spiral waves, in tesserae that follow the contours of the motif.

The tiles are a centroidal Voronoi diagram under a squarish norm turned along the nearest contour
(Hausner, "Simulating decorative mosaics", 2001).
"""

from collections.abc import Callable

import numpy as np
from fields import Array, fbm, perlin, pixel_grid, rgb, shrink, smoothstep, to_bytes
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

SIZE = (860, 860)  # height, width in pixels at scale 1
OVERSAMPLE = 2
SEED = 330
LAYOUT = 512  # side in pixels of the grid that the tiles are placed on
TILE = 0.0178  # side of a tile, in picture heights
GROUT = 0.00135  # half the width of a joint
NORM = 7.0  # exponent of the norm: 2 makes hexagons, infinity makes squares with sharp corners
LLOYD_STEPS = 14
NEIGHBOURS = 7  # candidates for the owner of a pixel

# Pigments of each region of the motif; a tile takes one at random, the first ones more often.
PALETTES: dict[str, tuple[str, ...]] = {
    "sky": ("1d3f8c", "25499b", "17347a", "2f5bb0", "122a66", "3a6cbd"),
    "halo": ("4f8fc4", "3f7ab8", "6fa9d0", "5a9ccb", "2f68ac"),
    "cloud": ("f1ead8", "e6dcc4", "f8f3e6", "cfd4cf", "dccfb2"),
    "cloud-shade": ("8fb3c9", "a9c2cc", "759fc0", "b9c9c8"),
    "gold": ("e3ad2c", "f0c244", "d1951f", "f7d465", "c28318", "ffe08a"),
    "amber": ("d97f1e", "c96a1a", "e5942f", "b95a1b"),
    "terracotta": ("b4472a", "a33a22", "c65a38", "8f2f1d", "d06d48"),
    "white": ("f3ecdb", "e9dfc8", "fbf7ec", "ddd0b4"),
    "sea": ("173a73", "1b4686", "12305f", "22559a"),
    "teal": ("1f7f8c", "2a93a0", "186b7c", "3aa7ac", "145a70"),
    "aqua": ("79bfc0", "93cfc9", "5fb0b8", "a9d9cf"),
}
NAMES = tuple(PALETTES)


def _spiral(x: Array, y: Array, pitch: float, sense: float) -> Array:
    """Phase in 0..1 across the arms of an Archimedean spiral about (0, 0)."""
    turn = np.arctan2(y, x * sense) / (2.0 * np.pi)
    return (np.hypot(x, y) / pitch - turn) % 1.0


def _sun(x: Array, y: Array, put: Callable[[Array, str], None]) -> None:
    cx, cy, disc = 0.5, 0.355, 0.125
    r = np.hypot(x - cx, y - cy)
    angle = np.arctan2(y - cy, x - cx)
    put(r < 0.315, "halo")
    for count, reach, width, sway, name in (
        (12, 0.285, 0.62, 0.0, "terracotta"),
        (12, 0.300, 0.60, 0.5, "gold"),
    ):
        bend = 0.10 * np.sin(28.0 * (r - disc))  # the flames waver
        phase = ((angle + bend) / (2.0 * np.pi) * count + sway) % 1.0
        along = np.clip((r - disc) / (reach - disc), 0.0, 1.0)
        put((np.abs(phase - 0.5) < 0.5 * width * (1.0 - along)) & (r > disc), name)
    put(r < disc + 0.018, "terracotta")
    put(r < disc, "gold")
    put((r < disc - 0.004) & (_spiral(x - cx, y - cy, 0.060, 1.0) < 0.36), "amber")
    put(r < 0.022, "white")


def _waves(x: Array, y: Array, put: Callable[[Array, str], None]) -> None:
    """Rows of spiral crests, the nearer row over the farther one."""
    for row, base in enumerate((0.735, 0.835, 0.945)):
        period, radius = 0.208, 0.082
        shift = 0.5 * period * (row % 2)
        cell = np.floor((x - shift) / period)
        cx = (cell + 0.5) * period + shift
        swell = base - 0.030 - 0.022 * np.cos(2.0 * np.pi * (x - cx) / period)
        r = np.hypot(x - cx, y - base)
        put(y > swell - 0.018, "white")
        put(y > swell, "teal" if row != 1 else "sea")
        put(r < radius + 0.017, "white")
        put(r < radius, "sea" if row != 1 else "teal")
        put((r < radius) & (_spiral(x - cx, y - base, 0.047, 1.0) < 0.44), "aqua")
        put(r < 0.016, "white")
        put((y > base + 0.055) & (r > radius + 0.017), "aqua")


def motif(x: Array, y: Array) -> NDArray[np.intp]:
    """Region (an index into NAMES) of the points (x, y) of the unit square."""
    region = np.zeros(x.shape, np.intp)

    def put(where: Array, name: str) -> None:
        region[where] = NAMES.index(name)

    _sun(x, y, put)
    for cx, cy, radius, sense in (
        (0.15, 0.19, 0.075, 1.0),
        (0.85, 0.19, 0.075, -1.0),
        (0.115, 0.45, 0.060, -1.0),
        (0.885, 0.45, 0.060, 1.0),
        (0.265, 0.10, 0.040, 1.0),
        (0.735, 0.10, 0.040, -1.0),
        (0.225, 0.52, 0.042, 1.0),
        (0.775, 0.52, 0.042, -1.0),
    ):
        r = np.hypot(x - cx, y - cy)
        put(r < radius, "cloud")
        put((r < radius - 0.012) & (_spiral(x - cx, y - cy, 0.044, sense) < 0.42), "cloud-shade")
    _waves(x, y, put)
    frame = np.minimum(np.minimum(x, 1.0 - x), np.minimum(y, 1.0 - y))
    put(frame < 0.066, "white")
    put(frame < 0.050, "terracotta")
    # A running row of gold lozenges in the terracotta band of the frame.
    along = np.where((x < 0.05) | (x > 0.95), y, x)
    lozenge = np.abs((along / 0.0715 + 0.5) % 1.0 - 0.5) * 0.0715 + np.abs(frame - 0.0345)
    put((lozenge < 0.0165) & (frame < 0.050), "gold")
    put(frame < 0.018, "sea")
    return region


def _contours(region: NDArray[np.intp]) -> tuple[Array, Array]:
    """Distance (picture heights) to the nearest contour of the motif, and direction across it."""
    edge = np.zeros(region.shape, bool)
    edge[:, 1:] |= region[:, 1:] != region[:, :-1]
    edge[1:, :] |= region[1:, :] != region[:-1, :]
    distance = ndimage.distance_transform_edt(~edge)
    down, right = np.gradient(ndimage.gaussian_filter(distance, 1.5))
    # Doubling the angle makes both sides of a contour agree, so the directions can be averaged.
    double = (right + 1j * down) ** 2
    smooth = ndimage.gaussian_filter(double.real, 3) + 1j * ndimage.gaussian_filter(double.imag, 3)
    return distance / region.shape[0], 0.5 * np.angle(smooth)


def _owners(
    points: Array, kind: NDArray[np.intp], seeds: Array, angle: Array, seed_kind: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Array]:
    """Tile of each point (count, 2), and distance to the next tile of the same region, (count,)."""
    near = cKDTree(seeds).query(points, k=NEIGHBOURS, workers=2)[1]
    offset = points[:, None, :] - seeds[near]
    cos, sin = np.cos(angle)[near], np.sin(angle)[near]
    across = np.abs(offset[..., 0] * cos + offset[..., 1] * sin)
    along = np.abs(offset[..., 1] * cos - offset[..., 0] * sin)
    length = (across**NORM + (along * 0.93) ** NORM) ** (1.0 / NORM)
    length = length + (seed_kind[near] != kind[:, None])  # a tile never crosses a contour
    order = np.argsort(length, axis=1)[:, :2]
    best, second = np.take_along_axis(length, order, axis=1).T
    owner = np.take_along_axis(near, order[:, :1], axis=1)[:, 0]
    return owner, 0.5 * (second - best)


def lay_tiles(
    rng: np.random.Generator, layout: int = LAYOUT
) -> tuple[Array, Array, NDArray[np.intp]]:
    """Centres (tiles, 2) in the unit square, directions and regions (tiles,) of the tesserae."""
    x, y = pixel_grid(layout, layout)
    region = motif(x, y)
    distance, direction = _contours(region)
    points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64)
    inner = distance.ravel() > 1.2 / layout
    side = round(1.0 / TILE)
    lattice = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    seeds = (lattice + rng.uniform(0.2, 0.8, lattice.shape)) / side
    for _ in range(LLOYD_STEPS):
        at = np.minimum((seeds * layout).astype(int), layout - 1)
        angle = direction[at[:, 1], at[:, 0]]
        kind = region[at[:, 1], at[:, 0]]
        owner, _ = _owners(points[inner], region.ravel()[inner], seeds, angle, kind)
        count = np.bincount(owner, minlength=len(seeds))
        total = [np.bincount(owner, points[inner, i], len(seeds)) for i in (0, 1)]
        kept = count > 0.15 * (TILE * layout) ** 2  # slivers are dropped, as a mosaicist would
        seeds = np.stack(total, axis=1)[kept] / count[kept, None]
    at = np.minimum((seeds * layout).astype(int), layout - 1)
    return seeds, direction[at[:, 1], at[:, 0]], region[at[:, 1], at[:, 0]]


def _tile_colours(kind: NDArray[np.intp], seeds: Array, rng: np.random.Generator) -> Array:
    """Colours (tiles, 3): a pigment of the region's palette, varied in value and in hue."""
    colours = np.empty((len(kind), 3), np.float32)
    patch = fbm(7.0 * seeds[:, 0], 7.0 * seeds[:, 1], SEED + 40, 2)  # batches of stone differ
    for index, name in enumerate(NAMES):
        palette = np.array([rgb(code) for code in PALETTES[name]])
        here = np.flatnonzero(kind == index)
        weights = np.linspace(1.6, 0.5, len(palette))
        colours[here] = palette[rng.choice(len(palette), here.size, p=weights / weights.sum())]
    value = 1.0 + 0.10 * patch + rng.normal(0.0, 0.055, len(kind))
    return colours * value[:, None] + rng.normal(0.0, 0.012, colours.shape)


def draw(scale: float = 1.0) -> NDArray[np.uint8]:
    """The mosaic, (860, 860, 3) bytes at scale 1."""
    rng = np.random.default_rng(SEED)
    # Below a quarter of the size a coarser layout shows no difference.
    seeds, angle, kind = lay_tiles(rng, LAYOUT if scale > 0.25 else LAYOUT // 2)
    colours = _tile_colours(kind, seeds, rng)
    tilt = rng.normal(0.0, 1.0, (len(seeds), 2))
    shine = np.isin(kind, [NAMES.index("gold"), NAMES.index("amber")])

    side = round(SIZE[0] * scale) * OVERSAMPLE
    x, y = pixel_grid(side, side)
    wobble = 0.0011  # hand-cut edges are not straight
    wx = x + wobble * perlin(70 * x, 70 * y, SEED + 50)
    wy = y + wobble * perlin(70 * x, 70 * y, SEED + 51)
    region = motif(wx, wy)
    contour, _ = _contours(region)
    points = np.stack([wx.ravel(), wy.ravel()], axis=1).astype(np.float64)
    owner, gap = (
        part.reshape(side, side) for part in _owners(points, region.ravel(), seeds, angle, kind)
    )
    edge = np.minimum(gap, contour)
    crossed = kind[owner] != region  # a corner of the motif too small for a tile is grout
    edge = np.where(crossed, 0.0, edge)
    chip = 0.0005 * fbm(160 * x, 160 * y, SEED + 52, 2)
    stone = smoothstep(GROUT - 0.0004, GROUT + 0.0005, edge + chip)

    # Each tile is a slightly tilted slab with worn edges, lit from the upper left.
    crown = np.sqrt(np.clip((edge - GROUT) / 0.0035, 0.0, 1.0))
    down, right = np.gradient(ndimage.gaussian_filter(crown, OVERSAMPLE * scale))
    bevel = -(right + 1.2 * down) * (0.9 / (OVERSAMPLE * scale)) * OVERSAMPLE * scale
    dx, dy = x - seeds[owner, 0], y - seeds[owner, 1]
    ramp = (dx * tilt[owner, 0] + dy * tilt[owner, 1]) / TILE
    facing = -(tilt[owner, 0] + tilt[owner, 1]) * 0.045
    grain = 0.05 * fbm(110 * x, 110 * y, SEED + 53, 3)
    value = 1.0 + facing + 0.10 * ramp + grain + np.clip(bevel, -0.35, 0.45)
    # Gold leaf under glass glints where the tile happens to face the lamp.
    glint = shine[owner] * np.clip(facing - 0.05, 0.0, 0.12) * 4.0
    tiles = colours[owner] * value[..., None] + glint[..., None] * rgb("fff2c0")

    mortar = 0.62 + 0.10 * fbm(60 * x, 60 * y, SEED + 54, 4) - 0.16 * smoothstep(0.0, GROUT, edge)
    mortar = rgb("a8977c") * mortar[..., None]
    image = mortar + (tiles - mortar) * stone[..., None]
    return to_bytes(shrink(image, OVERSAMPLE))
