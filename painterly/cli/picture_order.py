"""The order of one picture: what a command line asks for, and the files that it names."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from painterly.cli.options import STANDARD, PictureArgs
from painterly.cli.picture_files import read_file, read_photo
from painterly.cli.places import names_style
from painterly.configuration import config
from painterly.configuration.config import Config
from painterly.errors import ConfigError, WeightsError
from painterly.images.output import OutputFormat
from painterly.settings import ready_styles
from painterly.settings.paper import NONE
from painterly.settings.settings import FIELDS, Settings
from painterly.settings.values import LARGEST, expectation
from painterly.words.wording import shortened

if TYPE_CHECKING:  # `--help` loads neither TensorFlow nor NumPy.
    from painterly.orders.order import SingleOrder
    from painterly.storage.base import Entry
    from painterly.storage.files_bucket import FilesBucket
    from painterly.vgg.sources import WeightsSource

NO_MASK = "-"
VARIABLES = ("CHECKPOINT_EVERY", "LOG_FORMAT", "PROGRESS")  # shared with a batch
START_WORDS = FIELDS["init_image"].metadata["choices"]
# The argument of a picture to start from, in errors.
START = f"--init_image is none of {', '.join(START_WORDS)}, and as a picture"


def config_of(args: PictureArgs, environment: Mapping[str, str]) -> Config:
    """Return the configuration of the painter. Raises ConfigError."""
    known = {name: environment[name] for name in VARIABLES if name in environment}
    loaded = replace(config.load(known), memory_limit=args.memory_limit)
    keeps_checkpoint = args.places[-1] != STANDARD
    return loaded if keeps_checkpoint else replace(loaded, checkpoint_every=math.inf)


def settings_of(args: PictureArgs) -> Settings:
    """Return the settings, without a picture to start from, which override those of the styles.

    With a number of rows, the photo will decide the size. Raises ConfigError.
    """
    if args.image_size is not None and "size" in args.settings:
        raise ConfigError("--image_size and --size both set the size; give one of them")
    of_styles, values = _settings_of_styles(args.places[1:-1]), dict(args.settings)
    if values.get("rescale_method") == "cubic":
        values["rescale_method"] = "bicubic"
    if _start(args) is not None:
        del values["init_image"]
    settings = Settings().replaced(of_styles).replaced(values, "--")
    if args.image_size is not None and settings.paper != NONE:
        raise ConfigError("--image_size and --paper both set the size; give one of them")
    return settings


def _settings_of_styles(refs: Sequence[str]) -> dict[str, Any]:
    tables = ready_styles.tables()
    own = [
        ready_styles.own_settings(ref) if ref in tables and names_style(ref) else {} for ref in refs
    ]
    return {
        name: value
        for name, value in own[0].items()
        if all(each.get(name) == value for each in own)
    }


def save_every(args: PictureArgs, settings: Settings) -> int:
    """Return the number of steps after which a picture is written, or 0 for never."""
    if args.places[-1] != STANDARD:
        usual = 1 if settings.traits.original else 0
        return int(usual if args.save_every is None else args.save_every)
    if args.save_every:
        raise ConfigError("--save_every writes pictures beside the result, which has no file")
    if settings.timelapse:
        raise ConfigError("--timelapse writes a file beside the result, which has no file")
    return 0


def weights_of(
    args: PictureArgs, settings: Settings, environment: Mapping[str, str]
) -> "WeightsSource":
    """Return the weights that the flag names, or VGG_WEIGHTS or the variable of a plug-in, or else
    the usual ones.

    Raises WeightsError if they are missing, before TensorFlow is loaded.
    """
    from painterly.vgg.sources import IN_BUCKET, source_for

    weights = args.weights or environment.get("VGG_WEIGHTS")
    if weights and weights.startswith(IN_BUCKET):
        raise WeightsError(
            f"weights are {weights!r}, which only a batch reads; pass --weights FILE|random|builtin"
        )
    return source_for(settings, weights)


def order_of(
    args: PictureArgs,
    settings: Settings,
    files: "FilesBucket",
    weights: "WeightsSource",
    checkpoint_key: str,
    photo: "Entry | None" = None,
) -> "SingleOrder":
    """Read the files of a picture into a bucket, and return its order. A photo that is in the
    bucket already is given. Raises ConfigError, PictureError."""
    from painterly.images.picture_file import PictureFile
    from painterly.orders.order import SingleOrder
    from painterly.orders.styles import Painting, Style

    def optional(path: str | None, argument: str) -> "Entry | None":
        return None if path is None else files.add(path, read_file(path, argument))

    base, *refs, _ = args.places
    refs = [str(ready_styles.path(ref)) if names_style(ref) else ref for ref in refs]
    masks = _masks("style_masks", args.style_masks, len(refs))
    regions = _masks("regions", args.regions, len(refs))
    if args.regions is None and args.content_mask is None:
        regions = masks  # As in the original.
    shares = _shares(args.style_weight, len(refs))
    photo = photo or files.add(*read_photo(base))
    mask = optional(args.content_mask, "--content_mask")
    paintings = tuple(
        Painting(
            files.add(ref, read_file(ref, "painting")),
            share,
            optional(of_painting, "--style_masks"),
            optional(region, "--regions"),
        )
        for ref, share, of_painting, region in zip(refs, shares, masks, regions, strict=True)
    )
    order = SingleOrder(
        photo=photo,
        mask=mask,
        style=Style(", ".join(Path(ref).stem for ref in refs), paintings, settings),
        weights=weights,
        output=_output(args),
        color_mask=optional(args.color_mask, "--color_mask"),
        start=optional(_start(args), START),
        own_checkpoint_key=checkpoint_key,
    )
    rows = _rows(args, settings)
    if rows is None:
        return order
    size = PictureFile(files.read(photo.key), photo.key).header.size
    return order.with_settings(_sized(settings, rows, *size))


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


def _output(args: PictureArgs) -> OutputFormat:
    photo, result = args.places[0], args.places[-1]
    output = OutputFormat(args.output_format, args.output_quality, args.keep_gps, args.output_depth)
    if output.format is None:
        return replace(output, format="same") if result == STANDARD else output
    return output if photo == STANDARD else replace(output, format=output.extension(photo))


def _start(args: PictureArgs) -> str | None:
    return None if args.init_image in START_WORDS else args.init_image


def _rows(args: PictureArgs, settings: Settings) -> int | None:
    """Return the rows in px of the picture as it is painted, or None if the size decides."""
    usual = settings.traits.original and "size" not in args.settings and settings.paper == NONE
    rows = (
        settings.traits.defaults["size"] if args.image_size is None and usual else args.image_size
    )
    return None if rows is None else int(rows)


def _sized(settings: Settings, rows: int, height: int, width: int) -> Settings:
    """Return the settings for a photo of this size in px that is painted with some rows.

    The size is the longer side of the result. Raises ConfigError.
    """
    tall = height >= width or not settings.maintain_aspect_ratio
    longer = rows if tall else round(rows * width / height)
    try:
        return settings.replaced({"size": longer})
    except ConfigError:
        raise ConfigError(
            f"--image_size of {rows} rows makes a longer side of {longer} px; "
            f"expected {expectation(FIELDS['size'])}"
        ) from None
