"""What a command line asks for: each picture in its file, or all in a folder or bucket."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from glob import escape
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from painterly.cli import batch
from painterly.cli.app import set_up_log, why_instant
from painterly.cli.options import (
    BatchOptions,
    OutputOptions,
    PictureArgs,
    PictureOptions,
    given,
    shares_of,
)
from painterly.cli.places import STANDARD, here, is_photo, names_picture, started_in
from painterly.cli.words import Words, beside, style_name, variables
from painterly.devices.native_stderr import present_stderr
from painterly.errors import ConfigError
from painterly.log import event
from painterly.settings import ready_styles
from painterly.settings.bucket_layout import STYLES
from painterly.settings.clips import is_painted_alone
from painterly.settings.settings import Settings, gives_way
from painterly.signals import Stop
from painterly.storage.files import storage_errors
from painterly.words.wording import printable

if TYPE_CHECKING:
    from painterly.storage.files_bucket import FilesBucket

NOT_MEASURED = ("image_size", "from_", "for_")  # A dry run takes the size and the whole clip.
# The variables with other names than their flags; the values of switches that take one.
NAMES = {"weights": "VGG_WEIGHTS"}
TURNED_ON = {"watch": "60", "cluster": "auto"}


def paint(
    words: Words | None,
    settings: dict[str, Any],
    results: OutputOptions = OutputOptions(),
    one: PictureOptions = PictureOptions(),
    several: BatchOptions = BatchOptions(),
    shares: list[float] | None = None,
) -> int:
    """Paint what words mean, or without them variables, and return the exit code.

    Args:
        words: The words of a command line.
        settings: The settings that are given, by name.
        results, one, several: Flags by what they belong to.
        shares: The share of each painting in a blend, or None.

    Raises:
        ConfigError: A flag has no meaning there, or a value is wrong.
    """
    is_one = words is not None and words.is_one
    if words and is_one and not (results.dry_run or several.only):
        _refuse(several, "several pictures, a folder or a bucket", "single files")
        os.chdir(started_in())
        flags = {**given(results), **given(one)}
        return paint_files([*_pictures(words, settings, flags, shares)])
    if words and is_one and results.dry_run:
        if words.photos == (STANDARD,):
            raise ConfigError("--dry-run measures a file, and the photo is -; leave it out")
        _refuse(one, "a picture that is painted", "nothing", NOT_MEASURED)
    else:
        _refuse(one, "one picture in its file", "several, or a folder or bucket")
    flags = {**given(results), **given(several)}
    values = _values(settings, flags)
    if words:
        nowhere = is_one or several.only is not None
        values |= variables(replace(words, result=batch.NOWHERE) if nowhere else words)
    paintings = _named_paintings(words, shares, settings)
    if several.only is None:
        return batch.run(values, several, paintings)
    from painterly.cli import sheet

    is_dry = ["dry_run"] if results.dry_run else []
    sheet.check_flags(several.only, [*given(several), *is_dry], settings)
    return sheet.run(values, several, paintings)


def _pictures(
    words: Words, settings: dict[str, Any], flags: dict[str, Any], shares: list[float] | None
) -> Iterator[PictureArgs]:
    (photo,) = words.photos
    for style in words.styles:
        result = words.result or beside(photo, style, flags.get("output_format"))
        is_blend = len(style) > 1 or len(words.styles) == 1
        own = shares_of(shares if is_blend else None, len(style))
        places = [photo, *style, result]
        yield PictureArgs(places=places, settings=dict(settings), shares=own, **flags)


def _values(settings: dict[str, Any], flags: dict[str, Any]) -> dict[str, str]:
    """Return the variables that settings and flags stand for. Nothing reads those of flags that
    have none."""
    asked = Settings().replaced(settings, "--")  # A wrong one is named as it was given.
    values = {f"STYLE_{name.upper()}": "" for name in gives_way(asked.given)}
    if (weights := flags.get("weights")) and is_photo(weights):
        flags["weights"] = str(here(weights))
    values |= {
        NAMES.get(name, name.upper()): TURNED_ON.get(name, "1") if value is True else str(value)
        for name, value in flags.items()
    }
    values |= {f"STYLE_{name.upper()}": str(value) for name, value in settings.items()}
    if "preset" in settings:
        values["PRESET"] = values["STYLE_PRESET"]  # Two names of one: they may not differ.
    return values


def paint_files(pictures: Sequence[PictureArgs]) -> int:
    """Paint one photo or clip in one style or more, and return the exit code."""
    from painterly.images.contained.decoding import opened_here
    from painterly.images.picture_file import opening_here

    first = pictures[0]
    environment = set_up_log("%(message)s", {"PROGRESS": first.progress} if first.progress else {})
    if first.to_stdout:
        sys.stdout = present_stderr()  # Nothing else may be written into the result.
    instant = why_instant(first.settings)
    with Stop() as stop, opening_here(opened_here):
        for args in pictures:
            if instant:
                args.settings["preset"] = "instant"
            path = str(_paint_file(args, environment, stop))
            event(path, summary=True, event="result", path=path)
    if instant:
        event(instant)
    return 0


def _paint_file(args: PictureArgs, environment: Mapping[str, str], stop: Stop) -> Path:
    if is_painted_alone(args.places[0], args.places[-1]):
        from painterly.cli import clip  # It needs the packages of the extra `video`.

        return clip.paint(args, environment, stop)
    from painterly.cli import picture

    return picture.paint(args, environment, stop)


def _refuse(options: Any, of: str, instead: str, names: tuple[str, ...] = ()) -> None:
    """Raise ConfigError if one of some flags, or of all of these, is given."""
    if wrong := [name for name in given(options) if name in names or not names]:
        flag = wrong[0].strip("_").replace("_", "-")
        raise ConfigError(f"--{flag} is a flag of {of}; this paints {instead}")


def _named_paintings(
    words: Words | None, shares: Sequence[float] | None, given: Mapping[str, Any]
) -> "FilesBucket | None":
    """Return a bucket with the paintings of styles that are files or blends, with their masks, and
    a `styles.toml`; None if there are none.

    Args:
        words: The words of a command line.
        shares: The share of each painting in a blend; None for equal ones.
        given: The settings that override those of ready styles.

    Raises:
        ConfigError: There is another number of shares.
        StorageError: A painting cannot be read.
    """
    from painterly.storage.files_bucket import FilesBucket

    blends = words.files if words else []
    if shares is not None and all(len(style) == 1 for style in blends):
        raise ConfigError("--shares are those of a blend, as in monet.jpg+hokusai")
    if not blends:
        return None
    files, tables = FilesBucket(), dict[str, str]()
    for style in blends:
        name, keys = style_name(style), [_add(files, each) for each in style]
        weights = shares_of(shares if len(keys) > 1 else None, len(keys))
        paintings = dict(zip(keys, weights, strict=True))
        lines = [f"{json.dumps(key)} = {share}" for key, share in paintings.items()]
        settings = ready_styles.common_settings(style)
        tables[name] = f"[{json.dumps(name)}]\npaintings = {{ {', '.join(lines)} }}\n" + "".join(
            f"{key} = {json.dumps(value)}\n" for key, value in settings.items() if key not in given
        )
    files.add(STYLES, "".join(tables.values()).encode())
    return files


def _add(files: "FilesBucket", painting: str) -> str:
    is_ready = painting in ready_styles.tables()
    path = ready_styles.path(painting) if is_ready else here(painting)
    key = f"{len([*files.list()])}/{path.name}"
    key += "" if names_picture(path.name) else ".jpg"  # Its content decides what it is.
    with storage_errors(printable(painting)):
        for mask in sorted(path.parent.glob(f"{escape(path.stem)}*.mask.*")):
            files.add(str(PurePath(key).with_name(mask.name)), mask.read_bytes())
        return files.add(key, path.read_bytes()).key
