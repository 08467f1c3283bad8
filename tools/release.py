"""Build a release into dist/, and try it as a user would.

    python tools/release.py

Builds the source distribution, and the wheel from it, and checks their metadata. Installs the wheel
into an empty environment, and paints a picture in an empty folder: bare with preset instant, and
with `[cpu]` with the default recipe, in float16, and with recipe gatys. Needs uv, PyPI and 2 GB in
a temporary folder. Uploads nothing: the last lines have the commands for that.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1]
DIST = PROGRAM / "dist"
PYTHON = "3.11"  # the oldest one
SAMPLES = PROGRAM / "samples"
# The extra of the wheel, and the flags to paint with.
TRIES = (
    ("", ("--preset", "instant")),
    ("[cpu]", ("--preset", "fine")),
    ("[cpu]", ("--precision", "float16")),
    ("[cpu]", ("--recipe", "gatys")),
)
SIZE = "256"  # px; a CPU takes long in float16


def main() -> None:
    """Build and try a release, and print how to publish it."""
    project = tomllib.loads((PROGRAM / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    if f"## {version} " not in (PROGRAM / "CHANGELOG.md").read_text(encoding="utf-8"):
        sys.exit(f"CHANGELOG.md has no entry for {version}.")
    if subprocess.check_output(["git", "status", "--porcelain"], cwd=PROGRAM):
        sys.exit("Commit first: git status lists files that the tag would not have.")

    os.environ["PATH"] += os.pathsep + str(Path(sys.executable).parent)  # uv, by setup --dev
    shutil.rmtree(DIST, ignore_errors=True)
    run("uv", "build", "--quiet", "--out-dir", DIST, PROGRAM)
    [wheel], [source] = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    run("uv", "tool", "run", "--from", "twine>=6.2,<7", "twine", "check", "--strict", wheel, source)
    try_wheel(name, wheel)
    print(
        f"\n{name} {version} is in dist/. To publish it, with PyPI's token in UV_PUBLISH_TOKEN:\n"
        f"  git tag --annotate v{version} --message 'Version {version}'\n"
        f"  git push origin v{version}\n"
        f"  uv publish dist/*\n"
        f"  uvx {name}@{version} --help"
    )


def try_wheel(name: str, wheel: Path) -> None:
    """Install a wheel into an empty environment, and paint with it in each way of TRIES."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        environment = folder / "environment"
        programs = environment / ("Scripts" if sys.platform == "win32" else "bin")
        run("uv", "venv", "--quiet", "--python", PYTHON, environment)
        (folder / "photos").mkdir()
        shutil.copy(SAMPLES / "photos/landscape.jpg", folder / "photos")
        for number, (extra, flags) in enumerate(TRIES):
            requirement = f"{name}{extra} @ {wheel.as_uri()}"
            run("uv", "pip", "install", "--quiet", "--python", environment, requirement)
            size = sum(file.stat().st_size for file in environment.rglob("*") if file.is_file())
            started = time.monotonic()
            words = ("./photos", "ink", "-o", f"./results-{number}")
            run(programs / name, *words, "--size", SIZE, *flags, cwd=folder)
            seconds = time.monotonic() - started
            print(
                f"{name}{extra}: {size / 1e6:.0f} MB installed, "
                f"painted in {seconds:.1f} s with {' '.join(flags)}",
                flush=True,
            )
            if not (folder / f"results-{number}/ink/landscape.jpg").exists():
                sys.exit("There is no picture.")


def run(*command: str | Path, cwd: Path = PROGRAM) -> None:
    """Run a command, or end with its exit code."""
    code = subprocess.run(command, cwd=cwd).returncode
    if code:
        print(f"This failed: {' '.join(map(str, command))}", file=sys.stderr)
        sys.exit(code)


if __name__ == "__main__":
    main()
