"""The recipes and the presets."""

from collections.abc import Mapping
from typing import Any

from painterly.settings.traits import Traits

RECIPES: dict[str, Traits] = {
    "default": Traits(rebuilds=True, draws=True),
    "moments": Traits(),
    "inetwork": Traits(
        {
            "size": 400,
            "iterations": 10,
            "content_weight": 0.025,
            "total_variation_weight": 8.5e-5,
            "structure_weight": 0.0,
            "style_statistics": "gram",
            "content_layer": "conv5_2",
            "model": "vgg16",
            "padding": "zero",
            "optimizer": "lbfgs",
            "learning_rate": 0.02,
            "averaging": 0.0,
            "rescale_method": "bilinear",
            "precision": "float32",
        },
        network="published",
        grows=False,
        relative=False,
        original=True,
    ),
    "gatys": Traits(
        {
            "size": 512,
            "iterations": 15,
            "content_weight": 3e-7,
            "total_variation_weight": 0.0,
            "structure_weight": 0.0,
            "style_statistics": "gram",
            "content_layer": "conv4_2",
            "pool_type": "ave",
            "optimizer": "lbfgs",
        },
        network="published",
        grows=False,
        relative=False,
    ),
    "instant": Traits(network="builtin", optimises=False, rebuilds=True, draws=True),
}
# How each preset's defaults differ from those of the fields, which are `fine`.
PRESETS: dict[str, dict[str, Any]] = {
    "instant": {"recipe": "instant"},
    "draft": {"iterations": 14, "learning_rate": 0.033},
    "fine": {},
    "print": {"size": 2400, "iterations": 80},
}
# Preset instant, even for a style with another recipe.
INSTANT: Mapping[str, str] = {"preset": "instant", **PRESETS["instant"]}
