"""The flags of the command lines that paint, each declared once: its type, its group, its help.

A flag that is not given is None, False or empty. Its variable, if it has one, has its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from painterly.cli.places import STANDARD, on_disk
from painterly.configuration.config import DEVICE_CHOICES
from painterly.errors import ConfigError
from painterly.images.output import OUTPUT_FORMATS
from painterly.progress import PROGRESS_MODES
from painterly.settings.recipes import PRESETS, RECIPES
from painterly.settings.settings import FIELDS
from painterly.settings.values import MEMORY_SYNTAX, checked_shares, expectation, kind, parse_memory
from painterly.words.wording import plural

SHARES = "--shares (--style_weight) has"  # in errors
PIPE = "\0"  # stands for it while flags are told from words
Switch = Annotated[bool, Parameter(negative="")]
if TYPE_CHECKING:
    Word = str
else:  # A shell completes files by the type; a path would lose ./ and s3://.
    Word = Annotated[Path, Parameter(converter=lambda _, tokens: on_disk(unpiped(tokens[0].value)))]
File = Annotated[Word | None, Parameter(metavar="FILE")]
Files = Annotated[list[Word] | None, Parameter(consume_multiple=True, negative="")]
Patterns = Annotated[list[str], Parameter(metavar="PATTERN", negative="")]


def unpiped(text: str) -> str:
    """Return a word, or a message with words, in which PIPE is what was typed."""
    return text.replace(repr(PIPE), repr(STANDARD)).replace(PIPE, STANDARD)


def _shares(_: type, tokens: Sequence[Any]) -> list[float]:
    return checked_shares([each for token in tokens for each in token.value.split(",")], SHARES)


def _memory(_: type, tokens: Sequence[Any]) -> int:
    size = parse_memory(tokens[0].value)
    if size is None:
        raise ValueError(f"{tokens[0].value!r}; expected {MEMORY_SYNTAX}")
    return size


Shares = Annotated[
    list[float] | None,
    Parameter(
        name=["--shares", "--style-weight"],
        converter=_shares,
        consume_multiple=True,
        negative="",
        metavar="X,X",
    ),
]


@Parameter(name="*", group=Group("Results and device", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Flags of all that is painted."""

    output_format: Annotated[str | None, Parameter(choices=OUTPUT_FORMATS)] = None
    """`same` is the format of the photo, or jpg if its name has no known extension (default: by
    RESULT's extension, else the photo's)"""
    output_quality: Annotated[int | None, Parameter(validator=Number(gte=1, lte=100))] = None
    """quality of jpg and webp, 1 to 100 (default: 95)"""
    output_depth: Annotated[int | None, Parameter(choices=("8", "16"))] = None
    """bits per colour: 8, or 16 if the result is a tiff (default: 8)"""
    keep_gps: Switch = False
    """keep the photo's location in the result"""
    weights: File = None
    """the network's weights: .h5, .mat, .npz, `builtin` (comes with the program), `published`
    (VGG's, which Keras publishes) or `random` (default: VGG_WEIGHTS, or builtin; recipes inetwork,
    gatys: published, if they were downloaded before)"""
    memory_limit: Annotated[int | None, Parameter(converter=_memory, metavar="SIZE")] = None
    """the most memory to use, such as 6GB (default: all free memory)"""
    device: Annotated[str | None, Parameter(choices=DEVICE_CHOICES)] = None
    """where to paint (default: auto)"""
    progress: Annotated[str | None, Parameter(choices=PROGRESS_MODES)] = None
    """bar (on a terminal), plain for a line every 10 %, json for objects that a program reads, or
    none for warnings, errors and the summary only (default: bar, or plain elsewhere)"""
    dry_run: Switch = False
    """only report what would be painted, how long it takes here, and the memory"""


@Parameter(name="*", group=Group("One picture", sort_key=3))
@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """Flags of one picture alone."""

    style_masks: Files = None
    """one per painting, `-` for none: the part of the painting to use (white); without --regions
    and --content-mask, also the part of the picture it goes to"""
    content_mask: File = None
    """the part of the photo to paint (white); the rest keeps its pixels"""
    color_mask: File = None
    """the part in which --preserve-color acts (white)"""
    regions: Files = None
    """one per painting, `-` for none: the part of the picture it goes to (white)"""
    image_size: Annotated[int | None, Parameter(validator=Number(gte=0), metavar="ROWS")] = None
    """rows in px of the picture as it is painted, instead of --size (default with recipe
    inetwork: 400)"""
    save_every: Annotated[int | None, Parameter(validator=Number(gte=0), metavar="N")] = None
    """write RESULT_at_iteration_<n>.png every N steps, 0 for never (default: 0; recipe inetwork:
    1)"""
    overwrite: Switch = False
    """replace files that this program has not painted"""
    fresh: Switch = False
    """paint from the start, even if a run of the same command was stopped or killed"""
    from_: Annotated[str | None, Parameter(name="--from", metavar="TIME")] = None
    """of a clip, only what comes after this time, as 3s, 90 or 1:30"""
    for_: Annotated[str | None, Parameter(name="--for", metavar="TIME")] = None
    """of a clip, only this much, as 10s"""


@Parameter(name="*", group=Group("Several pictures, folders and buckets", sort_key=4))
@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """Flags of folders, buckets and several pictures alone."""

    keep: Switch = False
    """paint only pictures without a result, whatever has changed"""
    repaint: Switch = False
    """also paint again what an earlier version of the engine has painted"""
    open: Switch = False
    """open the results page in the browser at the end, if RESULT is a folder"""
    watch: Switch = False
    """stay, and every WATCH seconds (default: 60) paint what is new or changed"""
    until: Annotated[str | None, Parameter(metavar="HH:MM")] = None
    """stop at this time, with a checkpoint; the same command continues"""
    cluster: Switch = False
    """paint on the Ray cluster at CLUSTER, or else on the one on this machine; the word cluster in
    front of all others does the same"""
    include: Patterns = field(default_factory=list)
    """only photos with such keys, as beach.jpg or '2026/*.jpg', where * stands for any text with /;
    may be repeated"""
    exclude: Patterns = field(default_factory=list)
    """not photos with such keys; may be repeated"""
    sheet: File = None
    """only write one picture to choose from: one photo in all styles, or all photos in one style,
    with their names, by preset instant; takes no RESULT"""
    story: File = None
    """only write eight upright seconds for phones, FILE.mp4 or an animated FILE.webp: a line turns
    one photo into a painting by each style, six at most, by preset instant; takes no RESULT"""

    @property
    def only(self) -> str | None:
        """The flag with the one file that is written in place of results, if it is given."""
        return next((each for each in ("sheet", "story") if getattr(self, each) is not None), None)


def _setting(name: str) -> Parameter:
    about, of = FIELDS[name], f"{FIELDS[name].metadata['meaning']}"
    defaults = [f"default: {about.default}"]
    for preset, values in PRESETS.items():
        if values.get(name, about.default) != about.default:
            defaults.append(f"preset {preset}: {values[name]}")
    for recipe, traits in RECIPES.items():
        if name in traits.defaults:
            defaults.append(f"recipe {recipe}: {traits.defaults[name]}")
    choices = about.metadata["choices"]
    accepts = "" if choices or kind(about) is bool else f"; {expectation(about)}"
    names = {"iterations": ["--iterations", "--num-iter"]}  # The original's name is the second.
    more = {"rescale_method": ("cubic",)}  # The original's name of bicubic.
    takes = {bool: None, int: "N", float: "X", str: "WORD"}[kind(about)]
    if name == "init_image":
        choices, accepts = (), f"; {expectation(about)}, or of one picture a picture's path"
    return Parameter(
        name=names.get(name),
        choices=(*choices, *more.get(name, ())) or None,
        help=f"{of}{accepts} ({'; '.join(defaults)})",
        metavar=takes,
        negative="",
    )


if TYPE_CHECKING:

    @dataclass(frozen=True)
    class SettingOptions:
        """The settings of the engine."""

else:
    SettingOptions = Parameter(name="*", group=Group("Settings (docs/settings.md)", sort_key=1))(
        make_dataclass(
            "SettingOptions",
            [
                (each, Annotated[(bool if kind(of) is bool else word) | None, _setting(each)], None)
                for each, of in FIELDS.items()
                for word in (Word if each == "init_image" else str,)  # It may be a picture's path.
            ],
            kw_only=True,
            frozen=True,
        )
    )
    SettingOptions.__module__ = __name__  # Or cyclopts takes it for a type of Python's.


@dataclass(frozen=True, kw_only=True)
class PictureArgs(PictureOptions, OutputOptions):
    """What one picture is painted from and with."""

    # The photo, its paintings or ready styles, and the result; `-` for standard input and output.
    places: list[str]
    settings: dict[str, Any]  # the settings that are given, by name, as text or bool
    shares: list[float]  # the share of each painting
    device: str = DEVICE_CHOICES[0]
    output_quality: int = 95
    output_depth: int = 8

    @property
    def to_stdout(self) -> bool:
        return self.places[-1] == STANDARD


def shares_of(weights: Sequence[float] | None, paintings: int) -> list[float]:
    """Return the share of each painting of a blend: its own, or an equal part of a single one.
    Raises ConfigError for another number of them."""
    weights = [1.0] if weights is None else list(weights)
    if len(weights) not in (1, paintings):
        raise ConfigError(
            f"{SHARES} {len(weights)} values for {plural(paintings, 'painting')}; "
            "expected one for each, or a single one"
        )
    return weights if len(weights) == paintings else [weights[0] / paintings] * paintings


def given(options: Any) -> dict[str, Any]:
    """Return the flags that are given, by their names."""
    usual = vars(type(options)())
    return {
        name: unpiped(value) if isinstance(value, str) else value
        for name, value in vars(options).items()
        if value != usual[name]
    }


SWITCHES = frozenset(
    "--" + each.name.replace("_", "-")
    for options in (SettingOptions, OutputOptions, PictureOptions, BatchOptions)
    for each in fields(options)
    if get_args(each.type)[0] in (bool, bool | None)
)
