"""What all programs share: exit codes of errors and signals."""

import os
import sys
from collections.abc import Callable

from styletransfer.errors import StyleTransferError
from styletransfer.log import log_to_stdout


def run_program(program: str, run: Callable[[dict[str, str]], int]) -> int:
    """What `run` returns for the environment, its log being shown; or, once what ended it has been
    told in one line, that error's or signal's exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from styletransfer import config
    from styletransfer.signals import Stop, Stopped

    try:
        # From here on, not only while it paints: a container's first process ignores signals that
        # it has not asked for.
        with Stop():
            environment = config.environment()
            log_to_stdout("%(asctime)s %(message)s", config.log_format(environment) == "json")
            return run(environment)
    except StyleTransferError as error:
        # In one piece, while another thread may lead stderr elsewhere.
        sys.stderr.write(f"{program}: {error}\n")
        return error.exit_code
    except Stopped as stopped:
        sys.stderr.write(f"{program}: stopped by {stopped}; run it again for the rest\n")
        return stopped.exit_code


def leave(code: int) -> None:
    """Ends the process now. Threads that wait for a network that is away would keep it for
    minutes, and a platform that sent SIGTERM waits for seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
