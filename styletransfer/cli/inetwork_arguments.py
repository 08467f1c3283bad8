"""The command line of inetwork.py: INetwork's own arguments and ours, and what they come to."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from styletransfer.errors import ConfigError
from styletransfer.images.output import OUTPUT_FORMATS
from styletransfer.settings import FIELDS, RECIPES, Settings, expectation, kind, parse_bool

USAGE = """%(prog)s BASE REF [REF …] PREFIX [flags]
       %(prog)s --from-record FILE PREFIX
       %(prog)s --color-transfer-only CONTENT GENERATED [--mask MASK] [--hist_match 0|1]
       %(prog)s --mask-transfer CONTENT GENERATED MASK"""
EPILOG = """\
A switch is true where it stands alone, and takes True or False, yes or no, 1 or 0. Names may be
written with dashes as well. How each argument differs from the original's: docs/inetwork.md.

examples:
  ./inetwork.py beach.jpg monet.jpg beach-by-monet
  ./inetwork.py beach.jpg monet.jpg hokusai.jpg beach-by-both --style_weight 0.7 0.3 --size 1024
  ./inetwork.py beach.jpg monet.jpg hokusai.jpg parts --regions sky.png ground.png
  ./inetwork.py beach.jpg monet.jpg as-ever --recipe inetwork --image_size 400 --num_iter 10
  ./inetwork.py --from-record results/_records/monet/beach.jpg.json beach-again

exit codes: 0 painted, 1 a picture cannot be used, 2 wrong arguments, 3 no VGG weights,
4 no GPU though asked for, 130 stopped by Ctrl-C"""

# Settings under the names, and in the order, that the original's arguments have.
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
FILE_SWITCHES = ("keep_gps", "hist_match")
NO_MASK = "-"
START_WORDS = FIELDS["init_image"].metadata["choices"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see --help")


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line, its settings still text. Raises ConfigError; exits after --help."""
    return _parser().parse_intermixed_args(_spelled_out(arguments))


def settings(told: argparse.Namespace) -> Settings:
    """The settings that the command line asks for. Raises ConfigError.

    `image_size` is left to `sized`, and a picture to start from, `init_image PATH`, to `start`.
    """
    given = {name: value for name in FIELDS if (value := getattr(told, name)) is not None}
    if given.get("rescale_method") == "cubic":
        given["rescale_method"] = "bicubic"
    if start(told) is not None:
        del given["init_image"]
    return Settings().replaced(given, "--")


def start(told: argparse.Namespace) -> str | None:
    """The path of the picture to start from, or None where `init_image` is a word or not given."""
    return None if told.init_image in (None, *START_WORDS) else told.init_image


def sized(settings: Settings, told: argparse.Namespace, height: int, width: int) -> Settings:
    """The settings for a photo of these px: `image_size` are rows, `size` is the longer side."""
    rows = told.image_size
    if rows is None and told.size is None and settings.recipe == "inetwork":
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
            f"expected {expectation('size')}"
        ) from None


def shares(weights: Sequence[float] | None, paintings: int) -> list[float]:
    """Each painting's share: its style weight, or its part of a single one for all.

    Raises ConfigError for another number of weights, and for those that leave nothing to paint.
    """
    weights = [1.0] if weights is None else list(weights)
    if len(weights) not in (1, paintings):
        raise ConfigError(
            f"--style_weight has {len(weights)} values for {paintings} paintings; "
            "expected one for each, or a single one"
        )
    if min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        raise ConfigError(f"--style_weight is {weights}; expected no negative one, and not all 0")
    return weights if len(weights) == paintings else [weights[0] / paintings] * paintings


def _spelled_out(arguments: Sequence[str]) -> list[str]:
    """Flags with underscores, and each switch with its value, so that a picture after a switch
    that stands alone is not taken for its value."""
    switches = {f"--{name}" for name in FIELDS if kind(name) is bool}
    switches |= {f"--{name}" for name in FILE_SWITCHES}
    words = []
    for word, after in zip(arguments, [*arguments[1:], ""], strict=True):
        flag, equals, value = word.partition("=")
        if flag.startswith("--"):
            flag = "--" + flag[2:].replace("-", "_")
        if flag in switches and not equals and parse_bool(after) is None:
            equals, value = "=", "true"
        words.append(flag + equals + value)
    return words


def _switch(text: str) -> bool:
    value = parse_bool(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return value


def _percent(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 100")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="inetwork.py",
        usage=USAGE,
        description="Paints a photo in the style of one or more paintings, into PREFIX.png;\n"
        "the losses of each step are in PREFIX.csv and PREFIX_losses.png.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "pictures",
        metavar="BASE REF [REF …] PREFIX",
        nargs="*",
        help="the photo; a painting, or several, which are blended; the result is PREFIX.png",
    )
    _add_original(parser.add_argument_group("arguments of the original"))
    _add_ours(parser.add_argument_group("arguments of ours"))
    _add_files(parser.add_argument_group("files and device"))
    _add_other_ways(parser.add_argument_group("instead of painting"))
    return parser


def _add_original(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--style_masks",
        metavar="MASK",
        nargs="+",
        help="one for each painting, `-` for none: which part of it counts (white), and, without "
        "--regions and --content_mask, where in the picture it goes",
    )
    group.add_argument(
        "--content_mask",
        metavar="MASK",
        help="where the photo is painted (white); elsewhere its own pixels are kept",
    )
    group.add_argument("--color_mask", metavar="MASK", help="where --preserve_color acts (white)")
    group.add_argument(
        "--image_size",
        metavar="ROWS",
        type=_count,
        help="rows of the picture while painted, in px, instead of --size "
        f"(default with recipe inetwork: {RECIPES['inetwork']['size']})",
    )
    group.add_argument(
        "--style_weight",
        metavar="WEIGHT",
        nargs="+",
        type=float,
        help="share of each painting in the blend, or one weight for all in equal parts "
        "(default: 1)",
    )
    for name, others in ORIGINAL.items():
        _add_setting(group, name, *others)


def _add_ours(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--regions",
        metavar="MASK",
        nargs="+",
        help="one for each painting, `-` for none: where in the picture it goes (white)",
    )
    for name in FIELDS:
        if name not in ORIGINAL:
            _add_setting(group, name)


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--save_every",
        metavar="N",
        type=_count,
        help="write PREFIX_at_iteration_<n>.png every N steps, 0 for never "
        "(default: 0; recipe inetwork: 1)",
    )
    group.add_argument(
        "--output_format",
        choices=OUTPUT_FORMATS,
        default="png",
        help="`same` is the photo's own (default: png)",
    )
    group.add_argument(
        "--output_quality",
        metavar="N",
        type=_percent,
        default=95,
        help="of jpg and webp, 1 to 100 (default: 95)",
    )
    group.add_argument(
        "--output_depth",
        type=int,
        choices=(8, 16),
        default=8,
        help="bits of a colour; 16 with png and tiff only (default: 8)",
    )
    group.add_argument(
        "--keep_gps",
        metavar="true|false",
        type=_switch,
        default=False,
        help="keep the place where the photo was taken in the result (default: False)",
    )
    group.add_argument(
        "--weights",
        metavar="FILE",
        help="VGG weights, .h5, .mat or .npz, or `random` (default: Keras' published ones)",
    )
    group.add_argument(
        "--memory_limit",
        metavar="SIZE",
        help="the most memory to take, such as 6GB; default: what is free",
    )
    group.add_argument(
        "--device", choices=("auto", "gpu", "cpu"), default="auto", help="default: auto"
    )


def _add_other_ways(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--from_record",
        metavar="FILE",
        help="make the result again that a record (_records/….json) tells of, into PREFIX",
    )
    group.add_argument(
        "--color_transfer_only",
        action="store_true",
        help="bring CONTENT's colours into GENERATED, a finished painting, as "
        "<generated>_original_color.png",
    )
    group.add_argument("--mask", metavar="MASK", help="with --color_transfer_only: where (white)")
    group.add_argument(
        "--hist_match",
        metavar="0|1",
        type=_switch,
        default=False,
        help="with --color_transfer_only: bring only CONTENT's distribution of colours, as "
        "<generated>_histogram_color.png (default: 0)",
    )
    group.add_argument(
        "--mask_transfer",
        action="store_true",
        help="bring CONTENT's own pixels into GENERATED where MASK is black, as "
        "<generated>_masked.png",
    )


def _add_setting(group: argparse._ArgumentGroup, name: str, *others: str) -> None:
    default = f"default: {FIELDS[name].default}"
    if name in RECIPES["inetwork"]:
        default += f"; recipe inetwork: {RECIPES['inetwork'][name]}"
    also = ", or a picture's path" if name == "init_image" else ""
    accepts = "" if kind(name) is bool else f"; {expectation(name)}{also}"
    metavar = {bool: "true|false", int: "N", float: "X", str: "WORD"}[kind(name)]
    group.add_argument(
        *(*others, f"--{name}"),
        dest=name,
        metavar=metavar,
        help=f"{FIELDS[name].metadata['meaning']}{accepts} ({default})",
    )
