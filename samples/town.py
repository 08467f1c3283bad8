"""A photo of an old harbour town: gabled houses along a quay, boats, and their reflections.

Faces in space are scanned into depths, and each pixel is then shaded by the material of its face,
the sun, the share of the sky that it sees, and what it mirrors. Lengths are in metres, colours are
linear light. What is built and how it looks is in `harbour/`.
"""

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
    shrink,
    smoothstep,
    with_grain,
)
from harbour.faces import UP, View
from harbour.light import HAZE, Light
from harbour.quay import EDGE
from harbour.scene import town
from harbour.shading import Geometry, shade
from numpy.typing import NDArray
from scipy import ndimage

SIZE = (640, 960)  # height, width in pixels at scale 1
OVERSAMPLE = 2
SEED = 1653

FOCAL = 1.22  # focal length in picture heights
HORIZON = 0.585  # height of the horizon in the picture, from the top
EYE = np.array([1.6, 2.5, 29.0], np.float32)
HEADING = 0.42  # of the eye, radians to the right of the houses' fronts


def _view(eye: Array, height: int, width: int, b: Array) -> View:
    """What `eye` sees in a picture of this size, whose rows lean upwards by `b`."""
    a = (np.arange(width) + 0.5 - 0.5 * width) / height / FOCAL
    c, s = np.float32(np.cos(HEADING)), np.float32(np.sin(HEADING))
    right, forward = np.array([c, 0.0, s], np.float32), np.array([s, 0.0, -c], np.float32)
    return View(eye, right, UP, forward, a, b)


def _mirror_image(view: View, scene: Geometry, light: Light) -> tuple[Array, Array]:
    """Light (rows, columns, 3) in still water at half the resolution, and by what its rows lean.

    The eye is mirrored below the water, and so the rows count from the top of the mirrored town.
    """
    height, width = len(view.b) // 2, len(view.a) // 2
    low, high = -0.02, float(-view.b.min()) + 0.16
    b = np.linspace(high, low, max(round((high - low) * FOCAL * height), 2))
    mirror = _view(EYE * np.array([1, -1, 1], np.float32), height, width, b)
    image = shade(scene, light, mirror, *mirror.scan(scene.faces))
    return ndimage.uniform_filter(image, (2, 2, 1)), b


def _ripple(x: Array, z: Array, footprint: Array, seed: int) -> Array:
    """Unevenness of the water at (x, z), about -2 to 2; what is finer than a pixel is left out."""
    total = np.zeros_like(x)
    for octave, strength in enumerate((1.0, 0.9, 0.75, 0.55)):
        often = 0.75 * 2.1**octave
        seen = strength * smoothstep(1.2, 0.3, footprint * often)
        total += seen * perlin(0.6 * often * x, 1.5 * often * z, seed + octave)
    return total


def _water(image: Array, depth: Array, view: View, scene: Geometry, light: Light) -> Array:
    """Cover what is below the water with its surface and the town's mirror image."""
    down = np.maximum(-view.b, 1e-5)[:, None]
    far = np.broadcast_to(EYE[1] / down, depth.shape)
    rows, columns = np.nonzero((far < depth) & (view.b[:, None] < 0.0))
    reflected, b = _mirror_image(view, scene, light)

    t = far[rows, columns]
    p = view.eye + view.rays(rows, columns) * t[:, None]
    x, z = p[:, 0], p[:, 2]
    breeze = smoothstep(-0.35, 0.5, fbm(0.10 * x, 0.22 * z, SEED, 3))  # ruffles parts of it
    footprint = t * t / (EYE[1] * FOCAL * len(view.b))
    push, sway = (_ripple(x, z, footprint, SEED + seed) for seed in (1, 4))
    # What stands close behind the water moves less in it than what is far.
    near = np.clip((z - EDGE + 1.5) / 11.0, 0.12, 1.0)
    strength = (0.008 + 0.022 * breeze) * near
    lift = -view.b[rows] + strength * push
    # A mirror image never bends below the waterline.
    row = (b[0] - np.abs(lift)) / (b[0] - b[1])
    column = 0.5 * columns + 0.35 * strength * sway * FOCAL * (len(view.b) // 2) - 0.25
    seen = np.stack(
        [
            ndimage.map_coordinates(reflected[..., i], [row, column], order=1, mode="nearest")
            for i in range(3)
        ],
        axis=1,
    )
    steep = np.clip(-view.b[rows] + 2.2 * strength * push, 0.02, 1.0)
    fresnel = 0.10 + 0.90 * (1.0 - steep / np.hypot(1.0, steep)) ** 4
    body = blend(linear("16302f"), linear("2f5550"), smoothstep(-0.6, 1.0, push))
    murk = body * (0.75 + 0.25 * breeze)[:, None]
    water = murk * (1.0 - fresnel)[:, None] + seen * np.float32(0.93) * fresnel[:, None]
    image[rows, columns] = blend(water, HAZE * 0.9, 1.0 - np.exp(-np.minimum(t, 900.0) / 420.0))
    return image


def _print(light: Array) -> Array:
    """Display colours of the light (height, width, 3) that a lens lets through to the film."""
    height = len(light)
    spread = ndimage.gaussian_filter(light, (0.016 * height, 0.016 * height, 0))
    x, y = pixel_grid(*light.shape[:2])
    corner = np.hypot(x - 0.75, y - 0.5)  # where a lens passes less
    picture = expose(mix(light, spread, 0.05) * (0.96 - 0.20 * corner**2)[..., None])
    return mix(picture, smoothstep(0.0, 1.0, picture), 0.35)  # the contrast of a print


def draw(scale: float = 1.0) -> NDArray[np.uint8]:
    """The photo, (640, 960, 3) bytes at scale 1."""
    height, width = (round(side * scale) * OVERSAMPLE for side in SIZE)
    scene = Geometry.of(town())
    light = Light(scene.faces, scale)
    view = _view(EYE, height, width, (HORIZON - (np.arange(height) + 0.5) / height) / FOCAL)
    depth, index = view.scan(scene.faces)
    image = shade(scene, light, view, depth, index)
    image = _water(image, depth, view, scene, light)
    picture = _print(shrink(np.minimum(image, 4.0), OVERSAMPLE))
    return with_grain(picture, 0.008, SEED)
