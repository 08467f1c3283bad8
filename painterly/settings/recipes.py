"""The recipes and the presets; without NumPy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Traits:
    """Properties of a recipe that are known without loading TensorFlow.

    Attributes:
        defaults: How its defaults differ from those of the fields.
        network: The weights of VGG that it paints with: `any`; `published`, any as well, but unless
            others are named the published ones if a cache has them; or `builtin`.
        grows: Whether the picture is painted at a small size first, and then at larger ones.
        optimises: Whether it minimises a loss, in steps that a run can resume after. The other one
            paints in one pass, on the CPU, without TensorFlow.
        relative: Whether its losses are relative to their targets. Others need a number as
            `content_weight`, and do not fit into float16.
        rebuilds: Whether the finished picture is rebuilt from patches of the paintings, in one
            more step; see engine/patches.py.
        draws: Whether the photo is made into a drawing first if the paintings are drawings in ink;
            see engine/abstraction.
        original: Whether it reads pictures as the original script does: alpha and borders are
            ignored, paintings are stretched to the photo's shape, `size` counts rows on the command
            line, and each step is saved.
    """

    defaults: Mapping[str, Any] = field(default_factory=dict)
    network: str = "any"
    grows: bool = True
    optimises: bool = True
    relative: bool = True
    rebuilds: bool = False
    draws: bool = False
    original: bool = False


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
# The defaults of each preset that differ from the fields' defaults, which are preset `fine`.
PRESETS: dict[str, dict[str, Any]] = {
    "instant": {"recipe": "instant"},
    "draft": {"iterations": 14, "learning_rate": 0.033},
    "fine": {},
    "print": {"size": 2400, "iterations": 80},
}
# Preset instant, even for a style with another recipe.
INSTANT: Mapping[str, str] = {"preset": "instant", **PRESETS["instant"]}
