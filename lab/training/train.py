"""Distils a student."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lab.training import loop
from lab.training.crops import Sizes, batch
from lab.training.export import normalised, write
from lab.training.losses import LAYERS, Heads, losses
from lab.training.network import Layers, Student, features, tensors
from lab.training.start import fit_to_teacher

START_CROPS, MEASURED_CROPS, CALIBRATION_CROPS = 48, 32, 96
# The layout and the channels of the network that comes with the program: VGG16 without conv1_2,
# which would double the features at full size and take an eighth to a quarter of a step.
WIDTHS = {
    **{"conv1_1": 32, "conv2_1": 64, "conv2_2": 64},
    **{"conv3_1": 128, "conv3_2": 128, "conv3_3": 128, "conv4_1": 256},
}


@dataclass(frozen=True)
class Recipe(loop.Recipe):
    """The settings of a training; teacher and pictures are given separately.

    Attributes:
        widths: Layer → number of channels.
    """

    widths: dict[str, int] = field(default_factory=lambda: dict(WIDTHS))


class Trainer(loop.Training):
    """Teacher, student and heads of one recipe."""

    recipe: Recipe

    def __init__(
        self, recipe: Recipe, teacher: Layers, pictures: Sequence[Sizes], device: torch.device
    ) -> None:
        super().__init__(recipe, pictures, device)
        self.wanted = [layer for layer in LAYERS if layer in recipe.widths]
        self.teacher = tensors(teacher, list(recipe.widths)[-1], device)
        self.student = Student(recipe.widths).to(device)
        first = self._tensor(batch((recipe.seed, 2**31), self.trained_on, START_CROPS))
        fit_to_teacher(self.student, self.teacher, first)
        wanted = self.taught(first)
        self.heads = Heads(recipe.widths, wanted).to(device)
        with torch.no_grad():
            self.heads.fit(self.student(first), wanted)
        self.averaged = Student(recipe.widths).to(device)
        self.averaged.load_state_dict(self.student.state_dict())
        self.trained = self.student
        self.begin(
            {"student": self.student, "averaged": self.averaged, "heads": self.heads},
            [*self.student.matrices.values()],
            [*self.student.biases.values(), *self.heads.parameters()],
        )

    @torch.no_grad()
    def taught(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the teacher's features that the student is compared with."""
        return features(self.teacher, images, self.wanted)

    def loss(self, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """As in Training."""
        with self.autocast():
            return losses(self.heads, self.student(images), self.taught(images))

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Return scores of the averaged network on pictures that it was not trained on, with newly
        fitted heads, and their mean as `score`."""
        images = self._tensor(
            batch((self.recipe.seed, 2**31 + 1), self.measured_on, MEASURED_CROPS)
        )
        wanted, found = self.taught(images), self.averaged(images)
        heads = Heads(self.recipe.widths, wanted).to(self.device)
        heads.fit(found, wanted)
        _, scores = losses(heads, found, wanted)
        plain = {name: float(value) for name, value in scores.items()}
        return {"score": sum(plain.values()) / len(plain), **plain}

    @torch.no_grad()
    def write(self, path: Path, recipe: Mapping[str, Any]) -> None:
        """Write the averaged network, normalised, and how it was trained."""
        images = batch((self.recipe.seed, 2**31 + 2), self.trained_on, CALIBRATION_CROPS)
        layers, teacher_scale = normalised(self.averaged, self.teacher, self._tensor(images))
        write(path, layers, teacher_scale, recipe)

    def _tensor(self, images: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(images).to(self.device)
