"""A training that resumes exactly, from a checkpoint that it writes every minute."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from lab.training.crops import Batches, Crop, Sizes, crop, split
from lab.training.muon import Muon

logger = logging.getLogger(__name__)
CHECKPOINT = "checkpoint.pt"
SAVE_EVERY_S = 60.0
EVALUATE_EVERY, WARM_UP = 250, 50  # steps


@dataclass(frozen=True)
class Recipe:
    """The settings of a training.

    Attributes:
        seed: Seed of all random numbers.
        steps: Total number of steps; a higher one continues a finished training.
        crops: Crops per step.
        rate: The first learning rate, relative to the size of what is trained. It falls to zero.
        averaging: Decay of the running average of the weights, which is the result.
    """

    seed: int = 0
    steps: int = 4000
    crops: int = 8
    rate: float = 0.01
    averaging: float = 0.995


class Training(ABC):
    """Networks in training, their optimisers and their progress; subclasses add the loss.

    Attributes:
        recipe: The settings.
        device: The device.
        step: The number of steps done.
        trained_on: The pictures.
        measured_on: Pictures to measure with.
        crop: Takes a crop out of them.
        models: Name → network; checkpoints have their states.
        trained: The network in training.
        averaged: The running average of its weights, which is the result.
        max_norm: The largest norm of a gradient; longer ones are shortened.
    """

    crop: Crop = staticmethod(crop)
    max_norm = float("inf")
    trained: nn.Module
    averaged: nn.Module

    def __init__(self, recipe: Recipe, pictures: Sequence[Sizes], device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.trained_on, self.measured_on = split(pictures)
        self.recipe, self.device, self.step = recipe, device, 0
        self.models: dict[str, nn.Module] = {}
        self.optimizers: list[torch.optim.Optimizer] = []

    def begin(
        self, models: Mapping[str, nn.Module], matrices: Sequence[nn.Parameter], others: Sequence
    ) -> None:
        """Set the networks, and their optimisers: Muon for kernels as matrices, with which few
        steps get further, and Adam for the rest. Each tensor's rate is relative to its size."""

        def group(parameter: torch.Tensor, part: float) -> dict[str, object]:
            size = parameter.detach().square().mean().sqrt().item()
            return {"params": [parameter], "lr": part * self.recipe.rate * (size + 1e-3)}

        self.models = dict(models)
        self.optimizers = [
            Muon([group(each, 1.0) for each in matrices]),
            torch.optim.Adam([group(each, 0.5) for each in others], betas=(0.9, 0.98)),
        ]
        self.full_rates = [[group["lr"] for group in o.param_groups] for o in self.optimizers]

    @abstractmethod
    def loss(self, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss of images [N, 3, H, W] (0…255), and scores."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Return scores of the averaged network on pictures that it was not trained on."""

    @abstractmethod
    def write(self, path: Path, recipe: Mapping[str, Any]) -> None:
        """Write the averaged network, and how it was trained."""

    def rate(self) -> float:
        """Learning rate of the next step, relative to the full one."""
        return min((self.step + 1) / WARM_UP, 1 - self.step / max(1, self.recipe.steps))

    def advance(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """One step on images [N, 3, H, W] (0…255). Returns the loss and all scores."""
        for optimizer, rates in zip(self.optimizers, self.full_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * self.rate()
        total, scores = self.loss(images)
        total.backward()
        parameters = [each for model in self.models.values() for each in model.parameters()]
        torch.nn.utils.clip_grad_norm_(parameters, self.max_norm)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        with torch.no_grad():
            decay = min(self.recipe.averaging, 1 - 1 / (self.step + 1))
            pairs = zip(self.averaged.parameters(), self.trained.parameters(), strict=True)
            for average, parameter in pairs:
                average.lerp_(parameter, 1 - decay)
        return {"loss": total.detach(), **scores}

    def save(self, path: Path) -> None:
        """Write a checkpoint; the file is whole at any moment."""
        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "models": {name: each.state_dict() for name, each in self.models.items()},
            "rates": self.full_rates,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint. Raises ValueError if it is of another recipe; `steps` alone may
        differ."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        stored, own = ({**each, "steps": 0} for each in (state["recipe"], asdict(self.recipe)))
        if stored != own:
            raise ValueError(f"{path} is of the recipe {state['recipe']}, not {self.recipe}")
        self.step, self.full_rates = state["step"], state["rates"]
        for name, each in self.models.items():
            each.load_state_dict(state["models"][name])
        for optimizer, each in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(each)

    def autocast(self) -> torch.autocast:
        """bfloat16 on a GPU; on a processor, float32, which all of them compute fast."""
        return torch.autocast(self.device.type, torch.bfloat16, self.device.type == "cuda")


def train(training: Training, folder: Path, workers: int) -> None:
    """Train to the recipe's last step, from the checkpoint in `folder` if there is one.

    workers: processes that crop pictures (0: this one does).
    """
    folder.mkdir(parents=True, exist_ok=True)
    recipe, path = training.recipe, folder / CHECKPOINT
    if path.exists():
        training.restore(path)
        logger.info("resumed from %s at step %d", path, training.step)
    logger.info("step %d of %d, %s", training.step, recipe.steps, line(training.evaluate()))
    loader = DataLoader(
        Batches(training.trained_on, recipe.seed, recipe.crops, training.crop),
        batch_size=None,
        sampler=range(training.step, recipe.steps),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    began = saved = time.monotonic()
    first = training.step
    for images in loader:
        training.advance(images.to(training.device))
        now = time.monotonic()
        if training.step % EVALUATE_EVERY == 0:
            speed = (training.step - first) / (now - began)
            scores = line(training.evaluate())
            logger.info("step %d of %d, %.2f/s, %s", training.step, recipe.steps, speed, scores)
        if now - saved > SAVE_EVERY_S:
            training.save(path)
            saved = now
    training.save(path)


def line(scores: dict[str, float]) -> str:
    """Return scores for people."""
    return ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
