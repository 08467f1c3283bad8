"""The command line of one picture: INetwork's own arguments and ours, and what they ask for."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, NoReturn

from painterly.cli.brief_help import (
    OF_BOTH,
    OF_PICTURE,
    ONLY_OF_BATCH,
    ending,
    other_flags,
    section,
)
from painterly.cli.installed_defaults import paints_instantly
from painterly.cli.parser import (
    Parser,
    add_setting,
    normalized,
    settings_given,
    whole_number,
)
from painterly.cli.picture_files import STANDARD
from painterly.configuration.config import DEVICE_CHOICES, parse_memory_size
from painterly.errors import ConfigError
from painterly.images.output import OUTPUT_FORMATS, OutputFormat
from painterly.settings import ready_styles
from painterly.settings.installation import command
from painterly.settings.paper import NONE
from painterly.settings.recipes import RECIPES
from painterly.settings.settings import FIELDS, Settings
from painterly.settings.values import LARGEST, expectation, parse_bool
from painterly.words.wording import shortened

USAGE = """%(prog)s BASE REF [REF …] PREFIX [flags]
       %(prog)s --from-record FILE PREFIX"""
DESCRIPTION = """\
Paints a photo in the style of one or more paintings and writes PREFIX.png (or PREFIX
itself if it ends in .png, .jpg, .webp or .tiff)."""
EXAMPLES = """\
  {name} beach.jpg monet.jpg beach-by-monet.jpg
  {name} beach.jpg monet.jpg hokusai.jpg both --style_weight 0.7 0.3
  {name} beach.jpg monet.jpg hokusai.jpg parts --regions sky.png ground.png
  {name} beach.jpg monet.jpg original --recipe inetwork --num_iter 10
  {name} --from-record results/_records/monet/beach.jpg.json repainted"""
EPILOG = """\
A switch without a value is true; values are True or False, yes or no, 1 or 0. Flags
may be written with dashes. docs/inetwork.md says how they differ from the original's.

exit codes: 0 painted, 1 a picture cannot be used, 2 wrong arguments,
3 --weights missing or damaged, 4 no GPU though asked for, 143 or 130 stopped by
SIGTERM or Ctrl-C, with the picture as it stands; the same command continues from there"""

# The settings that the original has as well, in the order of its arguments.
ORIGINAL = (
    *("content_weight", "style_scale", "total_variation_weight", "iterations", "model"),
    *("content_loss_type", "rescale_image", "rescale_method", "maintain_aspect_ratio"),
    *("content_layer", "init_image", "pool_type", "preserve_color", "min_improvement"),
)
NO_MASK = "-"
SWITCHES = ("keep_gps", "overwrite", "fresh")  # apart from settings
START_WORDS = FIELDS["init_image"].metadata["choices"]
# The argument of a picture to start from, in errors.
START = f"--init_image is none of {', '.join(START_WORDS)}, and as a picture"
MAX_COUNT = 999_999_999
HELP = {
    "pictures": "the photo; the painting, or several to blend; the result, with or without its "
    "extension; a painting may be the name of a ready style",
    "--style_masks": "one per painting, `-` for none: the part of the painting to use (white); "
    "without --regions and --content_mask, also the part of the picture it goes to",
    "--content_mask": "the part of the photo to paint (white); the rest keeps its pixels",
    "--color_mask": "the part in which --preserve_color acts (white)",
    "--image_size": "rows in px of the picture as it is painted, instead of --size "
    f"(default with recipe inetwork: {RECIPES['inetwork'].defaults['size']})",
    "--style_weight": "the share of each painting in the blend, or one weight divided equally "
    "(default: 1)",
    "--regions": "one per painting, `-` for none: the part of the picture it goes to (white)",
    "--save_every": "write PREFIX_at_iteration_<n>.png every N steps, 0 for never "
    "(default: 0; recipe inetwork: 1)",
    "--output_format": "`same` is the format that BASE's name says, or jpg if that has no known "
    "extension (default: by PREFIX's extension, else png)",
    "--output_quality": "quality of jpg and webp, 1 to 100 (default: 95)",
    "--output_depth": "bits per colour: 8, or 16 if the result is a tiff (default: 8)",
    "--keep_gps": "keep the photo's location in the result (default: False)",
    "--overwrite": "replace files that this program has not painted (default: False)",
    "--fresh": "paint from the start, even if a run of the same command was stopped or killed "
    "(default: False)",
    "--weights": "the network's weights: .h5, .mat, .npz, `builtin` (comes with the program), "
    "`published` (VGG's, which Keras publishes) or `random` (default: VGG_WEIGHTS, or builtin; "
    "recipes inetwork, gatys: published, if they were downloaded before); for recipe attention, a "
    "folder with Stable Diffusion's files (default: ATTENTION_WEIGHTS, or weights/attention)",
    "--memory_limit": "the most memory to use, such as 6GB (default: all free memory)",
    "--device": f"default: {DEVICE_CHOICES[0]}",
    "--from_record": "repaint the result of a record (_records/….json)",
}


@dataclass(frozen=True)
class PaintingPaths:
    """The paths of a painting, its mask and its region, and its share of the blend."""

    painting: str
    share: float
    mask: str | None
    region: str | None


@dataclass(frozen=True)
class PictureArguments:
    """A photo in a file, to be painted in the style of paintings in files.

    Attributes:
        base: The path of the photo.
        paintings: The paintings.
        prefix: The path of the result, with or without its extension.
        settings: The settings, with a size for a photo that is not known yet; see `settings_for`.
        rows: The rows in px of the picture as it is painted, instead of the size.
        content_mask: The path of the mask of the part to paint.
        color_mask: The path of the mask of the part in which `preserve_color` acts.
        start: The path of the picture to start from, instead of `settings.init_image`.
        save_every: The number of steps after which a picture is written, or 0 for never.
        output: The format of the result, None if the prefix decides; see `output_for`.
        weights: The weights' file or name.
        memory_limit: The bytes to use.
        device: One of DEVICE's values.
        overwrite: Whether files that the program has not painted may be replaced.
        fresh: Whether it is painted from the start, even if it has a checkpoint.
    """

    base: str
    paintings: tuple[PaintingPaths, ...]
    prefix: str
    settings: Settings
    rows: int | None
    content_mask: str | None
    color_mask: str | None
    start: str | None
    save_every: int
    output: OutputFormat
    weights: str | None
    memory_limit: int | None
    device: str
    overwrite: bool
    fresh: bool

    @property
    def paths(self) -> list[str]:
        """The paths of all pictures and masks that it is painted from."""
        paths = [self.base, self.content_mask, self.color_mask, self.start]
        for style in self.paintings:
            paths += [style.painting, style.mask, style.region]
        return [path for path in paths if path is not None]

    def settings_for(self, height: int, width: int) -> Settings:
        """Return the settings for a photo of this size in px.

        `rows` is a number of rows, `size` the longer side. Raises ConfigError.
        """
        if self.rows is None:
            return self.settings
        tall = height >= width or not self.settings.maintain_aspect_ratio
        longer = self.rows if tall else round(self.rows * width / height)
        try:
            return self.settings.replaced({"size": longer})
        except ConfigError:
            raise ConfigError(
                f"--image_size of {self.rows} rows makes a longer side of {longer} px; "
                f"expected {expectation(FIELDS['size'])}"
            ) from None

    def output_for(self, photo_format: str) -> OutputFormat:
        """Return the format of the result for a photo of this format, as Pillow names it, which
        decides if photo or result is not in a file."""
        if self.output.format != "same":
            return self.output
        return replace(self.output, format=self.output.extension(f"photo.{photo_format}"))


@dataclass(frozen=True)
class RecordArguments:
    """The result of a record, to be painted a second time.

    Attributes:
        record: The path of the record.
        prefix: The path of the result, with or without its extension.
        weights: The weights' file or name, if the record's are not available here.
        memory_limit: The bytes to use.
        device: One of DEVICE's values.
        overwrite: Whether files that the program has not painted may be replaced.
    """

    record: str
    prefix: str
    weights: str | None
    memory_limit: int | None
    device: str
    overwrite: bool


class _Parser(Parser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(self.explained(message))


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments on a command line. Raises ConfigError. Exits after --help."""
    return picture_parser().parse_intermixed_args(normalized(words, SWITCHES))


def asked_for(args: argparse.Namespace) -> PictureArguments | RecordArguments:
    """Return what arguments ask for. Raises ConfigError."""
    memory_limit = parse_memory_size(args.memory_limit, "--memory_limit")
    if args.from_record is None:
        return _picture_arguments(args, memory_limit)
    if len(args.pictures) != 1:
        pictures = " ".join(args.pictures) or "nothing"
        raise ConfigError(f"--from_record FILE takes PREFIX; got {pictures}")
    if args.fresh:
        raise ConfigError(
            "--from_record keeps no checkpoint and paints from the start; leave --fresh out"
        )
    (prefix,) = args.pictures
    return RecordArguments(
        args.from_record, prefix, args.weights, memory_limit, args.device, args.overwrite
    )


def usage() -> str:
    """Return one line for each way to call the program, and a pointer to its help."""
    parser = picture_parser()
    return f"{parser.format_usage()}       {parser.prog} --help\n"


def _picture_arguments(args: argparse.Namespace, memory_limit: int | None) -> PictureArguments:
    if len(args.pictures) < 3:
        raise ConfigError(
            f"expected BASE, one or more REF, and PREFIX; got {' '.join(args.pictures) or 'none'}"
        )
    if args.image_size is not None and args.size is not None:
        raise ConfigError("--image_size and --size both set the size; give one of them")
    base, *refs, prefix = args.pictures
    start = None if args.init_image in START_WORDS else args.init_image
    settings = _settings(args, start, _settings_of_styles(refs))
    rows, save_every = args.image_size, args.save_every
    if rows is not None and settings.paper != NONE:
        raise ConfigError("--image_size and --paper both set the size; give one of them")
    if settings.traits.original:
        if rows is None and args.size is None and settings.paper == NONE:
            rows = settings.traits.defaults["size"]
        save_every = 1 if save_every is None else save_every
    output = OutputFormat(args.output_format, args.output_quality, args.keep_gps, args.output_depth)
    if output.format is not None and base != STANDARD:
        output = replace(output, format=output.extension(base))
    if prefix == STANDARD:
        if args.save_every:
            raise ConfigError("--save_every writes pictures beside the result, which has no file")
        if settings.timelapse:
            raise ConfigError("--timelapse writes a file beside the result, which has no file")
        save_every, output = 0, replace(output, format=output.format or "same")
    return PictureArguments(
        base=base,
        paintings=_paintings(args, [_painting_path(ref, prefix) for ref in refs]),
        prefix=prefix,
        settings=settings,
        rows=rows,
        content_mask=args.content_mask,
        color_mask=args.color_mask,
        start=start,
        save_every=save_every or 0,
        output=output,
        weights=args.weights,
        memory_limit=memory_limit,
        device=args.device,
        overwrite=args.overwrite,
        fresh=args.fresh,
    )


def _painting_path(ref: str, prefix: str) -> str:
    """Return the path of a painting, for the name of a ready style that of its painting. Raises
    ConfigError for a word that is neither a file nor a name."""
    if not _names_style(ref):
        return ref
    if ref == ready_styles.ALL:
        raise ConfigError(
            f"all paints a picture in each ready style, into a folder such as ./out; got {prefix!r}"
        )
    if ref not in ready_styles.tables():
        raise ConfigError(
            f"painting {shortened(ref)} is neither a file nor a ready style; "
            f"{ready_styles.hint(ref)}"
        )
    return str(ready_styles.path(ref))


def _names_style(ref: str) -> bool:
    """Return whether a painting is given by a name, with which no file here begins."""
    return PurePath(ref).name == ref and not PurePath(ref).suffix and not os.path.lexists(ref)


def _settings_of_styles(refs: Sequence[str]) -> dict[str, Any]:
    """Return the settings that all paintings set in the same way, as ready styles do."""
    own = [ready_styles.own_settings(ref) if _is_ready(ref) else {} for ref in refs]
    return {
        name: value
        for name, value in own[0].items()
        if all(each.get(name) == value for each in own)
    }


def _is_ready(ref: str) -> bool:
    return ref in ready_styles.tables() and _names_style(ref)


def _settings(
    args: argparse.Namespace, start: str | None, of_styles: Mapping[str, Any]
) -> Settings:
    """Return the settings among the arguments, without a picture to start from, which override
    those of the styles."""
    values = settings_given(args)
    if paints_instantly(values):
        values["preset"] = "instant"
    if values.get("rescale_method") == "cubic":
        values["rescale_method"] = "bicubic"
    if start is not None:
        del values["init_image"]
    return Settings().replaced(of_styles).replaced(values, "--")


def _paintings(args: argparse.Namespace, refs: Sequence[str]) -> tuple[PaintingPaths, ...]:
    masks = _masks("style_masks", args.style_masks, len(refs))
    regions = _masks("regions", args.regions, len(refs))
    if args.regions is None and args.content_mask is None:
        regions = masks  # As in the original.
    shares = _shares(args.style_weight, len(refs))
    return tuple(map(PaintingPaths, refs, shares, masks, regions))


def _shares(weights: Sequence[float] | None, paintings: int) -> list[float]:
    """Return each painting's share: its `--style_weight`, or an equal part of a single one.

    Raises ConfigError for another number of weights, negative or very large ones, and if all are 0.
    """
    weights = [1.0] if weights is None else list(weights)
    if len(weights) not in (1, paintings):
        raise ConfigError(
            f"--style_weight has {len(weights)} values for {paintings} paintings; "
            "expected one for each, or a single one"
        )
    if min(weights) < 0 or not 0 < sum(weights) <= LARGEST:
        raise ConfigError(
            f"--style_weight is {shortened(weights)}; expected no negative ones, not all 0, and "
            f"{LARGEST:g} at most in all"
        )
    return weights if len(weights) == paintings else [weights[0] / paintings] * paintings


def _masks(name: str, paths: Sequence[str] | None, paintings: int) -> list[str | None]:
    """Return the path of each painting's mask, or None for `-`.

    Raises ConfigError for another number of masks.
    """
    if paths is None:
        return [None] * paintings
    if len(paths) != paintings:
        raise ConfigError(
            f"--{name} has {len(paths)} masks for {paintings} paintings; "
            f"expected one per painting, `{NO_MASK}` for none"
        )
    return [None if path == NO_MASK else path for path in paths]


def _switch(text: str) -> bool:
    value = parse_bool(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return value


def picture_parser(name: str = "inetwork.py") -> Parser:
    """Return the parser of one picture, for a program of this name."""
    examples = EXAMPLES.format(name=f"./{name}" if name == "inetwork.py" else name)
    parser = _Parser(
        prog=name,
        usage=USAGE,
        description=DESCRIPTION,
        example=examples,
        notes=EPILOG,
        brief="\n\n".join([examples, section("flags", {**OF_BOTH, **OF_PICTURE}), ending()]),
        other_flags=other_flags(
            ONLY_OF_BATCH, f"folders and buckets ({command()} PHOTOS PAINTINGS RESULTS)", "here"
        ),
        allow_abbrev=False,
    )
    _add(parser, "pictures", metavar="BASE REF [REF …] PREFIX", nargs="*")
    add_flags(parser)
    return parser


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of one picture."""
    count = whole_number(0, MAX_COUNT)

    group = parser.add_argument_group("one picture: arguments of the original")
    _add(group, "--style_masks", metavar="MASK", nargs="+")
    _add(group, "--content_mask", metavar="MASK")
    _add(group, "--color_mask", metavar="MASK")
    _add(group, "--image_size", metavar="ROWS", type=count)
    _add(group, "--style_weight", metavar="WEIGHT", nargs="+", type=float)
    for name in ORIGINAL:
        others = ("--num_iter",) if name == "iterations" else ()
        also = ", or the path of a picture" if name == "init_image" else ""
        add_setting(group, name, *others, also=also)

    group = parser.add_argument_group("one picture: further arguments")
    _add(group, "--regions", metavar="MASK", nargs="+")
    for name in FIELDS:
        if name not in ORIGINAL:
            add_setting(group, name)

    group = parser.add_argument_group("one picture: files and device")
    _add(group, "--save_every", metavar="N", type=count)
    _add(group, "--output_format", choices=OUTPUT_FORMATS)
    _add(group, "--output_quality", metavar="N", type=whole_number(1, 100), default=95)
    _add(group, "--output_depth", type=int, choices=(8, 16), default=8)
    _add(group, "--keep_gps", metavar="true|false", type=_switch, default=False)
    _add(group, "--overwrite", metavar="true|false", type=_switch, default=False)
    _add(group, "--fresh", metavar="true|false", type=_switch, default=False)
    _add(group, "--weights", metavar="FILE")
    _add(group, "--memory_limit", metavar="SIZE")
    _add(group, "--device", choices=DEVICE_CHOICES, default=DEVICE_CHOICES[0])

    group = parser.add_argument_group("one picture: instead of painting")
    _add(group, "--from_record", metavar="FILE")


def _add(group: argparse._ActionsContainer, name: str, **options: Any) -> None:
    """Add an argument with its help."""
    group.add_argument(name, help=HELP[name], **options)
