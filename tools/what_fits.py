"""Largest pictures that fit into GPUs, by estimate; rewrites the table in docs/performance.md.

    python -m tools.what_fits

Needs no GPU. The table has the longer side of the largest 3:2 picture that `engine/memory_model.py`
plans within the memory that painting may take, if nothing else runs on the GPU.
"""

import numpy as np

from painterly import Settings, load_vgg
from painterly.devices.budget import FREE_SHARE
from painterly.devices.memory import left_to_cuda
from painterly.engine import memory_model
from painterly.engine.extractor import Extractor, footprint_of
from painterly.engine.memory_model import Footprint
from painterly.settings.installation import PROGRAM
from painterly.vgg.architectures import ARCHITECTURES, MEAN_PIXEL, Weights
from painterly.vgg.network import VGG

PAGE = PROGRAM / "docs/performance.md"
BEGIN, END = "<!-- what fits -->\n", "<!-- end of what fits -->\n"
GIB = 2**30
GPUS = {  # memory that nvidia-smi shows, compute capability
    "RTX 3070, 4060, 8 GB": (8.0 * GIB, (8, 6)),
    "T4, 16 GB": (15.0 * GIB, (7, 5)),
    "L4, A10G, 24 GB": (22.5 * GIB, (8, 6)),
    "A100, H100, 80 GB": (79.6 * GIB, (9, 0)),
    "H200, 141 GB": (140.4 * GIB, (9, 0)),
}
CONTEXT = 0.5 * GIB  # held by CUDA for a process, about
LARGEST_SIDE = 16384  # px, of the setting `size`
COLUMNS = {"at once": None, "in the smallest tiles": memory_model.SIDES[-1]}


def main() -> None:
    """Write the table between the page's marks, and print it."""
    found = what_fits()
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}{found}\n{END}{after}")
    print(found)


def what_fits() -> str:
    """Return the longer sides in px that fit, for each GPU and network, in Markdown."""
    head = ["GPU", "network", *COLUMNS]
    rows = [head, ["---"] * len(head)]
    networks = {"built-in": load_vgg(), "VGG19": vgg19()}
    settings = Settings(precision="bfloat16")
    footprints = {
        name: footprint_of(Extractor.of(settings, vgg), settings, on_gpu=True)
        for name, vgg in networks.items()
    }
    for gpu, (memory, capability) in GPUS.items():
        free = memory - CONTEXT
        free = int(FREE_SHARE * (free - left_to_cuda(free, capability)))
        for name, footprint in footprints.items():
            sides = [longest_side(footprint, tile, free) for tile in COLUMNS.values()]
            rows.append([gpu, name, *map(str, sides)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def longest_side(footprint: Footprint, tile: int | None, free: int) -> int:
    """Return the longer side in px of the largest picture that fits into `free` bytes, to full 10
    px."""
    low, high = 0, LARGEST_SIDE // 10 + 1
    while high - low > 1:
        middle = (low + high) // 2
        size = round(10 * middle * 2 / 3), 10 * middle
        fits = footprint.bytes_needed(size, tile) <= free
        low, high = (middle, high) if fits else (low, middle)
    return 10 * low if 10 * low < LARGEST_SIDE - 10 else LARGEST_SIDE


def vgg19() -> VGG:
    """VGG19 without any weights: memory depends on its widths alone."""
    kernels = {
        layer: (np.broadcast_to(np.float32(0), shape), np.zeros(shape[3], np.float32))
        for layer, shape in ARCHITECTURES["vgg19"].shapes.items()
    }
    return VGG(Weights("vgg19", "none", kernels, MEAN_PIXEL))


if __name__ == "__main__":
    main()
