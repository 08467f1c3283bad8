"""The Python that a script at the top level runs in.

Imported by whatever `python3` is, so in a language that Python 3.6 knows as well, without packages.
"""

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from painterly.settings.installation import PROGRAM

OLDEST = (3, 11)
PAINTING = ("numpy", "PIL", "tensorflow", "scipy", "rich", "dotenv")
COPYING = ("boto3", "dotenv", "rich")


def use_right_python(*modules: str) -> None:
    """Start the script again in `.venv`'s Python if this one is too old or lacks one of `modules`.

    Ends with one line if this one is too old and `.venv` does not exist. If only a module is
    missing, its import says how to install it. Until `run_program`, Ctrl-C ends the process
    without a traceback.
    """
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    prefer_own_packages()
    old = sys.version_info < OLDEST
    if not old and all(find_spec(module) for module in modules):
        return
    windows = sys.platform == "win32"
    python = PROGRAM / ".venv" / ("Scripts/python.exe" if windows else "bin/python")
    if os.access(str(python), os.X_OK) and Path(sys.executable) != python:
        command = [str(python), *sys.argv]
        for name in ("PYTHONPATH", "PYTHONHOME"):  # They are for another Python.
            os.environ.pop(name, None)
        if windows:  # There, execv ends this process at once, with exit code 0.
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other one.
            sys.exit(subprocess.run(command).returncode)
        os.execv(str(python), command)
    if old:
        sys.stderr.write(
            f"{Path(sys.argv[0]).name}: needs Python 3.11 or later, and this is "
            f"{sys.version_info[0]}.{sys.version_info[1]}; ./start.sh setup finds or makes one in "
            ".venv, which this script then uses\n"
        )
        sys.exit(2)


def prefer_own_packages() -> None:
    """Let the packages of this Python come before those on PYTHONPATH, which may be for another
    Python. A package that is only there is still imported."""
    named = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    foreign = {Path(each).resolve() for each in named} - {PROGRAM.resolve()}
    sys.path[1:] = sorted(sys.path[1:], key=lambda each: Path(each).resolve() in foreign)
