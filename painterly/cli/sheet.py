"""`--sheet FILE`: one labelled picture of small paintings, to choose from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from painterly.cli.installed_defaults import check_samples
from painterly.cli.picture_files import check_is_painted, check_target, write_file
from painterly.configuration import config
from painterly.errors import PictureError
from painterly.images.output import file_format
from painterly.log import event
from painterly.signals import Stop
from painterly.storage.base import Bucket
from painterly.words.wording import plural

NOWHERE = "/no results of a sheet"  # It stores none.
# Variables without a meaning for a sheet, which always has preset instant.
_OTHERS = ("PRESET", "STYLE_PRESET", "STYLE_RECIPE", "CLUSTER", "DRY_RUN")


def make_sheet(start: Path, name: str, environment: Mapping[str, str]) -> int:
    """Write a sheet, and return the exit code: 1 if some pictures could not be painted.

    Args:
        start: The folder of relative paths.
        name: Its path. The extension decides the format.
        environment: The variables, with those that the command line stands for.

    Raises:
        PainterlyError: It cannot be painted or written.
        Stopped: A signal has arrived.
    """
    path = start / name
    form = file_format(path.suffix, f"the extension of {name!r}").extension
    values = {name: value for name, value in environment.items() if name not in _OTHERS}
    values["PRESET"] = "instant"
    if any(values.get(name, "").strip() for name in config.BUCKETS):
        values["BUCKET_RESULT"] = NOWHERE
    loaded = config.load(values)
    check_samples(loaded)
    from painterly.bench.sheet import paint_sheet, select_for_sheet
    from painterly.images import arrays, encode
    from painterly.orders.buckets import Buckets

    buckets = Buckets.open(loaded)
    with Stop() as stop:
        selection = select_for_sheet(loaded, buckets)
        keys = [entry.key for entry in selection.photos]
        inputs = [*_files(buckets.source, keys)]
        for style in selection.styles:
            inputs += _files(buckets.style, style.keys)
        check_target(path, name, inputs)
        check_is_painted(path)
        sheet = paint_sheet(loaded, buckets, selection, stop)
    if sheet.pixels is None:
        raise PictureError("no picture of the sheet could be painted")
    output = replace(loaded.output, format=form, depth=8)
    write_file(path, encode.encode(arrays.to_float(sheet.pixels), output))
    failed = f", {plural(sheet.failed, 'picture')} failed" if sheet.failed else ""
    event(f"{name}: {sheet.painted} painted{failed}", summary=True, event="sheet", path=str(path))
    return 1 if sheet.failed else 0


def _files(bucket: Bucket, keys: Iterable[str]) -> Iterator[Path]:
    """Yield the files of keys, if the bucket is a folder."""
    yield from (path for key in keys if (path := bucket.path(key)))
