"""Painting style transfer on photos: each place is painted like the most similar one of a painting.

The public names are imported when they are first used, so that programs that do not paint (sync
commands, `--help`, a run with nothing to do) do not wait for TensorFlow.
"""

import os
from importlib import import_module
from typing import Any

# TensorFlow reads these when it is loaded, by whichever module is first.
# It imports Keras, and Keras matplotlib: almost half of the start-up time, for nothing that is used
# here. Asked for Keras 2, which is not installed, TensorFlow starts without.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
# On processors without AVX-512 it uses Eigen's convolutions unless it is asked: they take 1.4 to
# 1.6 times as long there, and more memory than is planned.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "16.0.0"
# Part of every fingerprint: raise it when the same input gives a different result. Results of
# another one stay until --repaint.
ENGINE_VERSION = "17"

_HOMES = {
    "paint": "painterly.painters.library",
    "PainterlyError": "painterly.errors",
    "Settings": "painterly.settings.settings",
    "load_vgg": "painterly.vgg.network",
    "stylize": "painterly.engine.stylize",
    "objective": "painterly.engine.style_transfer",
}
__all__ = ["ENGINE_VERSION", "__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(_HOMES[name])
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "tensorflow":
            raise
        from painterly.settings.installation import install_command

        raise ModuleNotFoundError(
            f"painterly.{name} needs TensorFlow, which is not installed; this installs it: "
            f"{install_command('cpu')}",
            name=error.name,
        ) from None
    return getattr(module, name)
