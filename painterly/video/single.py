"""One clip on the command line: a separate run with a file as its result."""

import argparse
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

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
from painterly.storage.base import Bucket, Entry
from painterly.storage.files import md5_of_file
from painterly.storage.files_bucket import FilesBucket
from painterly.storage.folder import FolderBucket
from painterly.video.clips import Steadying
from painterly.video.constants import SILENT, WRITTEN
from painterly.video.source import ClipsView, frames_of, opened

_TIME = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,5}):)?([0-9]{1,7}(?:\.[0-9]{1,6})?)s?")
STOPPED_S = 3.0  # for the clip of what is done, after a signal


def paint(args: argparse.Namespace, environment: Mapping[str, str], stop: Stop) -> Path:
    """Paint a clip in the style of paintings, and return the path of the result.

    A clip that was stopped or killed continues after its last frame. Raises a PainterlyError, and
    after a signal Stopped with the clip of what is done.
    """
    settings = settings_of(args)
    file, target = _checked(args, settings)
    span = _seconds(args, "from") or Fraction(0), _seconds(args, "for")
    loaded, weights = config_of(args, environment), weights_of(args, settings, environment)
    files = _Files(file)
    view, unfinished = ClipsView(files), FolderBucket(target.parent / files_of.UNFINISHED, new=True)
    # As a photo, the first frame gives the sizes, masks and paintings that all frames have.
    first = files.add(f"{file}/first.bmp", view.picture(file.name))
    single = order_of(args, settings, files, weights, "", first)
    given = {each.name: getattr(single, each.name) for each in fields(Order)}
    order = _Single(**given | {"photo": files.clip}, result=str(target))
    clip = opened(order, view, span)
    if clip.refusal:
        raise PictureError(clip.refusal)
    if not clip.stamps:
        raise ConfigError(f"{file}: there is no frame in the time that --from and --for name")
    kept = unfinished.folder / clip.folder
    if args.fresh:
        shutil.rmtree(kept, ignore_errors=True)
    stored = {entry.key: entry for entry in unfinished.list(clip.folder)}
    plan = Plan((*frames_of(clip, stored),), (), (), (), stored, {}, ())
    buckets = Buckets(view, files, unfinished)
    with closing(_Bench(loaded, buckets, NetworkPool(None, files), stop)) as bench:
        loading = load_devices(args.device, settings.traits.optimises)
        try:
            outcome = paint_all(bench, plan, loading)
        except Stopped as stopped:
            steadying = Steadying(bench, clip, {each.key for each in unfinished.list(clip.folder)})
            what = "no frame is done"
            if steadying.done:
                files_of.write_file(target, steadying.written(STOPPED_S))
                count = f"{steadying.done} of {len(clip.stamps)} frames"
                what = f"{target} is the clip as it stands after {count}"
            raise Stopped(stopped.exit_code - 128, what) from None
    for _, reason in outcome.failures:
        raise PictureError(reason)
    shutil.rmtree(kept, ignore_errors=True)
    with suppress(OSError):  # Others are unfinished there.
        os.removedirs(kept.parent)
    return target


class _Files(FilesBucket):
    """The files that the command names. The clip is not held in memory."""

    def __init__(self, clip: Path) -> None:
        super().__init__()
        self._path, self.clip = clip, Entry(clip.name, clip.stat().st_size, md5_of_file(clip))

    def path(self, key: str) -> Path | None:
        return self._path if key == self.clip.key else None

    def find(self, key: str) -> Entry | None:
        return self.clip if key == self.clip.key else super().find(key)


@dataclass(frozen=True, kw_only=True)
class _Single(PlannedOrder):
    """The order of a clip whose result is a file."""

    @property
    def checkpoint_key(self) -> str:
        return "clips.npz"

    def kept(self, bucket: Bucket, finished: Finished) -> Record:
        files_of.write_file(Path(self.result), finished.file)
        return Record()


class _Bench(Bench):
    """A bench that keeps no record of failures."""

    def fail(self, order: PlannedOrder, reason: str) -> Record:
        return Record(photo=order.photo.key, style=order.style.name, error=reason)


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
