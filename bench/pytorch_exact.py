"""The loss of bench/pytorch_recipe.py with exact matrix roots."""

from collections.abc import Mapping

import numpy as np
import torch
from pytorch_objective import STYLE_LAYERS, Objective
from pytorch_vgg import Network, fit, resized, tensor


def exact_loss(
    image: np.ndarray, content: np.ndarray, style: np.ndarray, vgg_arrays: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """`loss` with exact matrix roots, in float64, and without EPSILON.

    The published iteration stops before it has converged, which adds as much as the distance itself
    when the statistics are close to the painting's.
    """
    with torch.no_grad():
        network, size = Network(vgg_arrays), image.shape[:2]
        objective = Objective(network, content, style, size)
        terms = objective.terms(tensor(image))
        painting = resized(style, fit(style, min(max(style.shape[:2]), max(size))))
        theirs = network.features(painting, STYLE_LAYERS)
        for layer, feature in network.features(tensor(image), STYLE_LAYERS).items():
            (here, spread), (mean, covariance) = (
                _moments(each[0].flatten(1).double()) for each in (feature, theirs[layer])
            )
            root = _root(covariance)
            joint = torch.diagonal(spread + covariance - 2 * _root(root @ spread @ root))
            distance = ((here - mean) ** 2).mean() + joint.mean()
            terms[f"style {layer}"] = STYLE_LAYERS[layer] * distance
    values = {name: term.item() for name, term in terms.items()}
    return {**values, "total": sum(values.values())}


def _moments(flat: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean [C] and covariance [C, C] of features [C, N]."""
    mean = flat.mean(1)
    return mean, flat @ flat.T / flat.shape[1] - torch.outer(mean, mean)


def _root(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
