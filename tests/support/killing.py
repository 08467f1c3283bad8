"""Runs batches and kills them, for test_kill.py.

usage: killing.py FIRST LAST SEED   with the batch's own variables; `{round}` in BUCKET_RESULT

Round 0 is left alone. In every other, `kill -9` strikes once or twice at random moments (in the
first, once more right after a checkpoint), then the batch may end. A line of JSON a round.
Importing TensorFlow takes seconds, so that is done once, here, and each batch is a fork:
TensorFlow bears that as long as no tensor was made before.
"""

import dataclasses
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
AT_A_TIME = 2  # rounds at a time
CHECKPOINT_EVERY = 0.03  # s; a user's shortest is a second, longer than such a painting takes
DEADLINE_S = 60.0


def start(number: int, log: int) -> int:
    """Starts a round's batch in a process of its own; its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout.reconfigure(line_buffering=True)  # What is killed writes no buffer out.
        from styletransfer import config
        from styletransfer.batch import run
        from styletransfer.log import log_to_stdout

        log_to_stdout("%(message)s")
        variables = {k: v.replace("{round}", str(number)) for k, v in os.environ.items()}
        code = run.run(
            dataclasses.replace(config.load(variables), checkpoint_every=CHECKPOINT_EVERY)
        )
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(pid: int, seconds: float) -> int | None:
    """A process' exit code, or None where it still runs after so many seconds."""
    watch = os.pidfd_open(pid)
    try:
        done, _, _ = select.select([watch], [], [], seconds)
    finally:
        os.close(watch)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if done else None


def saves(log: int) -> int:
    """How many saved checkpoints a log has."""
    return os.pread(log, os.fstat(log).st_size, 0).count(b"checkpoint saved")


def paint(number: int, moments: list[float | None]) -> dict:
    """One round: batches killed at these moments, if they last so long, and one that ends.

    moments: in seconds; None is right after a checkpoint was saved.
    """
    kills, started = [], time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        for seconds in [*moments, DEADLINE_S]:
            pid = start(number, log.fileno())
            before, begun = saves(log.fileno()), time.perf_counter()
            code = ended(pid, 0.001 if seconds is None else seconds)
            if seconds is None:
                while code is None and saves(log.fileno()) == before:
                    code = ended(pid, 0.005)
            if code is None:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                kills.append(round(time.perf_counter() - begun, 2))
            elif code:
                break
        log.seek(0)
        out = log.read()
    return {
        "round": number,
        "kills": kills,
        "code": code,
        "seconds": round(time.perf_counter() - started, 2),
        "resumed": out.count("resuming from step"),
        "checkpoints": out.count("checkpoint saved"),
        "out": out if code else "",
    }


def main(first: int, last: int, seed: int) -> None:
    """Undisturbed first, to see how long a batch takes; then the others, several at a time."""
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    import boto3.s3.transfer  # noqa: F401

    from styletransfer.batch import (
        dry_run,  # noqa: F401
        worker,  # noqa: F401
    )
    from styletransfer.batch.network_pool import NetworkPool
    from styletransfer.vgg.network import VGG
    from support import tiny

    NetworkPool.build = lambda *_: VGG(tiny.weights())
    whole = paint(0, [])
    print(json.dumps(whole), flush=True)
    processes = []
    for number_of_process in range(AT_A_TIME):
        pid = os.fork()
        if pid == 0:
            for number in range(first + number_of_process, last + 1, AT_A_TIME):
                chance = random.Random(f"{seed} {number}")
                most = whole["seconds"] * 1.3  # Two at a time are slower.
                moments = [chance.uniform(0.1, most) for _ in range(chance.randint(1, 2))]
                moments = [None, *moments] if number == first else moments
                print(json.dumps(paint(number, moments)), flush=True)
            os._exit(0)
        processes.append(pid)
    for pid in processes:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
