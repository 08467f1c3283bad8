"""The command line of inetwork.py: the original's arguments and ours, and the settings in them."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from styletransfer.cli.parser import Parser
from styletransfer.cli.setting_flags import add_setting, normalized
from styletransfer.config import DEVICE_CHOICES
from styletransfer.errors import ConfigError
from styletransfer.images.output import OUTPUT_FORMATS, OutputFormat
from styletransfer.log import shortened
from styletransfer.setting_values import LARGEST, expectation, parse_bool, parse_whole
from styletransfer.settings import FIELDS, RECIPES, Settings

USAGE = """%(prog)s BASE REF [REF …] PREFIX [flags]
       %(prog)s BASE REF [REF …] -o FILE [flags]
       %(prog)s --from-record FILE PREFIX
       %(prog)s --color-transfer-only CONTENT GENERATED [--mask MASK]
       %(prog)s --mask-transfer CONTENT GENERATED MASK"""
EPILOG = """\
A switch without a value is true; values are True or False, yes or no, 1 or 0. Flags
may be written with dashes. docs/inetwork.md says how they differ from the original's.

examples:
  ./inetwork.py beach.jpg monet.jpg beach-by-monet
  ./inetwork.py beach.jpg monet.jpg -o beach-by-monet.jpg
  ./inetwork.py beach.jpg monet.jpg hokusai.jpg beach-by-both --style_weight 0.7 0.3 --size 1024
  ./inetwork.py beach.jpg monet.jpg hokusai.jpg parts --regions sky.png ground.png
  ./inetwork.py beach.jpg monet.jpg original --recipe inetwork --image_size 400 --num_iter 10
  ./inetwork.py --from-record results/_records/monet/beach.jpg.json repainted

exit codes: 0 painted, 1 a picture cannot be used, 2 wrong arguments,
3 --weights missing or damaged, 4 no GPU though asked for, 143 or 130 stopped by
SIGTERM or Ctrl-C, with the picture as it stands"""

# Settings by the names and in the order of the original's arguments, with other names for them.
ORIGINAL = {
    "content_weight": (),
    "style_scale": (),
    "total_variation_weight": (),
    "iterations": ("--num_iter",),
    "model": (),
    "content_loss_type": (),
    "rescale_image": (),
    "rescale_method": (),
    "maintain_aspect_ratio": (),
    "content_layer": (),
    "init_image": (),
    "pool_type": (),
    "preserve_color": (),
    "min_improvement": (),
}
MODES = ("from_record", "color_transfer_only", "mask_transfer")  # instead of painting
FILE_SWITCHES = ("chart", "keep_gps", "hist_match")
NO_MASK = "-"
START_WORDS = FIELDS["init_image"].metadata["choices"]


class _Parser(Parser):
    def error(self, message: str) -> NoReturn:
        explained = self.explained(message)
        raise ConfigError(explained if explained.endswith("?") else f"{explained}; see --help")


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """The arguments on the command line, settings as text. Raises ConfigError; exits after
    --help."""
    return _parser().parse_intermixed_args(normalized(words, FILE_SWITCHES))


def usage() -> str:
    """Return one line for each way to call the program, and a pointer to its help."""
    return f"{_parser().format_usage()}       {_parser().prog} --help\n"


def pictures_given(args: argparse.Namespace, count: int, expected: str) -> list[str]:
    """The pictures on the command line of a mode that takes so many. Raises ConfigError for another
    number, which begins with what is `expected`."""
    pictures: list[str] = args.pictures
    if len(pictures) != count:
        raise ConfigError(f"{expected}; got {' '.join(pictures) or 'nothing'}")
    return pictures


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings among the arguments, without `--image_size` (see `with_image_size`) and a
    picture to start from (see `start_picture`). Raises ConfigError."""
    given = {name: value for name in FIELDS if (value := getattr(args, name)) is not None}
    if given.get("rescale_method") == "cubic":
        given["rescale_method"] = "bicubic"
    if start_picture(args) is not None:
        del given["init_image"]
    return Settings().replaced(given, "--")


def start_picture(args: argparse.Namespace) -> str | None:
    """The path of the picture to start from; None if `--init_image` is a word or missing."""
    path: str | None = args.init_image
    return None if path in START_WORDS else path


def with_image_size(
    settings: Settings, args: argparse.Namespace, height: int, width: int
) -> Settings:
    """The settings for a photo of this size in px: `--image_size` counts rows, `size` is the longer
    side. Raises ConfigError."""
    rows = args.image_size
    if rows is None and args.size is None and settings.recipe == "inetwork":
        rows = RECIPES["inetwork"]["size"]
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
    """Each painting's share: its `--style_weight`, or an equal part of a single one.

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


def output_format(args: argparse.Namespace) -> OutputFormat:
    """Return the output format that the arguments ask for."""
    return OutputFormat(args.output_format, args.output_quality, args.output_depth, args.keep_gps)


def _switch(text: str) -> bool:
    value = parse_bool(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return value


def _percent(text: str) -> int:
    percent = parse_whole(text, 1, 100)
    if percent is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100")
    return percent


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="inetwork.py",
        usage=USAGE,
        description="Paints a photo in the style of one or more paintings and writes PREFIX.png "
        "(or PREFIX\nitself if it ends in .png, .jpg, .webp or .tiff), and the losses of each step "
        "to PREFIX.csv.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "pictures",
        metavar="BASE REF [REF …] PREFIX",
        nargs="*",
        help="the photo; the painting, or several to blend; the result, with or without its "
        "extension",
    )
    _add_original(parser.add_argument_group("arguments of the original"))
    _add_ours(parser.add_argument_group("further arguments"))
    _add_files(parser.add_argument_group("files and device"))
    _add_other_modes(parser.add_argument_group("instead of painting"))
    return parser


def _add_original(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--style_masks",
        metavar="MASK",
        nargs="+",
        help="one per painting, `-` for none: the part of the painting that counts (white); "
        "without --regions and --content_mask, also the part of the picture it goes to",
    )
    group.add_argument(
        "--content_mask",
        metavar="MASK",
        help="the part of the photo to paint (white); the rest keeps its pixels",
    )
    group.add_argument(
        "--color_mask", metavar="MASK", help="the part in which --preserve_color acts (white)"
    )
    group.add_argument(
        "--image_size",
        metavar="ROWS",
        type=_count,
        help="rows in px of the picture as it is painted, instead of --size "
        f"(default with recipe inetwork: {RECIPES['inetwork']['size']})",
    )
    group.add_argument(
        "--style_weight",
        metavar="WEIGHT",
        nargs="+",
        type=float,
        help="the share of each painting in the blend, or one weight divided equally (default: 1)",
    )
    for name, others in ORIGINAL.items():
        also = "the path of a picture" if name == "init_image" else ""
        add_setting(group, name, *others, also=also)


def _add_ours(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--regions",
        metavar="MASK",
        nargs="+",
        help="one per painting, `-` for none: the part of the picture it goes to (white)",
    )
    for name in FIELDS:
        if name not in ORIGINAL:
            add_setting(group, name)


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-o", "--output", metavar="FILE", help="the result, instead of PREFIX")
    group.add_argument(
        "--save_every",
        metavar="N",
        type=_count,
        help="write PREFIX_at_iteration_<n>.png every N steps, 0 for never "
        "(default: 0; recipe inetwork: 1)",
    )
    group.add_argument(
        "--chart",
        metavar="true|false",
        type=_switch,
        default=False,
        help="draw the losses in PREFIX_losses.png; needs matplotlib (default: False)",
    )
    group.add_argument(
        "--output_format",
        choices=OUTPUT_FORMATS,
        help="`same` is the photo's format (default: by PREFIX's extension, or else png)",
    )
    group.add_argument(
        "--output_quality",
        metavar="N",
        type=_percent,
        default=95,
        help="quality of jpg and webp, 1 to 100 (default: 95)",
    )
    group.add_argument(
        "--output_depth",
        type=int,
        choices=(8, 16),
        default=8,
        help="bits per colour; 16 only with png and tiff (default: 8)",
    )
    group.add_argument(
        "--keep_gps",
        metavar="true|false",
        type=_switch,
        default=False,
        help="keep the photo's location in the result (default: False)",
    )
    group.add_argument(
        "--weights",
        metavar="FILE",
        help="the network's weights: .h5, .mat, .npz, `builtin` (comes with the program), "
        "`published` (VGG's, which Keras publishes) or `random` (default: VGG_WEIGHTS, or builtin; "
        "recipe inetwork: published, if they were fetched before)",
    )
    group.add_argument(
        "--memory_limit",
        metavar="SIZE",
        help="the most memory to use, such as 6GB (default: what is free)",
    )
    group.add_argument(
        "--device",
        choices=DEVICE_CHOICES,
        default=DEVICE_CHOICES[0],
        help=f"default: {DEVICE_CHOICES[0]}",
    )


def _add_other_modes(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--from_record",
        metavar="FILE",
        help="repaint the result of a record (_records/….json)",
    )
    group.add_argument(
        "--color_transfer_only",
        action="store_true",
        help="transfer CONTENT's colours to GENERATED, a finished painting; writes "
        "<generated>_original_color.png",
    )
    group.add_argument(
        "--mask", metavar="MASK", help="with --color_transfer_only: in which part (white)"
    )
    group.add_argument(
        "--hist_match",
        metavar="0|1",
        type=_switch,
        default=False,
        help="with --color_transfer_only: transfer only the histogram of CONTENT's colours; writes "
        "<generated>_histogram_color.png (default: 0)",
    )
    group.add_argument(
        "--mask_transfer",
        action="store_true",
        help="copy CONTENT's pixels to GENERATED where MASK is black; writes "
        "<generated>_masked.png",
    )
