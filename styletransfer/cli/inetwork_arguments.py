"""The command line of inetwork.py: the original's arguments and ours, and the settings in them."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from styletransfer.cli.parser import (
    Parser,
    add_setting,
    normalized,
    settings_given,
    whole_number,
)
from styletransfer.config import DEVICE_CHOICES
from styletransfer.errors import ConfigError
from styletransfer.images.output import OUTPUT_FORMATS, OutputFormat
from styletransfer.log import shortened
from styletransfer.setting_values import LARGEST, expectation, parse_bool
from styletransfer.settings import FIELDS, RECIPES, Settings

USAGE = """%(prog)s BASE REF [REF …] PREFIX [flags]
       %(prog)s --from-record FILE PREFIX"""
EPILOG = """\
A switch without a value is true; values are True or False, yes or no, 1 or 0. Flags
may be written with dashes. docs/inetwork.md says how they differ from the original's.

examples:
  ./inetwork.py beach.jpg monet.jpg beach-by-monet
  ./inetwork.py beach.jpg monet.jpg beach-by-monet.jpg
  ./inetwork.py beach.jpg monet.jpg hokusai.jpg beach-by-both --style_weight 0.7 0.3 --size 1024
  ./inetwork.py beach.jpg monet.jpg hokusai.jpg parts --regions sky.png ground.png
  ./inetwork.py beach.jpg monet.jpg original --recipe inetwork --image_size 400 --num_iter 10
  ./inetwork.py --from-record results/_records/monet/beach.jpg.json repainted

exit codes: 0 painted, 1 a picture cannot be used, 2 wrong arguments,
3 --weights missing or damaged, 4 no GPU though asked for, 143 or 130 stopped by
SIGTERM or Ctrl-C, with the picture as it stands"""

# The settings that the original has as well, in the order of its arguments.
ORIGINAL = (
    *("content_weight", "style_scale", "total_variation_weight", "iterations", "model"),
    *("content_loss_type", "rescale_image", "rescale_method", "maintain_aspect_ratio"),
    *("content_layer", "init_image", "pool_type", "preserve_color", "min_improvement"),
)
NO_MASK = "-"
START_WORDS = FIELDS["init_image"].metadata["choices"]
MAX_COUNT = 999_999_999
HELP = {
    "pictures": "the photo; the painting, or several to blend; the result, with or without its "
    "extension",
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
    "--output_format": "`same` is the photo's format (default: by PREFIX's extension, else png)",
    "--output_quality": "quality of jpg and webp, 1 to 100 (default: 95)",
    "--keep_gps": "keep the photo's location in the result (default: False)",
    "--weights": "the network's weights: .h5, .mat, .npz, `builtin` (comes with the program), "
    "`published` (VGG's, which Keras publishes) or `random` (default: VGG_WEIGHTS, or builtin; "
    "recipes inetwork, gatys: published, if they were downloaded before)",
    "--memory_limit": "the most memory to use, such as 6GB (default: all free memory)",
    "--device": f"default: {DEVICE_CHOICES[0]}",
    "--from_record": "repaint the result of a record (_records/….json)",
}


class _Parser(Parser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(self.explained(message))


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments on the command line, settings as text.

    Raises ConfigError. Exits after --help.
    """
    return _parser().parse_intermixed_args(normalized(words, ["keep_gps"]))


def usage() -> str:
    """Return one line for each way to call the program, and a pointer to its help."""
    return f"{_parser().format_usage()}       {_parser().prog} --help\n"


def settings_of(args: argparse.Namespace) -> Settings:
    """Return the settings among the arguments. Raises ConfigError.

    `with_image_size` adds `--image_size`, and `start_picture` returns a picture to start from.
    """
    given = settings_given(args)
    if given.get("rescale_method") == "cubic":
        given["rescale_method"] = "bicubic"
    if start_picture(args) is not None:
        del given["init_image"]
    return Settings().replaced(given, "--")


def start_picture(args: argparse.Namespace) -> str | None:
    """Return the path of the picture to start from, or None if `--init_image` is not a path."""
    path: str | None = args.init_image
    return None if path in START_WORDS else path


def with_image_size(
    settings: Settings, args: argparse.Namespace, height: int, width: int
) -> Settings:
    """Return the settings for a photo of this size in px.

    `--image_size` is a number of rows, `size` the longer side. Raises ConfigError.
    """
    rows = args.image_size
    if rows is None and args.size is None and settings.traits.original:
        rows = settings.traits.defaults["size"]
    if rows is None:
        return settings
    tall = height >= width or not settings.maintain_aspect_ratio
    longer = rows if tall else round(rows * width / height)
    try:
        return settings.replaced({"size": longer})
    except ConfigError:
        raise ConfigError(
            f"--image_size of {rows} rows makes a longer side of {longer} px; "
            f"expected {expectation(FIELDS['size'])}"
        ) from None


def shares_of(weights: Sequence[float] | None, paintings: int) -> list[float]:
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


def masks_of(args: argparse.Namespace, name: str, paintings: int) -> list[str | None]:
    """Return the path of each painting's mask in an argument, or None for `-`.

    Raises ConfigError for another number of masks.
    """
    paths: list[str] | None = getattr(args, name)
    if paths is None:
        return [None] * paintings
    if len(paths) != paintings:
        raise ConfigError(
            f"--{name} has {len(paths)} masks for {paintings} paintings; "
            f"expected one per painting, `{NO_MASK}` for none"
        )
    return [None if path == NO_MASK else path for path in paths]


def paths_given(args: argparse.Namespace) -> dict[str, str]:
    """Return the paths of all pictures and masks that are painted from, each with its argument."""
    found = [(args.pictures[0], "BASE"), *((ref, "REF") for ref in args.pictures[1:-1])]
    for name in ("style_masks", "regions"):
        found += [(path, f"--{name}") for path in getattr(args, name) or () if path != NO_MASK]
    words = ", ".join(START_WORDS)
    others = {
        "--content_mask": args.content_mask,
        "--color_mask": args.color_mask,
        f"--init_image is none of {words}, and as a picture": start_picture(args),
    }
    found += [(path, argument) for argument, path in others.items() if path is not None]
    return dict(found)


def output_format(args: argparse.Namespace) -> OutputFormat:
    """Return the output format that the arguments ask for."""
    return OutputFormat(args.output_format, args.output_quality, args.keep_gps)


def _switch(text: str) -> bool:
    value = parse_bool(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="inetwork.py",
        usage=USAGE,
        description="Paints a photo in the style of one or more paintings and writes PREFIX.png "
        "(or PREFIX\nitself if it ends in .png, .jpg, .webp or .tiff).",
        notes=EPILOG,
        allow_abbrev=False,
    )
    _add(parser, "pictures", metavar="BASE REF [REF …] PREFIX", nargs="*")
    count = whole_number(0, MAX_COUNT)

    group = parser.add_argument_group("arguments of the original")
    _add(group, "--style_masks", metavar="MASK", nargs="+")
    _add(group, "--content_mask", metavar="MASK")
    _add(group, "--color_mask", metavar="MASK")
    _add(group, "--image_size", metavar="ROWS", type=count)
    _add(group, "--style_weight", metavar="WEIGHT", nargs="+", type=float)
    for name in ORIGINAL:
        others = ("--num_iter",) if name == "iterations" else ()
        also = ", or the path of a picture" if name == "init_image" else ""
        add_setting(group, name, *others, also=also)

    group = parser.add_argument_group("further arguments")
    _add(group, "--regions", metavar="MASK", nargs="+")
    for name in FIELDS:
        if name not in ORIGINAL:
            add_setting(group, name)

    group = parser.add_argument_group("files and device")
    _add(group, "--save_every", metavar="N", type=count)
    _add(group, "--output_format", choices=OUTPUT_FORMATS)
    _add(group, "--output_quality", metavar="N", type=whole_number(1, 100), default=95)
    _add(group, "--keep_gps", metavar="true|false", type=_switch, default=False)
    _add(group, "--weights", metavar="FILE")
    _add(group, "--memory_limit", metavar="SIZE")
    _add(group, "--device", choices=DEVICE_CHOICES, default=DEVICE_CHOICES[0])

    group = parser.add_argument_group("instead of painting")
    _add(group, "--from_record", metavar="FILE")
    return parser


def _add(group: argparse._ActionsContainer, name: str, **options: Any) -> None:
    """Add an argument with its help."""
    group.add_argument(name, help=HELP[name], **options)
