"""Every tunable of the engine, once: name, default, range, unit, meaning.

Flags, STYLE_* variables, looks.toml keys and docs/settings.md are all made from the fields below.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from styletransfer.errors import ConfigError

LARGEST = 1e30  # of any number: float32, in which the engine computes, holds little more
CONTENT_LAYERS = (
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4"),
    *("conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3", "conv5_4"),
)


def _setting(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    word: str = "",
) -> Any:
    """A field with what its users are told of it; `word` is a string allowed beside numbers."""
    return field(
        default=default,
        metadata={
            "meaning": meaning,
            "unit": unit,
            "low": low,
            "high": high,
            "choices": choices,
            "word": word,
        },
    )


@dataclass(frozen=True)
class Settings:
    """How a photo is painted. Raises ConfigError for a value out of its range."""

    size: int | str = _setting(
        512,
        "longer side of the result; `full` keeps the photo's own size",
        unit="px",
        low=32,
        high=16384,
        word="full",
    )
    strength: float = _setting(
        0.6,
        "how far the picture goes from the photo: near 0 it stays close to it, at 1 it follows the "
        "painting freely; the photo's weight is steered to hold that distance",
        low=0,
        high=1,
    )
    iterations: int = _setting(
        150,
        "optimisation steps at each scale; the first scale takes twice as many",
        low=1,
        high=100_000,
    )
    content_weight: float | str = _setting(
        "auto",
        "how strongly the photo holds its shapes against the painting, fixed instead of steered "
        "by `strength`",
        low=0,
        word="auto",
    )
    style_scale: float = _setting(
        1.0, "multiplies the painting's part of the loss; more paints more freely", low=0
    )
    total_variation_weight: float = _setting(
        0.5, "smoothness; more removes grain, and fine brush strokes with it", low=0
    )
    style_statistics: str = _setting(
        "moments",
        "what is compared with the painting: Gram matrices, or mean and covariance of the features",
        choices=("gram", "moments"),
    )
    preserve_color: bool = _setting(False, "the painting's strokes in the photo's own colours")
    color_match: str = _setting(
        "none",
        "brings the photo's colours to the painting's before painting, by each channel's "
        "histogram or by mean and covariance",
        choices=("none", "histogram", "moments"),
    )
    content_layer: str = _setting(
        "conv4_2",
        "layer of VGG that the photo is compared at; a deeper one lets shapes move more",
        choices=CONTENT_LAYERS,
    )
    init_image: str = _setting(
        "content",
        "where the optimisation starts: the photo, the photo in greys, noise, or the painting's "
        "mean colour",
        choices=("content", "gray", "noise", "style-mean"),
    )
    model: str = _setting(
        "vgg19", "network whose features are compared", choices=("vgg16", "vgg19")
    )
    pool_type: str = _setting(
        "max",
        "how VGG shrinks its features; `ave` gives a softer texture",
        choices=("max", "ave"),
    )
    padding: str = _setting(
        "replicate",
        "what convolutions see beyond the border: the border's own values, or zeros, which draw a "
        "frame",
        choices=("replicate", "zero"),
    )
    optimizer: str = _setting(
        "adam",
        "Adam, or L-BFGS, whose steps are up to 20 evaluations each, so that far fewer will do",
        choices=("adam", "lbfgs"),
    )
    learning_rate: float = _setting(0.02, "Adam's step, in the sRGB scale 0…1", low=1e-5, high=1.0)
    averaging: float = _setting(
        0.99,
        "decay of the running average of Adam's iterates, which is the result; 0 takes the last "
        "iterate",
        low=0.0,
        high=0.9999,
    )
    min_improvement: float = _setting(
        0.0,
        "a step that lowers the loss by less than this ends its scale; of Adam's steps, ten "
        "together count as one",
        unit="percent",
        low=0,
        high=100,
    )
    rescale_image: bool = _setting(False, "scales the result to the photo's own size")
    rescale_method: str = _setting(
        "guided",
        "how it is scaled; `guided` takes the photo's edges along",
        choices=("guided", "lanczos", "bicubic", "bilinear", "nearest"),
    )
    maintain_aspect_ratio: bool = _setting(
        True, "keeps the photo's proportions; without, the picture is a square while painted"
    )
    precision: str = _setting(
        "auto",
        "arithmetic of the convolutions; `auto` takes bfloat16 where the processor has it",
        choices=("auto", "float32", "bfloat16"),
    )
    deterministic: bool = _setting(
        False, "two runs on one machine give one result, bit for bit; slower on a GPU"
    )
    seed: int = _setting(0, "seed of every random number", low=0, high=2**31 - 1)
    recipe: str = _setting(
        "default",
        "`inetwork` paints as the original INetwork script: its losses, layers and defaults",
        choices=("default", "inetwork"),
    )
    content_loss_type: int = _setting(
        0,
        "of recipe inetwork: the photo's part as a plain sum, or divided by 2·√C·√(H·W) or by "
        "C·H·W",
        low=0,
        high=2,
    )

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            check(each.name, getattr(self, each.name))
        if self.model == "vgg16" and self.content_layer in ("conv3_4", "conv4_4", "conv5_4"):
            raise ConfigError(
                f"content_layer {self.content_layer} is not in vgg16, "
                "whose blocks 3 to 5 end at conv*_3; choose another layer or model vgg19"
            )
        if self.recipe == "inetwork" and self.content_weight == "auto":
            raise ConfigError("content_weight is 'auto'; recipe inetwork expects a number")

    @classmethod
    def inetwork(cls, **others: Any) -> "Settings":
        """The original INetwork script's losses, weights and defaults, `others` as given.

        Its `image_size` are rows, `size` is the longer side: with the default of 400 a photo is
        painted at 400 px of that, on the command line at 400 rows.
        """
        return cls(**{**RECIPES["inetwork"], "recipe": "inetwork", **others})

    def replaced(self, values: Mapping[str, Any], where: str = "") -> "Settings":
        """These settings with some values changed, given as text or typed (TOML, JSON).

        Another `recipe` changes all defaults with it; what was set before to something else stays.
        `where` is put before a name in errors (`STYLE_` → `STYLE_SIZE`). Raises ConfigError
        naming the setting, the value and what is expected.
        """
        parsed = {name: parse(name, value, where) for name, value in values.items()}
        recipe = parsed.get("recipe", self.recipe)
        if recipe != self.recipe:
            before, after = (_defaults(name) for name in (self.recipe, recipe))
            unset = {name for name in FIELDS if getattr(self, name) == before[name]}
            parsed = {name: after[name] for name in unset} | parsed
        return dataclasses.replace(self, **parsed)


# What the original's defaults are, where they differ from ours.
RECIPES = {
    "default": {},
    "inetwork": {
        "size": 400,
        "iterations": 10,
        "content_weight": 0.025,
        "total_variation_weight": 8.5e-5,
        "style_statistics": "gram",
        "content_layer": "conv5_2",
        "model": "vgg16",
        "padding": "zero",
        "optimizer": "lbfgs",
        "averaging": 0.0,
        "rescale_method": "bilinear",
        "precision": "float32",
    },
}
SWITCHES = {
    **dict.fromkeys(("true", "yes", "t", "on", "1"), True),
    **dict.fromkeys(("false", "no", "f", "off", "0"), False),
}
FIELDS = {each.name: each for each in dataclasses.fields(Settings)}


def kind(name: str) -> type:
    """bool, int, float or str: what a setting is, beside the one word that it may be instead."""
    each = FIELDS[name].type
    return each if isinstance(each, type) else get_args(each)[0]


def _defaults(recipe: str) -> dict[str, Any]:
    return {name: each.default for name, each in FIELDS.items()} | RECIPES[recipe]


def expectation(name: str) -> str:
    """What a setting accepts, in words: `one of max, ave`, `a whole number of 1 or more`."""
    about = FIELDS[name].metadata
    if about["choices"]:
        return "one of " + ", ".join(about["choices"])
    if kind(name) is bool:
        return "true or false"
    words = "a number" if kind(name) is float else "a whole number"
    low, high = about["low"], about["high"]
    if low is not None and high is not None:
        words += f" from {low:g} to {high:g}" if kind(name) is float else f" from {low} to {high}"
    elif low is not None:
        words += f" of {low:g} or more"
    if about["unit"]:
        words += f" ({about['unit']})"
    return f"{words}, or `{about['word']}`" if about["word"] else words


def check(name: str, value: Any, label: str = "", given: Any = None) -> None:
    """Raises ConfigError, showing what was `given`, unless the typed value is in range."""
    about = FIELDS[name].metadata
    if about["choices"]:
        good = value in about["choices"]
    elif kind(name) is bool:
        good = isinstance(value, bool)
    elif about["word"] and value == about["word"]:
        good = True
    else:
        kinds = (int, float) if kind(name) is float else (int,)
        good = isinstance(value, kinds) and not isinstance(value, bool)
        # A comparison with NaN is false, so NaN and infinity fail here as they should.
        good = good and (about["low"] if about["low"] is not None else -LARGEST) <= value
        good = good and value <= (about["high"] if about["high"] is not None else LARGEST)
    if not good:
        shown = value if given is None else given
        raise ConfigError(f"{label or name} is {shown!r}; expected {expectation(name)}")


def parse(name: str, value: Any, where: str = "") -> Any:
    """A setting's value from text or from a typed value, checked.

    Raises ConfigError for an unknown name or a value that does not fit.
    """
    label = where + name.upper() if where.endswith("_") else where + name
    if name not in FIELDS:
        raise ConfigError(f"{label} is no setting; there are {', '.join(sorted(FIELDS))}")
    about, given = FIELDS[name].metadata, value
    if isinstance(value, str) and kind(name) is bool:
        value = SWITCHES.get(value.strip().lower(), value)
    elif isinstance(value, str) and not about["choices"]:
        text = value.strip()
        if text != about["word"] or not text:
            try:
                value = float(text) if kind(name) is float else int(text)
            except ValueError:
                raise ConfigError(f"{label} is {value!r}; expected {expectation(name)}") from None
        else:
            value = text
    elif kind(name) is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    check(name, value, label, given)
    return value


def markdown_table() -> str:
    """The table of settings, as docs/settings.md shows it."""
    rows = [
        "| setting | variable | default | accepts | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows += [
        f"| `{name}` | `STYLE_{name.upper()}` | {each.default} | {expectation(name)} "
        f"| {each.metadata['meaning']} |"
        for name, each in FIELDS.items()
    ]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    from styletransfer.paths import PROGRAM

    # The table stands between these marks, and no default stands anywhere else.
    path = PROGRAM / "docs/settings.md"
    before, _, rest = path.read_text().partition("<!-- settings -->\n")
    after = rest.partition("<!-- end of settings -->")[2]
    table = f"<!-- settings -->\n{markdown_table()}<!-- end of settings -->"
    path.write_text(before + table + after)
