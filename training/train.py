"""Distils a student, with a checkpoint every minute, from which it resumes exactly."""

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from training.losses import LAYERS, Heads, losses
from training.muon import Muon
from training.network import Layers, Student, features, tensors
from training.pictures import Batches, Sizes, batch, split
from training.start import fit_to_teacher

logger = logging.getLogger(__name__)
CHECKPOINT = "checkpoint.pt"
SAVE_EVERY_S = 60.0
EVALUATE_EVERY, WARM_UP = 250, 50  # steps
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


class Trainer:
    """Teacher, student, heads and optimisers of one recipe. `step` counts the steps done.

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
        self.recipe, self.device, self.step = recipe, device, 0
        torch.manual_seed(recipe.seed)
        self.trained_on, self.measured_on = split(pictures)
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
        self.optimizers = self._optimizers()
        self.full_rates = [[group["lr"] for group in o.param_groups] for o in self.optimizers]

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        """Muon for kernels, with which few steps get further, and Adam for biases and heads; each
        tensor's rate is relative to its size."""

        def group(parameter: torch.Tensor, part: float) -> dict[str, object]:
            size = parameter.detach().square().mean().sqrt().item()
            return {"params": [parameter], "lr": part * self.recipe.rate * (size + 1e-3)}

        others = [*self.student.biases.values(), *self.heads.parameters()]
        return [
            Muon([group(each, 1.0) for each in self.student.matrices.values()]),
            torch.optim.Adam([group(each, 0.5) for each in others], betas=(0.9, 0.98)),
        ]

    @torch.no_grad()
    def taught(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """The teacher's features that the student is compared with."""
        return features(self.teacher, images, self.wanted)

    def rate(self) -> float:
        """Learning rate of the next step, relative to the full one."""
        return min((self.step + 1) / WARM_UP, 1 - self.step / max(1, self.recipe.steps))

    def advance(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """One step on images [N, 3, H, W] (0…255). Returns the loss and all scores."""
        for optimizer, rates in zip(self.optimizers, self.full_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * self.rate()
        with self._autocast():
            wanted = self.taught(images)
            total, scores = losses(self.heads, self.student(images), wanted)
        total.backward()
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        with torch.no_grad():
            decay = min(self.recipe.averaging, 1 - 1 / (self.step + 1))
            pairs = zip(self.averaged.parameters(), self.student.parameters(), strict=True)
            for average, parameter in pairs:
                average.lerp_(parameter, 1 - decay)
        return {"loss": total.detach(), **scores}

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

    def save(self, path: Path) -> None:
        """Writes a checkpoint; the file is whole at any moment."""
        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "student": self.student.state_dict(),
            "averaged": self.averaged.state_dict(),
            "heads": self.heads.state_dict(),
            "rates": self.full_rates,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def restore(self, path: Path) -> None:
        """Goes on from a checkpoint. Raises ValueError if it is of another recipe; `steps` alone
        may differ."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        stored, own = ({**each, "steps": 0} for each in (state["recipe"], asdict(self.recipe)))
        if stored != own:
            raise ValueError(f"{path} is of the recipe {state['recipe']}, not {self.recipe}")
        self.step, self.full_rates = state["step"], state["rates"]
        for name in ("student", "averaged", "heads"):
            getattr(self, name).load_state_dict(state[name])
        for optimizer, each in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(each)

    def _autocast(self) -> torch.autocast:
        """bfloat16 on a GPU; on a processor, float32, which all of them compute fast."""
        return torch.autocast(self.device.type, torch.bfloat16, self.device.type == "cuda")

    def _tensor(self, images: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(images).to(self.device)


def train(trainer: Trainer, folder: Path, workers: int) -> None:
    """Trains to the recipe's last step, from the checkpoint in `folder` if there is one.

    workers: processes that crop pictures (0: this one does).
    """
    folder.mkdir(parents=True, exist_ok=True)
    recipe, path = trainer.recipe, folder / CHECKPOINT
    if path.exists():
        trainer.restore(path)
        logger.info("resumed from %s at step %d", path, trainer.step)
    logger.info("step %d of %d, %s", trainer.step, recipe.steps, line(trainer.evaluate()))
    loader = DataLoader(
        Batches(trainer.trained_on, recipe.seed, recipe.crops),
        batch_size=None,
        sampler=range(trainer.step, recipe.steps),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    began = saved = time.monotonic()
    first = trainer.step
    for images in loader:
        trainer.advance(images.to(trainer.device))
        now = time.monotonic()
        if trainer.step % EVALUATE_EVERY == 0:
            speed = (trainer.step - first) / (now - began)
            scores = line(trainer.evaluate())
            logger.info("step %d of %d, %.2f/s, %s", trainer.step, recipe.steps, speed, scores)
        if now - saved > SAVE_EVERY_S:
            trainer.save(path)
            saved = now
    trainer.save(path)


def line(scores: dict[str, float]) -> str:
    """Scores for people."""
    return ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
