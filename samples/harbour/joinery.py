"""The surfaces of windows, doors, shutters and the sign.

Each takes a Spot and changes it, as in `surfaces`. Its `detail` holds the numbers of its face, such
as width and height in metres.
"""

from functools import cache

import numpy as np
from fields import Array, blend, fbm, linear, mix, perlin, smoothstep
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from harbour.openings import SHOP
from harbour.surfaces import Spot, scatter

SIGN = "BAKERY"


def shutter(s: Spot) -> None:
    """Slats in a frame; its numbers are width and height."""
    wide, tall = s.detail[:, 0], s.detail[:, 1]
    edge = np.minimum(np.minimum(s.u, wide - s.u), np.minimum(s.v, tall - s.v))
    edge = np.minimum(edge, np.abs(s.v - 0.52 * tall) + 0.025)
    slats = smoothstep(0.062, 0.068, edge)
    part = (s.v / 0.058) % 1.0
    s.tilt[:, 1] = slats * 0.55
    s.tint(1.0 - slats * (0.12 + 0.50 * smoothstep(0.60, 1.0, part)))
    s.tint(1.0 - 0.35 * np.exp(-(((edge - 0.066) / 0.010) ** 2)))
    x, y = s.u + s.seed, s.v
    s.tint(1.0 + 0.14 * fbm(3.0 * x, 8.0 * y, 303, 4))
    s.cover(linear("9a9284"), 0.5 * smoothstep(0.42, 0.62, fbm(4.0 * x, 4.0 * y, 300, 4)))


def door(s: Spot) -> None:
    """A panelled leaf with a row of panes above; its numbers are width and height."""
    wide, tall = s.detail[:, 0], s.detail[:, 1]
    bar = tall - 0.46
    upper = s.v > bar
    # Two by three panels with bevelled edges.
    u = (s.u / wide * 2.0) % 1.0 * wide / 2.0
    third = bar / 3.0
    v = s.v % third
    edge_u = np.minimum(u, wide / 2.0 - u) - 0.07
    edge_v = np.minimum(v, third - v) - 0.07
    inner = np.minimum(edge_u, edge_v)
    bevel = smoothstep(0.0, 0.008, inner) * smoothstep(0.055, 0.045, inner) * ~upper
    by_side = edge_u < edge_v
    s.tilt[:, 0] = bevel * by_side * 0.6 * np.sign(u - wide / 4.0)
    s.tilt[:, 1] = bevel * ~by_side * 0.6 * np.sign(v - third / 2.0)
    s.tint(1.0 - 0.45 * np.exp(-((inner / 0.012) ** 2)) * ~upper)
    s.tint(1.0 - 0.5 * smoothstep(0.012, 0.004, np.abs(s.u - 0.5 * wide)) * ~upper)
    s.tint(1.0 + 0.13 * fbm(12.0 * s.u + s.seed, 1.5 * s.v, 301, 4))
    s.tint(1.0 - 0.35 * smoothstep(0.35, 0.0, s.v))
    s.gloss[:] = 0.30
    knob = np.hypot(s.u - 0.5 * wide - 0.07, s.v - 1.0) < 0.035
    s.colour = np.where(knob[:, None], linear("c9a04a"), s.colour)
    pane = (s.u / wide * 3.0) % 1.0 * wide / 3.0
    glass = upper & (np.minimum(pane, wide / 3.0 - pane) > 0.022)
    glass &= np.minimum(s.v - bar, tall - s.v) > 0.055
    s.colour = np.where(glass[:, None], linear("2b2620"), s.colour)
    s.gloss[glass] = 1.0


def window(s: Spot) -> None:
    """Panes in a frame; its numbers: width, height, columns, rows, lit, curtains (4: a shop)."""
    wide, tall, columns, rows, lit, kind = s.detail.T
    border = np.minimum(np.minimum(s.u, wide - s.u), np.minimum(s.v, tall - s.v))
    shop = kind == SHOP
    at_u, at_v = s.u / wide * columns, s.v / tall * rows
    cell_u, cell_v = np.floor(at_u), np.floor(at_v)
    bar_u = np.abs(at_u - np.round(at_u)) * wide / columns
    bar_v = np.abs(at_v - np.round(at_v)) * tall / rows
    sash = np.where((columns == 2) & (np.round(at_u) == 1), 0.045, 0.020)
    wood = np.minimum(np.minimum(bar_u - sash, bar_v - 0.018), border - 0.062)
    frame = smoothstep(0.003, -0.003, wood)
    # What is behind the glass: a dim room, or one with a lamp, and curtains in folds.
    x, y = s.u / wide, s.v / tall
    room = blend(linear("14110f"), linear("3a3028"), smoothstep(0.2, 0.9, y))
    warm = np.exp(-((((x - 0.55) * wide) ** 2 + ((y - 0.62) * tall) ** 2) / 0.55))
    glow = (lit * (0.10 + 0.60 * warm))[:, None] * linear("ffb95e")
    drawn = np.select(
        [kind < 0.5, kind < 1.5, kind < 2.5, kind < 3.5], [0.30, 0.16, 0.36, 0.0], 0.0
    )
    hang = np.abs(x - 0.5) > 0.5 - drawn + 0.05 * np.sin(2.5 * y + s.seed) + 0.08 * (0.7 - y)
    half = (kind > 2.5) & (y < 0.52)
    net = (hang | half) & ~shop
    fold = 0.72 + 0.28 * np.sin(38.0 * x + 3.0 * np.sin(4.0 * y + s.seed))
    cloth = linear("d8d0c0") * (0.27 * fold)[:, None]
    behind = np.where(net[:, None], cloth, room)
    glow = np.where(net[:, None], glow * 0.65, glow)
    if shop.any():
        goods, shine = _goods(s.u, s.v)
        behind = np.where(shop[:, None], goods, behind)
        glow = np.where(shop[:, None], shine, glow)
    bare = smoothstep(0.0, 0.02, wood)[:, None]
    s.tint(
        1.0
        + 0.10 * fbm(9.0 * s.u + s.seed, 9.0 * s.v, 303, 3)
        - 0.2 * np.exp(-((wood / 0.012) ** 2))
    )
    s.colour = s.colour * frame[:, None] + behind * (1.0 - frame)[:, None]
    s.glow = glow * (1.0 - frame)[:, None] * (0.5 + 0.5 * bare)
    # Old panes are neither flat nor in one plane, so each mirrors another part of the sky.
    pane = 1.0 - frame
    lean_u = scatter(cell_u, cell_v, s.seed) - 0.5
    lean_v = scatter(cell_v, cell_u, s.seed + 5.0) - 0.5
    wave = perlin(3.5 * s.u + s.seed, 3.5 * s.v, 300)
    s.tilt[:, 0] = pane * (0.07 * lean_u + 0.030 * wave)
    s.tilt[:, 1] = pane * (0.09 * lean_v + 0.030 * perlin(3.5 * s.u, 3.5 * s.v + s.seed, 301))
    s.gloss = mix(0.15, 1.0, pane).astype(np.float32)


def _goods(u: Array, v: Array) -> tuple[Array, Array]:
    """Colour and glow of a shop window: shelves of loaves."""
    shelf = 0.52
    row, part = np.floor(v / shelf), v % shelf
    at = u / 0.34 + 0.37 * row
    number = np.floor(at)
    kind = scatter(number, row, 3.0)
    x, y = (at - number - 0.5) * 0.34, part - 0.05
    radius = np.hypot(x / (0.145 + 0.02 * kind), y / (0.15 + 0.12 * kind))
    loaf = (radius < 1.0) & (y > 0.0)
    crust = blend(
        linear("d9a05a"), linear("7c4520"), np.clip(radius**2 + 0.3 * np.sin(60.0 * x), 0, 1)
    )
    wood = linear("6d4a2c")
    back = blend(linear("4a3524"), linear("8a6a44"), np.clip(v / 1.6, 0.0, 1.0))
    colour = np.where(loaf[:, None], crust, np.where((part < 0.05)[:, None], wood, back))
    light = 0.34 * (0.5 + 0.5 * part / shelf)
    return colour, colour * linear("ffcf8a") * (1.3 * light)[:, None]


@cache
def _lettering(text: str) -> Array:
    """Coverage 0..1 of a line of capitals, rows from the top, cropped to the ink."""
    font = ImageFont.load_default(220)
    sheet = Image.new("L", (round(font.getlength(text)) + 900, 420))
    pen = ImageDraw.Draw(sheet)
    left = 60
    for letter in text:  # spaced as sign writers do, and bold
        pen.text((left, 60), letter, font=font, fill=255, stroke_width=11)
        left += round(font.getlength(letter)) + 80
    ink = sheet.crop(sheet.getbbox())
    return np.asarray(ink, np.float32) / 255.0


def sign(s: Spot) -> None:
    """A painted board with gilt letters; its numbers are width and height."""
    wide, tall = s.detail[:, 0], s.detail[:, 1]
    paint_gloss = 0.35
    s.tint(1.0 + 0.12 * fbm(1.8 * s.u, 5.0 * s.v, 301, 4))
    edge = np.minimum(np.minimum(s.u, wide - s.u), np.minimum(s.v, tall - s.v))
    ink = _lettering(SIGN)
    height = 0.60 * tall
    width = height * ink.shape[1] / ink.shape[0]

    def covered(u: Array, v: Array) -> Array:
        row = (0.5 + (0.5 * tall - v) / height) * ink.shape[0]
        column = (0.5 + (u - 0.5 * wide) / width) * ink.shape[1]
        return ndimage.map_coordinates(ink, [row, column], order=1, mode="constant")

    gilt = covered(s.u, s.v)
    line = smoothstep(0.010, 0.004, np.abs(edge - 0.055))
    s.tint(1.0 - 0.6 * covered(s.u - 0.02, s.v + 0.02) * (1.0 - gilt))  # a painted shadow
    worn = smoothstep(0.45, 0.75, fbm(9.0 * s.u, 9.0 * s.v, 302, 4))
    s.cover(linear("e9c877"), np.maximum(gilt, 0.8 * line) * (1.0 - 0.5 * worn))
    s.gloss = (paint_gloss * (1.0 - gilt)).astype(np.float32)
