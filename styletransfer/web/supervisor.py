"""Starts the worker process, starts it anew when it dies, and passes messages on."""

import contextlib
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from logging import WARNING
from typing import IO, Any

from styletransfer.log import event
from styletransfer.web.messages import Outgoing, incoming

_PAUSES_S = (0.0, 1.0, 2.0, 5.0, 15.0, 30.0)  # before each further start of one that dies early
EARLY_S = 60.0
STOPPING_S = 8.0  # to save a checkpoint and give the job back; a platform waits ten


class Supervisor:
    """Keeps one worker running. device: what it paints on, None until it is ready. problem: why
    there is none."""

    def __init__(
        self, command: Sequence[str], on_message: Callable[[dict[str, Any]], None]
    ) -> None:
        """command: starts a worker; `--owner`, `--gone` and `--pipe` are added to it. on_message:
        gets what it says, in a thread."""
        self._command, self._on_message = command, on_message
        self.device: str | None = None
        self.problem = "the worker is starting"
        self._process: subprocess.Popen[bytes] | None = None
        self._to_worker: Outgoing | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begins to keep a worker running."""
        self._thread.start()

    def send(self, kind: str, **about: Any) -> None:
        """Sends the worker a message, if there is one."""
        to_worker = self._to_worker  # It may end between these two lines.
        if to_worker:
            to_worker.send(kind, **about)

    def ask_to_stop(self) -> None:
        """Asks the worker to save its work and end. Only once: a second signal would end it as it
        saves."""
        if not self._stopping.is_set():
            self._stopping.set()
            if self._process:
                self._process.terminate()

    def stop(self) -> None:
        """Ends the worker, which saves its work, and waits for its end."""
        self.ask_to_stop()
        if self._process:
            try:
                self._process.wait(STOPPING_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        if self._thread.is_alive():
            self._thread.join(STOPPING_S)

    def _run(self) -> None:
        gone, early = None, 0
        while not self._stopping.is_set():
            owner, started = secrets.token_hex(8), time.monotonic()
            code: int | None = None
            try:
                process, pipe = self._started(owner, gone)
            except OSError as error:  # No memory is left, or the system has too many processes.
                problem = f"the worker cannot be started ({error.strerror or error})"
            else:
                code, gone = self._followed(process, pipe), owner
                problem = f"the worker ended ({_how(code)})"
            if self._stopping.is_set():
                return
            self.device = None
            self.problem = f"{problem} and is being started anew"
            event(self.problem, level=WARNING, event="worker_ended", code=code)
            early = early + 1 if time.monotonic() - started < EARLY_S else 0
            self._stopping.wait(_PAUSES_S[min(early, len(_PAUSES_S) - 1)])

    def _started(self, owner: str, gone: str | None) -> tuple["subprocess.Popen[bytes]", IO[bytes]]:
        """A new worker, and the pipe of its messages. Raises OSError."""
        reading, writing = os.pipe()
        pipe = os.fdopen(reading, "rb")
        names = ["--owner", owner, "--pipe", str(writing), *(["--gone", gone] if gone else [])]
        try:
            process = subprocess.Popen(
                [*self._command, *names], stdin=subprocess.PIPE, pass_fds=[writing]
            )
        except OSError:
            pipe.close()
            raise
        finally:
            os.close(writing)
        return process, pipe

    def _followed(self, process: "subprocess.Popen[bytes]", pipe: IO[bytes]) -> int:
        """Takes a worker's messages until it ends; its exit code."""
        assert process.stdin
        self._process, self._to_worker = process, Outgoing(process.stdin)
        if self._stopping.is_set():  # `stop` came before there was a process to end.
            process.terminate()
        with pipe:
            for message in incoming(pipe):
                if message["kind"] == "ready":
                    self.device, self.problem = str(message["device"]), ""
                self._on_message(message)
        code = process.wait()
        self._to_worker = None
        with contextlib.suppress(OSError):  # Of what it has not read.
            process.stdin.close()
        return code


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
