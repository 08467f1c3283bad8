"""The process that decodes pictures: a file of a stranger can exhaust or crash no other one.

`ContainedPicture` asks it. Its program is `decoding`, which answers requests at its standard
streams. Values travel as JSON and plain bytes: an answer can be wrong, but runs no code. It has no
variables of the environment but those that Python needs.
"""

import atexit
import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from io import FileIO
from typing import TYPE_CHECKING, Any

from PIL import Image

from painterly.errors import MemoryShortError, PictureError
from painterly.images.header import DAMAGED, MAX_PIXELS, Header, NoHeaderError
from painterly.settings.installation import PROGRAM

if TYPE_CHECKING:  # NumPy is imported with the pixels: a header need not wait for it.
    from painterly.images.picture import Picture

# A picture may take twice what its header lets expect: estimates are of usual files.
_LEAST_MEMORY, _SPARE_FACTOR = 400_000_000, 2
_FLOOR = 100_000_000  # bytes: with less, NumPy's libraries end the process even for a small picture
_STACK = 10_000_000  # bytes for each thread of a library, one a core
# Opening reserves memory for the pixels of some formats, and does not touch it.
_TO_OPEN = 14 * MAX_PIXELS
_LEAST_SECONDS, _SECONDS_PER_PIXEL = 10, 1e-6  # processor time
_WAITING_FACTOR, _WAITING = 4, 60  # seconds of the clock for one of the processor, and to begin
_MOST_BYTES = 8  # in an answer, for a pixel; profiles and EXIF take no more than _LEAST_MEMORY
_ENDING = 5.0  # seconds in which a process ends that has closed its socket
BYTES = 60_000_000  # memory of a process that waits
_MOST_IDLE = 2  # processes that wait for the next picture
# Processes that decode at a time: more would only take memory, and share the cores.
_MOST_BUSY = max(_MOST_IDLE, os.cpu_count() or 1)
_KEPT = (
    "DYLD_",
    "LANG",
    "LC_",
    "LD_",
    "NPY_",
    "OPENBLAS_",
    "PATH",
    "PYTHON",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
)
_ERRORS = {each.__name__: each for each in (PictureError, NoHeaderError, MemoryShortError)}
_LENGTH = struct.Struct(">L")

# Windows has neither signal.
_TOO_LONG, _KILLED = (getattr(signal, name, 256) for name in ("SIGXCPU", "SIGKILL"))

Buffers = Sequence[Any]  # contiguous bytes; None for a missing one


class ContainedPicture:
    """A picture file that the process opens and decodes; see `decoding.OpenedPicture`."""

    def __init__(self, data: bytes) -> None:
        """Open a file. Raises PictureError."""
        self._data = data
        facts, _ = _ask("open", data, _TO_OPEN, 0)
        self.format: str = facts["format"]
        size, *memory = facts["header"]
        self.header = Header(tuple(size), *memory)
        self._shows_position: bool = facts["shows_position"]

    def shows_position(self) -> bool:
        """Return whether a reader finds a position in the metadata."""
        return self._shows_position

    def decode(self, available: int) -> "tuple[Picture, tuple[str, ...]]":
        """Decode the picture, and say what was left out of its file. Raises PictureError,
        MemoryShortError."""
        import numpy as np

        from painterly.images.picture import Picture

        available -= len(self._data)  # The process has a copy of it.
        self.header.check_memory(available)
        facts, (values, alpha, exif, profile) = self._ask("decode", available)
        height, width, kind = facts["height"], facts["width"], np.dtype(facts["type"])
        picture = Picture(
            np.frombuffer(values, kind).reshape(height, width, 3),
            None if alpha is None else np.frombuffer(alpha, kind).reshape(height, width),
            self.format,
            None if exif is None else bytes(exif),
            None if profile is None else bytes(profile),
            facts["dpi"] and tuple(facts["dpi"]),
        )
        return picture, tuple(facts["left_out"])

    def reduced(self, longer: int, available: int) -> Image.Image:
        """Return a small copy. Raises as `decode`."""
        available -= len(self._data)
        if self.format != "JPEG":
            self.header.check_memory(available)
        try:
            facts, (values,) = self._ask("reduce", available, longer=longer)
        except NoHeaderError:  # A JPEG is decoded at a smaller size, which may take less.
            self.header.check_memory(available)
            raise
        return Image.frombytes("RGB", tuple(facts["size"]), bytes(values))

    def _ask(self, task: str, available: int, **more: int) -> "tuple[dict[str, Any], Buffers]":
        usual = _SPARE_FACTOR * self.header.bytes_to_decode
        memory = max(_LEAST_MEMORY + _STACK * (os.cpu_count() or 1), usual)
        pixels = self.header.size[0] * self.header.size[1]
        return _ask(task, self._data, max(min(memory, available), _FLOOR), pixels, **more)


def _ask(
    task: str, data: bytes, memory: int, pixels: int, **more: int
) -> "tuple[dict[str, Any], Buffers]":
    """Ask an idle process, or a new one.

    Args:
        task: The task, with its number in `more`.
        data: The picture's file.
        memory: The most bytes that it may take.
        pixels: How many there are.

    Returns:
        The answer's values and buffers.

    Raises:
        PictureError, MemoryShortError: The file cannot be read.
    """
    seconds = _LEAST_SECONDS + int(_SECONDS_PER_PIXEL * pixels)
    request = {"task": task, "memory": memory, "seconds": seconds, **more}
    most = _MOST_BYTES * pixels + _LEAST_MEMORY
    with _places:
        process = _idle_process()
        try:
            answer, buffers = process.ask(request, data, _WAITING + _WAITING_FACTOR * seconds, most)
        except (OSError, EOFError, ValueError):
            raise process.last_words() from None
        except BaseException:  # A signal may end the run here.
            process.end()
            raise
        _idle.append(process)
    while len(_idle) > _MOST_IDLE:
        with contextlib.suppress(IndexError):
            _idle.pop(0).end()
    if "error" in answer:
        raise _ERRORS[answer["error"]](answer["text"])
    return answer, buffers


class _Process:
    """A process that decodes pictures."""

    def __init__(self) -> None:
        """Start it. Raises OSError."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
        # One thread: each would take memory, which is limited. Freed memory goes back at once.
        kept |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        kept["MALLOC_TRIM_THRESHOLD_"] = "1000000"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "painterly.images.decoding"],
            bufsize=0,
            cwd=PROGRAM,
            env=kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for this program alone.
        )
        streams = self._process.stdin, self._process.stdout
        self._requests, self._answers = (each for each in streams if isinstance(each, FileIO))
        self._is_slow = False

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(
        self, request: dict[str, Any], data: bytes, seconds: float, most: int
    ) -> "tuple[dict[str, Any], list[bytearray | None]]":
        """Send a request, and return the answer, of at most `most` bytes.

        Raises OSError, EOFError or ValueError if there is none.
        """
        deadline = threading.Timer(seconds, self._give_up)
        deadline.daemon = True
        deadline.start()
        try:
            send(self._requests, request, [data])
            return receive(self._answers, most)
        finally:
            deadline.cancel()

    def _give_up(self) -> None:
        self._is_slow = True
        self._process.kill()

    def last_words(self) -> PictureError:
        """End it, and return an error for the picture that it had."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING)
        self.end()
        code = self._process.returncode
        if self._is_slow or code == -_TOO_LONG:
            return PictureError("takes too long to decode; export it anew as JPEG or PNG")
        if code == -_KILLED:
            return PictureError(
                "was being decoded when the system ended that, maybe for lack of memory; make it "
                "smaller"
            )
        if code >= 0:  # No library crashed.
            return PictureError(f"cannot be decoded: the process for that ended (exit code {code})")
        return NoHeaderError(DAMAGED)

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._answers):
            stream.close()


_idle: list[_Process] = []
_places = threading.BoundedSemaphore(_MOST_BUSY)


def _idle_process() -> _Process:
    """Return a process that waits, or a new one. Raises PictureError if none can be started."""
    while True:
        try:
            process = _idle.pop()
        except IndexError:
            try:
                return _Process()
            except OSError as error:
                why = error.strerror or error
                raise PictureError(
                    f"cannot be decoded: a process for that cannot be started ({why})"
                ) from None
        if process.is_alive():
            return process
        process.end()


@atexit.register
def end_all() -> None:
    while _idle:
        _idle.pop().end()


def _begin_anew() -> None:
    """Leave the processes to the parent of this one, which was forked, and its threads."""
    global _places
    _idle.clear()
    _places = threading.BoundedSemaphore(_MOST_BUSY)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


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
