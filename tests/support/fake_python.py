"""What the Pythons and the uv of tests/start do; runs as `python fake_python.py COMMAND ARG …`.

Beside a command PYTHON, PYTHON.kind has its version and what it lacks ("3.12 no-pip"), and
PYTHON.packages what it can import. The scripts of tools/ really run, in this interpreter.
"""

import os
import re
import runpy
import signal
import sys
import time
from importlib import util
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

me, args = Path(sys.argv[1]), sys.argv[2:]
version, *lacks = Path(f"{me}.kind").read_text().split()
REPORTED = (*map(int, version.split(".")), 0, "final", 0)


def note(what: str) -> None:
    with Path(os.environ["FAKE_LOG"]).open("a") as log:
        print(what, file=log)


def make_venv(folder: str, *lacks: str) -> None:
    note("made")
    python = Path(folder) / "bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(me.read_text())
    python.chmod(0o755)
    Path(f"{python}.kind").write_text(" ".join(["3.12" if me.name == "uv" else version, *lacks]))


def install(python: str | Path) -> None:
    """`pip install`: what the files name gets into the environment, as package and as module."""
    if slow := os.environ.get("FAKE_SLOW"):
        Path(f"{slow}.new").write_text(str(os.getpid()))
        Path(f"{slow}.new").rename(slow)
        time.sleep(60)
    if failure := os.environ.get("FAKE_FAILURE"):
        sys.exit(failure)
    note(f"installed {' '.join(word for word in args if word.endswith(('.lock', '.txt')))}".strip())
    for before, word in pairwise(args):
        if before == "-r":
            for name, number in re.findall(r"^([\w-]+)==([\w.]+)", Path(word).read_text(), re.M):
                info = Path(f"{python}.packages") / f"{name}-{number}.dist-info"
                info.mkdir(parents=True, exist_ok=True)
                (info / "METADATA").write_text(f"Name: {name}\nVersion: {number}\n")


def find_spec(name: str, found=util.find_spec) -> object:
    if name in ("pip", "ensurepip"):
        return None if f"no-{name}" in lacks else object()
    return found(name)


def run_script(words: list[str]) -> None:
    sys.version_info, sys.executable, sys.prefix = REPORTED, str(me), str(me.parents[1])
    sys.path.insert(0, f"{me}.packages")
    os.uname = lambda: SimpleNamespace(sysname="Linux", machine="x86_64")
    util.find_spec = find_spec
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")


if me.name == "uv":
    if args[0] == "venv":
        make_venv(args[-1], "no-pip")
    elif args[0] == "pip":
        install(args[args.index("--python") + 1])
    else:
        note("brought a Python")
        me = Path(__file__).with_name("brought") / "bin/python"
        version, lacks = "3.13", []
        REPORTED = (3, 13, 0, "final", 0)
        run_script(args[next(n for n, word in enumerate(args) if word.endswith(".py")) :])
elif args[0] == "--version":
    print(f"Python {version}.0")
elif args[0].startswith("tools/"):
    run_script(args)
elif args[0] == "-c":
    sys.executable = str(me)
    exec(args[1])
elif args[:2] == ["-m", "venv"]:
    make_venv(args[-1])
    if "no-ensurepip" in lacks:
        sys.exit("The virtual environment was not created because ensurepip is not available.")
elif args[:2] == ["-m", "pip"]:
    install(me)
else:
    print("ran", *args, "in", Path.cwd())
    print("noise", os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["PYTHONUNBUFFERED"], flush=True)
    if os.environ.get("FAKE_WORK"):
        signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"saved\n"), os._exit(143)))
        print("at work", flush=True)
        time.sleep(60)
    sys.exit(int(os.environ.get("FAKE_EXIT", "0")))
