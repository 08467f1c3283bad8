"""Scores a network by what it paints: textures from noise, and photos in the style of paintings; of
held-out drawn textures and scenes, and of the project's sample pictures."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from training.export import SAMPLES
from training.fold import Layers
from training.metrics import patch_coherence, sliced_wasserstein, structure_kept
from training.scenes import TexturePool, draw_batch
from training.scenes_textures import texture
from training.synthesis import painted
from training.train import HELD_OUT_SEED

# Of each family one texture; what style transfer is for, and what random features turn to grain.
DRAWN = ("strokes", "hatching", "mosaic", "bristles", "weave", "wash", "leaves", "stripes")


@dataclass(frozen=True)
class Scores:
    """Means over all pictures. Of textures made from noise and of transfers: patch coherence and
    sliced Wasserstein distance (lower is better); of transfers, how much structure is kept
    (higher is better)."""

    texture_coherence: float
    texture_wasserstein: float
    transfer_coherence: float
    transfer_wasserstein: float
    structure: float

    def as_dict(self) -> dict[str, float]:
        """Rounded, for a recipe."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def score_network(layers: Layers, size: int, steps: int) -> Scores:
    """Paints all held-out pictures with this network, and scores them. size: of the longer side in
    px, but for drawn scenes, which have 128."""
    textures = [
        (patch_coherence(made, wanted), sliced_wasserstein(made, wanted))
        for wanted in _textures(size)
        for made in [painted(layers, wanted, None, steps)]
    ]
    transfers = [
        (
            patch_coherence(made, wanted),
            sliced_wasserstein(made, wanted),
            structure_kept(made, photo),
        )
        for photo, wanted in _pairs(size)
        for made in [painted(layers, wanted, photo, steps)]
    ]
    return Scores(*np.mean(textures, axis=0).tolist(), *np.mean(transfers, axis=0).tolist())


def table(found: Mapping[str, Scores]) -> str:
    """Scores of several networks as a table in Markdown."""
    names = list(Scores.__dataclass_fields__)
    lines = [["network", *(name.replace("_", " ") for name in names)], ["---"] * (len(names) + 1)]
    for network, scores in found.items():
        lines.append([network, *(f"{value:.3f}" for value in asdict(scores).values())])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _textures(size: int) -> Iterator[np.ndarray]:
    for number, family in enumerate(DRAWN):
        rng = np.random.default_rng([HELD_OUT_SEED, 3, number])
        yield texture(rng, family, size).astype(np.float32) / 255


def _pairs(size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(photo, painting): drawn scenes with drawn textures, sample photos with sample paintings."""
    pool = TexturePool(HELD_OUT_SEED, 48)
    pool.advance(0)
    scenes = draw_batch(pool, HELD_OUT_SEED, 2**21, 4).image.astype(np.float32) / 255
    yield from zip(scenes, _textures(size), strict=False)
    paintings = [_sample(path, size) for path in sorted(SAMPLES.glob("paintings/**/*.jpg"))]
    for path in sorted(SAMPLES.glob("photos/*.jpg")):
        photo = _sample(path, size)
        yield from ((photo, painting) for painting in paintings)


def _sample(path: object, size: int) -> np.ndarray:
    with Image.open(path) as picture:
        small = picture.convert("RGB")
        small.thumbnail((size, size), Image.Resampling.LANCZOS)
    return np.asarray(small, np.float32) / 255
