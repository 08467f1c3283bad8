"""A still life: fruit, a glazed bowl and a bottle on a wooden table, lit by a window at the left.

Ray marching through signed distance fields. Coordinates: x to the right, y up, z towards the
viewer; the table is the plane y = 0. Arrays of points are (count, 3); colours are linear light.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from fields import Array, blend, expose, linear, mix, shrink, smoothstep, with_grain
from numpy.typing import NDArray
from objects import ROUGHNESS, SEED, SHEEN, THINGS, Thing, pitted, plaster, skin, unit, wood

SIZE = (720, 960)  # height, width in pixels at scale 1
OVERSAMPLE = 2
TILE = 96  # side of the square of rays marched together; small enough to cull most objects
STEPS, SHADOW_STEPS = 56, 26
HIT = 0.0012
SOFTNESS = 9.0  # sharpness of the shadows: the inverse of the window's angular size

EYE = np.array([0.15, 2.35, 6.6], np.float32)
TARGET = np.array([0.08, 0.83, 0.0], np.float32)
FIELD = 0.31  # tangent of half the vertical field of view
WALL = -2.6  # z of the wall
SUN = np.array([-0.80, 0.56, 0.21], np.float32)  # unit vector towards the window
KEY_LIGHT = np.array([3.1, 2.72, 2.15], np.float32)
SKY_LIGHT = np.array([0.20, 0.25, 0.33], np.float32)
BOUNCE = np.array([0.26, 0.17, 0.10], np.float32)


def _crossed(things: Sequence[Thing], origin: Array, ray: Array) -> list[Thing]:
    """The objects whose bounding sphere at least one of the rays meets."""
    met = []
    for thing in things:
        offset = thing.ball - origin
        along = np.maximum(np.einsum("ij,ij->i", offset, ray), 0.0)
        if (np.einsum("ij,ij->i", offset, offset) - along**2).min(initial=np.inf) < thing.bound**2:
            met.append(thing)
    return met


def march(origin: Array, ray: Array, limit: Array) -> tuple[Array, NDArray[np.intp]]:
    """Distance along each ray to an object, and index in THINGS; `limit` and -1 if none is hit."""
    travelled, hit = limit.copy(), np.full(len(ray), -1)
    things = _crossed(THINGS, origin, ray)
    active, t = np.arange(len(ray)), np.full(len(ray), 0.02, np.float32)
    for _ in range(STEPS if things else 0):
        p = origin[active] + ray[active] * t[active, None]
        distances = np.stack([thing(p) for thing in things])
        nearest = distances.min(axis=0)
        landed = nearest < HIT
        if landed.any():
            which = np.array([THINGS.index(thing) for thing in things])
            hit[active[landed]] = which[distances[:, landed].argmin(axis=0)]
            travelled[active[landed]] = t[active[landed]]
        t[active] += nearest
        active = active[~landed & (t[active] < limit[active])]
        if not active.size:
            break
    return travelled, hit


def shadow(p: Array) -> Array:
    """Share of the window's light that reaches the points, 0 to 1, with soft penumbrae."""
    ray = np.broadcast_to(SUN, p.shape)
    light = np.ones(len(p), np.float32)
    things = _crossed(THINGS, p, ray)
    active, t = np.arange(len(p)), np.full(len(p), 0.03, np.float32)
    for _ in range(SHADOW_STEPS if things else 0):
        q = p[active] + SUN * t[active, None]
        nearest = np.min([thing(q) for thing in things], axis=0)
        light[active] = np.minimum(light[active], 0.5 + 0.5 * SOFTNESS * nearest / t[active])
        t[active] += np.clip(nearest, 0.025, 0.35)
        active = active[(light[active] > 0.0) & (q[:, 1] < 2.8)]
        if not active.size:
            break
    return smoothstep(0.0, 1.0, light)


def openness(p: Array, normal: Array) -> Array:
    """Ambient occlusion: 1 in the open, towards 0 in crevices."""
    blocked = np.zeros(len(p), np.float32)
    near = [
        thing
        for thing in THINGS
        if np.linalg.norm(p - thing.ball, axis=1).min(initial=np.inf) < thing.bound + 0.6
    ]
    for step, weight in ((0.04, 1.6), (0.12, 1.2), (0.28, 0.75), (0.55, 0.40)):
        q = p + normal * np.float32(step)
        free = np.minimum(q[:, 1], q[:, 2] - WALL)
        for thing in near:
            free = np.minimum(free, thing(q))
        blocked += weight * np.clip(step - free, 0.0, None)
    return np.clip(1.0 - 1.15 * blocked, 0.06, 1.0)


def _normal(thing: Thing, p: Array) -> Array:
    """Gradient of the distance field, from the four corners of a tetrahedron."""
    total = np.zeros_like(p)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        k = np.array(corner, np.float32)
        total += k * thing(p + k * np.float32(0.002))[:, None]
    return unit(total)


def room(ray: Array, roughness: float) -> Array:
    """Light (count, 3) that arrives from directions: a dim room with a window in four panes."""
    right = unit(np.cross(SUN, [0.0, 1.0, 0.0]).astype(np.float32))
    above = np.cross(right, SUN).astype(np.float32)
    facing = np.maximum(ray @ SUN, 1e-3)
    u, v = ray @ right / facing, ray @ above / facing
    soft = 0.02 + roughness
    pane = smoothstep(soft, -soft, np.abs(u) - 0.34) * smoothstep(soft, -soft, np.abs(v) - 0.46)
    bars = smoothstep(0.02 - soft, 0.02 + soft, np.minimum(np.abs(u), np.abs(v)))
    pane = pane * mix(bars, 0.9, min(1.0, 4.0 * roughness)) * (ray @ SUN > 0.0)
    up = smoothstep(-0.4, 1.0, ray[:, 1])
    dim = blend(linear("5a3d26"), linear("5d6a78"), up) * 0.8
    return dim + pane[:, None] * linear("fff6e6") * np.float32(5.5 / (1.0 + 9.0 * roughness))


def shade(p: Array, ray: Array, hit: NDArray[np.intp], mirrored: bool = True) -> Array:
    """Light (count, 3) leaving surface points towards the eye; hit -1 is the table or the wall."""
    normal, colour = np.zeros_like(p), np.zeros_like(p)
    sheen, rough = np.zeros(len(p), np.float32), np.full(len(p), 0.35, np.float32)
    on_wall = (hit < 0) & (p[:, 1] > 0.004)
    on_table = (hit < 0) & ~on_wall
    normal[on_wall], normal[on_table] = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)
    colour[on_wall] = plaster(p[on_wall])
    colour[on_table] = wood(p[on_table])
    sheen[on_table] = 0.35
    for index in np.unique(hit[hit >= 0]):
        thing, here = THINGS[index], hit == index
        bare = _normal(thing, p[here])
        colour[here] = skin(thing, p[here], bare, ray[here])
        normal[here] = pitted(thing.kind, thing.local(p[here]), bare)
        sheen[here], rough[here] = SHEEN[thing.kind], ROUGHNESS[thing.kind]
    start = p + normal * np.float32(0.006)
    facing = np.clip(normal @ SUN, 0.0, 1.0)
    lit = np.zeros(len(p), np.float32)
    day = facing > 0.0
    lit[day] = shadow(start[day]) * facing[day]
    ambient = openness(p, normal)
    up = 0.5 + 0.5 * normal[:, 1]
    low = np.exp(-1.2 * p[:, 1])
    fill = SKY_LIGHT * (0.35 + 0.65 * up)[:, None] + BOUNCE * ((1.0 - up) * low)[:, None] * 1.6
    # The window is near: its light falls off across the wall and the table.
    fall = np.clip(1.12 - 0.13 * (p[:, 0] + 1.5), 0.35, 1.4)
    fall = fall * np.where(on_wall, smoothstep(4.6, 0.2, p[:, 1] + 0.42 * p[:, 0] + 0.6), 1.0)
    out = colour * (KEY_LIGHT * (lit * fall)[:, None] + fill * ambient[:, None])

    bounce = ray - 2.0 * np.einsum("ij,ij->i", ray, normal)[:, None] * normal
    cosine = np.clip(-np.einsum("ij,ij->i", ray, normal), 0.0, 1.0)
    fresnel = (0.045 + 0.955 * (1.0 - cosine) ** 5) * sheen
    for level in np.unique(rough[sheen > 0.0]):
        here = np.flatnonzero((rough == level) & (sheen > 0.0))
        seen = room(bounce[here], float(level))
        if mirrored and level < 0.2:  # rougher surfaces blur what they mirror beyond notice
            limit = np.full(len(here), 4.0, np.float32)
            far, met = march(start[here], bounce[here], limit)
            struck = np.flatnonzero(met >= 0)
            if struck.size:
                at = start[here][struck] + bounce[here][struck] * far[struck, None]
                seen[struck] = shade(at, bounce[here][struck], met[struck], mirrored=False)
        seen = seen * (0.25 + 0.75 * ambient[here])[:, None]
        out[here] += seen * (fresnel[here] * (1.0 - 0.6 * level))[:, None]
    return out


def _trace(x: Array, y: Array) -> Array:
    """Light (count, 3) seen at the points (x, y) of the picture, in half picture heights."""
    forward = unit(TARGET - EYE)
    right = unit(np.cross(forward, [0.0, 1.0, 0.0]).astype(np.float32))
    above = np.cross(right, forward)
    ray = unit(forward + FIELD * (x[:, None] * right + y[:, None] * above)).astype(np.float32)
    origin = np.broadcast_to(EYE, ray.shape)
    to_table = np.where(ray[:, 1] < -1e-4, -EYE[1] / np.minimum(ray[:, 1], -1e-4), np.inf)
    to_wall = (WALL - EYE[2]) / ray[:, 2]
    limit = np.minimum(to_table, to_wall).astype(np.float32)
    travelled, hit = march(origin, ray, limit)
    p = origin + ray * travelled[:, None]
    p[(hit < 0) & (to_table <= to_wall), 1] = 0.0
    return shade(p, ray, hit)


def draw(scale: float = 1.0) -> NDArray[np.uint8]:
    """The photo, (720, 960, 3) bytes at scale 1."""
    height, width = (round(side * scale) * OVERSAMPLE for side in SIZE)
    image = np.zeros((height, width, 3), np.float32)
    corners = [(row, col) for row in range(0, height, TILE) for col in range(0, width, TILE)]

    def render(corner: tuple[int, int]) -> None:
        row, col = corner
        y, x = np.mgrid[row : min(row + TILE, height), col : min(col + TILE, width)]
        across = (2.0 * x + 1.0 - width) / height
        upward = (height - 2.0 * y - 1.0) / height
        light = _trace(across.ravel().astype(np.float32), upward.ravel().astype(np.float32))
        image[row : row + TILE, col : col + TILE] = light.reshape(*x.shape, 3)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(render, corners))
    picture = expose(shrink(np.minimum(image, 6.0), OVERSAMPLE))
    return with_grain(picture, 0.010, SEED)
