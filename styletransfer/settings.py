"""Every tunable of the engine, once: name, default, range, unit, meaning.

Flags, STYLE_* variables, looks.toml keys and docs/settings.md are all made from the fields below.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from styletransfer.errors import ConfigError

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
    iterations: int = _setting(
        150,
        "optimisation steps at each scale; the first scale takes twice as many",
        low=1,
        high=100_000,
    )
    content_weight: float = _setting(
        0.02,
        "how strongly the photo holds its shapes against the painting; more keeps more of it",
        low=0,
    )
    style_scale: float = _setting(
        1.0, "multiplies the painting's part of the loss; more paints more freely", low=0
    )
    total_variation_weight: float = _setting(
        0.5, "smoothness; more removes grain, and fine brush strokes with it", low=0
    )
    content_layer: str = _setting(
        "conv4_2",
        "layer of VGG that the photo is compared at; a deeper one lets shapes move more",
        choices=CONTENT_LAYERS,
    )
    init_image: str = _setting(
        "content",
        "where the optimisation starts: the photo, the photo in greys, or noise",
        choices=("content", "gray", "noise"),
    )
    model: str = _setting(
        "vgg19", "network whose features are compared", choices=("vgg16", "vgg19")
    )
    pool_type: str = _setting(
        "max",
        "how VGG shrinks its features; `ave` gives a softer texture",
        choices=("max", "ave"),
    )
    learning_rate: float = _setting(0.02, "Adam's step, in the sRGB scale 0…1", low=1e-5, high=1.0)
    averaging: float = _setting(
        0.99,
        "decay of the running average of iterates, which is the result; 0 takes the last iterate",
        low=0.0,
        high=0.9999,
    )
    precision: str = _setting(
        "auto",
        "arithmetic of the convolutions; `auto` takes bfloat16 where the processor has it",
        choices=("auto", "float32", "bfloat16"),
    )
    seed: int = _setting(0, "seed of every random number", low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            check(each.name, getattr(self, each.name))
        if self.model == "vgg16" and self.content_layer in ("conv3_4", "conv4_4", "conv5_4"):
            raise ConfigError(
                f"content_layer {self.content_layer} is not in vgg16, "
                "whose blocks 3 to 5 end at conv*_3; choose another layer or model vgg19"
            )

    def replaced(self, values: Mapping[str, Any], where: str = "") -> "Settings":
        """These settings with some values changed, given as text or typed (TOML, JSON).

        `where` is put before a name in errors (`STYLE_` → `STYLE_SIZE`). Raises ConfigError
        naming the setting, the value and what is expected.
        """
        parsed = {name: parse(name, value, where) for name, value in values.items()}
        return dataclasses.replace(self, **parsed)


FIELDS = {each.name: each for each in dataclasses.fields(Settings)}


def expectation(name: str) -> str:
    """What a setting accepts, in words: `one of max, ave`, `a whole number of 1 or more`."""
    each = FIELDS[name]
    about = each.metadata
    if about["choices"]:
        return "one of " + ", ".join(about["choices"])
    kind = "a number" if each.type is float else "a whole number"
    low, high = about["low"], about["high"]
    if low is not None and high is not None:
        kind += f" from {low:g} to {high:g}" if each.type is float else f" from {low} to {high}"
    elif low is not None:
        kind += f" of {low:g} or more"
    if about["unit"]:
        kind += f" ({about['unit']})"
    return f"{kind}, or `{about['word']}`" if about["word"] else kind


def check(name: str, value: Any, label: str = "", given: Any = None) -> None:
    """Raises ConfigError, showing what was `given`, unless the typed value is in range."""
    each = FIELDS[name]
    about = each.metadata
    if about["choices"]:
        good = value in about["choices"]
    elif about["word"] and value == about["word"]:
        good = True
    else:
        kinds = (int, float) if each.type is float else (int,)
        good = isinstance(value, kinds) and not isinstance(value, bool)
        # A comparison with NaN is false, so NaN and infinity fail here as they should.
        good = good and (about["low"] if about["low"] is not None else -1e300) <= value
        good = good and value <= (about["high"] if about["high"] is not None else 1e300)
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
    each, given = FIELDS[name], value
    if isinstance(value, str) and not each.metadata["choices"]:
        text = value.strip()
        if text != each.metadata["word"] or not text:
            try:
                value = float(text) if each.type is float else int(text)
            except ValueError:
                raise ConfigError(f"{label} is {value!r}; expected {expectation(name)}") from None
        else:
            value = text
    elif each.type is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    check(name, value, label, given)
    return value


def fit(height: int, width: int, longer: int) -> tuple[int, int]:
    """(height, width) in px with the longer side exactly `longer`, proportions kept, both ≥ 1."""
    factor = longer / max(height, width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def markdown_table() -> str:
    """The table of settings, as the README and docs/settings.md show it."""
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
    from pathlib import Path

    # The tables in the documents stand between these marks, and nowhere else is a default told.
    for document in ("README.md", "docs/settings.md"):
        path = Path(__file__).parents[1] / document
        before, _, rest = path.read_text().partition("<!-- settings -->\n")
        after = rest.partition("<!-- end of settings -->")[2]
        table = f"<!-- settings -->\n{markdown_table()}<!-- end of settings -->"
        path.write_text(before + table + after)
