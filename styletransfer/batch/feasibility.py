"""How a run's tasks are painted, or why they cannot be, as far as that is known before the first
picture is: from the headers of their files, the settings and the memory."""

from collections.abc import Callable
from typing import Any, TypeVar

from styletransfer.batch.context import RunContext
from styletransfer.batch.failures import PICTURE_FAILURES, picture_failure
from styletransfer.batch.headers import Headers, InputFile, look_files, photo_files
from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Task
from styletransfer.batch.prefetch_memory import PrefetchMemory
from styletransfer.engine.memory_available import MemoryBudget
from styletransfer.engine.painting_plan import PaintingInputs, PaintingPlan, plan_painting
from styletransfer.errors import StyleTransferError
from styletransfer.images.header import Header, check_memory
from styletransfer.settings import Settings
from styletransfer.signals import Stop

_GetHeader = Callable[[InputFile, Stop], Header | None]
_Found = TypeVar("_Found")


class Feasibility:
    """Judges tasks by what is free now: in a worker's device, before it paints.

    A file whose header is not known fits as far as is known; so does the rest of its task.
    """

    def __init__(
        self, run: RunContext, headers: Headers, memory: PrefetchMemory, device: str
    ) -> None:
        """device: TensorFlow's name of the device that paints."""
        self._run, self._headers, self._device = run, headers, device
        self._available = memory.available()
        self._budget = MemoryBudget(run.config.memory_limit)
        self._known: dict[Any, Any] = {}
        self._first_of_size: dict[tuple[str, str], Settings] = {}

    @property
    def free(self) -> int:
        """The bytes of the device that painting may take."""
        return self._budget.bytes

    def failures(self) -> list[tuple[Task, StyleTransferError]]:
        """The tasks that cannot be painted, each with its reason. Raises Stopped after a signal,
        and what ends a run."""
        found: list[tuple[Task, StyleTransferError]] = []
        for task in self._run.plan.todo:
            self._run.stop.obey()
            try:
                inputs = self.inputs(task)
                if inputs is not None:
                    self.plan(inputs, task.look.settings)
            except PICTURE_FAILURES as error:
                found.append((task, error))
        return found

    def inputs(self, task: Task) -> PaintingInputs | None:
        """What decides the plan of a task; None where the photo's size is not known. Raises one of
        PICTURE_FAILURES for a task that cannot be painted, if a second reading confirms it."""
        try:
            return self._inputs(task, self._headers.get)
        except PICTURE_FAILURES:
            return self._inputs(task, self._headers.confirmed)

    def plan(self, inputs: PaintingInputs, settings: Settings) -> PaintingPlan:
        """Raises one of PICTURE_FAILURES where such a picture cannot be painted."""
        return self._once(
            (settings, inputs),
            lambda: plan_painting(inputs, settings, self._network(settings), self._budget),
        )

    def _inputs(self, task: Task, header: _GetHeader) -> PaintingInputs | None:
        look = task.look
        self._once((header, look.name), lambda: self._check_look(look, header))
        try:
            photo, *_ = (self._checked(file, header) for file in photo_files(task))
        except Exception as error:
            raise picture_failure(error) from None
        if photo is None:
            return None
        masked, paintings = _may_be_masked(task), len(task.look.paintings)
        return PaintingInputs(photo.size, masked, _regions(task), paintings=paintings)

    def _check_look(self, look: Look, header: _GetHeader) -> None:
        """Raises what makes every task of a look fail."""
        for file in look_files(look):
            self._checked(file, header)
        self._network(look.settings)

    def _checked(self, file: InputFile, header: _GetHeader) -> Header | None:
        found = header(file, self._run.stop)
        if found is not None:
            check_memory(found.bytes_to_decode, self._available, file.name)
        return found

    def _network(self, settings: Settings) -> Any:
        """A network as large as the settings': memory does not depend on the seed of random
        weights."""
        first = self._first_of_size.setdefault((settings.model, settings.recipe), settings)
        return self._run.networks.load(first, self._device)

    def _once(self, key: Any, find: Callable[[], _Found]) -> _Found:
        """What is found, or raised as one of PICTURE_FAILURES, once for a key."""
        if key not in self._known:
            try:
                self._known[key] = find()
            except Exception as error:
                self._known[key] = picture_failure(error)
        if isinstance(self._known[key], StyleTransferError):
            raise self._known[key].with_traceback(None)  # Or it would grow each time.
        found: _Found = self._known[key]
        return found


def _may_be_masked(task: Task) -> bool:
    """Whether StyleTargets.painted may be a mask: regions may leave something of the photo out."""
    return task.mask is not None or all(each.region for each in task.look.paintings)


def _regions(task: Task) -> int:
    """As StyleTargets.masked_groups, by the regions' content."""
    regions = {each.region and each.region.etag for each in task.look.paintings}
    return len(regions) if task.mask is not None else len(regions - {None})
