"""Measurement of the memory, the bytes read and the requests of a block of code, on Linux."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest


class Cost:
    """The memory, bytes and requests of a process since this was made.

    Attributes:
        requests: The requests that boto3 has sent in the tests' own process, such as
            `GET /bucket/key`. Of other processes, a FaultProxy's log has them.
    """

    def __init__(self, process: int | str) -> None:
        self._folder = Path("/proc", str(process))
        if not (self._folder / "clear_refs").exists():
            pytest.skip("only Linux tells what a process has taken")
        (self._folder / "clear_refs").write_text("5")  # Forgets the peak.
        self._memory, self._read = self._peak(), self._bytes_read()
        self.requests: list[str] = []

    @property
    def memory(self) -> int:
        """The most bytes in memory beyond those at the start."""
        return self._peak() - self._memory

    @property
    def read(self) -> int:
        """The bytes read from files and pipes, whether they were on a disk or in a cache."""
        return self._bytes_read() - self._read

    def _peak(self) -> int:
        return 1024 * self._number("status", "VmHWM")

    def _bytes_read(self) -> int:
        return self._number("io", "rchar")

    def _number(self, file: str, name: str) -> int:
        found = re.search(rf"^{name}:\s*(\d+)", (self._folder / file).read_text(), re.MULTILINE)
        assert found, name
        return int(found[1])


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
