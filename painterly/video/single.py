"""One clip on the command line: a separate run with a file as its result."""

import argparse
import re
import tempfile
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from painterly.bench.bench import Bench
from painterly.bench.finished import Finished
from painterly.bench.loading import load_devices
from painterly.cli import picture_files as files_of
from painterly.cli.picture import config_of
from painterly.cli.picture_order import order_of, settings_of, weights_of
from painterly.cli.places import STANDARD
from painterly.errors import ConfigError, PictureError
from painterly.orders.buckets import Buckets
from painterly.orders.network_pool import NetworkPool
from painterly.orders.order import Order, PlannedOrder
from painterly.orders.plan import Plan
from painterly.orders.record import Record
from painterly.runs.workers import paint_all
from painterly.settings.settings import Settings
from painterly.signals import Stop, Stopped
from painterly.storage.base import Entry
from painterly.storage.files import delete_leftovers, md5_of_file
from painterly.storage.files_bucket import FilesBucket
from painterly.storage.folder import FolderBucket
from painterly.video.clips import Steadying
from painterly.video.constants import SILENT, WRITTEN
from painterly.video.decoder import FrameReader
from painterly.video.pictures import picture_file
from painterly.video.source import Clip, ClipsView, Span, check_readable, frames_of, opened

_TIME = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,5}):)?([0-9]{1,7}(?:\.[0-9]{1,6})?)s?")
_LONGEST = 60  # characters of a name in a key, which may not be hidden or too long
STOPPED_S = 3.0  # for the clip of what is done, after a signal


def paint(args: argparse.Namespace, environment: Mapping[str, str], stop: Stop) -> Path:
    """Paint a clip in the style of paintings, and return the path of the result.

    A clip that was stopped or killed continues after its last frame. Raises a PainterlyError, and
    after a signal Stopped with the clip of what is done.
    """
    settings = settings_of(args)
    file, target = _checked(args, settings)
    span: Span = (_seconds(args, "from") or Fraction(0), _seconds(args, "for"))
    loaded, weights = config_of(args, environment), weights_of(args, settings, environment)
    unfinished = FolderBucket(target.parent / files_of.UNFINISHED, new=True)
    files = _Files(file, file.name.lstrip(".")[-_LONGEST:])
    with tempfile.TemporaryDirectory(prefix="painterly-") as folder:
        # As a picture, the first frame gives the sizes, masks and paintings that all frames have.
        first = Path(folder, f"{file.stem}.bmp")
        with closing(FrameReader(lambda: file, str(file))) as reader:
            first.write_bytes(picture_file(reader.frame(0)))
        of_first = {**vars(args), "places": [str(first), *args.places[1:]]}
        single = order_of(argparse.Namespace(**of_first), settings, files, weights, "")
    common = {each.name: getattr(single, each.name) for each in fields(Order)}
    style = replace(single.style, name=single.style.name.lstrip(".")[-_LONGEST:])
    order = PlannedOrder(**{**common, "photo": files.entry, "style": style}, result=target.name)
    clip = opened(order, files, span)
    check_readable(files, files.entry)
    if not clip.stamps:
        raise ConfigError(f"{file}: there is no frame in the time that --from and --for name")
    if args.fresh:
        _forget(unfinished, clip.folder)
    stored = {entry.key: entry for entry in unfinished.list(clip.folder)}
    plan = Plan((*frames_of(clip, stored),), (), (), (), stored, {}, ())
    buckets, networks = Buckets(ClipsView(files), files, unfinished), NetworkPool(None, files)
    with closing(_ToFile(loaded, buckets, networks, stop)) as bench:
        bench.target = target
        loading = load_devices(args.device, settings.traits.optimises)
        try:
            outcome = paint_all(bench, plan, loading)
        except Stopped as stopped:
            _write_unfinished(bench, clip, stopped.exit_code - 128)
    for _, reason in outcome.failures:
        raise PictureError(reason)
    _forget(unfinished, clip.folder)
    return target


class _Files(FilesBucket):
    """The files that the command names. The clip is not held in memory."""

    def __init__(self, clip: Path, key: str) -> None:
        super().__init__()
        self._clip = clip
        self.entry = Entry(key, clip.stat().st_size, md5_of_file(clip))

    def path(self, key: str) -> Path | None:
        return self._clip if key == self.entry.key else None

    def find(self, key: str) -> Entry | None:
        return self.entry if key == self.entry.key else super().find(key)


class _ToFile(Bench):
    """A bench whose result is a file."""

    target: Path

    def store(self, order: PlannedOrder, finished: Finished) -> Record:
        if part := order.kept(self.result, finished):
            return part
        files_of.write_file(self.target, finished.file)
        return Record()

    def fail(self, order: PlannedOrder, reason: str) -> Record:
        return Record(photo=order.photo.key, style=order.style.name, error=reason)


def _write_unfinished(bench: _ToFile, clip: Clip, signum: int) -> NoReturn:
    """Write the clip of what is steadied, and raise Stopped, which names it."""
    stored = {entry.key for entry in bench.result.list(clip.folder)}
    steadying, target = Steadying(bench, clip, stored), bench.target
    if steadying.done:
        files_of.write_file(target, steadying.written(STOPPED_S))
    count = f"{steadying.done} of {len(clip.stamps)} frames"
    what = f"{target} is the clip as it stands after {count}"
    raise Stopped(signum, what if steadying.done else "no frame is done")


def _checked(args: argparse.Namespace, settings: Settings) -> tuple[Path, Path]:
    """Return the files of the clip and of the result. Raises ConfigError."""
    base, *others, result = args.places
    if STANDARD in (base, result):
        raise ConfigError("a clip is read from a file, and written to one, not to -")
    if settings.timelapse or args.save_every:
        flag = "--timelapse" if settings.timelapse else "--save_every"
        raise ConfigError(f"{flag} shows how one picture grows, and a clip has many; leave it out")
    clip, target = Path(base), Path(result)
    if not clip.is_file():
        files_of.read_file(base, "clip")  # Raises an error that says why.
    if not target.suffix:
        target = target.with_suffix(".mp4")
    known = (*WRITTEN, *SILENT)
    if target.suffix[1:].lower() not in known:
        what = f"the extension of {result!r} is not a clip's"
        raise ConfigError(f"{what}; expected one of {', '.join(known)}")
    files_of.check_target(target, result, [clip, *map(Path, others)])
    if not args.overwrite:
        files_of.check_is_painted(target, ", or pass --overwrite to replace it")
    return clip, target


def _seconds(args: argparse.Namespace, name: str) -> Fraction | None:
    """Return the time that a flag names, in seconds. Raises ConfigError."""
    text: Any = getattr(args, name)
    if text is None:
        return None
    if not (found := _TIME.fullmatch(text)):
        raise ConfigError(f"--{name} is {text!r}; expected a time such as 3s, 90 or 1:30")
    hours, minutes, seconds = (Fraction(each or 0) for each in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def _forget(unfinished: FolderBucket, start: str) -> None:
    """Delete what is kept of a clip, and the folders that are empty then."""
    for entry in unfinished.list(start):
        unfinished.delete(entry.key)
    folder = unfinished.folder / start
    delete_leftovers(folder)
    with suppress(OSError):  # Others are unfinished in it, or there was none.
        for each in (folder, *folder.parents):
            each.rmdir()
            if each == unfinished.folder:
                return
