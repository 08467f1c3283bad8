"""Time and memory of recipe `instant`.

    python lab/benchmarks/instant.py [--sizes 512 1024 2048] [--rounds 3]

Paints a photo in a new process for each size, in rounds, and prints a table of the best:

- process: seconds from the start of the process until the picture is encoded
- new: seconds of the first picture, with a new painting; busy: seconds of all cores
- again: seconds of a second picture, with the painting that is kept
- memory: peak resident bytes of the process after the first picture; estimated: what
  the memory plan said

With OPENBLAS_CORETYPE=Haswell, products are computed as on a processor with AVX2 alone.
"""

import argparse
import io
import json
import sys
import time

import numpy as np
from common import PAINTING, PHOTO, peak_memory, pixels, process_age, run_in_turns, table
from PIL import Image


def main() -> None:
    """Paint at each size in new processes, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--paint", type=int, help="paint at this size in this process")
    options = parser.parse_args()
    if options.paint:
        measure(options.paint)
        return
    workers = {
        f"{size} px": (sys.executable, "instant.py", "--paint", size) for size in options.sizes
    }
    results = run_in_turns(workers, options.rounds)
    names = list(results[f"{options.sizes[0]} px"][0])
    rows = [
        [label, *(f"{min(result[name] for result in rounds):.2f}" for name in names)]
        for label, rounds in results.items()
    ]
    print(table(["", *names], rows))


def measure(size: int) -> None:
    """Paint at a size, and print the times in seconds and the memory in GB."""
    from painterly import Settings
    from painterly.devices.budget import host_budget
    from painterly.engine.instant.instant import InstantTransfer
    from painterly.engine.paintings import Paintings
    from painterly.engine.transfer import TransferInputs

    photo, settings = pixels(PHOTO), Settings(preset="instant", size=size)
    inputs = TransferInputs(photo, Paintings([pixels(PAINTING)]), settings)

    def paint() -> np.ndarray:
        *_, last = InstantTransfer(inputs, host_budget()).steps()
        return last.image

    estimated = InstantTransfer(inputs, host_budget()).memory_plan.bytes_needed
    started, busy = time.perf_counter(), time.process_time()
    picture = paint()
    painted, worked = time.perf_counter(), time.process_time()
    Image.fromarray((255 * picture + 0.5).astype("uint8")).save(io.BytesIO(), "JPEG")
    result = {
        "process": process_age(),
        "new": painted - started,
        "busy": worked - busy,
        "memory": peak_memory() / 1e9,
        "estimated": estimated / 1e9,
    }
    again = time.perf_counter()
    paint()
    print(json.dumps(result | {"again": time.perf_counter() - again}))


if __name__ == "__main__":
    main()
