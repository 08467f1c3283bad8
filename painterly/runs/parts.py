"""Paints one source of many parts, such as the clip of a job, and reports each part."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from painterly.bench.bench import Bench
from painterly.bench.finished import Finished, PartStep
from painterly.errors import PictureError
from painterly.orders.order import PlannedOrder
from painterly.orders.plan import Plan
from painterly.orders.record import Record
from painterly.runs.workers import paint_all
from painterly.settings.bucket_layout import CHECKPOINTS
from painterly.settings.sources import in_parts

if TYPE_CHECKING:
    from painterly.devices.device import Devices


class PartsBench(Bench):
    """A bench for the parts of one order. A part that fails ends the painting."""

    def __init__(
        self,
        on_step: Callable[[PartStep], None],
        check: Callable[[], None],
        *shared: Any,
        **more: Any,
    ) -> None:
        """Args:
        on_step: Is called after each part. Its errors end the painting.
        check: Is called several times a second, with the same effect.
        shared, more: As for Bench.
        """
        super().__init__(*shared, **more)
        self._on_step, self._check = on_step, check
        self.config = replace(self.config, shard=(0, 1))  # Its page is left to a whole run.

    def show(self, step: PartStep) -> None:
        self._on_step(step)

    def paint(self, *inputs: Any, **how: Any) -> Finished:
        return super().paint(*inputs, **{**how, "check": self._check})

    def fail(self, order: PlannedOrder, reason: str) -> NoReturn:
        raise PictureError(reason.removeprefix(f"{order.photo.key}: "))

    def plan(self, order: PlannedOrder) -> Plan:
        """Return the plan of an order's parts that are not finished. Raises StorageError."""
        start = f"{CHECKPOINTS}/{order.style.name}/{order.photo.key}/"
        stored = {entry.key: entry for entry in self.unfinished.list(start)}
        plan: Plan = in_parts(Plan((order,), (), (), (), stored, {}, ()), self.source)
        return plan

    def painted(
        self, order: PlannedOrder, plan: Plan, loading: "Future[Devices]", set_aside: int
    ) -> Record:
        """Paint an order's parts, and return the record of its result.

        Args:
            order: The order.
            plan: The plan of its parts.
            loading, set_aside: As in `paint_all`, with the same errors.

        Raises:
            PictureError: It cannot be painted.
        """
        try:
            paint_all(self, plan, loading, set_aside)
        except PictureError as error:
            super().fail(order, str(error))
            raise
        record = self.finished_record(order)
        if record is None:
            raise PictureError("its result was deleted at once")
        return record
