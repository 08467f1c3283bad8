"""Picture files of others: which are read or refused, and what each of them costs.

    python lab/benchmarks/files.py FOLDER … > after.jsonl
    python lab/benchmarks/files.py FOLDER … --before before.jsonl

Reads each file as a visitor's upload. Prints an object for each, with the processor time of the
process that decodes and, if it outlives the file, its memory beyond the start. With --before, the
output of another version, it prints the files with another outcome, then the slowest and the
largest one. Needs Linux.
"""

import argparse
import hashlib
import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from painterly.errors import PainterlyError
from painterly.images.contained import decoder
from painterly.images.picture_file import UNLIMITED, PictureFile

MEGA = 1_000_000
SAMPLE = Path(__file__).resolve().parents[2] / "samples/photos/landscape.jpg"


def main() -> None:
    """Read the files and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--before", type=Path, metavar="FILE")
    args = parser.parse_args()
    files = sorted(each for folder in args.folders for each in folder.rglob("*") if each.is_file())
    found = (outcome(each) for each in files)
    if not args.before:
        for each in found:
            print(json.dumps(each), flush=True)
        return
    for line in changes(args.before.read_text().splitlines(), [*found]):
        print(line)


def outcome(path: Path) -> dict[str, Any]:
    """Return what became of a file: the hash of its pixels, or the refusal; seconds, and MB."""
    decoder.end_all()
    PictureFile(SAMPLE.read_bytes(), "a sample").decode(UNLIMITED)  # All libraries are loaded.
    process = decoder._idle[0]._process.pid
    start = memory(process, "VmRSS")
    Path(f"/proc/{process}/clear_refs").write_text("5")  # The peak counts from here.
    used = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    found: dict[str, Any] = {"path": str(path), "MB": 0}
    try:
        picture = PictureFile.without_position(path.read_bytes(), "x").decode(UNLIMITED)
        found["read"] = hashlib.sha256(picture.pixels_int.tobytes()).hexdigest()[:16]
    except PainterlyError as error:
        found["refused"] = str(error).removeprefix("x: ")
    if Path(f"/proc/{process}/stat").exists():
        found["MB"] = round((memory(process, "VmHWM") - start) / MEGA)
    decoder.end_all()
    found["s"] = round(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - used, 2)
    return found


def memory(process: int, name: str) -> int:
    """Return a line of a process's status in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return 1024 * next(int(each.split()[1]) for each in lines if each.startswith(f"{name}:"))


def changes(before: list[str], after: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the files with another outcome than before, and the extremes of all."""
    earlier = {each["path"]: each for each in map(json.loads, before)}
    for each in after:
        old = earlier.get(each["path"], {})
        if old.get("read") != each.get("read"):
            yield f"{each['path']}: {outcome_of(old)} → {outcome_of(each)}"
    for unit in ("s", "MB"):
        most = max(after, key=lambda each: each[unit])
        yield f"most: {most[unit]} {unit}, {most['path']}"
    yield f"{sum('read' in each for each in after)} of {len(after)} are read"


def outcome_of(found: dict[str, Any]) -> str:
    """Return in words what became of a file."""
    return f"read ({found['read']})" if "read" in found else found.get("refused", "unknown")


if __name__ == "__main__":
    main()
