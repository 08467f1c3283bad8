"""Painting style transfer on photos: Gatys' optimisation through VGG, in TensorFlow.

The public names are imported when they are first used, so that programs that do not paint (sync
commands, `--help`, a run with nothing to do) do not wait for TensorFlow.
"""

from importlib import import_module
from typing import Any

# Part of every fingerprint: raise it when the same input gives a different result.
ENGINE_VERSION = "6"

_HOMES = {
    "Settings": "styletransfer.settings",
    "load_vgg": "styletransfer.vgg.network",
    "stylize": "styletransfer.engine.stylize",
    "objective": "styletransfer.engine.stylize",
}
__all__ = ["ENGINE_VERSION", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
