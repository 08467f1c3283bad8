"""The settings of the engine, each defined once: name, default, range, unit, meaning.

Flags, STYLE_* variables, looks.toml keys and docs/settings.md are generated from the fields below.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, get_args

from styletransfer.errors import ConfigError

# How each quality's defaults differ from those of the fields, which are `fine`.
QUALITIES: dict[str, dict[str, Any]] = {
    "draft": {"size": 512, "iterations": 20, "learning_rate": 0.04},
    "fine": {},
    "print": {"size": 1600, "iterations": 200},
}
LARGEST = 1e30  # The engine computes in float32, which holds little more.
CONTENT_LAYERS = (
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4"),
    *("conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3", "conv5_4"),
)


@dataclass(frozen=True)
class _Spec:
    """What a setting means and accepts; `word` is a string allowed instead of a number."""

    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    word: str = ""


def _setting(default: Any, meaning: str, compare: bool = True, **accepts: Any) -> Any:
    return field(default=default, compare=compare, metadata=vars(_Spec(meaning, **accepts)))


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


@dataclass(frozen=True)
class Settings:
    """How a photo is painted. Raises ConfigError for a value out of its range.

    What is not given has the default of the recipe, of the quality, or of the field, in this order.
    Settings are equal that paint the same, whichever quality names their values.
    """

    _given: ClassVar[frozenset[str]]

    size: int | str = _setting(
        512,
        "longer side of the result; `full` keeps the photo's own size",
        unit="px",
        low=32,
        high=16384,
        word="full",
    )
    strength: float = _setting(
        0.5,
        "how far the picture moves away from the photo: near 0 it stays close to it, at 1 it "
        "follows the painting freely; the photo's weight is steered to hold that distance",
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
        "how strongly the photo keeps its shapes against the painting; fixed, instead of steered "
        "by `strength`",
        low=0,
        word="auto",
    )
    style_scale: float = _setting(
        1.0, "multiplies the style loss; a larger value paints more freely", low=0
    )
    total_variation_weight: float = _setting(
        1.0, "smoothness; a larger value removes grain, and fine brush strokes with it", low=0
    )
    style_statistics: str = _setting(
        "moments",
        "what is compared with the painting: Gram matrices, or mean and covariance of the features",
        choices=("gram", "moments"),
    )
    preserve_color: bool = _setting(False, "the painting's strokes in the photo's own colours")
    color_match: str = _setting(
        "none",
        "matches the photo's colours to the painting's before painting, by each channel's "
        "histogram or by mean and covariance",
        choices=("none", "histogram", "moments"),
    )
    content_layer: str = _setting(
        "conv3_2",
        "VGG layer at which the picture is compared with the photo; a deeper one lets shapes move "
        "more",
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
        "how VGG pools its features; `ave` gives a softer texture",
        choices=("max", "ave"),
    )
    padding: str = _setting(
        "replicate",
        "what convolutions see beyond the border: the border's own values, or zeros, which leave a "
        "frame",
        choices=("replicate", "zero"),
    )
    optimizer: str = _setting(
        "adam",
        "Adam, or L-BFGS, whose steps take up to 20 evaluations each, so far fewer are needed",
        choices=("adam", "lbfgs"),
    )
    learning_rate: float = _setting(0.02, "Adam's step size, in sRGB units 0…1", low=1e-5, high=1.0)
    averaging: float = _setting(
        0.99,
        "decay of the running average of Adam's iterates, which is the result; 0 takes the last "
        "iterate instead",
        low=0.0,
        high=0.9999,
    )
    min_improvement: float = _setting(
        0.0,
        "a step that lowers the loss by less than this ends its scale; ten Adam steps count as one",
        unit="percent",
        low=0,
        high=100,
    )
    rescale_image: bool = _setting(False, "scales the result to the photo's own size")
    rescale_method: str = _setting(
        "guided",
        "how it is scaled; `guided` follows the photo's edges",
        choices=("guided", "lanczos", "bicubic", "bilinear", "nearest"),
    )
    maintain_aspect_ratio: bool = _setting(
        True, "keeps the photo's proportions; otherwise the picture is a square while painted"
    )
    precision: str = _setting(
        "auto",
        "arithmetic of the convolutions; `auto` uses bfloat16 if the processor supports it",
        choices=("auto", "float32", "bfloat16"),
    )
    deterministic: bool = _setting(
        False, "two runs on one machine give the same result bit for bit; slower on a GPU"
    )
    seed: int = _setting(0, "seed of every random number", low=0, high=2**31 - 1)
    quality: str = _setting(
        "fine",
        "defaults of other settings, which count more where they are given: "
        + ", ".join(f"{name} ({_listed(values)})" for name, values in QUALITIES.items() if values)
        + "; fine has the usual ones",
        choices=tuple(QUALITIES),
        compare=False,
    )
    recipe: str = _setting(
        "default",
        "`inetwork` paints as the original INetwork script: its losses, layers and defaults",
        choices=("default", "inetwork"),
    )
    content_loss_type: int = _setting(
        0,
        "recipe inetwork only: the content loss as a plain sum, or divided by 2·√C·√(H·W) or by "
        "C·H·W",
        low=0,
        high=2,
    )

    def __new__(cls, *args: Any, **given: Any) -> Self:
        """Keeps the names of what is given: a value may be given that is the default."""
        settings = super().__new__(cls)
        names = frozenset(given).union(list(FIELDS)[: len(args)])
        object.__setattr__(settings, "_given", names)
        return settings

    def __post_init__(self) -> None:
        for name in ("quality", "recipe"):
            check_value(name, getattr(self, name))
        for name, default in (QUALITIES[self.quality] | RECIPES[self.recipe]).items():
            if name not in self._given:
                object.__setattr__(self, name, default)
        for name in FIELDS:
            check_value(name, getattr(self, name))
        if self.model == "vgg16" and self.content_layer in ("conv3_4", "conv4_4", "conv5_4"):
            raise ConfigError(
                f"content_layer {self.content_layer} is not in vgg16, "
                "whose blocks 3 to 5 end at conv*_3; choose another layer or model vgg19"
            )
        if self.recipe == "inetwork" and self.content_weight == "auto":
            raise ConfigError("content_weight is 'auto'; recipe inetwork expects a number")

    @classmethod
    def inetwork(cls, **others: Any) -> "Settings":
        """The losses, weights and defaults of the original INetwork script; `others` override them.

        Its `image_size` counts rows, `size` the longer side: the default of 400 means 400 px of
        longer side here, and 400 rows on the command line.
        """
        return cls(**{"recipe": "inetwork", **others})

    def replaced(self, values: Mapping[str, Any], where: str = "") -> "Settings":
        """A copy with some values changed, given as text or typed (TOML, JSON).

        What was given before stays; the rest has the defaults of the new `recipe` and `quality`.
        Error messages put `where` before a name (`STYLE_` → `STYLE_SIZE`). Raises ConfigError,
        which names the setting, the value and what is expected.
        """
        parsed = {name: parse(name, value, where) for name, value in values.items()}
        return Settings(**({name: getattr(self, name) for name in self._given} | parsed))

    def deciding(self) -> dict[str, Any]:
        """The settings that decide a result: all but `quality`, which only names values of others.

        A record and its fingerprint hold these.
        """
        return {name: getattr(self, name) for name, each in FIELDS.items() if each.compare}


# How each recipe's defaults differ from those of the fields.
RECIPES: dict[str, dict[str, Any]] = {
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
        "learning_rate": 0.02,
        "averaging": 0.0,
        "rescale_method": "bilinear",
        "precision": "float32",
    },
}
FIELDS = {each.name: each for each in dataclasses.fields(Settings)}


def parse_bool(text: str) -> bool | None:
    """True for true, yes, t, on and 1; False for false, no, f, off and 0; None for anything else.
    Upper and lower case are the same."""
    value = text.strip().lower()
    if value in ("true", "yes", "t", "on", "1"):
        return True
    return False if value in ("false", "no", "f", "off", "0") else None


def kind(name: str) -> type:
    """The type of a setting: bool, int, float or str, apart from the word allowed instead."""
    each = FIELDS[name].type
    return each if isinstance(each, type) else get_args(each)[0]


def expectation(name: str) -> str:
    """What a setting accepts, such as `one of max, ave` or `a whole number of 1 or more`."""
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


def check_value(name: str, value: Any, label: str = "", given: Any = None) -> None:
    """Raises ConfigError if a typed value is out of range; the message shows `given`, if any."""
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
        # NaN and infinity fail these comparisons.
        good = good and (about["low"] if about["low"] is not None else -LARGEST) <= value
        good = good and value <= (about["high"] if about["high"] is not None else LARGEST)
    if not good:
        wrong = value if given is None else given
        raise ConfigError(f"{label or name} is {wrong!r}; expected {expectation(name)}")


def parse(name: str, value: Any, where: str = "") -> Any:
    """A setting's value, checked, from text or from a typed value.

    Raises ConfigError for an unknown name or a wrong value.
    """
    label = where + name.upper() if where.endswith("_") else where + name
    if name not in FIELDS:
        raise ConfigError(f"{label} is not a setting; there are {', '.join(sorted(FIELDS))}")
    given = value
    if isinstance(value, str):
        value = _typed(name, value)
    elif kind(name) is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    check_value(name, value, label, given)
    return value


def _typed(name: str, text: str) -> Any:
    """The value that a text stands for; the text itself if it stands for none."""
    about, stripped = FIELDS[name].metadata, text.strip()
    if kind(name) is bool:
        flag = parse_bool(text)
        return text if flag is None else flag
    if about["choices"]:
        return text
    if stripped == about["word"]:
        return stripped
    try:
        return kind(name)(stripped)
    except ValueError:
        return text


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

    # The table is between these marks; no other document repeats a default.
    path = PROGRAM / "docs/settings.md"
    before, _, rest = path.read_text().partition("<!-- settings -->\n")
    after = rest.partition("<!-- end of settings -->")[2]
    table = f"<!-- settings -->\n{markdown_table()}<!-- end of settings -->"
    path.write_text(before + table + after)
