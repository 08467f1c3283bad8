"""Measurement of the memory, the bytes read and the requests of a block of code, on Linux."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest


class Cost:
    """The memory, bytes and requests of a process since this was made.

    Memory is also that of its child processes, such as those that decode pictures, as long as they
    run: the sum of what each has taken at most.

    Attributes:
        requests: The requests that boto3 has sent in the tests' own process, such as
            `GET /bucket/key`. Of other processes, a FaultProxy's log has them.
    """

    def __init__(self, process: int | str) -> None:
        self._folder = Path("/proc", str(process))
        if not (self._folder / "clear_refs").exists():
            pytest.skip("only Linux tells what a process has taken")
        for each in self._processes():
            with suppress(OSError):  # It has ended.
                (each / "clear_refs").write_text("5")  # Forgets the peak.
        self._memory, self._read = self._peaks(), self._bytes_read()
        self.requests: list[str] = []

    @property
    def memory(self) -> int:
        """The most bytes in memory beyond those at the start, children included."""
        return sum(self._taken().values())

    @property
    def own_memory(self) -> int:
        """The most bytes in memory beyond those at the start, without those of children."""
        return self._taken()[self._folder]

    @property
    def read(self) -> int:
        """The bytes read from files and pipes, whether they were on a disk or in a cache."""
        return self._bytes_read() - self._read

    def _processes(self) -> list[Path]:
        children: list[Path] = []
        for thread in self._folder.glob("task/*/children"):
            with suppress(OSError):  # It has ended.
                children += (Path("/proc", each) for each in thread.read_text().split())
        return [self._folder, *children]

    def _peaks(self) -> dict[Path, int]:
        peaks = {}
        for each in self._processes():
            with suppress(OSError):  # It has ended.
                if found := _number(each / "status", "VmHWM"):
                    peaks[each] = 1024 * found
        return peaks

    def _taken(self) -> dict[Path, int]:
        return {each: peak - self._memory.get(each, 0) for each, peak in self._peaks().items()}

    def _bytes_read(self) -> int:
        return _number(self._folder / "io", "rchar") or 0


def _number(file: Path, name: str) -> int | None:
    """Return a number in a file of a process, or None if it has ended and lacks the number."""
    found = re.search(rf"^{name}:\s*(\d+)", file.read_text(), re.MULTILINE)
    return int(found[1]) if found else None


Costs = Callable[..., AbstractContextManager[Cost]]


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> Costs:
    """A function that measures what a block costs the tests' own process, or another one:

    with cost() as spent:
        work()
    assert spent.memory < 100_000_000 and not spent.requests
    """
    from botocore.httpsession import URLLib3Session

    open_: list[Cost] = []
    real = URLLib3Session.send

    def send(session: URLLib3Session, request: object) -> object:
        for each in open_:
            each.requests.append(f"{request.method} /{request.url.split('/', 3)[3]}")
        return real(session, request)

    monkeypatch.setattr(URLLib3Session, "send", send)

    @contextmanager
    def measured(process: int | str = "self") -> Iterator[Cost]:
        spent = Cost(process)
        open_.append(spent)
        try:
            yield spent
        finally:
            open_.remove(spent)

    return measured
