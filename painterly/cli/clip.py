"""One clip on the command line: a separate run with a file as its result."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from painterly.cli import picture_files as files_of
from painterly.cli.options import PictureArgs
from painterly.cli.picture import config_of, order_of, settings_of
from painterly.cli.places import STANDARD, is_photo
from painterly.errors import ConfigError, PictureError
from painterly.orders.buckets import Buckets
from painterly.orders.frames import Clip, frames_of, stamps_of
from painterly.orders.order import Order, PlannedOrder
from painterly.orders.plan import Plan
from painterly.painters.finished import Finished
from painterly.painters.single import painter_of_files
from painterly.runs.clips import Clips
from painterly.runs.workers import paint_all
from painterly.settings.clips import SILENT, WRITTEN, lacking
from painterly.settings.settings import Settings
from painterly.signals import Stop, Stopped
from painterly.storage.base import Entry
from painterly.storage.files import locked, md5_of_file
from painterly.storage.files_bucket import FilesBucket
from painterly.storage.folder import FolderBucket
from painterly.video.reading import ClipsView

_TIME = re.compile(r"([0-9]{1,5}:){0,2}[0-9]{1,7}(\.[0-9]{1,6})?s?")


def paint(args: PictureArgs, environment: Mapping[str, str], stop: Stop) -> Path:
    """Paint a clip in the style of paintings, and return the path of the result.

    A clip that was stopped or killed continues after its last frame. Raises a PainterlyError, and
    after a signal Stopped with the clip of what is done.
    """
    settings = settings_of(args)
    file, target = _checked(args, settings)
    span = seconds_of("from", args) or Fraction(0), seconds_of("for", args)
    loaded, files = config_of(args, environment), _Files(file)
    stamps = stamps_of(files, file.name, span)
    if isinstance(stamps, str):
        raise PictureError(stamps)
    if not stamps.shown:
        raise ConfigError(f"{file}: there is no frame in the time that --from and --for name")
    view = ClipsView(files, span)
    # As a photo, the first frame gives the sizes, masks and paintings that all frames have.
    first = files.add(f"{file}/first.bmp", view.picture(file.name))
    single = order_of(args, settings, environment, files, first)
    given = {each.name: getattr(single, each.name) for each in fields(Order)}
    clip_entry = Entry(file.name, file.stat().st_size, md5_of_file(file))
    order = _Single(**given | {"photo": clip_entry}, result=str(target))
    keys = Clip(order, span).folder
    with _held(target.parent / files_of.UNFINISHED, keys) as unfinished:
        if args.fresh:
            for entry in [*unfinished.list(keys)]:
                unfinished.delete(entry.key)
        before = {entry.key: entry for entry in unfinished.list(keys)}
        frames = frames_of(order, stamps, before, span)
        plan, so_far = Plan((*frames,), (), (), (), before, {}, ()), list[str]()

        def store(_: PlannedOrder, finished: Finished) -> bool:
            return bool(files_of.write_file(target, finished.file))

        def fail(_: PlannedOrder, reason: str = "was changed while it was painted") -> NoReturn:
            raise PictureError(f"{file.name}: {reason.removeprefix(f'{file.name}: ')}")

        def write_unfinished(data: bytes, done: int) -> None:
            files_of.write_file(target, data)
            count = f"{done} of {len(stamps.shown)} frames"
            so_far.append(f"{target} is the clip as it stands after {count}")

        buckets, optimises = Buckets(view, files, unfinished), settings.traits.optimises
        with painter_of_files(buckets, loaded, stop, optimises) as (painter, loading):

            def clips(*_: object) -> Clips:
                return Clips(painter, plan, store, fail, fail, on_stop=write_unfinished)

            try:
                paint_all(painter, plan, loading, clips=clips)
            except Stopped as stopped:
                what = so_far[0] if so_far else "no frame is done"
                raise Stopped(stopped.exit_code - 128, what) from None
    return target


@contextmanager
def _held(folder: Path, keys: str) -> Iterator[FolderBucket]:
    """Open the bucket of what is kept of a clip until it is done, for one command at a time.
    Another one that paints the same gets a separate bucket, which goes with it.

    Args:
        folder: The folder of all that is unfinished.
        keys: Their start.

    Raises:
        ConfigError: The folder cannot be written.
    """
    with ExitStack() as stack:
        where, own = folder, folder / keys
        stack.callback(lambda: _remove_empty(own, own.parent, folder))
        try:
            stack.enter_context(locked(own, waits=False))
        except OSError:
            with files_of.writing(folder):
                separate = TemporaryDirectory(prefix=".", dir=folder, ignore_cleanup_errors=True)
            where = Path(stack.enter_context(separate))
        yield FolderBucket(where, new=True)
        if where is folder:
            shutil.rmtree(own, ignore_errors=True)  # Also what killed processes left.


def _remove_empty(*folders: Path) -> None:
    for each in folders:
        with suppress(OSError):  # Others are unfinished there, or it is gone.
            each.rmdir()


class _Files(FilesBucket):
    """The files that the command names. The clip is not held in memory."""

    def __init__(self, clip: Path) -> None:
        super().__init__()
        self._clip = clip

    def path(self, key: str) -> Path | None:
        return self._clip if key == self._clip.name else None


@dataclass(frozen=True, kw_only=True)
class _Single(PlannedOrder):
    """The order of a clip whose result is a file."""

    @property
    def checkpoint_key(self) -> str:
        return "clips.npz"


def _checked(args: PictureArgs, settings: Settings) -> tuple[Path, Path]:
    base, *others, result = args.places
    if missing := lacking(base):
        raise ConfigError(missing)
    if STANDARD in (base, result):
        raise ConfigError("a clip is read from a file, and written to one, not to -")
    if settings.timelapse or args.save_every:
        flag = "--timelapse" if settings.timelapse else "--save_every"
        raise ConfigError(f"{flag} shows how one picture grows, and a clip has many; leave it out")
    clip, target = Path(base), Path(result)
    if not is_photo(base):
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


def seconds_of(name: str, args: PictureArgs) -> Fraction | None:
    """Return the time that a flag names, in seconds. Raises ConfigError."""
    text = getattr(args, f"{name}_")
    if text is None:
        return None
    if not _TIME.fullmatch(text):
        raise ConfigError(f"--{name} is {text!r}; expected a time such as 3s, 90 or 1:30")
    parts = reversed(text.removesuffix("s").split(":"))
    return sum((60**power * Fraction(each) for power, each in enumerate(parts)), Fraction(0))
