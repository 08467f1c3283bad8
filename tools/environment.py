"""Finds or makes the Python environment, then runs Python in it. start.sh calls it.

    python tools/environment.py [--dev] [--cluster] ARGUMENT ...

Needs nothing but the standard library. Ends with 2 if .venv cannot be used, with 6 if it cannot be
made, with 128 and the signal's number if it is stopped meanwhile.
"""

import contextlib
import fcntl
import hashlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

CHECKOUT = Path(__file__).resolve().parents[1]
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin/python"
# What is installed, one line each; empty until then. A .venv made by hand has no such file.
STAMP = VENV / "installed"
LOG = VENV / "install.log"
LOCK = CHECKOUT / ".venv.lock"
EXTRAS = ("--dev", "--cluster")

EXPLANATIONS = {
    "no space left|disk quota|os error 28": (
        "The disk is full: .venv needs about {size}, the folder for temporary files 1 GB."
    ),
    "certificate": (
        "A server's certificate is not trusted here. Behind a company's proxy, set SSL_CERT_FILE\n"
        "and PIP_CERT to the file that has the proxy's certificate."
    ),
    "ensurepip": (
        "This Python cannot make environments. Either of these helps; then start again:\n"
        "  sudo apt install python3-venv\n"
        "  curl -LsSf https://astral.sh/uv/install.sh | sh"
    ),
    "connection|resolution|resolve host|dns error|unreachable|timed out|proxyerror"
    "|sending request|failed to fetch|name or service": (
        "A server could not be reached. Is there a network? Behind a proxy, set HTTPS_PROXY."
    ),
    "no matching distribution|no solution found|no usable wheels": (
        "There is no TensorFlow for this machine ({machine}), only for Linux with glibc on x86_64\n"
        "and arm64, and for Macs with Apple silicon."
    ),
}


class Extras(NamedTuple):
    """What the environment needs in addition to the requirements for painting on a CPU."""

    dev: bool
    gpu: bool
    cluster: bool = False

    @property
    def locks(self) -> list[str]:
        names = {"": True, "-dev": self.dev, "-gpu": self.gpu, "-cluster": self.cluster}
        return [f"requirements{name}.lock" for name, wanted in names.items() if wanted]

    @property
    def checks(self) -> list[str]:
        """The arguments of check_python.py."""
        dev = ["requirements-dev.txt", "--module=styletransfer"] if self.dev else []
        cluster = ["requirements-cluster.txt"] if self.cluster else []
        return ["requirements.txt", *dev, *cluster, *(["--cuda"] if self.gpu else [])]

    @property
    def size(self) -> str:
        return "7 GB" if self.gpu else "2.5 GB"

    def stamp(self) -> list[str]:
        """One line for each thing that must be installed; it changes with the thing."""
        files = ["pyproject.toml", *self.locks]
        hashes = (hashlib.sha256((CHECKOUT / file).read_bytes()).hexdigest() for file in files)
        return [
            str(CHECKOUT),  # The installed project is a link to it.
            *(f"{file} {digest}" for file, digest in zip(files, hashes, strict=True)),
        ]


class Stopped(BaseException):
    """A signal arrived."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def fail(code: int, text: str) -> NoReturn:
    say(text)
    sys.exit(code)


def machine() -> str:
    name = os.uname()
    return f"{name.sysname} {name.machine}"


def has_gpu() -> bool:
    """Whether TensorFlow is to use an NVIDIA GPU here, which it can on Linux x86_64 only."""
    if os.environ.get("DEVICE") == "cpu":
        return False
    if machine() != "Linux x86_64":
        return False
    devices = Path(os.environ.get("NVIDIA_DEVICES", "/dev"))  # The tests have another folder.
    if (devices / "nvidiactl").exists() or (devices / "nvidia0").exists():
        return True
    try:  # WSL has nothing in /dev.
        return subprocess.run(["nvidia-smi", "-L"], capture_output=True).returncode == 0
    except OSError:
        return False


def missing(python: str | Path, *checks: str) -> list[str]:
    """What `python` lacks, as check_python.py prints it; "Python" if it does not run."""
    try:
        done = subprocess.run(
            [python, "tools/check_python.py", *checks],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except OSError:
        return ["Python"]
    lines = done.stdout.splitlines()
    return lines if done.returncode == 0 or lines else ["Python"]


def is_installed(extras: Extras) -> bool:
    """Whether .venv has all that `extras` asks for."""
    try:
        lines = STAMP.read_text().splitlines()
    except OSError:
        return False
    runs = Path(sys.prefix) == VENV or not missing(PYTHON)
    return runs and {*extras.stamp()} <= {*lines}


def ready_elsewhere(extras: Extras) -> str | None:
    """A Python that has the requirements already: a platform installs requirements.txt itself."""
    names = [f"{os.environ.get('VIRTUAL_ENV')}/bin/python", "python3", "python"]
    for python in filter(None, map(shutil.which, names)):
        if Path(python).parent == PYTHON.parent:  # Judged by its stamp already.
            continue
        lacking = missing(python, *extras.checks)
        if not lacking:
            return python
        if lacking == ["the CUDA libraries"]:
            say(f"{python} has the requirements, but not the CUDA libraries for the GPU here.")
    return None


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Lets one process at a time change .venv. A killed one's turn ends with its installer."""
    with LOCK.open("w") as file:
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another start.sh is making .venv; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(*command: str | Path) -> bool:
    """Runs `command` with its output in the log; False if it failed. It ends with this process."""
    began = time.monotonic()
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # So that its own processes can be stopped as well.
            close_fds=False,  # It keeps the lock if this process is killed.
        )
        try:
            while True:
                try:
                    return process.wait(timeout=20) == 0
                except subprocess.TimeoutExpired:
                    last = LOG.read_text(errors="replace").rstrip().rpartition("\n")[2]
                    seconds = time.monotonic() - began
                    say(f"  … {seconds:.0f} s: {last.partition(':')[0].strip()[:80]}")
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise


def find_uv() -> str | None:
    # Its installer's folders are on PATH in the next shell only.
    places = [Path("uv"), *(Path.home() / folder / "uv" for folder in (".local/bin", ".cargo/bin"))]
    return next(filter(None, map(shutil.which, places)), None)


def make_venv(uv: str | None, extras: Extras) -> None:
    """Makes .venv empty."""
    say(f"Setting up Python in .venv (once; about {extras.size} on disk, a few minutes) …")
    if VENV.is_symlink():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    VENV.mkdir()
    STAMP.touch()
    if uv:
        made = run(uv, "venv", "--allow-existing", "--python", ">=3.11,<3.14", VENV)
    else:
        # This one runs, but may be .venv's own.
        names = [
            "python3.13",
            "python3.12",
            "python3.11",
            "python3",
            os.path.realpath(sys.executable),
        ]
        # Debian's Python has ensurepip in a package of its own.
        complete = (name for name in names if not missing(name, "--module=ensurepip"))
        made = run(next(complete, names[-1]), "-m", "venv", VENV)
    if not made:
        give_up(extras)


def install(extras: Extras) -> None:
    """Brings .venv to what `extras` asks for; makes it if it is missing, unfinished or broken."""
    uv = find_uv()
    pip = [uv, "pip"] if uv else [PYTHON, "-m", "pip"]
    before = STAMP.read_text() if STAMP.exists() else ""
    if VENV.exists() and not STAMP.exists():
        # Not made by start.sh: it gets what it lacks, but is never removed.
        if missing(PYTHON):
            fail(2, f"{VENV} has no Python 3.11 to 3.13. Remove that folder, then start again.")
    elif not before or missing(PYTHON, *([] if uv else ["--module=pip"])):
        make_venv(uv, extras)
        before = ""
    else:
        STAMP.write_text("")  # If this is killed, .venv is made anew.

    what = " with CUDA for the NVIDIA GPU here" if extras.gpu else ""
    say(f"Installing the requirements{what} with {'uv' if uv else 'pip'} …")
    locked = [word for lock in extras.locks for word in ("-r", lock)]
    options = ["--python", PYTHON] if uv else ["--no-input", "--progress-bar", "off"]
    pip = [*pip, "install", *options]
    # setuptools, which builds the project, is among TensorFlow's requirements.
    project = ["--no-deps", "--no-build-isolation", "-e", "."]
    if not (run(*pip, "--require-hashes", *locked) and run(*pip, *project)):
        if before:  # pip and uv download everything before they change anything.
            STAMP.write_text(before)
        give_up(extras)
    LOG.unlink()
    STAMP.write_text("\n".join(extras.stamp()) + "\n")


def give_up(extras: Extras) -> NoReturn:
    """Shows the end of the log with the most likely cause, and ends the process."""
    log = LOG.read_text(errors="replace")
    say("\n".join(f"  | {line}" for line in log.splitlines()[-12:]))
    fail(6, explanation(log).format(size=extras.size, machine=machine()))


def explanation(log: str) -> str:
    """What a user can do about the failure in `log`."""
    causes = (text for pattern, text in EXPLANATIONS.items() if re.search(pattern, log, re.I))
    return next(causes, ".venv could not be made.")


def stop(number: int, _frame: object) -> NoReturn:
    raise Stopped(number)


def find_or_make(extras: Extras) -> str | Path:
    """The Python that has what `extras` asks for."""
    if is_installed(extras):
        return PYTHON
    if not os.environ.get("ALWAYS_VENV") and (python := ready_elsewhere(extras)):
        return python
    # Overrides the machine's pip settings: packages go into .venv.
    os.environ |= {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with turn():
        if not is_installed(extras):
            install(extras)
    return PYTHON


def main(args: Sequence[str]) -> None:
    asked = [*itertools.takewhile(EXTRAS.__contains__, args)]
    arguments = args[len(asked) :]
    if not arguments or arguments[0].startswith("--"):
        expected = f"expected {', '.join(EXTRAS)} or nothing"
        fail(2, f"start.sh setup: {expected}, not {' '.join(arguments[:1])}")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # As nohup sets it.
            signal.signal(number, stop)
    os.chdir(CHECKOUT)
    try:
        python = find_or_make(Extras("--dev" in asked, has_gpu(), "--cluster" in asked))
    except Stopped as stopped:
        fail(128 + stopped.args[0], "Stopped while the Python environment was being prepared.")
    except OSError as error:
        fail(6, f".venv could not be made: {error}")
    os.execvp(python, [str(python), *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
