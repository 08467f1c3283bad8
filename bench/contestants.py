"""What bench/performance.py measures, and where and when."""

import re
from dataclasses import dataclass
from pathlib import Path

PARTS = ("ours", "tiled", "built-in", "peers", "limit", "paintings")
LIMIT_UP_TO = 1024  # px; above it VGG alone takes long and shows nothing new
PAINTINGS_AT = 512  # px
PAINTINGS = (1, 4, 16)
BUILT_IN = "builtin"
OURS, THEIRS = "our_steps.py", "pytorch_steps.py"


@dataclass(frozen=True)
class Contestant:
    """Something measured.

    label: its name in tables. part: of the run, one of PARTS. script: the worker that measures it
    under `name`. process: shared by those with the same; without it, a process of its own.
    """

    label: str
    part: str
    script: str
    name: str
    process: str = ""

    def runs_at(self, size: int) -> bool:
        """Whether it is measured at a size, the longer side in px."""
        if self.part == "paintings":
            return size == PAINTINGS_AT
        return self.part != "limit" or size <= LIMIT_UP_TO


def native_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16; if not, nothing is measured in it."""
    return bool(re.search("avx512_bf16|amx_bf16", Path("/proc/cpuinfo").read_text()))


def ours(dtype: str) -> str:
    """The label of this engine's untiled step."""
    return f"this engine, {dtype}"


def vgg_alone(dtype: str) -> str:
    """The label of PyTorch's step with VGG and hardly anything else."""
    return f"PyTorch, VGG alone, {dtype}"


def contestants() -> list[Contestant]:
    """All contestants, in the order of their turns."""
    dtypes = ("bfloat16", "float32") if native_bfloat16() else ("float32",)
    found = []
    for dtype in dtypes:
        found.append(Contestant(ours(dtype), "ours", OURS, f"whole {dtype}"))
        tiled = f"this engine, tiled, {dtype}"
        found.append(Contestant(tiled, "tiled", OURS, f"tiled {dtype}"))
    label, name = "this engine, blocks 1–2 tiled", f"tiled1-2 {dtypes[0]}"
    found.append(Contestant(f"{label}, {dtypes[0]}", "tiled", OURS, name))
    label = f"this engine, built-in network, {dtypes[0]}"
    found.append(Contestant(label, "built-in", OURS, f"{BUILT_IN} {dtypes[0]}"))
    for dtype in dtypes:
        found.append(Contestant(vgg_alone(dtype), "peers", THEIRS, f"plain {dtype}"))
    for name in ("crowsonkb", "neural-style-pt"):
        found.append(Contestant(f"{name}, float32", "peers", THEIRS, f"{name} float32"))
    for kind in ("network", "product", "convolution256", "convolution512"):
        for name in (f"{kind} {dtype}" for dtype in dtypes):
            found.append(Contestant(name, "limit", OURS, name, process="limit"))
    for count in PAINTINGS:
        name = f"paintings{count} {dtypes[0]}"
        found.append(Contestant(f"paintings {count}", "paintings", OURS, name, "paintings"))
    return found
