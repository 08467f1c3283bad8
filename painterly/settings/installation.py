"""The installation: the program's folders, its Python, and the command lines that a user types.

A checkout has scripts; an installed package has the command `painterly`. The program is read only:
code and, in a checkout, samples. The workspace is written: `.env` by the user, `weights/` and
`results/` by the program. It is the checkout itself, or else the current folder.

The scripts at the top level import this in whatever `python3` is, so it is in a language that
Python 3.6 knows as well, without packages.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from painterly.errors import ConfigError

PROGRAM = Path(__file__).resolve().parents[2]
SAMPLE_PHOTOS = PROGRAM / "samples/photos"
IN_CHECKOUT = (PROGRAM / "start.sh").is_file()
WORKSPACE = PROGRAM if IN_CHECKOUT else Path()
OLDEST = (3, 11)
# The packages that the scripts import.
PAINTING = ("numpy", "PIL", "tensorflow", "scipy", "cyclopts", "rich", "dotenv")
COPYING = ("boto3", "cyclopts", "dotenv", "rich")
# The scripts of verbs. The other verbs are modes of start.sh.
SCRIPTS = {
    "buckets": "./bucket_management.py",
    "get-bucket": "./get_bucket_content.py",
    "send-bucket": "./send_to_bucket.py",
    "send-source": "./cl_send_source.py",
    "send-style": "./cl_send_style.py",
    "get-results": "./cl_get_results.py",
}
# A package that each extra of pyproject.toml installs, by its import name. `gpu` has cpu's, too.
PACKAGE_OF_EXTRA = {"cluster": "ray", "cpu": "tensorflow", "video": "cv2"}


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
        words = [str(python), *sys.argv]
        for name in ("PYTHONPATH", "PYTHONHOME"):  # They are for another Python.
            os.environ.pop(name, None)
        if windows:  # There, execv ends this process at once, with exit code 0.
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the new process.
            sys.exit(subprocess.run(words).returncode)
        os.execv(str(python), words)
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


def check_temporary_folder() -> None:
    """Raise ConfigError if no folder takes temporary files: all may be read-only or full."""
    try:
        tempfile.gettempdir()
    except OSError:
        raise ConfigError(
            "there is no folder for temporary files with room in it; set TMPDIR to one"
        ) from None


def command(verb: str = "") -> str:
    """Return the command line for a verb of `painterly`, or without a verb, the one that paints. In
    a checkout it is a script, unless the checkout's `painterly` was called."""
    called = sys.argv[0] if sys.argv else ""
    if not IN_CHECKOUT or Path(called).stem == "painterly":
        on_path = not IN_CHECKOUT or shutil.which("painterly") == called
        return f"{'painterly' if on_path else called} {verb}".rstrip()
    return SCRIPTS.get(verb, f"./start.sh {verb}".rstrip())


def install_command(extra: str = "") -> str:
    """Return the command line that adds an extra of pyproject.toml to this installation, or without
    an extra, the dependencies of all.

    uvx makes an environment for each command, so the extra becomes a part of the command. Tools
    that replace an environment, such as pipx, also get the extras that are installed.
    """
    if IN_CHECKOUT:
        return f"./start.sh setup --{extra}"
    prefix = Path(sys.prefix)
    extras = {name for name, package in PACKAGE_OF_EXTRA.items() if find_spec(package)} | {extra}
    every = _requirement(sorted(extras - {"", "cpu" if extra == "gpu" else ""}), _address())
    if prefix.parent.name.startswith("archive-v"):  # In uv's cache.
        return f'uvx --from "{every}" painterly …'
    if (prefix / "uv-receipt.toml").is_file():
        return f'uv tool install "{every}"'
    if (prefix / "pipx_metadata.json").is_file():
        return f'pipx install --force "{every}"'
    return f'{_installer(prefix)} "{_requirement([extra] if extra else [], _old_address())}"'


def _installer(prefix: Path) -> str:
    if find_spec("pip") is None:  # As in an environment that uv made.
        active = os.environ.get("VIRTUAL_ENV"), ".venv"
        here = any(each and Path(each).resolve() == prefix.resolve() for each in active)
        return "uv pip install" if here else f"uv pip install --python {_python()}"
    in_environment = sys.prefix != sys.base_prefix
    pip = shutil.which("pip")
    if in_environment and pip and Path(pip).parent == Path(sys.executable).parent:
        return "pip install"
    words = f"{_python()} -m pip install"
    marker = Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED"
    return words if in_environment or not marker.is_file() else f"{words} --break-system-packages"


def _python() -> str:
    """Return this Python as a user types it: without its folder if that is on the PATH."""
    name = Path(sys.executable).name
    found = shutil.which(name) == sys.executable
    return name if found else f'"{sys.executable}"' if " " in sys.executable else sys.executable


def _requirement(extras: "list[str]", address: str) -> str:
    """Return the requirement of this package for pip and uv, with extras, from an address."""
    name = f"painterly[{','.join(extras)}]" if extras else "painterly"
    return f"{name} @ {address}" if address else name


def _old_address() -> str:
    """Return `_address` as older versions of pip take it, such as 23.2 of Python 3.11.7: a clone on
    this machine as its folder."""
    address = _address()
    folder = address.removeprefix("git+file://").partition("#")[0]
    is_clone = address != folder and (Path(unquote(folder)) / "pyproject.toml").is_file()
    return address.removeprefix("git+") if is_clone else address


def _address() -> str:
    """Return the address that the package was installed from, without a login, or an empty text if
    it came from a package index."""
    from importlib import metadata

    try:
        noted = metadata.distribution("painterly").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        noted = None
    if not noted:
        return ""
    origin = json.loads(noted)
    parts = urlsplit(origin["url"])
    if parts.password is not None or (parts.username and parts.scheme.startswith("http")):
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    address = parts.geturl()
    if "vcs_info" in origin:
        revision = origin["vcs_info"].get("requested_revision")
        address = f"{origin['vcs_info']['vcs']}+{address}" + (f"@{revision}" if revision else "")
    folder = origin.get("subdirectory")
    return address + (f"#subdirectory={folder}" if folder else "")
