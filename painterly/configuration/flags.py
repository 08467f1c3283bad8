"""The flags of all command lines that paint, each with the variable that means the same.

The parser, and what is said of a flag that goes with other work, are made from this table.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from painterly.configuration.config import DEVICE_CHOICES
from painterly.images.output import OUTPUT_FORMATS
from painterly.settings.settings import FIELDS
from painterly.settings.values import (
    MEMORY_SYNTAX,
    kind,
    parse_bool,
    parse_memory,
    parse_whole,
)

SWITCH = "true|false"  # what a flag takes that is true without it


class Work(Enum):
    """The two kinds of work: one picture, or all pictures of folders and buckets."""

    PICTURE = "one picture"
    FOLDERS = "folders and buckets"


@dataclass(frozen=True)
class Flag:
    """A flag.

    Attributes:
        name: Its name, with underscores and without dashes in front.
        takes: What the help calls its value, and ` …` if there are several; empty for none.
        variable: The variable of a batch that means the same, if any.
        instead: What does the same in the other kind of work, if anything does.
        default: Its value if it is not given. A tuple, if it may be repeated.
        type: Returns the value of a text. Raises ArgumentTypeError.
        choices: All values, if there are only some.
        turned_on: The variable's value if the flag takes none.
        also: Another name of it.
    """

    name: str
    takes: str = ""
    variable: str = ""
    instead: str = ""
    default: Any = None
    type: Callable[[str], Any] = str
    choices: tuple[Any, ...] | None = None
    turned_on: str = "1"
    also: str = ""

    @property
    def spellings(self) -> tuple[str, ...]:
        """The flag as it is written. One that takes no value has dashes first."""
        names = (self.also, self.name) if self.takes else (self.name.replace("_", "-"), self.name)
        return tuple(dict.fromkeys(f"--{name}" for name in names if name))

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of `add_argument` that say how it is read."""
        if not self.takes:
            return {"action": "store_true"}
        takes, _, several = self.takes.partition(" ")
        return {
            "metavar": None if self.choices else takes,
            "action": "append" if isinstance(self.default, tuple) else "store",
            "nargs": "+" if several else None,
            "type": self.type,
            "choices": self.choices,
        }


def _type(parse: Callable[[str], Any], expected: str) -> Callable[[str], Any]:
    """Return a flag's type from a function that returns None for a wrong text."""

    def value_of(text: str) -> Any:
        value = parse(text)
        if value is None:
            raise argparse.ArgumentTypeError(f"got {text!r}; expected {expected}")
        return value

    return value_of


def _whole_number(low: int, high: int) -> Callable[[str], Any]:
    return _type(partial(parse_whole, low=low, high=high), f"a whole number from {low} to {high}")


_BOOLEAN = _type(parse_bool, "true or false")
_COUNT = _whole_number(0, 999_999_999)
NUM_ITER = Flag("num_iter", "N", instead="--iterations is its name")
_ORIGINAL = (
    Flag("style_masks", "MASK …", instead="a mask lies beside its painting, as monet.mask.png"),
    Flag("content_mask", "MASK", instead="a mask lies beside its photo, as beach.mask.png"),
    Flag("color_mask", "MASK"),
    Flag("image_size", "ROWS", instead="--size sets the longer side", type=_COUNT),
    Flag("style_weight", "WEIGHT …", instead="styles.toml has the shares of a blend", type=float),
    NUM_ITER,
)
_FILES_AND_DEVICE = (
    Flag("save_every", "N", instead="--timelapse shows how a picture grows", type=_COUNT),
    Flag("output_format", "WORD", "OUTPUT_FORMAT", choices=OUTPUT_FORMATS),
    Flag("output_quality", "N", "OUTPUT_QUALITY", default=95, type=_whole_number(1, 100)),
    Flag("output_depth", "N", "OUTPUT_DEPTH", default=8, type=int, choices=(8, 16)),
    Flag("keep_gps", SWITCH, "KEEP_GPS", default=False, type=_BOOLEAN),
    Flag("overwrite", SWITCH, default=False, type=_BOOLEAN),
    Flag("fresh", SWITCH, default=False, type=_BOOLEAN),
    Flag("weights", "FILE", "VGG_WEIGHTS"),
    Flag("memory_limit", "SIZE", "MEMORY_LIMIT", type=_type(parse_memory, MEMORY_SYNTAX)),
    Flag("device", "WORD", "DEVICE", default=DEVICE_CHOICES[0], choices=DEVICE_CHOICES),
)
_FOLDERS = (
    Flag("dry_run", variable="DRY_RUN", default=False),
    Flag("keep", variable="KEEP", default=False),
    Flag("repaint", variable="REPAINT", default=False),
    Flag("open", default=False),
    Flag("watch", variable="WATCH", default=False, turned_on="60"),
    Flag("cluster", variable="CLUSTER", default=False, turned_on="auto"),
    Flag("include", "PATTERN", default=()),
    Flag("exclude", "PATTERN", default=()),
    Flag("sheet", "FILE"),
    Flag("progress", "WORD", "PROGRESS", instead="set PROGRESS"),
)
_GROUPS = (
    (Work.PICTURE, "one picture: arguments of the original", _ORIGINAL),
    (Work.PICTURE, "one picture: further arguments", (Flag("regions", "MASK …"),)),
    (Work.PICTURE, "one picture: files and device", _FILES_AND_DEVICE),
    (Work.PICTURE, "one picture: instead of painting", (Flag("from_record", "FILE"),)),
    (Work.PICTURE, "one picture: clips", (Flag("from", "TIME"), Flag("for", "TIME"))),
    (Work.FOLDERS, "folders and buckets", _FOLDERS),
)
# The settings that the original has as well, in the order of its arguments.
_OF_ORIGINAL = (
    *("content_weight", "style_scale", "total_variation_weight", "iterations", "model"),
    *("content_loss_type", "rescale_image", "rescale_method", "maintain_aspect_ratio"),
    *("content_layer", "init_image", "pool_type", "preserve_color", "min_improvement"),
)


def _of_setting(name: str, also: str = "") -> Flag:
    takes = {bool: SWITCH, int: "N", float: "X", str: "WORD"}[kind(FIELDS[name])]
    return Flag(name, takes, f"STYLE_{name.upper()}", also=also)


def groups(work: Work | None) -> dict[str, list[Flag]]:
    """Return the flags of a kind of work, or of both, by the title of their group in the help."""
    found = {title: [*flags] for of, title, flags in _GROUPS if work in (None, of)}
    if work is Work.PICTURE:  # Like the original, which has another name of one setting.
        original, further, *_ = found.values()
        names = {"iterations": original.pop().name}
        original += [_of_setting(name, names.get(name, "")) for name in _OF_ORIGINAL]
        further += [_of_setting(name) for name in FIELDS if name not in _OF_ORIGINAL]
    else:
        found["settings, also with dashes (docs/settings.md)"] = [*map(_of_setting, FIELDS)]
    return found


def flags(work: Work | None) -> Iterator[Flag]:
    """Yield the flags of a kind of work, or of both."""
    for group in groups(work).values():
        yield from group


def only_of(work: Work) -> Iterator[Flag]:
    """Yield the flags that the other kind of work does not take."""
    for of, _, own in _GROUPS:
        yield from own if of is work else ()


def variables(args: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of a batch that arguments stand for."""
    found = {}
    for flag in flags(Work.FOLDERS):
        value = args.get(flag.name)
        if flag.variable and value not in (None, False):
            found[flag.variable] = flag.turned_on if value is True else value
    if "STYLE_PRESET" in found:
        found["PRESET"] = found["STYLE_PRESET"]  # Two names of one: they may not differ.
    return found
