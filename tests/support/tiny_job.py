"""`python tests/support/tiny_job.py BUCKET KEY`: aws/entrypoint.py with a VGG19 of few channels, so
that a process paints in little more time than TensorFlow takes to load."""

import os
import sys
from pathlib import Path

import entrypoint

from styletransfer.batch.network_pool import NetworkPool
from styletransfer.paths import PROGRAM
from styletransfer.vgg import download
from support import tiny

# What a process that runs this file needs to find its modules.
PYTHONPATH = os.pathsep.join(str(PROGRAM / folder) for folder in ("", "aws", "tests"))


def load(*_: object) -> object:
    from styletransfer.vgg.network import VGG

    return VGG(tiny.weights())


def main(arguments: list[str]) -> None:
    """Ends the process, as the entrypoint does. Weights are only those of the environment."""
    download.CACHE = Path(os.devnull)
    os.environ["KERAS_HOME"] = os.devnull
    NetworkPool.build = load
    entrypoint.leave(entrypoint.main(arguments))


def forked(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    """The same in a running process, with an environment and a log of its own."""
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    main(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
