"""Traits of recipes; without NumPy."""

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
