"""One photo from a file, painted into a file: what `inetwork.py` dispatches into."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from styletransfer.errors import ConfigError, StyleTransferError
from styletransfer.progress import follow, log_to_stdout, logger
from styletransfer.quiet import stderr_held
from styletransfer.settings import FIELDS, Settings, expectation

# The names that INetwork gave to settings of ours; `image_size` and `style_weight` are told apart
# below, as they mean something else than a setting.
SYNONYMS = {"iterations": ("--num_iter",)}

EPILOG = """\
examples:
  ./inetwork.py beach.jpg monet.jpg beach-by-monet
  ./inetwork.py beach.jpg monet.jpg hokusai.jpg beach-by-both --style_weight 0.7 0.3 --size 1024
  ./inetwork.py --from-record results/_records/monet/beach.jpg.json beach-again

exit codes: 0 painted, 1 a picture cannot be used, 2 wrong arguments, 3 no VGG weights,
4 no GPU though asked for"""


def inetwork(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    told = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    log_to_stdout("%(message)s")
    try:
        path = paint(told)
    except StyleTransferError as error:
        print(f"inetwork.py: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("inetwork.py: stopped; nothing was written", file=sys.stderr)
        return 130
    print(path)
    return 0


def paint(told: argparse.Namespace) -> Path:
    """Paints what the command line tells of, and returns the path written, `PREFIX.png`.

    Raises a StyleTransferError before anything is painted where an argument does not fit.
    """
    if told.from_record is not None:
        if len(told.pictures) != 1:
            raise ConfigError("--from-record takes one argument besides it, PREFIX")
        from styletransfer.again import paint_again

        return paint_again(told.from_record, told.pictures[0], told.weights, told.device)
    if len(told.pictures) < 3:
        raise ConfigError(f"expected BASE, one or more REF, and PREFIX; got {told.pictures}")
    base, *refs, prefix = told.pictures
    settings = Settings().replaced(
        {name: value for name in FIELDS if (value := getattr(told, name)) is not None}, "--"
    )
    shares = _shares(told.style_weight, len(refs))
    target = Path(f"{prefix}.png")
    if target.parent.exists() and not target.parent.is_dir():
        raise ConfigError(f"PREFIX is {prefix!r}, but {target.parent} is not a folder")

    from styletransfer import images

    photo = images.decode(_bytes(base, "BASE"), base)
    paintings = [images.decode(_bytes(ref, "REF"), ref).pixels for ref in refs]
    if told.image_size is not None:
        settings = settings.replaced({"size": _longer(photo.pixels.shape, told.image_size)})

    with stderr_held():
        from styletransfer.device import choose

        device = choose(told.device)  # Before the engine asks what the device can do.

    from styletransfer.engine import stylize
    from styletransfer.vgg import load_vgg

    logger.info("painting on %s", device)
    vgg = load_vgg(settings.model, told.weights, settings.seed)
    last = follow(stylize(photo.pixels, paintings, settings, vgg, shares), Path(base).name)
    _, data = images.encode_result(photo, last.image, "png", quality=95)
    return written(target, data)


def written(target: Path, data: bytes) -> Path:
    """Writes a result's file, with the folders it needs; its path. Raises ConfigError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror or error}") from None
    return target


def _longer(shape: tuple[int, ...], rows: int) -> int:
    """The longer side in px of a picture of `rows` rows in the photo's proportions."""
    height, width = shape[:2]
    return rows if height >= width else round(rows * width / height)


def _shares(weights: Sequence[float] | None, paintings: int) -> list[float] | None:
    if weights is None or len(weights) == 1:
        return None
    if len(weights) != paintings:
        raise ConfigError(
            f"--style_weight has {len(weights)} values for {paintings} paintings; "
            "expected one for each, or a single one"
        )
    if min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        raise ConfigError(f"--style_weight is {weights}; expected no negative one, and not all 0")
    return list(weights)


def _bytes(path: str, argument: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{argument} {path!r} cannot be read: {error.strerror or error}"
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="inetwork.py",
        description="Paints a photo in the style of one or more paintings, into PREFIX.png.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "pictures",
        metavar="BASE REF [REF …] PREFIX",
        nargs="*",
        help="the photo; a painting, or several, which are blended; the result is PREFIX.png",
    )
    parser.add_argument(
        "--from-record",
        metavar="FILE",
        help="make the result again that a record (_records/….json) tells of, into PREFIX",
    )
    parser.add_argument(
        "--style_weight",
        metavar="SHARE",
        nargs="+",
        type=float,
        help="share of each painting in the blend (default: equal)",
    )
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument(
        "--image_size",
        metavar="ROWS",
        type=int,
        help="rows of the result, in px, instead of --size",
    )
    for name, each in FIELDS.items():
        (sizes if name == "size" else parser).add_argument(
            f"--{name}",
            *SYNONYMS.get(name, ()),
            dest=name,
            metavar=(each.type.__name__ if isinstance(each.type, type) else "N").upper(),
            help=f"{each.metadata['meaning']}; {expectation(name)} (default: {each.default})",
        )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="VGG weights, .h5, .mat or .npz, or `random` (default: Keras' published ones)",
    )
    parser.add_argument(
        "--device", choices=("auto", "gpu", "cpu"), default="auto", help="default: auto"
    )
    return parser
