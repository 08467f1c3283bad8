"""Which of a run's tasks cannot be painted, as far as that is known before the first is: from the
headers of their files, the settings and the memory."""

from collections.abc import Callable
from typing import Any

from styletransfer.batch.context import RunContext
from styletransfer.batch.failures import picture_failure
from styletransfer.batch.headers import Headers, look_files, photo_files
from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Task
from styletransfer.batch.prefetch_memory import PrefetchMemory
from styletransfer.engine.memory_available import MemoryBudget
from styletransfer.engine.painting_plan import PaintingInputs, plan_painting
from styletransfer.errors import StyleTransferError
from styletransfer.images.header import Header, check_memory
from styletransfer.settings import Settings
from styletransfer.signals import Stop
from styletransfer.storage.base import Entry

_GetHeader = Callable[[str, Entry, Stop], Header | None]


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
        self._verdicts: dict[Any, StyleTransferError | None] = {}
        self._first_with_model: dict[str, Settings] = {}

    def failures(self) -> list[tuple[Task, StyleTransferError]]:
        """The tasks that cannot be painted, each with its reason. Raises Stopped after a signal,
        and what ends a run."""
        found = []
        for task in self._run.plan.todo:
            self._run.stop.obey()
            if error := self._failure(task):
                found.append((task, error))
        return found

    def _failure(self, task: Task) -> StyleTransferError | None:
        """Why a task cannot be painted: what is found twice."""
        first = self._verdict(task, self._headers.get)
        return first and self._verdict(task, self._headers.confirmed)

    def _verdict(self, task: Task, header: _GetHeader) -> StyleTransferError | None:
        look = task.look
        if error := self._once((header, look.name), lambda: self._check_look(look, header)):
            return error
        try:
            task.check_key()
            sizes = [self._checked(what, entry, header) for what, entry in photo_files(task)]
        except Exception as error:
            return picture_failure(error)
        if sizes[0] is None:
            return None
        inputs = PaintingInputs(sizes[0].size, task.mask is not None, _regions(task))
        return self._once((look.settings, inputs), lambda: self._plan(inputs, look.settings))

    def _check_look(self, look: Look, header: _GetHeader) -> None:
        """Raises what makes every task of a look fail."""
        for what, entry in look_files(look):
            self._checked(what, entry, header)
        self._network(look.settings)

    def _checked(self, what: str, entry: Entry, header: _GetHeader) -> Header | None:
        found = header(what, entry, self._run.stop)
        if found is not None:
            check_memory(found.bytes_to_decode, self._available, f"{what}{entry.key}")
        return found

    def _plan(self, inputs: PaintingInputs, settings: Settings) -> None:
        plan_painting(inputs, settings, self._network(settings), self._budget)

    def _network(self, settings: Settings) -> Any:
        """A network of the settings' model: its memory does not depend on the seed of random
        weights."""
        first = self._first_with_model.setdefault(settings.model, settings)
        return self._run.networks.load(first, self._device)

    def _once(self, key: Any, check: Callable[[], None]) -> StyleTransferError | None:
        """The error that a check raises, which is made once for a key."""
        if key not in self._verdicts:
            try:
                check()
            except Exception as error:
                self._verdicts[key] = picture_failure(error)
            else:
                self._verdicts[key] = None
        return self._verdicts[key]


def _regions(task: Task) -> int:
    """As StyleTargets.masked_groups, by the regions' content."""
    regions = {each.region and each.region.etag for each in task.look.paintings}
    return len(regions) if task.mask is not None else len(regions - {None})
