"""Pictures a minute: a batch of this engine as its command runs it, and crowsonkb's recipe, one
picture after another with the same number of steps."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image
from repository import REPOSITORY

PHOTO = (768, 512)  # px
STOPPING_S = 30  # to save checkpoints, after the time is up


def write_photos(folder: Path, count: int) -> None:
    """Writes so many photos of one shape: the samples, cropped here and there."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = sorted((REPOSITORY / "samples/photos").glob("*.jpg"))
    for number in range(count):
        with Image.open(samples[number % len(samples)]) as sample:
            left, top = (
                number * 7 % (side - own + 1) for side, own in zip(sample.size, PHOTO, strict=True)
            )
            box = (left, top, left + PHOTO[0], top + PHOTO[1])
            sample.convert("RGB").crop(box).save(folder / f"{number:02}.jpg", quality=95)


def batch(
    folder: Path, count: int, workers: str, seconds: float, settings: Mapping[str, str]
) -> dict[str, Any]:
    """Paints `count` photos in one look with PAINTERS=workers, in a process that is stopped after
    so many seconds. What came out: the number of pictures `painted`, `per_minute` from the first
    step on, the seconds to the first step, `first_s`, and how much the GPU holds, if it can be
    asked. settings: other variables, such as DEVICE and STYLE_SIZE."""
    write_photos(folder / "photos", count)
    (folder / "paintings").mkdir(exist_ok=True)
    painting = REPOSITORY / "samples/paintings/mosaic.jpg"
    (folder / "paintings" / painting.name).write_bytes(painting.read_bytes())
    results = folder / f"results-{workers}"
    shutil.rmtree(results, ignore_errors=True)  # Or they would be done.
    environment = {
        "BUCKET_SOURCE": str(folder / "photos"),
        "BUCKET_STYLE": str(folder / "paintings"),
        "BUCKET_RESULT": str(results),
        "VGG_WEIGHTS": str(folder / "vgg.npz"),
        "LOG_FORMAT": "json",
        "PAINTERS": workers,
        "PYTHONPATH": str(REPOSITORY),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    log = folder / f"batch-{workers}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "styletransfer"],
            env=os.environ | environment | dict(settings),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            process.wait(STOPPING_S)
        finally:
            process.kill()
    return counted_pictures(log.read_text())


def counted_pictures(log: str) -> dict[str, Any]:
    """What a batch's log in JSON says, see `batch`. Raises RuntimeError, with the end of the log,
    if no picture is done."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    times = {
        event: [
            datetime.fromisoformat(each["time"]) for each in lines if each.get("event") == event
        ]
        for event in ("plan", "memory", "progress", "done")
    }
    if not times["done"]:
        raise RuntimeError("no picture was painted:\n" + "\n".join(log.splitlines()[-20:]))
    # Until the first picture's memory is known, TensorFlow and the weights are loaded.
    painting = (times["done"][-1] - times["memory"][0]).total_seconds()
    return {
        "painted": len(times["done"]),
        "per_minute": 60 * len(times["done"]) / painting,
        "first_s": (times["progress"][0] - times["plan"][0]).total_seconds(),
    }


def peers_picture(
    python: str, folder: Path, size: int, iterations: int, device: str, seconds: float
) -> dict[str, Any]:
    """A picture by crowsonkb's recipe with `iterations` steps at each scale: as `batch`."""
    command = [python, str(REPOSITORY / "bench/pytorch_recipe.py"), "paint", str(folder)]
    command += ["--size", str(size), "--iterations", str(iterations), "--device", device]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    took = json.loads(done.stdout.splitlines()[-1])["seconds"]
    return {"painted": 1, "per_minute": 60 / took}
