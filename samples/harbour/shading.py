"""From the faces behind the pixels to the light that comes from them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from fields import Array, blend, linear, smoothstep
from numpy.typing import NDArray

from harbour import joinery, surfaces
from harbour.faces import NOTHING, Face, View
from harbour.light import HAZE, Light, sky
from harbour.surfaces import Spot

# How each material of a face looks.
MATERIALS: dict[str, Callable[[Spot], None]] = {
    **{
        name: getattr(surfaces, name)
        for name in (
            *("plaster", "brick", "boards", "tiles", "timber", "stone", "ashlar", "cobbles"),
            *("paint", "hull", "canvas", "crate", "flowers", "lamp"),
        )
    },
    **{name: getattr(joinery, name) for name in ("shutter", "door", "window", "sign")},
}


@dataclass(frozen=True)
class Geometry:
    """The faces, and their numbers as arrays (faces, ...)."""

    faces: list[Face]
    origin: Array
    axes: Array  # (faces, 3, 3): u, v, normal
    bend: Array
    colour: Array
    seed: Array
    detail: Array
    material: NDArray[np.intp]

    @classmethod
    def of(cls, faces: list[Face]) -> "Geometry":
        """The arrays of these faces."""
        names = list(MATERIALS)
        detail = np.zeros((len(faces), 6), np.float32)
        for row, face in zip(detail, faces, strict=True):
            row[: len(face.detail)] = face.detail
        return cls(
            faces,
            np.array([face.origin for face in faces]),
            np.array([(face.u, face.v, face.normal) for face in faces]),
            np.array([face.bend for face in faces]),
            np.array([face.colour for face in faces], np.float32),
            np.array([face.seed for face in faces], np.float32),
            detail,
            np.array([names.index(face.material) for face in faces]),
        )


def shade(
    scene: Geometry, light: Light, view: View, depth: Array, index: NDArray[np.int32]
) -> Array:
    """Light (rows, columns, 3) that comes to the eye from the faces and the sky."""
    image = np.zeros((*depth.shape, 3), np.float32)
    _backdrop(view, image)
    material = np.where(index == NOTHING, NOTHING, scene.material[index])
    jobs = []
    for number, paint in enumerate(MATERIALS.values()):
        rows, columns = np.nonzero(material == number)
        for part in np.array_split(np.arange(rows.size), rows.size // 60_000 + 1):
            if part.size:
                jobs.append((paint, rows[part], columns[part]))

    def render(job: tuple) -> None:
        paint, rows, columns = job
        face = index[rows, columns]
        ray = view.rays(rows, columns)
        p = view.eye + ray * depth[rows, columns][:, None]
        axes, offset = scene.axes[face], p - scene.origin[face]
        u, v = (np.einsum("ij,ij->i", offset, axes[:, k]) for k in (0, 1))
        spot = Spot(u, v, p, scene.colour[face], scene.seed[face], scene.detail[face])
        paint(spot)
        flat = axes[:, 2].copy()
        bend = scene.bend[face]
        curved = flat + bend[:, 0] + u[:, None] * bend[:, 1] + v[:, None] * bend[:, 2]
        side = np.where(np.einsum("ij,ij->i", flat, ray) > 0.0, -1.0, 1.0)[:, None]
        normal = curved * side
        normal = normal + spot.tilt[:, :1] * axes[:, 0] + spot.tilt[:, 1:] * axes[:, 1]
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        phase = 2 * (rows % 2) + columns % 2
        out = spot.colour * light.arriving(p, flat * side, normal, phase) + spot.glow
        shiny = np.flatnonzero(spot.gloss > 0.02)
        if shiny.size:
            out[shiny] += _mirrored(ray[shiny], normal[shiny], spot.gloss[shiny])
        image[rows, columns] = blend(out, HAZE * 0.9, 1.0 - np.exp(-depth[rows, columns] / 420.0))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(render, jobs))
    return image


def _backdrop(view: View, image: Array) -> None:
    """Fill the rows above the horizon with the sky, which is too soft to need every pixel."""
    rows, columns = np.arange(0, int((view.b > 0.0).sum()) + 1, 2), np.arange(0, len(view.a), 2)
    i, j = (part.ravel() for part in np.meshgrid(rows, columns, indexing="ij"))
    parts = np.array_split(np.arange(i.size), 4)
    with ThreadPoolExecutor(2) as pool:
        light = list(pool.map(lambda part: sky(view.rays(i[part], j[part])), parts))
    coarse = np.concatenate(light).reshape(len(rows), len(columns), 3)
    fine = coarse.repeat(2, axis=0).repeat(2, axis=1)[: image.shape[0], : image.shape[1]]
    image[: len(fine)] = fine


def _mirrored(ray: Array, normal: Array, gloss: Array) -> Array:
    """Light (count, 3) of the sky, or of the water below the horizon, in shiny surfaces."""
    cosine = np.clip(-np.einsum("ij,ij->i", ray, normal) / np.linalg.norm(ray, axis=1), 0.0, 1.0)
    bounce = ray + 2.0 * (cosine * np.linalg.norm(ray, axis=1))[:, None] * normal
    bounce /= np.linalg.norm(bounce, axis=1, keepdims=True)
    seen = blend(sky(bounce, 3), linear("3c4f52"), smoothstep(0.03, -0.03, bounce[:, 1]))
    fresnel = 0.13 + 0.87 * (1.0 - cosine) ** 5
    return seen * (fresnel * gloss)[:, None]
