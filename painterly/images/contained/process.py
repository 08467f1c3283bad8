"""Processes that decode files of strangers, which can exhaust or crash no other one: both ends.

A program has requests at its standard input, and answers at its standard output. Values travel as
JSON and plain bytes: an answer can be wrong, but runs no code. settings/limits.py has its
environment, without secrets, and the limits that it puts on itself.
"""

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

from painterly.errors import PictureError
from painterly.images.header import DAMAGED, NoHeaderError
from painterly.settings.installation import PROGRAM
from painterly.settings.limits import environment
from painterly.signals import stop_signals

WAITING_FACTOR = 4  # seconds of the clock for each second of the processor
BEGINNING = 60  # further seconds of the clock, in which a process begins
_ENDING = 5.0  # seconds in which a process ends that has closed its socket
# Taken once: OpenCV puts its own folder, which has a `typing`, there while it is being imported.
FOLDERS = os.pathsep.join(filter(None, sys.path))
_LENGTH = struct.Struct(">L")

_PROGRAM = "painterly.images.contained.decoding"
# Windows has neither signal.
TOO_LONG, KILLED = (getattr(signal, name, 256) for name in ("SIGXCPU", "SIGKILL"))
ENDED = "was being decoded when the system ended that, maybe for lack of memory; make it smaller"

Buffers = Sequence[Any]  # contiguous bytes; None for a missing one
Answer = tuple[dict[str, Any], Buffers]


class Watched:
    """A process that is ended if it takes too long."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self._is_slow = process, False

    @contextlib.contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """End the process if the block takes longer."""
        deadline = threading.Timer(seconds, self._give_up)
        deadline.daemon = True
        deadline.start()
        try:
            yield
        finally:
            deadline.cancel()

    def _give_up(self) -> None:
        self._is_slow = True
        self._process.kill()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()


class ContainedProcess(Watched):
    """A process that decodes."""

    def __init__(self) -> None:
        """Start it. Raises PictureError if it cannot be started."""
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", _PROGRAM],
                bufsize=0,
                cwd=PROGRAM,
                env=environment(PYTHONPATH=FOLDERS),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for this program alone.
            )
        except OSError as error:
            why = error.strerror or error
            raise PictureError(
                f"cannot be decoded: a process for that cannot be started ({why})"
            ) from None
        super().__init__(process)
        streams = process.stdin, process.stdout
        self._requests, self._answers = (each for each in streams if isinstance(each, FileIO))
        self._beginning = BEGINNING

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], buffers: Buffers, seconds: int, most: int) -> Answer:
        """Send a request, and return the answer. Any error ends the process.

        Args:
            request: The values of the request.
            seconds: The processor time that the program may take; see `limits.limit_time`.
            most: The most bytes of an answer.

        Raises:
            PictureError: There is no answer.
        """
        waiting, self._beginning = self._beginning + WAITING_FACTOR * seconds, 0
        try:
            with self._within(waiting):
                send(self._requests, {**request, "seconds": seconds}, buffers)
                return receive(self._answers, most)
        except (OSError, EOFError, ValueError):
            raise self._last_words() from None
        except BaseException:  # A signal may end the run here.
            self.kill()
            raise

    def _last_words(self) -> PictureError:
        """End it, and return an error for the file that it had."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING)
        self.kill()
        code = self._process.returncode
        if self._is_slow or code == -TOO_LONG:
            return PictureError("takes too long to decode; export it anew as JPEG or PNG")
        if code == -KILLED:
            return PictureError(ENDED)
        if code >= 0:  # No library crashed.
            return PictureError(f"cannot be decoded: the process for that ended (exit code {code})")
        return NoHeaderError(DAMAGED)


def answer_requests(answer: Callable[[dict[str, Any], list[bytearray | None]], Answer]) -> None:
    """Answer the requests at the standard input until it is closed. This is all that a program
    does."""
    for number in stop_signals():  # It ends with its parent.
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # If memory runs out, it is this process that has to go.
        Path("/proc/self/oom_score_adj").write_text("1000")
    requests, answers = FileIO(0), FileIO(os.dup(1), "w")
    os.dup2(2, 1)  # Libraries may print, and that is no answer.
    with requests, answers, contextlib.suppress(EOFError, OSError):
        while True:
            send(answers, *answer(*receive(requests, sys.maxsize)))


def send(to: FileIO, values: dict[str, Any], buffers: Buffers) -> None:
    """Send values and buffers to the other end. Raises OSError."""
    lengths = [None if each is None else memoryview(each).nbytes for each in buffers]
    head = json.dumps({**values, "lengths": lengths}).encode()
    for each in (_LENGTH.pack(len(head)) + head, *buffers):
        left = memoryview(b"" if each is None else each).cast("B")
        while left:
            left = left[to.write(left) :]


def receive(source: FileIO, most: int) -> "tuple[dict[str, Any], list[bytearray | None]]":
    """Return values and buffers from the other end, of at most `most` bytes. Raises EOFError at the
    end, OSError, ValueError."""
    (length,) = _LENGTH.unpack(_received(source, _LENGTH.size))
    values = json.loads(_received(source, min(length, most)))
    lengths = values.pop("lengths")
    if sum(filter(None, lengths)) > most:
        raise ValueError("an answer that is too long")
    return values, [None if each is None else _received(source, each) for each in lengths]


def _received(source: FileIO, length: int) -> bytearray:
    out = bytearray(length)
    left = memoryview(out)
    while left:
        count = source.readinto(left)
        if not count:
            raise EOFError
        left = left[count:]
    return out
