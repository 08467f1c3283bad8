"""Parts of all programs: questions on the terminal, errors and signals as exit codes."""

import contextlib
import os
import signal
import sys
import threading
import traceback
import webbrowser
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from logging import CRITICAL, WARNING
from pathlib import Path
from typing import NoReturn

from painterly.devices.processor import NO_AVX, has_avx, limit_threads
from painterly.errors import ConfigError, PainterlyError, StorageError
from painterly.log import (
    FULL,
    event,
    leave_closed_terminal,
    log_to_stdout,
    logs_json,
    print_anything,
    print_nowhere,
    reader_has_gone,
)
from painterly.settings.installation import IN_CHECKOUT, PROGRAM, SCRIPTS, command, install_command
from painterly.signals import Stop, Stopped
from painterly.storage.transfers import POOL
from painterly.words.wording import printable

LAPTOP = "boto3 cyclopts python-dotenv rich"  # packages of the scripts that do not paint
# The extra of pyproject.toml that installs a package, by its import name.
EXTRAS = {**dict.fromkeys(("tensorflow", "h5py", "scipy"), "cpu"), "ray": "cluster"}
INTERRUPTED = 130  # 128 + SIGINT
STAYS = "what is done stays; the same command continues"


def run_program(name: str, run: Callable[[], int], *, names_signals: bool = True) -> int:
    """Run a program and return its exit code.

    An error, a signal or Ctrl-C that ends it becomes one line on stderr, or in a log in JSON. Other
    exceptions are bugs: they propagate unless the log is JSON.

    Args:
        names_signals: False if another program reports a signal.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    limit_threads()
    _open_closed_streams()
    print_anything()
    _catch_ctrl_c()
    with contextlib.redirect_stdout(sys.stdout):  # `run` may replace it until all is reported.
        try:
            code = run()
            sys.stdout.flush()
            return code
        except PainterlyError as error:
            return fail(name, str(error), error.exit_code)
        except Stopped as stopped:
            return _stopped(name, stopped, names_signals)
        except KeyboardInterrupt:
            return fail(name, f"stopped; {STAYS}", INTERRUPTED)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package in ("", "painterly"):
                raise
            return fail(name, _missing_package(package, name), ConfigError.exit_code)
        except Exception as bug:
            if isinstance(bug, OSError) and reader_has_gone(bug):
                print_nowhere()  # Python flushes the rest at exit.
                return 1
            if isinstance(bug, OSError) and bug.errno in FULL:  # As in `> list.txt`.
                print_nowhere()
                why = (bug.strerror or str(bug)).lower()
                return fail(name, f"{why}; make room", StorageError.exit_code)
            if not logs_json():
                raise
            trace = "".join(traceback.format_exception(bug))
            event(f"{name}: {type(bug).__name__}: {bug}", level=CRITICAL, event="end", trace=trace)
            return 1


def _stopped(name: str, stopped: Stopped, names_signals: bool) -> int:
    code = stopped.exit_code
    if names_signals:
        fail(name, f"stopped by {stopped}; {stopped.note or STAYS}", code)
    if any(thread.name.startswith(POOL) for thread in threading.enumerate()):
        leave(code)  # The second signal: Python would wait for the transfers in progress.
    return code


def run_service(
    run: Callable[[dict[str, str]], int],
    variables: Mapping[str, str] | None = None,
    known: Mapping[str, str] | None = None,
) -> int:
    """Run what a platform starts and stops, in `run_program`.

    The signals of Stop raise Stopped from the start: the first process of a container ignores
    signals that it has no handler for. `run` gets the environment, `.env` included; `variables` and
    `known` are as for `set_up_log`. The log goes to stdout, with the time of each line or, with
    LOG_FORMAT=json, as JSON, and so does what ends the process, then.
    """
    with Stop():
        return run(set_up_log("%(asctime)s %(message)s", variables or {}, known))


def set_up_log(
    form: str, variables: Mapping[str, str], known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Write the log to stdout as the environment asks, or else in the form, and return the
    environment. Raises ConfigError if `.env` or a variable of the log is wrong.

    Args:
        variables: Override those of the environment and of `.env`.
        known: The environment, `.env` included, if another process has read it.
    """
    from painterly.configuration import config

    read, doubts = config.read_environment() if known is None else (known, [])
    environment = {**read, **variables}
    log_to_stdout(
        form,
        config.log_format(environment) == "json",
        config.log_level(environment),
        quiet=config.is_quiet(environment),
    )
    for line in doubts:
        event(line, level=WARNING)
    return environment


def why_instant(named: Iterable[str]) -> str:
    """Return why preset instant is the default, for the end of a run; empty if it is not, or if the
    user has named such settings.

    It is in an installed package without TensorFlow, which the other presets and recipes need, and
    on a processor on which TensorFlow does not run.
    """
    names = {name.removeprefix("STYLE_").lower() for name in named}
    if not {"preset", "recipe"}.isdisjoint(names):
        return ""
    if not has_avx():
        return f"preset instant: {NO_AVX.partition(';')[0]}"
    if IN_CHECKOUT or find_spec("tensorflow"):
        return ""
    return f"quick sketches (preset instant); {command()} --help says how to add finer ones"


def wants_json() -> bool:
    """Return whether errors are lines of JSON, also before the log is set up."""
    from painterly.configuration import config

    if logs_json():
        return True
    for environment in (config.environment, lambda: os.environ):  # `.env` may be wrong.
        with contextlib.suppress(ConfigError):
            return config.log_format(environment()) == "json"
    return False


def _open_closed_streams() -> None:
    """Discard what is written to a stdout or stderr that the caller has closed, as in `2>&-`.

    Python sets them to None then, and the next file that is opened would get their descriptor and,
    with it, what native code prints.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def fail(name: str, message: str, code: int) -> int:
    """Report the error that ends a program, in one line, and return the exit code."""
    if wants_json():
        if not logs_json():
            log_to_stdout("", as_json=True)
        event(f"{name}: {message}", level=CRITICAL, event="end", exit_code=code)
        return code
    leave_closed_terminal()
    with contextlib.suppress(OSError):  # Its disk is full.
        # In one write: another thread may redirect stderr.
        sys.stderr.write(f"{name}: {printable(message)}\n")
        sys.stderr.flush()
    return code


def leave(code: int) -> NoReturn:
    """End the process now.

    Threads that wait for an unreachable network would keep it for minutes, and a platform waits
    only seconds after SIGTERM.
    """
    leave_closed_terminal()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # Its disk is full.
            stream.flush()
    os._exit(code)


def on_terminal() -> bool:
    """Return whether a user can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: str) -> str:
    """Return the answer to a question on the terminal. Raises ConfigError at the end of input."""
    try:
        return input(question).strip()
    except EOFError:
        raise ConfigError("the input ended before all was answered") from None


def open_in_browser(shown: Path | str) -> None:
    """Show a file, a folder or an address in the browser, or print it if no browser starts."""
    started = False
    with contextlib.suppress(webbrowser.Error):
        address = shown if isinstance(shown, str) else shown.resolve().as_uri()
        started = webbrowser.open(address)
    if not started:
        print(f"could not start a browser; open {shown} yourself", flush=True)


def _catch_ctrl_c() -> None:
    """Make Ctrl-C raise KeyboardInterrupt again, which `use_right_python` has switched off."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _missing_package(package: str, name: str) -> str:
    what = f"the Python package {package} is missing"
    if not IN_CHECKOUT:
        extra = EXTRAS.get(package, "")
        without = "preset instant paints without it, and " if extra == "cpu" else ""
        return f"{what}; {without}this installs it: {install_command(extra)}"
    if f"./{name}" not in SCRIPTS.values():
        return f"{what}; ./start.sh setup installs all that it needs"
    if sys.platform == "win32":
        return f"{what}; python -m pip install {LAPTOP} installs all"
    # Not into this Python: those of Debian, Ubuntu and Homebrew refuse packages.
    return (
        f"{what}; install all in .venv, which the scripts then use: cd {PROGRAM} && "
        f"python3 -m venv .venv && .venv/bin/pip install {LAPTOP}"
    )
