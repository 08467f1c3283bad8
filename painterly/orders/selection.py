"""The photos and styles that a run is asked to paint."""

import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from logging import INFO, WARNING
from pathlib import PurePosixPath
from posixpath import splitext

from painterly.configuration.config import Config
from painterly.errors import ConfigError, NoPhotoError
from painterly.log import event
from painterly.orders import styles
from painterly.orders.buckets import Buckets, Listing
from painterly.orders.order import result_names
from painterly.orders.styles import Style, all_styles
from painterly.settings import bucket_layout
from painterly.settings.clips import is_clip, lacking, of_photos
from painterly.storage.base import Bucket, Entry, hidden
from painterly.storage.foreign_files import FOREIGN, by_kind, chooser, foreign_part
from painterly.words.suggestions import did_you_mean
from painterly.words.wording import listed, plural, printable


@dataclass(frozen=True)
class Selection:
    """The photos and styles that a run should paint.

    Attributes:
        photos: The photos, each of them to be painted in every style.
        styles: The styles.
        masks: The masks of the photos, by the photos' keys.
        names: The names of all results, by the photos' keys.
        partial: Whether the bucket of results may have checkpoints of further photos or styles:
            other runs, or later rounds of this one, paint them.
    """

    photos: Sequence[Entry]
    styles: Sequence[Style]
    masks: Mapping[str, Entry]
    names: Mapping[str, str]
    partial: bool = False

    def pairs(self) -> Iterator[tuple[Entry, Style]]:
        """Yield every photo in every style, style by style."""
        return ((photo, style) for style in self.styles for photo in self.photos)


def select(
    listing: Listing, buckets: Buckets, config: Config, every_style: Sequence[Style] | None = None
) -> Selection:
    """Select the photos and styles that a run paints, and log unused masks.

    Args:
        listing: The objects in the buckets.
        buckets: The buckets.
        config: The configuration.
        every_style: The styles; by default, those of the bucket.

    Raises:
        ConfigError: Styles are wrong, there are results instead of photos, or PHOTO or STYLE does
            not exist.
        StorageError: A bucket cannot be read.
    """
    _check_no_results(listing.source, config)
    if config.photos:  # A Mac's disk and its keyboard spell accents differently.
        keys = {entry.key for entry in listing.source}
        stored = tuple(styles.as_stored(photo, keys) for photo in config.photos)
        config = replace(config, photos=stored)
    others = _clips([entry.key for entry in listing.source], config.photos)
    every_photo = styles.find_pictures(listing.source, others)
    if every_style is None:
        every_style = styles_of(buckets, listing.style, config)
    masks = styles.masks_by_picture(listing.source, others)
    photos = _photos_asked_for(every_photo, masks, buckets.source, config)
    asked = _styles_asked_for(every_style, config)
    waits = bool(listing.new_source or listing.new_style)
    selection = Selection(
        photos=[
            e
            for e in photos
            if not {e.key, masks[e.key].key if e.key in masks else ""} & listing.new_source
        ],
        styles=[style for style in asked if not listing.new_style & {*style.keys}],
        masks=masks,
        names=result_names((photo.key for photo in every_photo), config.output),
        partial=config.partial or waits or bool(buckets.source.unreadable()),
    )
    tells = config.shard is None or config.shard[0] == 0  # Or every instance would say the same.
    if tells and not config.photos:
        _name_left_out(listing.source, buckets.source, bucket_layout.for_source)
    if tells and not config.photos and config.style_name is None:
        _name_left_out(listing.style, buckets.style, bucket_layout.for_style)
    if waits:  # Missing files may be among the ones that are not taken yet.
        return selection
    if config.shard and every_photo and not selection.photos:
        number, count = config.shard
        none = f"none of the photos in {buckets.source.name} ({len(every_photo)})"
        event(f"{none} is in shard {number}/{count}", level=WARNING)
    elif not selection.photos:
        _warn_of_nothing("photo", buckets.source)
    if not selection.styles:
        _warn_of_nothing("painting", buckets.style)
    if selection.photos and selection.styles:
        _warn_of_strays(listing.source, masks.values(), buckets.source)
        regions = (each for style in every_style for each in style.files)
        own = styles.masks_by_picture(listing.style).values()
        _warn_of_strays(listing.style, (*own, *regions), buckets.style)
    return selection


def _check_no_results(source: Sequence[Entry], config: Config) -> None:
    """Raise ConfigError for a bucket of results, as after a mix-up of the three names: the results
    and the gallery's pictures would be painted."""
    if any(entry.key.startswith(f"{bucket_layout.RECORDS}/") for entry in source):
        raise ConfigError(
            f"BUCKET_SOURCE is {config.photo_bucket!r}, which has results and their records; "
            "expected photos; to paint results again, name the folder of one style"
        )


def _clips(keys: Sequence[str], asked: Collection[str]) -> frozenset[str]:
    """Return the keys of clips to paint. Clips are left out, and logged, if what they need is not
    installed, or if a phone has stored them with a photo and the user has not named them."""
    clips = {key for key in keys if is_clip(key) and not hidden(key)}
    known = bucket_layout.PICTURE_EXTENSIONS
    photos = [key for key in keys if clips and splitext(key)[1].lower() in known]
    if live := of_photos(clips, photos).difference(asked):
        event(f"left out, the clips of photos: {listed([*map(printable, sorted(live))])}")
    clips -= live
    if missing := clips and lacking(listed([*map(printable, sorted(clips))])):
        event(f"left out: {missing}", level=WARNING)
    return frozenset(() if missing else clips)


def styles_of(buckets: Buckets, entries: Sequence[Entry], config: Config) -> list[Style]:
    """Return the styles of a run, whichever it paints. Raises ConfigError, StorageError."""
    choice = config.style_mode, config.styles, config.settings
    return [
        replace(style, settings=style.settings.replaced(config.overrides))
        for style in all_styles(buckets.style, entries, *choice, buckets.known)
    ]


def _photos_asked_for(
    photos: Sequence[Entry], masks: Mapping[str, Entry], source: Bucket, config: Config
) -> list[Entry]:
    asked = {*config.photos}
    selected = [photo for photo in photos if not asked or photo.key in asked]
    # A shell's `*.png` names masks as well, which go with their photos.
    masked = {masks[photo.key].key for photo in selected if photo.key in masks}
    if missing := asked - masked - {photo.key for photo in selected}:
        first, why = min(missing), ""
        if (path := source.path(first)) and path.is_file():
            why = ": it is hidden, or a link out of there, or a mask"
            if PurePosixPath(first).suffix.lower() not in bucket_layout.PICTURE_EXTENSIONS:
                why = ": its name does not end as that of a picture"
        raise NoPhotoError(f"PHOTO is {first!r}, but {config.photo_bucket} has no such photo{why}")
    if config.chooses:
        before, fits = selected, chooser(config.include, config.exclude)
        selected = [photo for photo in before if fits(photo.key)]
        if before and not selected:
            raise ConfigError(
                f"none of the photos in {config.photo_bucket} ({len(before)}) matches --include "
                "and --exclude; a pattern matches a whole key, such as '2026/*.jpg'"
            )
        if left_out := [printable(each.key) for each in before if not fits(each.key)]:
            part = f"{plural(len(left_out), 'photo')} of {len(before)}"
            event(f"--include and --exclude leave out {part}: {listed(left_out, 3)}")
    if config.shard:
        number, count = config.shard
        # By its key alone: a photo's shard does not depend on other photos.
        names = ((photo, photo.key.encode(errors="surrogateescape")) for photo in selected)
        selected = [photo for photo, name in names if zlib.crc32(name) % count == number]
    return selected


def _styles_asked_for(every_style: Sequence[Style], config: Config) -> list[Style]:
    # A style of one painting also goes by the painting's key.
    keys = {style.name: [each.entry.key for each in style.paintings] for style in every_style}
    asked = config.style_name
    if asked is not None:
        asked = styles.as_stored(asked, {*keys, *(key for each in keys.values() for key in each)})
    selected = [
        style for style in every_style if asked in (None, style.name) or keys[style.name] == [asked]
    ]
    if config.style_name and not selected:
        names = ", ".join(printable(style.name) for style in every_style)
        expected = did_you_mean(
            config.style_name,
            [style.name for style in every_style],
            f"expected one of {names}" if names else "there are no styles",
        )
        raise ConfigError(
            f"STYLE is {config.style_name!r}, but {config.style_bucket or 'STYLES'} has no such "
            f"style; {expected}"
        )
    return selected


def _warn_of_nothing(what: str, bucket: Bucket) -> None:
    kinds = ", ".join(sorted(bucket_layout.PICTURE_EXTENSIONS))
    event(f"there is no {what} in {bucket.name} ({kinds})", level=WARNING)


def _name_left_out(
    entries: Sequence[Entry], bucket: Bucket, is_used: Callable[[str], bool]
) -> None:
    """Log what a listing has passed over, first that among which a user may miss pictures."""
    where = f"left out in {bucket.name},"
    keys = [entry.key for entry in entries if not hidden(entry.key)]
    others = [key for key in keys if not is_used(key) and not foreign_part(key)]
    used = filter(is_used, keys)
    skipped = dict(bucket.skipped())
    in_bucket = [part for entry in entries if (part := foreign_part(entry.key))]
    foreign = {*skipped.pop(FOREIGN, ()), *in_bucket}
    for why, names in skipped.items():
        event(f"{where} {why}: {listed([*map(printable, names)])}", level=WARNING)
    for is_missed, text in by_kind(others, used):
        event(f"{where} {text}", level=WARNING if is_missed else INFO)
    if foreign:
        event(f"{where} {FOREIGN}: {listed([*map(printable, sorted(foreign))], 30)}")


def _warn_of_strays(entries: Sequence[Entry], used: Iterable[Entry], bucket: Bucket) -> None:
    keys = {each.key for each in used}
    for key in [mask.key for mask in styles.find_masks(entries) if mask.key not in keys]:
        event(
            f"{printable(key)} in {bucket.name} is not used: no picture beside it has that name, "
            "or it has another mask",
            level=WARNING,
        )
