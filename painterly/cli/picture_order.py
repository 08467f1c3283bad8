"""The order of one picture, as a command line asks for it, and the files that it names."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from painterly.cli.options import STANDARD, PictureArgs
from painterly.cli.picture_files import UNFINISHED, read_file, read_photo
from painterly.cli.places import names_style
from painterly.configuration import config
from painterly.configuration.config import Config
from painterly.errors import ConfigError, WeightsError
from painterly.images.output import OutputFormat
from painterly.images.picture_file import PictureFile
from painterly.orders.buckets import Buckets
from painterly.orders.order import SingleOrder
from painterly.orders.styles import Painting, Style, checked_shares
from painterly.settings import ready_styles
from painterly.settings.paper import NONE
from painterly.settings.settings import FIELDS, Settings
from painterly.settings.values import expectation
from painterly.storage.base import BadKeyError, Entry
from painterly.storage.files import new_md5
from painterly.storage.files_bucket import FilesBucket
from painterly.storage.folder import FolderBucket
from painterly.vgg.sources import IN_BUCKET, source_for
from painterly.words.wording import plural

NO_MASK = "-"
SHARES = "--shares (--style_weight)"  # in errors
VARIABLES = ("CHECKPOINT_EVERY", "LOG_FORMAT", "PROGRESS")  # shared with a batch
START_WORDS = FIELDS["init_image"].metadata["choices"]
# The argument of a picture to start from, in errors.
START = f"--init_image is none of {', '.join(START_WORDS)}, and as a picture"


@dataclass(frozen=True)
class Wish:
    """One picture that a command line asks for.

    Attributes:
        order: Its order.
        config: The configuration of its painter.
        buckets: The files that it is painted from, and its checkpoint.
        inputs: The paths of these files, which no result replaces.
        result: The name of the result, as the user has written it.
        save_every: The number of steps after which a picture is written, or 0 for never.
        overwrite: Whether files may be replaced that the program has not painted.
        fresh: Whether a checkpoint is ignored.
    """

    order: SingleOrder
    config: Config
    buckets: Buckets
    inputs: Sequence[Path]
    result: str
    save_every: int
    overwrite: bool
    fresh: bool

    @property
    def to_stdout(self) -> bool:
        return self.result == STANDARD

    @property
    def unfinished(self) -> Path:
        """The folder of its checkpoint."""
        return Path(self.result).parent / UNFINISHED


def wish_of(args: PictureArgs, environment: Mapping[str, str]) -> Wish:
    """Read the files that arguments name, and return what they ask for. Raises ConfigError,
    PictureError; WeightsError before TensorFlow is loaded."""
    files, result = FilesBucket(), args.places[-1]
    order = order_of(args, environment, files)
    unfinished, key = _unfinished_for(result)
    return Wish(
        order=replace(order, own_checkpoint_key=key),
        config=config_of(args, environment),
        buckets=Buckets(files, files, unfinished),
        inputs=[Path(each.key) for each in files.list()],
        result=result,
        save_every=save_every(args, order.style.settings),
        overwrite=args.overwrite,
        fresh=args.fresh,
    )


def _unfinished_for(result: str) -> tuple[FolderBucket, str]:
    """Return the folder of the checkpoint of a result, and its key: the result's name, or a hash of
    one that cannot be a key there, such as a hidden file's, or one that is too long with a further
    extension."""
    path = Path(result)
    unfinished, key = FolderBucket(path.parent / UNFINISHED), f"{path.name}.npz"
    try:
        unfinished.check_key(key)
    except BadKeyError:
        key = f"{new_md5(os.fsencode(path.name)).hexdigest()}.npz"
    return unfinished, key


def config_of(args: PictureArgs, environment: Mapping[str, str]) -> Config:
    """Return the configuration of the painter, which has no checkpoints for a picture on the
    standard output. Raises ConfigError."""
    known = {name: environment[name] for name in VARIABLES if name in environment}
    loaded = replace(config.load(known), memory_limit=args.memory_limit, device=args.device)
    return replace(loaded, checkpoint_every=math.inf) if args.places[-1] == STANDARD else loaded


def settings_of(args: PictureArgs) -> Settings:
    """Return the settings, without a picture to start from, which override those of the styles.

    With a number of rows, the photo will decide the size. Raises ConfigError.
    """
    if args.image_size is not None and "size" in args.settings:
        raise ConfigError("--image_size and --size both set the size; give one of them")
    styles = [ref if names_style(ref) else "" for ref in args.places[1:-1]]
    of_styles, values = ready_styles.common_settings(styles), dict(args.settings)
    if values.get("rescale_method") == "cubic":
        values["rescale_method"] = "bicubic"
    if _start(args) is not None:
        del values["init_image"]
    settings = Settings().replaced(of_styles).replaced(values, "--")
    if args.image_size is not None and settings.paper != NONE:
        raise ConfigError("--image_size and --paper both set the size; give one of them")
    return settings


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


def order_of(
    args: PictureArgs,
    environment: Mapping[str, str],
    files: FilesBucket,
    photo: Entry | None = None,
) -> SingleOrder:
    """Read the files of a picture into a bucket, and return its order, without a checkpoint's key.

    Args:
        args, environment: As in `wish_of`.
        files: The bucket.
        photo: The photo, if the bucket has it already.

    Raises:
        ConfigError, PictureError: An argument is wrong.
        WeightsError: The weights that a flag or VGG_WEIGHTS names are missing.
    """

    def optional(path: str | None, argument: str) -> Entry | None:
        return None if path is None else files.add(path, read_file(path, argument))

    settings, given = settings_of(args), args.weights or environment.get("VGG_WEIGHTS")
    if given and given.startswith(IN_BUCKET):
        raise WeightsError(
            f"weights are {given!r}, which only a batch reads; pass --weights FILE|random|builtin"
        )
    weights = source_for(settings, given)
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
        output=OutputFormat(
            args.output_format or ("same" if args.places[-1] == STANDARD else None),
            args.output_quality,
            args.keep_gps,
            args.output_depth,
        ),
        color_mask=optional(args.color_mask, "--color_mask"),
        start=optional(_start(args), START),
    )
    rows = _rows(args, settings)
    if rows is None:
        return order
    size = PictureFile(files.read(photo.key), photo.key).header.size
    return order.with_settings(_sized(settings, rows, *size))


def _shares(weights: Sequence[float] | None, paintings: int) -> list[float]:
    """Return each painting's share: its own, or an equal part of a single one. Raises
    ConfigError."""
    weights = [1.0] if weights is None else list(weights)
    if len(weights) not in (1, paintings):
        raise ConfigError(
            f"{SHARES} has {len(weights)} values for {plural(paintings, 'painting')}; "
            "expected one for each, or a single one"
        )
    checked_shares(weights, f"{SHARES} is")
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


def _start(args: PictureArgs) -> str | None:
    return None if args.init_image in START_WORDS else args.init_image


def _rows(args: PictureArgs, settings: Settings) -> int | None:
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
