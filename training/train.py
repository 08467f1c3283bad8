"""Trains a network on scenes, with a checkpoint every minute, from which it resumes exactly."""

import logging
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from training.losses import Heads, Labels, losses, recoloured
from training.network import SKETCH_WIDTHS, Network
from training.scenes import POOL, Scenes, TexturePool, draw_batch

logger = logging.getLogger(__name__)
CHECKPOINT = "checkpoint.pt"
SAVE_EVERY_S = 60.0
HELD_OUT_SEED = 2**31 - 1  # of the scenes that no training sees
WARM_UP = 100  # steps
DECAY = 0.25  # the last part of all steps, in which the learning rate falls to zero


@dataclass(frozen=True)
class Recipe:
    """All that decides a training. steps: in all; may be raised to go on with a finished one.
    scenes: per step, each seen twice. rate: Muon's step relative to Adam's usual one."""

    seed: int = 0
    widths: tuple[int, ...] = SKETCH_WIDTHS
    steps: int = 4000
    scenes: int = 16
    pool: int = POOL
    rate: float = 4e-3
    averaging: float = 0.998


class SceneBatches(Dataset):
    """Batch number → scenes. Every worker process keeps a texture pool of its own."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.pool: TexturePool | None = None

    def __getitem__(self, number: int) -> Scenes:
        if self.pool is None:
            self.pool = TexturePool(self.recipe.seed, self.recipe.pool)
        self.pool.advance(number)
        return draw_batch(self.pool, self.recipe.seed, number, self.recipe.scenes)


class Trainer:
    """Network, heads and optimisers of one recipe. `step` counts the steps done."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        torch.manual_seed(recipe.seed)
        self.network = Network(recipe.widths, recipe.seed).to(device)
        self.heads = Heads(self.network).to(device)
        self.averaged = Network(recipe.widths, recipe.seed).to(device)
        matrices = [p for p in self.network.parameters() if p.ndim == 2]
        others = [p for p in self.network.parameters() if p.ndim != 2]
        # Muon (Jordan et al. 2024) orthogonalises the momentum of each kernel; on few steps it
        # gets much further than Adam.
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(
                matrices, lr=recipe.rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(
                [{"params": others, "weight_decay": 0.0}, {"params": self.heads.parameters()}],
                lr=recipe.rate / 2,
                betas=(0.9, 0.98),
                weight_decay=0.02,
            ),
        ]
        self.full_rates = [[group["lr"] for group in o.param_groups] for o in self.optimizers]
        self.step = 0

    @classmethod
    def from_checkpoint(cls, path: Path, device: torch.device) -> "Trainer":
        """Where a training is, with the recipe that the checkpoint names."""
        stored = torch.load(path, map_location="cpu", weights_only=True)["recipe"]
        trainer = cls(Recipe(**stored), device)
        trainer.restore(path)
        return trainer

    def rate(self) -> float:
        """Of the next step, as a part of the full learning rate."""
        left = (self.recipe.steps - self.step) / max(1, DECAY * self.recipe.steps)
        return min(1.0, (self.step + 1) / WARM_UP, left)

    def advance(self, scenes: Scenes) -> dict[str, torch.Tensor]:
        """One step on these scenes. Returns the loss and the scores of all tasks."""
        for optimizer, rates in zip(self.optimizers, self.full_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * self.rate()
        labels = Labels.of(scenes, self.device)
        with self._autocast():
            total, scores = losses(self.network, self.heads, labels, self._views(labels, self.step))
        total.backward()
        parameters = [*self.network.parameters(), *self.heads.parameters()]
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._average()
        return {"loss": total.detach(), **scores}

    @torch.no_grad()
    def evaluate(self, count: int = 6) -> dict[str, float]:
        """Scores of all tasks on held-out scenes, and their mean as `score`. Of the averaged
        network, read by the heads as they are."""
        pool = TexturePool(HELD_OUT_SEED, self.recipe.pool)
        pool.advance(0)
        sums: dict[str, float] = {}
        for number in range(count):
            scenes = draw_batch(pool, HELD_OUT_SEED, number, self.recipe.scenes)
            labels = Labels.of(scenes, self.device)
            with self._autocast():
                views = self._views(labels, -1 - number)
                _, scores = losses(self.averaged, self.heads, labels, views)
            for name, score in scores.items():
                sums[name] = sums.get(name, 0.0) + float(score) / count
        return {"score": sum(sums.values()) / len(sums), **sums}

    def save(self, path: Path) -> None:
        """Writes a checkpoint; the file is whole at any moment."""
        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "heads": self.heads.state_dict(),
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
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.heads.load_state_dict(state["heads"])
        for optimizer, each in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(each)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16)

    def _views(self, labels: Labels, number: int) -> torch.Tensor:
        """Two views of each scene, the same for the same step on the same kind of device."""
        generator = torch.Generator(self.device)
        generator.manual_seed(self.recipe.seed * 2_000_003 + number + 2**20)
        return torch.cat([recoloured(labels.images, generator) for _ in range(2)])

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.recipe.averaging, 1 - 1 / (self.step + 1))
        pairs = zip(self.averaged.parameters(), self.network.parameters(), strict=True)
        for average, parameter in pairs:
            average.lerp_(parameter, 1 - decay)


def train(recipe: Recipe, folder: Path, device: torch.device, workers: int) -> Trainer:
    """Trains to the recipe's last step, from the checkpoint in `folder` if there is one.

    workers: processes that draw scenes (0: this one does).
    """
    folder.mkdir(parents=True, exist_ok=True)
    trainer, path = Trainer(recipe, device), folder / CHECKPOINT
    if path.exists():
        trainer.restore(path)
        logger.info("resumed from %s at step %d", path, trainer.step)
    began = saved = time.monotonic()
    first = trainer.step
    for scenes in _loader(recipe, range(first, recipe.steps), workers):
        found = trainer.advance(scenes)
        now = time.monotonic()
        if trainer.step % 50 == 0 or trainer.step == first + 1:
            speed = (trainer.step - first) / (now - began)
            logger.info(
                "step %d of %d, %.2f/s, %s", trainer.step, recipe.steps, speed, _line(found)
            )
        if now - saved > SAVE_EVERY_S:
            trainer.save(path)
            saved = now
    trainer.save(path)
    return trainer


def _loader(recipe: Recipe, numbers: range, workers: int) -> Iterator[Scenes]:
    loader = DataLoader(
        SceneBatches(recipe),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)


def _line(found: dict[str, torch.Tensor]) -> str:
    """The loss, and each task's mean score over its layers."""
    by_task: dict[str, list[float]] = {}
    for name, value in found.items():
        by_task.setdefault(name.split()[0], []).append(float(value))
    return " ".join(f"{task} {sum(all_) / len(all_):.3f}" for task, all_ in by_task.items())


def provenance() -> dict[str, Any]:
    """The git commit of this code, empty where it is not in a repository."""
    folder = Path(__file__).parent
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return {"commit": found.stdout.strip(), "torch": torch.__version__}
