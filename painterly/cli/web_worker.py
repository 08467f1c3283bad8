"""The worker of `painterly web`, as a program. It starts without what reads the command line."""

from collections.abc import Mapping

from painterly.cli.app import run_program, run_service
from painterly.configuration.config import Config
from painterly.jobs.worker.process import work
from painterly.jobs.worker.supervisor import Pipe
from painterly.settings.installation import command

NAME = command("web")


def paint_jobs(
    environment: Mapping[str, str], loaded: Config, pipe: Pipe, owner: str, gone: str | None
) -> int:
    """Run the worker, in a process that the web process starts, and return the exit code.

    Args:
        environment, loaded: What the web process has read. A worker that is started
            later would read another `.env`.
        pipe, owner, gone: As for `work`.
    """

    def service() -> int:
        return run_service(lambda _: work(loaded, pipe, owner, gone), known=environment)

    return run_program(NAME, service, names_signals=False)  # The web process names them.
