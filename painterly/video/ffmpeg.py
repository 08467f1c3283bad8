"""The program ffmpeg, in a separate process for each task, within limits of memory, processor time
and written bytes: a stranger's clip can exhaust or crash no other process."""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import BinaryIO, cast

from painterly.errors import PictureError
from painterly.forks import per_process
from painterly.images.contained.process import ENDED, KILLED, TOO_LONG, WAITING_FACTOR, Watched
from painterly.settings import clips, limits

MOST_MEMORY = 4_000_000_000  # bytes of a process; less if less is free
LEAST_MEMORY = 100_000_000  # bytes, with which it can begin
SECONDS = 30  # processor time for a frame and the damaged parts before it
LOG_BYTES = 1_000_000  # bytes of its log
_END_OF_LOG = 100_000  # bytes that are read of a log
# Others than these can name further files, or addresses, which a clip has no business to read.
SAFE = (
    *("-protocol_whitelist", "file,pipe", "-format_whitelist"),
    "mov,mp4,matroska,webm,avi,gif,mpegts,mpeg,ogg,flv,asf",
)
# Each thread takes memory. With several, a decoder without memory tries again until it is killed.
_ALWAYS = "-hide_banner", "-nostdin", "-filter_threads", "1"
SLOW = "takes too long to decode; export it anew as mp4"
_SHORT = "needs more memory than a clip may take; make it smaller"
EXPANDS = "is damaged: its parts take many times its size; export it anew as mp4"
MOST_FRAMES = 1_000_000
# Patterns of the log, and the sentence for each.
_REASONS = {
    r"annot allocate|not allocate|malloc of|get_buffer\(\) failed|temporarily unavail": _SHORT,
    r"does not contain any stream": "has no picture track",
    r"no decoder found for|Decoder \(codec \w+\) not found": "has pictures that FFmpeg cannot "
    "decode; export it anew as mp4",
    r"File too large": EXPANDS,
    r"No space left": "has no room on the disk for temporary files; free some",
}
_SIZE = re.compile(r"^  Stream #0:\d+.*?: Video: .*?, (\d+)x(\d+)", re.M)
_PER_PIXEL = 10  # bytes; with less memory, a decoder may say that the frame is damaged
_TOO_MANY_PIXELS = re.compile(r"Picture size (\d+)x(\d+) exceeds specified max pixel count (\d+)")


class Program(Watched, AbstractContextManager["Program"]):
    """The program with one task. It ends with the `with` block, and with this process."""

    def __init__(
        self, *arguments: str, memory: int, more_time: int = 0, size: int = 0, feeds: bool = False
    ) -> None:
        """Start it.

        Args:
            memory: The most bytes of memory that it may take.
            more_time: The processor time before its first output, beyond that for any part.
            size: The most bytes of a file that it writes.
            feeds: Whether `write` is used.

        Raises:
            PictureError: It cannot be started.
        """
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (to the end)
        self._seconds = SECONDS + more_time
        self._memory = max(LEAST_MEMORY, min(MOST_MEMORY, memory))
        own = [clips.ffmpeg(), *_ALWAYS, *arguments]
        command = limits.limited(own, self._seconds, self._memory, max(size, LOG_BYTES))
        stdin = subprocess.PIPE if feeds else subprocess.DEVNULL
        start = lambda: subprocess.Popen(  # noqa: E731
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=self._log, env=limits.environment()
        )
        try:
            super().__init__(_starter().submit(start).result())
        except OSError as error:
            self._log.close()
            raise PictureError(f"cannot be read: ffmpeg cannot be started ({error})") from None
        self._output = cast(BinaryIO, self._process.stdout)

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        super().kill()
        self._log.close()

    def read(self, count: int) -> bytes:
        """Return that many bytes of its output, or fewer at the end. Raises PictureError if they
        take too long."""
        with self._in_time():
            return self._output.read(count)

    def line(self) -> bytes:
        """Return a line of its output, or an empty one at the end. Raises as `read`."""
        with self._in_time():
            return self._output.readline(_END_OF_LOG)

    def write(self, data: memoryview) -> None:
        """Give it data. Raises PictureError if it has ended."""
        try:
            with self._in_time():
                cast(BinaryIO, self._process.stdin).write(data)
        except OSError:
            self.end()
            raise PictureError("cannot be written: ffmpeg has ended") from None

    def end(self, needed: bool = True) -> str:
        """Wait until it ends, and return its log.

        Args:
            needed: Whether an exit code that is not 0 is an error: after some frames, it is not.

        Raises:
            PictureError: It was ended, or has failed.
        """
        with self._in_time():
            if self._process.stdin:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
            while self._output.read(_END_OF_LOG):
                pass
            code = self._process.wait()
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - _END_OF_LOG))
        said = self._log.read().decode(errors="replace")
        self.kill()
        if code < 0 or (code > 0 and needed):
            raise PictureError(SLOW if self._is_slow else _refusal(code, said, self._memory))
        return said

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        with self._within(WAITING_FACTOR * self._seconds):
            yield
        limits.grant_time(self._process.pid, SECONDS)
        self._seconds = SECONDS


# Linux ends a program with the thread that has started it, and other threads may end before.
_starter = per_process(lambda: ThreadPoolExecutor(1, "ffmpeg"))


def run(*arguments: str, memory: int, size: int, at_once: bool = False) -> tuple[str, int]:
    """Run the program as long as it makes progress, or `at_once`, in the processor time of a frame,
    and return its log, and the number of frames that it has written. Arguments and errors are as of
    `Program`; it also raises PictureError for too many frames."""
    progress, count = ("-y", "-v", "warning", "-nostats", "-progress", "pipe:1"), 0
    with Program(*progress, *arguments, memory=memory, size=size) as program:
        lines = program.read(_END_OF_LOG).splitlines() if at_once else iter(program.line, b"")
        for line in lines:
            if line.startswith(b"frame="):
                count = int(line.partition(b"=")[2])
                check_count(count)
        return program.end(), count


def check_count(frames: int) -> None:
    """Raise PictureError for more frames than are read."""
    if frames > MOST_FRAMES:
        raise PictureError(f"has more than {MOST_FRAMES:,} frames; cut it")


@cache
def encoders() -> frozenset[str]:
    """Return the encoders that the program has. Raises PictureError."""
    with Program("-encoders", memory=MOST_MEMORY) as program:
        found = iter(program.line, b"")
        return frozenset(line.split()[1].decode() for line in found if line.startswith(b" V"))


def _refusal(code: int, said: str, memory: int) -> str:
    if code == -TOO_LONG:
        return SLOW
    if code == -KILLED:
        return ENDED
    if found := _TOO_MANY_PIXELS.search(said):
        width, height, most = map(int, found.groups())
        return f"{width} × {height} px are more than {most // 10**6} megapixels; make it smaller"
    sizes = [int(width) * int(height) for width, height in _SIZE.findall(said)]
    if memory < LEAST_MEMORY + _PER_PIXEL * max(sizes, default=0):
        return _SHORT
    for pattern, text in _REASONS.items():
        if re.search(pattern, said):
            return text
    if code < 0:
        return "is damaged or incomplete; send it again, or export it anew as mp4"
    reason = (said.strip().splitlines() or ["no reason"])[-1].rpartition(": ")[2][:200]
    return f"is damaged, cut, or no clip that FFmpeg reads ({reason}); export it anew as mp4"
