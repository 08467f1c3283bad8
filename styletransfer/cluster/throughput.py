"""The progress of a run over a cluster: a bar on a terminal, or a line of the log every 15 s."""

import time
from collections import deque

from styletransfer.log import duration, event, plural
from styletransfer.progress import ShowBar

LINE_EVERY_S, BAR_EVERY_S = 15.0, 1.0
MEASURED_S = 300.0  # The rate is measured over the last minutes, since nodes come and go.


class Throughput:
    """Counts what a cluster has painted, and shows it."""

    def __init__(self, total: int, show_bar: ShowBar | None) -> None:
        """Starts the clock.

        Args:
            total: The number of tasks.
            show_bar: Updates the bar, if there is one.
        """
        self._total, self._show_bar = total, show_bar
        self._began = self._shown = time.monotonic()
        self._times: deque[float] = deque()
        self._done = self._failed = 0

    def add(self, failed: bool, found: bool = False) -> None:
        """Counts one more task as ended, with `found` if another run had stored its result."""
        self._done += 1
        self._failed += failed
        if not failed and not found:
            self._times.append(time.monotonic())

    def show(self, nodes: int, devices: int) -> None:
        """Shows the state, unless it was shown within the last seconds."""
        now = time.monotonic()
        if now - self._shown < (BAR_EVERY_S if self._show_bar else LINE_EVERY_S):
            return
        self._shown = now
        rate = self._per_minute(now)
        left = 60 * (self._total - self._done) / rate if rate else None
        parts = (
            f"{duration(left)} left" if left is not None else "",
            f"{rate:.1f} pictures/min",
            f"{plural(nodes, 'node')}, {plural(devices, 'device')}",
            f"{self._failed} failed" if self._failed else "",
        )
        status = ", ".join(filter(None, parts))
        if self._show_bar:
            self._show_bar(self._done / max(1, self._total), status)
        else:
            event(
                f"{self._done} of {self._total}: {status}",
                event="cluster",
                done=self._done,
                total=self._total,
                failed=self._failed,
                nodes=nodes,
                devices=devices,
                pictures_per_min=round(rate, 2),
                left_s=None if left is None else round(left, 1),
            )

    def _per_minute(self, now: float) -> float:
        while self._times and now - self._times[0] > MEASURED_S:
            self._times.popleft()
        return 60 * len(self._times) / max(1e-9, min(MEASURED_S, now - self._began))
