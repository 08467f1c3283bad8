"""Crops of pictures to train on: any folders of photos and paintings, in changed colours."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

SIDE = 128  # px, of a crop
SIZES = (1400, 640, 320)  # px, longer side: each picture is cropped at several scales
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
HELD_OUT = 12  # One picture of so many is never trained on.


# One picture at several sizes, uint8 [H, W, 3] each.
Sizes = list[np.ndarray]


def read_folders(folders: Sequence[Path], sizes: Sequence[int] = SIZES) -> list[Sizes]:
    """Return all pictures in folders and their sub-folders, by path, at each of the sizes (px,
    longer side) that a crop fits.

    Raises ValueError if there are none, and OSError for one that is damaged.
    """
    paths = (path for folder in folders for path in sorted(folder.rglob("*")))
    read = (_sizes(path, sizes) for path in paths if path.suffix.lower() in SUFFIXES)
    found = [each for each in read if each]
    if not found:
        raise ValueError(
            f"there is no picture of at least {SIDE} px in {', '.join(map(str, folders))}"
        )
    return found


def _sizes(path: Path, sizes: Sequence[int]) -> Sizes:
    with Image.open(path) as stored:
        picture = stored.convert("RGB")
    found: Sizes = []
    for size in sizes:
        picture.thumbnail((size, size), Image.Resampling.LANCZOS)
        if min(picture.size) >= SIDE and (not found or max(picture.size) < max(found[-1].shape)):
            found.append(np.asarray(picture))
    return found


def split(pictures: Sequence[Sizes]) -> tuple[list[Sizes], list[Sizes]]:
    """(pictures to train on, pictures to measure with); of fewer than HELD_OUT, all are both."""
    held_out = list(pictures[::HELD_OUT])
    trained = [each for number, each in enumerate(pictures) if number % HELD_OUT]
    return trained or held_out, held_out


# A way to take a crop out of pictures: float32 [128, 128, 3] (0…255).
Crop = Callable[[np.random.Generator, Sequence[Sizes]], np.ndarray]


def plain_crop(rng: np.random.Generator, pictures: Sequence[Sizes]) -> np.ndarray:
    """Return a random crop, turned and mirrored, as a `Crop`."""
    sizes = pictures[int(rng.integers(len(pictures)))]
    picture = sizes[int(rng.integers(len(sizes)))]
    row, column = (int(rng.integers(length - SIDE + 1)) for length in picture.shape[:2])
    found = picture[row : row + SIDE, column : column + SIDE].astype(np.float32)
    found = np.rot90(found, int(rng.integers(4)))
    return found[:, ::-1] if rng.random() < 0.5 else found


def crop(rng: np.random.Generator, pictures: Sequence[Sizes]) -> np.ndarray:
    """Return a random crop, turned, mirrored, and often recoloured, with noise, as a `Crop`.
    Extremes are meant: while it paints, the engine shows a network far worse."""
    found = plain_crop(rng, pictures)
    if rng.random() < 0.6:
        mean = found.mean((0, 1))
        mixing = np.eye(3) + rng.normal(0, 0.25, (3, 3))
        found = (found - mean) @ mixing.T.astype(np.float32) * rng.uniform(0.6, 1.6) + mean
        found = found + rng.normal(0, 25, 3)
    if rng.random() < 0.2:
        found = found[..., rng.permutation(3)]
    if rng.random() < 0.25:
        found = found + rng.normal(0, rng.uniform(0, 30), found.shape)
    if rng.random() < 0.3:  # A mixture of two.
        found = 0.5 * found + 0.5 * plain_crop(rng, pictures)
    return np.clip(found, 0, 255).astype(np.float32)


def batch(
    seed: Sequence[int], pictures: Sequence[Sizes], count: int, crop: Crop = crop
) -> np.ndarray:
    """`count` crops, float32 [count, 3, 128, 128]. The same for the same seed and pictures."""
    rng = np.random.default_rng(seed)
    found = np.stack([crop(rng, pictures) for _ in range(count)])
    return np.ascontiguousarray(found.transpose(0, 3, 1, 2))


class Batches(Dataset):
    """Number of a step → its batch."""

    def __init__(self, pictures: Sequence[Sizes], seed: int, count: int, crop: Crop) -> None:
        self.pictures, self.seed, self.count, self.crop = pictures, seed, count, crop

    def __getitem__(self, number: int) -> np.ndarray:
        return batch((self.seed, number), self.pictures, self.count, self.crop)
