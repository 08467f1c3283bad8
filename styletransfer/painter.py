"""Paints tasks one after another, while photos and paintings are read and decoded ahead by
threads, and results are pushed behind by others: the accelerator never waits for the network."""

import dataclasses
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Any, TypeVar

from styletransfer import ENGINE_VERSION, checkpoints, records
from styletransfer.config import Config
from styletransfer.engine import Step, Style, stylize
from styletransfer.errors import StyleTransferError
from styletransfer.looks import Look
from styletransfer.networks import RANDOM_NOTE, Networks
from styletransfer.plan import Plan, Task
from styletransfer.progress import event, follow
from styletransfer.pusher import POLL_S, Done, Outcome, Pusher
from styletransfer.reading import Ingredients, Photo, read_look, read_photo
from styletransfer.stopping import Stop, Stopped
from styletransfer.storage import BadKeyError, Bucket, UnavailableError, shown
from styletransfer.vgg import VGG

LONGEST_KEY = 1024  # bytes of UTF-8, in every S3
AHEAD = 4  # photos read and decoded before it is their turn

Value = TypeVar("Value")


@dataclass(frozen=True)
class Buckets:
    """The three buckets of a run."""

    source: Bucket
    style: Bucket
    result: Bucket


class Painter:
    """One run's painting; `paint` is called once."""

    def __init__(
        self,
        config: Config,
        buckets: Buckets,
        plan: Plan,
        networks: Networks,
        device: str,
        stop: Stop,
    ) -> None:
        self._config, self._buckets, self._plan = config, buckets, plan
        self._networks, self._device, self._stop = networks, device, stop
        self._pusher = Pusher(buckets.result, plan)
        self._readers = ThreadPoolExecutor(AHEAD)
        self._look: Look | None = None  # The one whose targets are kept, in `_style`.
        self._style: Style | None = None

    def paint(self) -> Outcome:
        """Paints the plan's tasks. Raises UnavailableError where storage stays away, Stopped after
        a signal, with a checkpoint of the painting under way in the result bucket."""
        self._pusher.begin()
        arrive = False
        self._stop.later = True
        try:
            for number, (task, photo, ingredients) in enumerate(self._ahead(), start=1):
                self._stop.obey()
                self._pusher.check()
                self._paint_one(number, task, photo, ingredients)
            return self._pusher.finish(self._stop)
        except Stopped:
            arrive = True
            raise
        finally:
            self._stop.later = False
            self._readers.shutdown(wait=False, cancel_futures=True)
            self._pusher.leave(arrive=arrive)

    def _ahead(self) -> Iterator[tuple[Task, "Future[Photo]", "Future[Ingredients]"]]:
        """The tasks with their photo and the paintings of their look, being read."""
        pool, tasks = self._readers, iter(self._plan.todo)
        window: deque = deque()
        look: Look | None = None
        ingredients: Future | None = None
        while True:
            for task in islice(tasks, AHEAD - len(window)):
                if task.look is not look:
                    look, ingredients = task.look, pool.submit(self._read_look, task.look)
                window.append((task, pool.submit(self._read_photo, task), ingredients))
            if not window:
                return
            yield window.popleft()

    def _read_photo(self, task: Task) -> Photo:
        source, patiently = self._buckets.source, self._pusher.patiently
        return read_photo(task.photo, task.mask, lambda key: patiently(lambda: source.read(key)))

    def _read_look(self, look: Look) -> Ingredients:
        style, patiently = self._buckets.style, self._pusher.patiently
        return read_look(look, lambda key: patiently(lambda: style.read(key)))

    def _when_read(self, future: "Future[Value]") -> Value:
        """A future's result, unless a signal comes first."""
        while not future.done():
            self._stop.obey()
            wait([future], timeout=POLL_S)
        return future.result()

    def _paint_one(
        self,
        number: int,
        task: Task,
        photo_read: "Future[Photo]",
        look_read: "Future[Ingredients]",
    ) -> None:
        label = f"{task} ({number} of {len(self._plan.todo)})"
        left, saves = len(self._plan.todo) - number, []
        try:
            if len(task.record_key.encode()) > LONGEST_KEY:  # A result without one never is done.
                told = f"{shown(task.photo.key)} is too long a key with the look's name before it"
                raise BadKeyError(f"{told}; 1,024 bytes at most, so rename the photo")
            photo, ingredients = self._when_read(photo_read), self._when_read(look_read)
            done = self._painted(task, label, photo, ingredients, left, saves)
        except UnavailableError:
            raise
        except StyleTransferError as error:
            self._pusher.fail(task, label, error)
        else:
            self._pusher.push(done, saves, self._stop)

    def _painted(
        self,
        task: Task,
        label: str,
        photo: Photo,
        ingredients: Ingredients,
        left: int,
        saves: "list[Future[None]]",
    ) -> Done:
        """Paints one task, after which `left` others are to be painted. Raises what `stylize`,
        weights and storage raise."""
        vgg = self._networks.load(task.look.settings)
        if self._look is not task.look:
            self._look, self._style = task.look, Style(*ingredients)
        started = perf_counter()

        def batch_left(eta_s: float) -> float:
            return self._batch_left(perf_counter() - started, eta_s, left)

        names = {"photo": task.photo.key, "look": task.look.name}
        last = follow(self._steps(task, photo, vgg, saves), label, batch_left, **names)
        image, seconds = last.image, perf_counter() - started
        record = self._record(task, image.shape, last.losses, seconds, vgg)
        return Done(task, label, photo.picture, ingredients.paintings, image, record, seconds)

    def _steps(
        self, task: Task, photo: Photo, vgg: VGG, saves: "list[Future[None]]"
    ) -> Iterator[Step]:
        """The optimisation's steps, saved every CHECKPOINT_EVERY seconds and when a signal came."""
        resume = None
        if task.checkpoint_key in self._plan.checkpoints:
            result, key = self._buckets.result, task.checkpoint_key
            load = partial(checkpoints.load, result, key, task.fingerprint)
            resume = self._when_read(self._readers.submit(self._pusher.patiently, load))
        if resume is not None:
            event(f"{shown(task.photo.key)}: goes on from step {int(resume['iteration'])}")
        saved = perf_counter()
        for step in stylize(
            photo.picture.pixels,
            self._style,
            task.look.settings,
            vgg,
            resume=resume,
            content_mask=photo.mask,
        ):
            yield step
            if step.iteration == step.total:
                return
            if self._stop.signum is not None:
                self._pusher.save_last(task, step.snapshot(), saves)
                self._stop.obey()
            due = perf_counter() - saved >= self._config.checkpoint_every
            if due and all(each.done() for each in saves):
                saves[:] = [self._pusher.save(task, step.snapshot())]
                saved = perf_counter()

    def _batch_left(self, elapsed: float, eta_s: float, tasks: int) -> float:
        """Seconds left for the whole batch, taking the others to be like the ones so far."""
        of_looks = list(self._pusher.outcome.seconds.values())
        times = [each for of_look in of_looks for each in list(of_look)]
        mean = sum(times) / len(times) if times else elapsed + eta_s
        return eta_s + tasks * mean

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
            "device": self._device,
            "losses": losses,
            "seconds": round(seconds, 1),
            "source": config.source,
            "style": config.style,
            "output": dataclasses.astuple(self._plan.output),
            "fingerprint": task.fingerprint,
        } | ({"note": RANDOM_NOTE} if vgg.identity.startswith("random") else {})
