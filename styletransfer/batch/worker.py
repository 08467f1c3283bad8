"""Paints tasks one after another on one device, and hands each result on to be pushed."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import Future, wait
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import tensorflow as tf

from styletransfer import ENGINE_VERSION
from styletransfer.batch import checkpoints, records
from styletransfer.batch.eta import BatchEta
from styletransfer.batch.inputs import PhotoInput
from styletransfer.batch.looks import Look
from styletransfer.batch.network_pool import RANDOM_NOTE, NetworkPool
from styletransfer.batch.plan import Plan, Task
from styletransfer.batch.prefetch import Prefetcher, Waiting
from styletransfer.batch.uploader import PICTURE_FAILURES, POLL_S, FinishedPicture, Pusher
from styletransfer.config import Config
from styletransfer.devices.tensorflow import Device
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.engine.stylize import Step, foresee, stylize
from styletransfer.log import event, printable
from styletransfer.progress import follow
from styletransfer.signals import Stop
from styletransfer.storage.base import BadKeyError, Bucket
from styletransfer.vgg.network import VGG

LONGEST_KEY = 1024  # bytes of UTF-8, in every S3
Value = TypeVar("Value")


class Worker:
    """One device's part of a run: it takes the next task whenever it is free. Several share
    `tasks`, `pusher` and `forecast`; look and network are each one's own."""

    def __init__(
        self,
        device: Device,
        config: Config,
        result: Bucket,
        plan: Plan,
        tasks: Prefetcher,
        networks: NetworkPool,
        pusher: Pusher,
        forecast: BatchEta,
        stop: Stop,
    ) -> None:
        self._device, self._config, self._result, self._plan = device, config, result, plan
        self._tasks, self._networks, self._pusher = tasks, networks, pusher
        self._forecast, self._stop = forecast, stop
        self._look: Look | None = None  # The one whose targets are kept, in `_style`.
        self._style: StyleTargets | None = None

    def paint(self) -> None:
        """Paints until no task is left. Raises UnavailableError where storage stays away, Stopped
        after a signal, with a checkpoint of the painting under way in the result bucket."""
        with tf.device(self._device.name):
            for waiting in self._tasks:
                self._stop.obey()
                self._pusher.check()
                self._paint_one(waiting)

    def _when_read(self, future: "Future[Value]") -> Value:
        """A future's result, unless a signal comes first."""
        while not future.done():
            self._stop.obey()
            wait([future], timeout=POLL_S)
        return future.result()

    def _paint_one(self, waiting: Waiting) -> None:
        task, saves = waiting.task, []
        label = f"{task} ({waiting.number} of {len(self._plan.todo)})"
        try:
            if len(task.record_key.encode()) > LONGEST_KEY:  # A result without one never is done.
                told = (
                    f"{printable(task.photo.key)} is too long a key with the look's name before it"
                )
                raise BadKeyError(f"{told}; 1,024 bytes at most, so rename the photo")
            done = self._painted(waiting, label, saves)
        except PICTURE_FAILURES as error:
            self._pusher.fail(task, label, error)
        else:
            self._pusher.push(done, saves, self._stop)
        finally:
            self._forecast.over(self._device.name)

    def _painted(
        self, waiting: Waiting, label: str, saves: "list[Future[None]]"
    ) -> FinishedPicture:
        """Paints one task. Raises what `stylize`, weights and storage raise."""
        task = waiting.task
        photo, ingredients = self._when_read(waiting.photo), self._when_read(waiting.ingredients)
        vgg = self._networks.load(task.look.settings, self._device.name)
        if self._look is not task.look:
            self._look, self._style = task.look, StyleTargets(*ingredients)
        started = perf_counter()

        def batch_left(eta_s: float) -> float:
            return self._forecast.left(self._device.name, perf_counter() - started, eta_s)

        names = {"photo": task.photo.key, "look": task.look.name, "on": self._device.name}
        last = follow(self._steps(task, photo, vgg, saves), label, batch_left, **names)
        image, seconds = last.image, perf_counter() - started
        record = self._record(task, image.shape, last.losses, seconds, vgg)
        return FinishedPicture(
            task, label, photo.picture, ingredients.paintings, image, record, seconds
        )

    def _steps(
        self, task: Task, photo: PhotoInput, vgg: VGG, saves: "list[Future[None]]"
    ) -> Iterator[Step]:
        """The optimisation's steps, saved every CHECKPOINT_EVERY seconds and when a signal came."""
        resume = None
        if task.checkpoint_key in self._plan.checkpoints:
            load = partial(checkpoints.load, self._result, task.checkpoint_key, task.fingerprint)
            resume = self._when_read(self._tasks.read(load))
        if resume is not None:
            event(f"{printable(task.photo.key)}: goes on from step {int(resume['iteration'])}")
        limit = self._config.memory_limit
        settings, masked = task.look.settings, photo.mask is not None
        size = photo.picture.size
        way = foresee(*size, settings, vgg, limit, style=self._style, masked=masked)
        event(f"{task}: {way}")
        steps = stylize(
            photo.picture.pixels_int,
            self._style,
            settings,
            vgg,
            resume=resume,
            content_mask=photo.mask,
            memory_limit=limit,
        )
        del resume  # As large as what is painted with.
        saved = perf_counter()
        for step in steps:
            yield step
            if step.iteration == step.total:
                return
            if self._stop.signum is not None:
                self._pusher.save_last(task, step.snapshot(), saves)
                self._stop.obey()
            due = perf_counter() - saved >= self._config.checkpoint_every
            if due and all(each.done() for each in saves):
                saves[:] = self._pusher.save(task, step.snapshot())
                saved = perf_counter()

    def _record(
        self,
        task: Task,
        shape: tuple[int, ...],
        losses: dict[str, float],
        seconds: float,
        vgg: VGG,
    ) -> dict[str, Any]:
        """All that is needed to make the result again, and what it cost."""
        config = self._config
        return {
            **records.inputs(task.photo, task.mask, task.look),
            "width": shape[1],
            "height": shape[0],
            "settings": dataclasses.asdict(task.look.settings),
            "weights": vgg.identity,
            "vgg_weights": config.vgg_weights,
            "engine": ENGINE_VERSION,
            "device": str(self._device),
            "losses": losses,
            "seconds": round(seconds, 1),
            "source": config.source,
            "style": config.style,
            "output": dataclasses.astuple(self._plan.output),
            "fingerprint": task.fingerprint,
        } | ({"note": RANDOM_NOTE} if vgg.identity.startswith("random") else {})
