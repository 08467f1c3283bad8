"""Distils a student."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from training.loop import Training
from training.losses import LAYERS, Heads, losses
from training.network import Layers, Student, features, tensors
from training.pictures import Sizes, batch, split
from training.start import fit_to_teacher

START_CROPS, MEASURED_CROPS = 48, 32
# The layout and the channels of the network that comes with the program: VGG16 without conv1_2,
# which would double the features at full size and take an eighth to a quarter of a step.
WIDTHS = {
    **{"conv1_1": 32, "conv2_1": 64, "conv2_2": 64},
    **{"conv3_1": 128, "conv3_2": 128, "conv3_3": 128, "conv4_1": 256},
}


@dataclass(frozen=True)
class Recipe:
    """The settings of a training; teacher and pictures are given separately.

    Attributes:
        seed: Seed of all random numbers.
        widths: Layer → number of channels.
        steps: Total number of steps; a higher one continues a finished training.
        crops: Crops per step.
        rate: Length of a kernel's first step relative to the kernel. It falls to zero.
        averaging: Decay of the running average of the weights, which is the result.
    """

    seed: int = 0
    widths: dict[str, int] = field(default_factory=lambda: dict(WIDTHS))
    steps: int = 4000
    crops: int = 8
    rate: float = 0.01
    averaging: float = 0.995


class Trainer(Training):
    """Teacher, student and heads of one recipe.

    start: a student's layers to begin with, instead of the teacher's in fewer channels.
    """

    def __init__(
        self,
        recipe: Recipe,
        teacher: Layers,
        pictures: Sequence[Sizes],
        device: torch.device,
        start: Layers | None = None,
    ) -> None:
        torch.manual_seed(recipe.seed)
        trained_on, self.measured_on = split(pictures)
        super().__init__(recipe, trained_on, device)
        self.wanted = [layer for layer in LAYERS if layer in recipe.widths]
        self.teacher = tensors(teacher, list(recipe.widths)[-1], device)
        self.student = Student(recipe.widths).to(device)
        first = self._tensor(batch((recipe.seed, 2**31), self.trained_on, START_CROPS))
        if start is None:
            fit_to_teacher(self.student, self.teacher, first)
        else:
            for name, (kernel, bias) in tensors(start, list(start)[-1], device).items():
                self.student.set(name, kernel, bias)
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
        """The teacher's features that the student is compared with."""
        return features(self.teacher, images, self.wanted)

    def loss(self, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """As in Training."""
        with self.autocast():
            return losses(self.heads, self.student(images), self.taught(images))

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Scores of the averaged network on pictures that it was not trained on, with
        newly fitted heads, and their mean as `score`."""
        images = self._tensor(
            batch((self.recipe.seed, 2**31 + 1), self.measured_on, MEASURED_CROPS)
        )
        wanted, found = self.taught(images), self.averaged(images)
        heads = Heads(self.recipe.widths, wanted).to(self.device)
        heads.fit(found, wanted)
        _, scores = losses(heads, found, wanted)
        plain = {name: float(value) for name, value in scores.items()}
        return {"score": sum(plain.values()) / len(plain), **plain}

    def _tensor(self, images: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(images).to(self.device)
