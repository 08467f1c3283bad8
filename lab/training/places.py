"""Places of pictures, their matches and their distances in PyTorch, as in the engine's
neighbours.py, for many crops at a time."""

from collections.abc import Sequence

import torch
from torch.nn import functional

from lab.training.network import Kernels, features
from painterly.engine.places import (
    DISTANCE_WEIGHT,
    MATCHED_LAYERS,
    MAX_STRETCH,
    NO_LENGTH,
    PLACE,
)

CROWDING_WEIGHT, SAMPLED_PLACES = 0.35, 128

Places = list[torch.Tensor]  # each layer's features [N, C, h, w]; those of conv4_1 at half of h, w


def places(kernels: Kernels, images: torch.Tensor) -> Places:
    """Return the places of images [N, 3, H, W] (0…1), at MATCHED_LAYERS."""
    found = features(kernels, 255 * images, MATCHED_LAYERS)
    sides = {layer: PLACE >> (int(layer[4]) - 1) for layer in MATCHED_LAYERS}
    return [
        functional.avg_pool2d(found[layer], side) if side > 1 else found[layer]
        for layer, side in sides.items()
    ]


def joined(found: Places) -> torch.Tensor:
    """Return all features of each place, [N, C, h, w]."""
    *shallow, deep = found
    return torch.cat([*shallow, deep.repeat_interleave(2, 2).repeat_interleave(2, 3)], 1)


def split(whole: torch.Tensor, channels: Sequence[int]) -> Places:
    """Split joined places by the number of channels of each layer."""
    *shallow, deep = whole.split(list(channels), 1)
    return [*shallow, functional.avg_pool2d(deep, 2)]


def pixels(images: torch.Tensor) -> torch.Tensor:
    """Return the pixels of places, [N, 48, h, w]."""
    return functional.pixel_unshuffle(images, PLACE)


@torch.no_grad()
def matches(
    queries: torch.Tensor, candidates: torch.Tensor, channels: Sequence[int]
) -> torch.Tensor:
    """Return the number of the candidate of each query.

    Args:
        queries: The joined places [C, h, w] of one crop.
        candidates: The joined places [C, h′, w′] of another.
        channels: Of each layer.
    """
    wanted, keys = queries.flatten(1).T, candidates.flatten(1).T
    scales = []
    for part, count in zip(keys.split(list(channels), 1), channels, strict=True):
        spread = (part.var(0, correction=0).mean() * count).sqrt()
        scales.append((1 / spread.clamp_min(NO_LENGTH)).expand(count))
    scale = torch.cat(scales)
    wanted, keys = wanted * scale, keys * scale
    wanted, keys = wanted - wanted.mean(0), keys - keys.mean(0)
    stretch = keys.std(0) / (wanted.std(0) + NO_LENGTH)
    wanted = wanted * stretch.clamp_max(MAX_STRETCH)
    lengths = wanted.norm(dim=1, keepdim=True)
    keys = keys / (keys.norm(dim=1, keepdim=True) + NO_LENGTH)
    sample = torch.randperm(len(wanted), device=wanted.device)[:SAMPLED_PLACES]
    directions = wanted[sample] / (lengths[sample] + NO_LENGTH)
    crowding = (keys @ directions.T).max(1).values
    return (wanted @ keys.T - CROWDING_WEIGHT * lengths.mean() * crowding).argmax(1)


def distance(found: Places, wanted: Places, of: Places) -> torch.Tensor:
    """Return the mean distance of places from those wanted, [N], as in `neighbours.errors`.

    Args:
        found: The picture's places.
        wanted: The places that they should be like.
        of: The painting's places, for their mean and mean square.
    """
    total = torch.zeros(len(found[0]), device=found[0].device)
    for own, target, painting in zip(found, wanted, of, strict=True):
        mean = painting.mean((2, 3), keepdim=True)
        square = (painting - mean).square().sum(1).mean((1, 2))[:, None, None]
        own, target = own.float() - mean, target - mean
        squares = own.square().sum(1), target.square().sum(1)
        product = (own * target).sum(1)
        lengths = (squares[0] + NO_LENGTH) * (squares[1] + NO_LENGTH)
        far = (squares[0] + squares[1] - 2 * product) / (square + NO_LENGTH)
        error = 1 - product * lengths.rsqrt() + DISTANCE_WEIGHT * far
        total = total + error.mean((1, 2)) / len(found)
    return total


def mixed(one: Places, other: Places, share: torch.Tensor) -> Places:
    """Place between two pictures'. share: [N], of the other."""
    return [torch.lerp(a, b, share[:, None, None, None]) for a, b in zip(one, other, strict=True)]
