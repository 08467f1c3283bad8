"""Losses between a student's features and the teacher's.

explained  how much of the teacher's features a linear map of the student's explains (Wang, Li, Wang
           & Yu 2020, "Collaborative Distillation for Ultra-Resolution Universal Style Transfer").
           Each of the teacher's channels counts alike, so that rare ones are learned too.
alignment  how far the same places are alike to both: centred kernel alignment (Kornblith, Norouzi,
           Lee & Hinton 2019, "Similarity of Neural Network Representations Revisited"). Style
           transfer measures distances in the student's own features, which a linear map alone
           leaves free.
"""

from collections.abc import Mapping

import torch
from torch import nn

# Layer → its weight. The recipes compare pictures at these layers.
LAYERS = {"conv1_1": 0.5, "conv2_1": 1.0, "conv3_1": 1.0, "conv3_2": 1.0, "conv4_1": 1.5}
ALIGNMENT = 1.0  # weight of the alignment; that of the explained part is 1
GRID = 32  # places in each direction of a crop, at most, at which features are compared

Features = Mapping[str, torch.Tensor]


class Heads(nn.Module):
    """The linear maps, thrown away after training: layer → 1 × 1 convolution to the teacher's
    channels, each less its mean and divided by its deviation."""

    def __init__(self, student_widths: Mapping[str, int], teacher_features: Features) -> None:
        super().__init__()
        self.maps = nn.ModuleDict()
        for layer in LAYERS:
            if layer not in student_widths:
                continue
            wanted = teacher_features[layer].float()
            deviation = wanted.std((0, 2, 3), keepdim=True)
            # Keeps the noise of a channel that hardly ever responds from dominating.
            deviation = deviation + 0.05 * deviation.mean()
            self.register_buffer(f"{layer}_mean", wanted.mean((0, 2, 3), keepdim=True))
            self.register_buffer(f"{layer}_deviation", deviation)
            self.maps[layer] = nn.Conv2d(student_widths[layer], wanted.shape[1], 1)

    def standardised(self, layer: str, wanted: torch.Tensor) -> torch.Tensor:
        """Return the teacher's feature as it is predicted."""
        mean, deviation = (self.get_buffer(f"{layer}_{name}") for name in ("mean", "deviation"))
        return (wanted.float() - mean) / deviation

    @torch.no_grad()
    def fit(self, found: Features, wanted: Features) -> None:
        """Set the maps by least squares on features of both networks for the same images."""
        for layer, each in self.maps.items():
            inputs = on_grid(found[layer]).double().permute(0, 2, 3, 1).flatten(0, 2)
            ones = torch.cat([inputs, torch.ones_like(inputs[:, :1])], dim=1)
            values = self.standardised(layer, on_grid(wanted[layer])).double()
            values = values.permute(0, 2, 3, 1).flatten(0, 2)
            squares = ones.T @ ones
            squares += 1e-5 * squares.diagonal().mean() * torch.eye(len(squares)).to(squares)
            solution = torch.linalg.solve(squares, ones.T @ values).float()
            each.weight.copy_(solution[:-1].T[:, :, None, None])
            each.bias.copy_(solution[-1])


def on_grid(feature: torch.Tensor) -> torch.Tensor:
    """Return a feature [N, C, h, w] at no more than GRID × GRID places: neighbours tell little
    more."""
    step = max(1, feature.shape[-1] // GRID)
    return feature[:, :, ::step, ::step]


def alignment(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Centred kernel alignment of two features [N, C, h, w] and [N, C′, h, w], 0…1: 1 if one is the
    other turned, mirrored and scaled."""
    one, other = (each.float().permute(0, 2, 3, 1).flatten(0, 2) for each in (found, wanted))
    one, other = one - one.mean(0), other - other.mean(0)
    norms = (one.T @ one).norm() * (other.T @ other).norm()
    return (one.T @ other).square().sum() / norms.clamp_min(1e-12)


def losses(
    heads: Heads, found: Features, wanted: Features
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the weighted sum of all losses, and `explained LAYER` and `alignment LAYER`, at best
    1."""
    total, scores = torch.zeros((), device=next(iter(found.values())).device), {}
    for layer, each in heads.maps.items():
        one, other = on_grid(found[layer]), on_grid(wanted[layer])
        target = heads.standardised(layer, other)
        error = (each(one).float() - target).square().mean()
        spread = (target - target.mean((0, 2, 3), keepdim=True)).square().mean()
        aligned = alignment(one, other)
        total = total + LAYERS[layer] * (error + ALIGNMENT * (1 - aligned))
        scores[f"explained {layer}"] = 1 - (error / spread).detach()
        scores[f"alignment {layer}"] = aligned.detach()
    return total, scores
