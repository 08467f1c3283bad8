"""The settings of the engine, each defined once: name, default, range, unit, meaning.

Flags, STYLE_* variables, styles.toml keys and docs/settings.md are generated from the fields below.
"""

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from painterly.errors import ConfigError
from painterly.settings import paper as papers
from painterly.settings import values as setting_values
from painterly.settings.recipes import PRESETS, RECIPES, Traits
from painterly.settings.values import expectation, setting
from painterly.words.suggestions import did_you_mean
from painterly.words.wording import printable, shortened

LEAST_DEFAULT = 512  # px; see Settings.halved
CONTENT_LAYERS = (
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4"),
    *("conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3", "conv5_4"),
)


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


# The settings of paper, and the only values that settings of the shape may have with paper.
OF_PAPER = ("paper", "dpi", "bleed")
_WITHOUT_PAPER = {"rescale_image": False, "maintain_aspect_ratio": True}


@dataclass(frozen=True)
class Settings:
    """The settings of a painting. Raises ConfigError for a value out of its range.

    A setting that is not given has the default of the recipe, of the preset, or of the field, in
    this order. With `paper`, `size` and `dpi` follow from that. Settings with the same effect are
    equal, whichever preset names their values.
    """

    _given: ClassVar[frozenset[str]]

    size: int | str = setting(
        1024,
        "longer side of the result; `full` keeps the photo's own size",
        unit="px",
        low=32,
        high=16384,
        word="full",
    )
    paper: str = setting(
        papers.NONE,
        "paper that the result is printed on, instead of `size`: the photo is cropped to its "
        "proportions, upright or lying as the photo is",
        read=papers.parsed,
        form=papers.FORM,
    )
    dpi: int | str = setting(
        "auto",
        "pixels per inch at which the result is printed, and `paper` measured; `auto`: "
        f"{papers.USUAL_DPI} with `paper`, else the photo's own",
        low=1,
        high=2400,
        word="auto",
    )
    bleed: float = setting(
        0.0,
        "width that the picture extends beyond each edge of `paper`, to be cut off",
        unit="mm",
        low=0,
        high=50,
        read=papers.millimetres,
        form="a number from 0 to 50 (mm), or a length such as 3mm or 0.125in",
    )
    strength: float = setting(
        0.5,
        "how far the picture moves away from the photo: near 0 it stays close to it, at 1 it "
        "follows the painting freely",
        low=0,
        high=1,
    )
    iterations: int = setting(
        60,
        "optimisation steps at the first size; the second takes two thirds of them, later "
        "ones half, and sizes above 1024 px down to a quarter; recipe moments takes twice as many",
        low=1,
        high=100_000,
    )
    content_weight: float | str = setting(
        "auto",
        "a fixed weight for the photo's shapes, instead of one steered by `strength`",
        low=0,
        word="auto",
    )
    style_scale: float = setting(
        1.0, "multiplies the style loss; a larger value paints more freely", low=0
    )
    stroke_size: float = setting(
        1.0,
        "size of the painting's strokes: 2 is twice as large as usual, 0.5 half as large; not used "
        "in recipe inetwork",
        low=0.25,
        high=4,
    )
    total_variation_weight: float = setting(
        1.0, "smoothness; a larger value removes grain, and fine brush strokes with it", low=0
    )
    structure_weight: float = setting(
        1.0,
        "how firmly the photo's contours are kept, such as in a face; 0 leaves them to "
        "`strength` alone",
        low=0,
    )
    faces: float = setting(
        1.0,
        "how firmly people's faces are kept, so that they stay themselves; 0 paints them as "
        "freely as all else; only in recipes default and instant",
        low=0,
        high=1,
    )
    style_statistics: str = setting(
        "moments",
        "the compared statistics of the painting: Gram matrices, or mean and covariance",
        choices=("gram", "moments"),
    )
    preserve_color: bool = setting(False, "the painting's strokes in the photo's own colours")
    photo_color: float = setting(
        0.0,
        "how much the photo's own colours count beside the painting's; at 1 there are no others, "
        "as with `preserve_color`",
        low=0,
        high=1,
    )
    content_layer: str = setting(
        "conv3_2",
        "layer at which the picture is compared with the photo; a deeper one lets shapes move more",
        choices=CONTENT_LAYERS,
    )
    init_image: str = setting(
        "content",
        "start of the optimisation: the photo, the photo in greys, or noise",
        choices=("content", "gray", "noise"),
    )
    model: str = setting("vgg19", "network whose features are compared", choices=("vgg16", "vgg19"))
    pool_type: str = setting(
        "max", "how VGG pools its features; `ave` gives a softer texture", choices=("max", "ave")
    )
    padding: str = setting(
        "replicate",
        "pixels beyond the border: the border's own values, or zeros, which leave a frame",
        choices=("replicate", "zero"),
    )
    optimizer: str = setting(
        "adam",
        "Adam, or L-BFGS, which takes up to 20 evaluations per step and needs far fewer steps",
        choices=("adam", "lbfgs"),
    )
    learning_rate: float = setting(0.02, "Adam's step size, in sRGB units 0…1", low=1e-5, high=1.0)
    averaging: float = setting(
        0.99,
        "decay of the running average of Adam's steps, which is the result; 0 takes the last step",
        low=0.0,
        high=0.9999,
    )
    min_improvement: float = setting(
        0.0,
        "a step that lowers the loss by less ends the steps at that size; ten steps of Adam are "
        "treated as one",
        unit="percent",
        low=0,
        high=100,
    )
    rescale_image: bool = setting(False, "scales the result to the photo's own size")
    rescale_method: str = setting(
        "lanczos",
        "the method of `rescale_image`",
        choices=("lanczos", "bicubic", "bilinear", "nearest"),
    )
    maintain_aspect_ratio: bool = setting(
        True, "keeps the photo's proportions; otherwise the picture is a square while painted"
    )
    precision: str = setting(
        "auto",
        "arithmetic of the convolutions; `auto` uses bfloat16 if that is faster, and float16 on "
        "GPUs without bfloat16",
        choices=("auto", "float32", "bfloat16", "float16"),
    )
    deterministic: bool = setting(
        False, "two runs on one machine give the same result bit for bit; slower on a GPU"
    )
    compile: str = setting(
        "auto",
        "whether XLA compiles the steps, once for each size; `auto`: on a GPU, the losses, and "
        "whole steps at sizes that are painted often",
        choices=("auto", "always", "never"),
        compare=False,
    )
    seed: int = setting(0, "seed of every random number", low=0, high=2**31 - 1)
    timelapse: bool = setting(
        False,
        "keeps the picture as it grows, up to 48 times, as an animated WebP next to the result",
        compare=False,
    )
    preset: str = setting(
        "fine",
        "a preset for other settings: "
        + ", ".join(f"{name} ({_listed(values)})" for name, values in PRESETS.items() if values)
        + "; fine changes none",
        choices=tuple(PRESETS),
        compare=False,
    )
    recipe: str = setting(
        "default",
        "`default` paints each place like the most similar place of the painting; `instant` does "
        "so within seconds, without optimisation; `moments` compares only statistics of the "
        "whole painting; `inetwork` uses the losses and defaults of the original script, `gatys` "
        "those of Gatys, Ecker & Bethge 2016",
        choices=tuple(RECIPES),
    )
    content_loss_type: int = setting(
        0,
        "recipe inetwork only: the content loss as a plain sum, or divided by 2·√C·√(H·W) or by "
        "C·H·W",
        low=0,
        high=2,
    )

    def __new__(cls, *args: Any, **given: Any) -> Self:
        """Keep the names of the settings that are given: a given value may be the default."""
        settings = super().__new__(cls)
        names = frozenset(given).union(list(FIELDS)[: len(args)])
        object.__setattr__(settings, "_given", names)
        return settings

    def __post_init__(self) -> None:
        for name in ("preset", "recipe"):
            check_value(name, getattr(self, name))
        of_preset = PRESETS[self.preset]
        recipe = self.recipe if "recipe" in self._given else of_preset.get("recipe", self.recipe)
        for name, default in {**of_preset, **RECIPES[recipe].defaults}.items():
            if name not in self._given:
                object.__setattr__(self, name, default)
        for name in FIELDS:
            check_value(name, getattr(self, name))
        if self.paper != papers.NONE:
            self._follow_paper()
        if self.model == "vgg16" and self.content_layer in ("conv3_4", "conv4_4", "conv5_4"):
            raise ConfigError(
                f"content_layer {self.content_layer} is not in vgg16; choose another, or vgg19"
            )
        if not self.traits.relative and self.content_weight == "auto":
            raise ConfigError(f"content_weight is 'auto'; recipe {self.recipe} expects a number")
        if not self.traits.relative and self.precision == "float16":
            raise ConfigError(
                f"precision is 'float16'; for recipe {self.recipe}, choose float32 or bfloat16"
            )

    @property
    def given(self) -> dict[str, Any]:
        """The settings that were given, by name; the others have their defaults."""
        return {name: getattr(self, name) for name in FIELDS if name in self._given}

    @property
    def traits(self) -> Traits:
        """Properties of the recipe."""
        return RECIPES[self.recipe]

    @property
    def color_share(self) -> float:
        """The share of the photo's own colours in the result, 0…1."""
        return 1.0 if self.preserve_color else self.photo_color

    @property
    def has_default_size(self) -> bool:
        """Whether neither a size nor a paper was given."""
        return "size" not in self._given and self.paper == papers.NONE

    @classmethod
    def inetwork(cls, **others: Any) -> "Settings":
        """Return the losses, weights and defaults of the original INetwork script.

        `others` override them.

        Its `image_size` counts rows, `size` the longer side: the default of 400 means 400 px of
        longer side here, and 400 rows on the command line.
        """
        return cls(**{"recipe": "inetwork", **others})

    def replaced(self, values: Mapping[str, Any], where: str = "") -> "Settings":
        """Return a copy with some values changed, given as text or typed (TOML, JSON).

        Values that were given before stay; the rest has the defaults of the new `recipe` and
        `preset`.

        Args:
            where: The text before a name in error messages (`STYLE_` → `STYLE_SIZE`).

        Raises:
            ConfigError: A value is wrong; the message names the setting, the value and the range.
        """
        parsed = {name: parse(name, value, where) for name, value in values.items()}
        earlier = gives_way(parsed)
        given = {name: value for name, value in self.given.items() if name not in earlier}
        if given.get("paper", papers.NONE) != papers.NONE and parsed.keys() & set(OF_PAPER):
            given.pop("size", None)
        return Settings(**(given | parsed))

    def sheet(self, height: int, width: int) -> tuple[int, int] | None:
        """Return the (height, width) in px of the paper with its bleed, turned as a photo of this
        size is; None without paper."""
        if self.paper == papers.NONE:
            return None
        shorter, longer = papers.sides_px(self.paper, self.bleed, int(self.dpi))
        return (shorter, longer) if width > height else (longer, shorter)

    def may_exceed(self, longest: int) -> bool:
        """Return whether the longer side may have more than `longest` px."""
        return self.size == "full" or int(self.size) > longest

    def within(self, longest: int) -> "Settings":
        """Return the settings for a longer side of at most `longest` px: with a smaller `size`, or
        with fewer dpi on the same paper."""
        if not self.may_exceed(longest):
            return self
        if self.paper == papers.NONE:
            return self.replaced({"size": longest})
        return self.replaced({"dpi": papers.most_dpi(self.paper, self.bleed, longest)})

    def halved(self) -> "Self | None":
        """Return the settings with half of the default size, which counts as the default; None if
        a size was given, or too little would be left."""
        if not self.has_default_size or int(self.size) < 2 * LEAST_DEFAULT:
            return None
        smaller = copy.copy(self)
        object.__setattr__(smaller, "size", int(self.size) // 2)
        return smaller

    def what_fits(self, longest: int) -> str:
        """Name the largest size if a longer side of at most `longest` px fits, or the most dpi on
        the paper."""
        if self.paper == papers.NONE:
            return f"the largest size that fits is {longest}"
        most = papers.most_dpi(self.paper, self.bleed, longest)
        return f"the highest dpi that fits is {most}, on paper {self.paper}"

    def _follow_paper(self) -> None:
        """Set the size and the dpi that follow from the paper. Raises ConfigError for a size or a
        shape that contradicts it, and for a size out of range."""
        if self.dpi == "auto":
            object.__setattr__(self, "dpi", papers.USUAL_DPI)
        _, longer = papers.sides_px(self.paper, self.bleed, int(self.dpi))
        for name, value in _WITHOUT_PAPER.items():
            if getattr(self, name) != value:
                raise ConfigError(
                    f"{name} is {getattr(self, name)}, and paper is {self.paper}; give one of them"
                )
        if "size" in self._given and self.size != longer:
            raise ConfigError(
                f"size is {self.size}, and paper {self.paper} with {self.dpi} dpi has a longer "
                f"side of {longer} px; give one of them"
            )
        most = FIELDS["size"].metadata["high"]
        if longer > most:
            raise ConfigError(
                f"paper {self.paper} with {self.dpi} dpi has a longer side of {longer} px; at most "
                f"{most} are painted, so {self.what_fits(most)}"
            )
        object.__setattr__(self, "size", longer)
        check_value("size", longer, f"the longer side of paper {self.paper}")

    def deciding(self) -> dict[str, Any]:
        """Return the settings that decide a result, by name.

        These are all but `preset`, which only names values of others, `timelapse`, and `compile`,
        which changes no more than rounding. A record and its fingerprint hold these.
        """
        return {name: getattr(self, name) for name, each in FIELDS.items() if each.compare}


FIELDS = {each.name: each for each in dataclasses.fields(Settings)}


def gives_way(later: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of earlier settings that later ones replace as well: sizes and
    shapes with a paper, and a paper with a size."""
    if later.get("paper", papers.NONE) != papers.NONE:
        return ("size", *_WITHOUT_PAPER)
    return ("paper",) if "size" in later else ()


def check_value(name: str, value: Any, label: str = "", given: Any = None) -> None:
    """Check a typed value. Raises ConfigError, showing `given` if any, if it is out of range."""
    if not setting_values.accepts(FIELDS[name], value):
        wrong = shortened(value if given is None else given)
        raise ConfigError(f"{label or name} is {wrong}; expected {expectation(FIELDS[name])}")


def parse(name: str, value: Any, where: str = "") -> Any:
    """Return a setting's value, checked, from text or from a typed value.

    Raises ConfigError for an unknown name or a wrong value.
    """
    shown = shown_name(name, where)
    if name not in FIELDS:
        hint = did_you_mean(name, FIELDS, f"there are {', '.join(sorted(FIELDS))}")
        raise ConfigError(f"{shown} is not a setting; {hint}")
    typed = setting_values.typed(FIELDS[name], value)
    check_value(name, typed, shown, value)
    return typed


def shown_name(name: str, where: str) -> str:
    """Return the printable name of a setting as the user wrote it: `STYLE_SIZE`, `--size`.

    Args:
        where: The text before it, as in `Settings.replaced`.
    """
    return where + printable((name.upper() if where.endswith("_") else name)[:60])
