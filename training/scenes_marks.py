"""What is drawn over the textures of a scene and must stay readable: writing, windows, faces,
twigs, frames. Drawn by Pillow, larger and then reduced, so that edges are smooth."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from training.scenes_fields import Array
from training.scenes_palettes import palette

OVERSAMPLING = 3
Rng = np.random.Generator


class Mark(NamedTuple):
    """colour: float32 [side, side, 3], 0…1; alpha: float32 [side, side], 0…1; solid: whether it
    covers a surface (a face, a window), which is then a region of its own, or is mere line."""

    colour: Array
    alpha: Array
    solid: bool


class _Canvas:
    """Draws in pixels of the reduced picture; colours are 0…1."""

    def __init__(self, side: int) -> None:
        self.image = Image.new("RGBA", (side * OVERSAMPLING,) * 2)
        self.draw = ImageDraw.Draw(self.image)

    def line(self, path: Array, colour: Array, width: float) -> None:
        scaled = [tuple(point) for point in np.asarray(path) * OVERSAMPLING]
        self.draw.line(scaled, _rgba(colour), max(1, round(width * OVERSAMPLING)), "curve")

    def ellipse(self, centre: Array, radii: Array, colour: Array) -> None:
        self.draw.ellipse(_box(centre, radii), _rgba(colour))

    def rectangle(self, centre: Array, radii: Array, colour: Array) -> None:
        self.draw.rectangle(_box(centre, radii), _rgba(colour))

    def mark(self, solid: bool) -> Mark:
        pixels = np.asarray(self.image.reduce(OVERSAMPLING), np.float32) / 255
        return Mark(pixels[..., :3], pixels[..., 3], solid)


def _rgba(colour: Array) -> tuple[int, ...]:
    return tuple(round(255 * float(np.clip(part, 0, 1))) for part in (*colour, 1.0))


def _box(centre: Array, radii: Array) -> list[float]:
    (x, y), (across, down) = np.asarray(centre), np.abs(radii)
    return [float(OVERSAMPLING * edge) for edge in (x - across, y - down, x + across, y + down)]


def _glyphs(rng: Rng, count: int) -> list[list[Array]]:
    """An alphabet: each sign is one to three lines [n, 2] in the unit square."""
    lines = []
    for _ in range(count):
        sign = []
        for _ in range(int(rng.integers(1, 4))):
            knots = rng.integers(0, 3, (int(rng.integers(2, 5)), 2)) / 2
            if rng.uniform() < 0.3:
                turn = np.linspace(0, rng.uniform(2, 6.3), 9) + rng.uniform(0, 6)
                knots = 0.5 + 0.5 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
            sign.append(knots * [0.75, 1])
        lines.append(sign)
    return lines


def _write(
    rng: Rng, canvas: _Canvas, corner: Array, size: float, width: float, rows: int, colour: Array
) -> None:
    """Rows of signs from `corner` (x, y), each `size` high, rows as wide as `width`, in words."""
    alphabet, pen = _glyphs(rng, 12), max(0.6, size * rng.uniform(0.08, 0.2))
    for row in range(rows):
        x = 0.0
        while x < width:
            if rng.uniform() > 0.16:
                origin = corner + np.array([x, row * size * 1.6])
                for line in alphabet[int(rng.integers(len(alphabet)))]:
                    canvas.line(origin + size * line, colour, pen)
            x += size * rng.uniform(0.95, 1.15)


def text_page(rng: Rng, side: int, size: float) -> Array:
    """A page of writing, signs `size` pixels high: float32 [side, side], 0 paper, 1 ink."""
    canvas = _Canvas(side)
    rows = int(side / size / 1.6) + 2
    _write(rng, canvas, np.array([-size, -size]), size, side + size, rows, np.ones(3))
    return canvas.mark(False).alpha


def writing(rng: Rng, side: int) -> Mark:
    """A word or a few lines."""
    canvas, size = _Canvas(side), rng.uniform(6, 24)
    corner = rng.uniform(0, side * 0.6, 2)
    rows = int(rng.integers(1, 4))
    _write(rng, canvas, corner, size, rng.uniform(2, 7) * size, rows, palette(rng, 2)[1])
    return canvas.mark(False)


def windows(rng: Rng, side: int) -> Mark:
    """A wall's rows of windows or doors with frames and bars."""
    canvas, colours = _Canvas(side), palette(rng, 4)
    across, down = rng.uniform(4, 14), rng.uniform(5, 18)
    gap = rng.uniform(1.4, 2.4, 2) * 2 * [across, down]
    origin = rng.uniform(0.1, 0.5, 2) * side
    for row in range(int(rng.integers(1, 4))):
        for column in range(int(rng.integers(1, 5))):
            centre = origin + gap * [column, row]
            canvas.rectangle(centre, np.array([across, down]) + 1.5, colours[1])
            canvas.rectangle(centre, np.array([across, down]), colours[0])
            if rng.uniform() < 0.7:
                for bar in (
                    np.array([[-across, 0], [across, 0]]),
                    np.array([[0, -down], [0, down]]),
                ):
                    canvas.line(centre + bar, colours[1], 1)
    return canvas.mark(True)


def face(rng: Rng, side: int) -> Mark:
    """A head: hair, eyes, brows, nose and mouth where they belong, shaded from one side."""
    canvas, skin = _Canvas(side), palette(rng, 2)[1]
    dark, hair, lips = skin * rng.uniform(0.35, 0.8), palette(rng, 2)[1], palette(rng, 2)[1]
    size = rng.uniform(14, 48)
    centre = rng.uniform(0.25, 0.75, 2) * side
    tilt = rng.normal() * 0.2
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    at = lambda x, y: centre + size * (turn @ np.array([x, y]))  # noqa: E731
    lean = rng.uniform(-0.15, 0.15)
    canvas.ellipse(at(0, -0.25), size * np.array([0.95, 1.05]), hair)
    canvas.ellipse(at(lean, 0.05), size * np.array([0.75, 1.0]), skin)
    light = skin + rng.uniform(-0.15, 0.15)
    canvas.ellipse(at(lean + rng.choice([-0.3, 0.3]), 0.1), size * np.array([0.35, 0.6]), light)
    for eye in (-0.32, 0.32):
        spot = at(lean + eye, -0.1)
        canvas.ellipse(spot, size * np.array([0.17, rng.uniform(0.06, 0.11)]), skin * 0.4 + 0.6)
        canvas.ellipse(spot, size * np.array([0.07, 0.07]), dark * 0.4)
        brow = np.stack([at(lean + eye + x, -0.3 - 0.06 * (x == 0)) for x in (-0.2, 0, 0.2)])
        canvas.line(brow, dark * 0.7, max(0.7, size * 0.05))
    bridge = np.stack(
        [at(lean * 1.3 + x, y) for x, y in ((0.03, -0.1), (0.1, 0.25), (-0.06, 0.28))]
    )
    canvas.line(bridge, dark, max(0.6, size * 0.035))
    smile = rng.uniform(-0.06, 0.12)
    for lift, colour in ((0.0, lips), (0.5, lips * 0.8)):
        curve = [
            at(lean + x, 0.52 + smile * (lift - (x / 0.3) ** 2)) for x in np.linspace(-0.3, 0.3, 7)
        ]
        canvas.line(np.stack(curve), colour, max(0.7, size * 0.05))
    return canvas.mark(True)


def twigs(rng: Rng, side: int) -> Mark:
    """Branching or parallel thin lines: twigs, wires, masts, hair."""
    canvas, colour = _Canvas(side), palette(rng, 2)[1]
    heading, start = rng.uniform(0, 2 * np.pi), rng.uniform(0, side, 2)
    for _ in range(int(rng.integers(2, 14))):
        turn = heading + rng.normal() * rng.choice([0.05, 0.6])
        bend = turn + np.cumsum(0.15 * rng.standard_normal(8))
        path = np.cumsum(np.stack([np.cos(bend), np.sin(bend)], axis=1), axis=0)
        path = start + rng.uniform(3, 14) * path
        canvas.line(np.vstack([start, path]), colour, rng.uniform(0.7, 2.5))
        start = path[int(rng.integers(len(path)))] + rng.choice([0, 6]) * rng.normal(size=2)
    return canvas.mark(False)


def frame(rng: Rng, side: int) -> Mark:
    """A border along the picture's edges, of one or two lines."""
    canvas, colours = _Canvas(side), palette(rng, 3)
    inset, middle = 0.0, np.full(2, side / 2)
    for colour in colours[1 : int(rng.integers(2, 4))]:
        canvas.rectangle(middle, middle - inset, colour)
        inset += rng.uniform(2, 8)
    canvas.draw.rectangle(_box(middle, middle - inset), (0, 0, 0, 0))
    return canvas.mark(True)


MARKS = (writing, windows, face, face, twigs, frame)
