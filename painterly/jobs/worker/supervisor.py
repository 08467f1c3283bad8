"""Keeps one worker process running, restarts it when it dies, and passes messages on."""

import multiprocessing
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from logging import WARNING
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from typing import Any

from painterly.log import event

_SPAWN = multiprocessing.get_context("spawn")
PAUSES_S = (0.0, 1.0, 2.0, 5.0, 15.0, 30.0)  # before each restart after an early death
EARLY_S = 60.0
STOPPING_S = 8.0  # to save a checkpoint and give the job back; a platform waits ten
TAKING_S = 10.0  # for one message: a worker that takes longer hangs, and is killed
MAX_UNSENT = 32  # messages, of up to twice WEB_MAX_MEGABYTES each


class Pipe:
    """One end of the connection between the web process and its worker. Thread-safe.

    Messages are tuples that begin with their kind. They only make things faster: all state that
    must not be lost is in the bucket.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self._sending = connection, threading.Lock()

    def send(self, *message: Any) -> None:
        """Send a message, or drop it if the other process has ended."""
        with self._sending, suppress(OSError, ValueError):
            self._connection.send(message)

    def receive(self) -> tuple[Any, ...] | None:
        """Wait for a message; None once the other process has ended."""
        try:
            message: tuple[Any, ...] = self._connection.recv()
            return message
        except (EOFError, OSError):
            return None

    def close(self) -> None:
        """Close this end."""
        with self._sending:
            self._connection.close()


class Outbox:
    """Messages to a worker. Only its own thread waits while the worker does not read them."""

    def __init__(self, pipe: Pipe, process: SpawnProcess) -> None:
        self._pipe, self._process = pipe, process
        self._unsent: SimpleQueue[tuple[Any, ...] | None] = SimpleQueue()
        threading.Thread(target=self._send, name="outbox", daemon=True).start()

    def add(self, message: tuple[Any, ...]) -> bool:
        """Add a message, or return False if too many are unsent."""
        if self._unsent.qsize() >= MAX_UNSENT:
            return False
        self._unsent.put(message)
        return True

    def close(self) -> None:
        self._unsent.put(None)

    def _send(self) -> None:
        while (message := self._unsent.get()) is not None:
            overdue = threading.Timer(TAKING_S, self._kill)
            overdue.daemon = True
            overdue.start()
            self._pipe.send(*message)
            overdue.cancel()

    def _kill(self) -> None:
        event(f"the worker has taken no message for {TAKING_S:.0f} s", level=WARNING)
        self._process.kill()


class Supervisor:
    """Keeps one worker running.

    Attributes:
        device: The device it paints on; None until it is ready.
        problem: The reason why there is no worker; empty if there is one.
    """

    def __init__(
        self, worker: Callable[..., int], on_message: Callable[[tuple[Any, ...]], None]
    ) -> None:
        """Args:
        worker: Runs in each new process with the worker's end of the pipe, the name of this
            worker, and the name of the one that died before it, or None. Returns the exit code.
        on_message: Gets the messages of the worker, in a thread, and `gone` once it has ended.
        """
        self._worker, self._on_message = worker, on_message
        self.device: str | None = None
        self.problem = "the worker is starting"
        self._process: SpawnProcess | None = None
        self._outbox: Outbox | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process id of the latest worker; None before the first."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Begin to keep a worker running."""
        self._thread.start()

    def send(self, *message: Any) -> bool:
        """Hand over a message for the worker. Return False if there is no worker, or it is to end,
        or too many are on their way. This waits for nothing."""
        outbox = None if self._stopping.is_set() else self._outbox
        return outbox is not None and outbox.add(message)

    def ask_to_stop(self) -> None:
        """Ask the worker to save its work and exit, only once: a second signal would interrupt
        the saving."""
        if not self._stopping.is_set():
            self._stopping.set()
            if self._process:
                self._process.terminate()

    def stop(self) -> None:
        """Stop the worker, which saves its work, and wait for its exit."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(STOPPING_S)
        if self._thread.is_alive() and self._process:
            self._process.kill()
            self._thread.join(STOPPING_S)

    def _run(self) -> None:
        if sys.platform != "win32":
            # Workers inherit this. Ctrl-C in a terminal reaches them as well, also as they start.
            resource_tracker.ensure_running()  # Its start would unblock the signal.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        gone, early = None, 0
        while not self._stopping.is_set():
            name, started = secrets.token_hex(8), time.monotonic()
            code: int | None = None
            try:
                process, pipe = self._started(name, gone)
            except OSError as error:  # No memory is left, or the system has too many processes.
                problem = f"the worker cannot be started ({error.strerror or error})"
            else:
                code, gone = self._followed(process, pipe), name
                how = f"exit code {code}" if code >= 0 else f"signal {-code}"
                problem = f"the worker ended ({how})"
            if self._stopping.is_set():
                return
            self.device = None
            self.problem = f"{problem} and is being restarted"
            event(self.problem, level=WARNING, event="worker_ended", code=code)
            early = early + 1 if time.monotonic() - started < EARLY_S else 0
            self._stopping.wait(PAUSES_S[min(early, len(PAUSES_S) - 1)])

    def _started(self, name: str, gone: str | None) -> tuple[SpawnProcess, Pipe]:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(
            target=run_worker, args=(self._worker, theirs, name, gone), daemon=True
        )
        with theirs:  # Closed here, so that `receive` returns when the worker ends.
            process.start()
        return process, Pipe(ours)

    def _followed(self, process: SpawnProcess, pipe: Pipe) -> int:
        outbox = Outbox(pipe, process)
        self._process, self._outbox = process, outbox
        if self._stopping.is_set():  # `stop` came before there was a process.
            process.terminate()
        while (message := pipe.receive()) is not None:
            if message[0] == "ready":
                self.device, self.problem = str(message[1]), ""
            self._on_message(message)
        process.join()
        self._outbox = None
        outbox.close()
        pipe.close()
        self._on_message(("gone",))
        return process.exitcode or 0


def run_worker(
    worker: Callable[..., int], connection: Connection, name: str, gone: str | None
) -> None:
    """Run a worker in its new process."""
    raise SystemExit(worker(Pipe(connection), name, gone))
