"""One file of several small pictures: a sheet, to choose a style or a photo from, or a story."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from painterly.cli.app import run_service
from painterly.cli.batch import NOWHERE, check_samples
from painterly.cli.options import BatchOptions
from painterly.cli.places import here
from painterly.configuration import config
from painterly.errors import ConfigError, PictureError
from painterly.images.output import file_format
from painterly.log import event
from painterly.settings.clips import ffmpeg
from painterly.settings.installation import install_command
from painterly.settings.recipes import INSTANT
from painterly.signals import Stop
from painterly.words.wording import plural

if TYPE_CHECKING:
    from painterly.storage.base import Bucket

# Variables without a meaning for a sheet, which always has preset instant.
NO_VARIABLES = ("PRESET", "STYLE_PRESET", "STYLE_RECIPE", "CLUSTER", "DRY_RUN")


def check_flags(only: str, flags: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Raise ConfigError for a flag or a setting that a sheet or a story (`only`) does not take."""
    others = [name for name in flags if name not in ("include", "exclude", only)]
    others += [name for name in ("recipe", "timelapse") if name in settings]
    others += ["preset"] if settings.get("preset", "instant") != "instant" else []
    if others:
        flag = others[0].replace("_", "-")
        raise ConfigError(f"--{only} paints small pictures by preset instant; leave --{flag} out")


def run(values: Mapping[str, str], options: BatchOptions, paintings: "Bucket | None") -> int:
    """Write the sheet or the story that `batch.run` would have painted, and return the exit code: 1
    if some pictures could not be painted. The extension of its file decides the format.
    """
    return run_service(lambda environment: _make(options, paintings, environment), values)


def _make(options: BatchOptions, paintings: "Bucket | None", environment: Mapping[str, str]) -> int:
    from painterly.cli.picture_files import check_is_painted, check_target, write_file
    from painterly.images import arrays, encode
    from painterly.orders.buckets import Buckets
    from painterly.painters.sheet import paint_sheet, select_for_sheet
    from painterly.video.reading import ClipsView

    only = str(options.only)
    tells, name = only == "story", str(getattr(options, only))
    path = here(name)
    if tells:
        form = _story_format(path, name)
    else:
        form = file_format(path.suffix, f"the extension of {name!r}").extension
    values = {each: text for each, text in environment.items() if each not in NO_VARIABLES}
    values["PRESET"] = INSTANT["preset"]
    if any(values.get(name, "").strip() for name in config.BUCKETS):
        values["BUCKET_RESULT"] = NOWHERE
    loaded = config.load(values)
    check_samples(loaded)
    buckets = Buckets.open(loaded, paintings)
    with Stop() as stop, closing(ClipsView(buckets.source)) as photos:
        buckets = replace(buckets, source=photos)
        selection, longest = select_for_sheet(loaded, buckets), None
        if tells:
            from painterly.images.story import HEIGHT
            from painterly.painters.story import select_for_story, told

            selection, longest = select_for_story(selection, loaded, buckets), HEIGHT
        keys = [entry.key for entry in selection.photos]
        inputs = [*_files(buckets.source, keys)]
        for style in selection.styles:
            inputs += _files(buckets.style, style.keys)
        check_target(path, name, inputs)
        check_is_painted(path)
        sheet = paint_sheet(loaded, buckets, selection, stop, longest)
        if not sheet.painted:
            raise PictureError(f"no picture of the {only} could be painted")
        if tells:
            _, data = told(sheet, form, loaded.memory_limit, stop.obey)
        else:
            output = replace(loaded.output, format=form, depth=8)
            data = encode.encode(arrays.to_float(sheet.pixels), output)
    write_file(path, data)
    failed = f", {plural(sheet.failed, 'picture')} failed" if sheet.failed else ""
    done = f"{name}: {len(sheet.painted)} painted{failed}"
    event(done, summary=True, event=only, path=str(path))
    return 1 if sheet.failed else 0


def _story_format(path: Path, name: str) -> str:
    extension = path.suffix[1:].lower()
    if extension not in ("webp", "mp4"):
        raise ConfigError(f"--story is {name!r}; expected a file with the extension webp or mp4")
    if extension == "mp4" and not ffmpeg():
        raise ConfigError(f"{name}: needs ffmpeg: {install_command('video')}; a .webp needs none")
    return extension


def _files(bucket: "Bucket", keys: Iterable[str]) -> Iterator[Path]:
    yield from (path for key in keys if (path := bucket.path(key)))
