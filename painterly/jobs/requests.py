"""Turns requests into jobs: checks the choices, and stores each request once."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from painterly.configuration.config import Config
from painterly.configuration.web_options import WebOptions
from painterly.engine.schedule import total_work
from painterly.errors import ConfigError
from painterly.images.output import file_format
from painterly.images.story import MOST_PAINTINGS
from painterly.jobs.address import own
from painterly.jobs.buckets import WebBuckets
from painterly.jobs.callbacks import check_callback
from painterly.jobs.catalogue import Catalogue
from painterly.jobs.estimates import USUAL_PHOTO, in_order
from painterly.jobs.index import JobIndex
from painterly.jobs.kept_photos import KeptPhoto, KeptPhotos, stored_as
from painterly.jobs.photo_files import use
from painterly.jobs.schemas import (
    ApiError,
    Blended,
    Estimate,
    JobRequest,
    Preset,
    PresetSizes,
    not_found,
)
from painterly.jobs.store import REQUESTS, StoredJob, new_id
from painterly.jobs.upload import Upload
from painterly.jobs.worker.desk import ResultOrder
from painterly.orders.record import now
from painterly.orders.styles import Painting, Style
from painterly.painters.instant_painter import LARGEST_SIDE, InstantOrder
from painterly.settings import paper
from painterly.settings.installation import install_command
from painterly.settings.recipes import INSTANT
from painterly.settings.settings import FIELDS, Settings, shown_name
from painterly.settings.values import parse_whole
from painterly.storage.base import Entry, ObjectError
from painterly.storage.document import load, store
from painterly.words.wording import duration, shortened

OFFERED = (
    *("preserve_color", "photo_color", "faces", "strength", "size", "iterations", "init_image"),
    *("timelapse", "paper", "dpi", "bleed"),
    *("stroke_size", "structure_weight", "style_scale", "total_variation_weight", "seed"),
)
# Settings that a sheet has no choice of: it decides the size of each picture.
SHEET_DECIDES = ("size", "paper", "dpi", "bleed", "timelapse")
PAPERS = ("A4", "A3", "A2", "letter", "30x40cm", "10x15cm")  # the sizes of prints on the page
LARGEST_SIZE = 5120  # px of the longer side, which suffices for A3 with 300 dpi and a bleed
MOST_ITERATIONS = 1000  # steps at a scale
LARGEST_WHOLE = 2048  # px of the longer side of a picture that a request waits for
ON_PAGES = ("jpg", "png", "webp")  # formats that browsers show
LONGEST_CLIP_S = 3600  # seconds
NO_SUCH_PHOTO = not_found("photo or job, or its photo is gone")


class _Order(NamedTuple):
    """A request whose choices are checked."""

    request: JobRequest
    photo: Upload
    mask: bytes | None  # the file of the photo's mask, empty for none; None for a stored one
    style: Style
    work: int  # the work (schedule.py) of the picture, or of all frames of a clip


class OrderBook:
    """The orders of users: each becomes one job.

    Methods raise ApiError, ConfigError for wrong settings, and StorageError.
    """

    def __init__(
        self,
        config: Config,
        options: WebOptions,
        buckets: WebBuckets,
        jobs: JobIndex,
        catalogue: Catalogue,
    ) -> None:
        self._config, self._options, self._buckets = config, options, buckets
        self._jobs, self._catalogue = jobs, catalogue
        self.photos = KeptPhotos(buckets, options.max_upload)
        self._being_placed, self._lock = 0, threading.Lock()

    def check_room(self, idempotency_key: str | None = None) -> None:
        """Raise ApiError if the storage cannot keep jobs, or if the queue is full, unless a request
        with this key has its job already."""
        if self._jobs.unfit:
            raise ApiError(503, self._jobs.unfit)
        waiting = self._jobs.counts()[0] + self._being_placed
        if waiting < self._options.max_waiting:
            return
        if idempotency_key and self._job_of(idempotency_key):
            return
        full = f"the queue is full: {waiting} photos are waiting"
        raise ApiError(429, full, self._jobs.retry_s(waiting + 1))

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Have a place in the queue while a job is stored: a slow bucket holds no other order."""
        with self._lock:
            self.check_room()
            self._being_placed += 1
        try:
            yield
        finally:
            with self._lock:
                self._being_placed -= 1

    def create(
        self,
        request: JobRequest,
        upload: Upload | None,
        mask: bytes | None,
        idempotency_key: str | None,
    ) -> StoredJob:
        """Store a job, or find the one that the same request with this Idempotency-Key has already
        created. Without an upload, or a mask as `checked_mask` returns it, `request.again` names a
        job with them."""
        order, job_id = self._parsed(request, upload, mask), new_id()
        if idempotency_key is not None:
            about = json.dumps([order.request.model_dump(mode="json"), upload and upload.digest])
            digest = hashlib.sha256(about.encode() + (mask or b"")).hexdigest()
            job_id = self._first_id(idempotency_key, digest, job_id)
            if known := self._jobs.stored(job_id):
                return known
            if job_id in self._jobs.deleted():
                raise ApiError(409, "the job of this Idempotency-Key was deleted")
        job = _job(job_id, order, idempotency_key and _kept_at(idempotency_key))
        with self._place():
            self.photos.write(job, order.photo)
            use(self._buckets.source, job.id, job.mask_key)
            if job.mask_key and mask:
                self._buckets.source.write(job.mask_key, mask, "image/png")
            # The same request may have been answered by another thread, or instance.
            return job if self._jobs.create(job) else self._jobs.stored(job_id) or job

    def _parsed(self, request: JobRequest, upload: Upload | None, mask: bytes | None) -> _Order:
        if (upload is None) == (request.again is None):
            raise ApiError(422, "send either a photo, or its id in `again`")
        check_callback(request.callback, self._options.callback_hosts)
        photo = upload or self._photo_of(request.again or "")
        if request.story and not request.sheet:
            raise ApiError(422, "a story has a language; send `sheet` as well")
        if photo.frames is not None:
            request = _of_clip(request)
        elif request.sheet:
            request = _of_sheet(request)
        self.checked_settings(request.preset, request.settings)
        if request.preset not in self.presets:
            why = f"needs TensorFlow; this installs it: {install_command('cpu')}"
            raise ApiError(422, f"preset {request.preset} {why}")
        most = None
        if request.sheet:
            style = self._catalogue.sheet(request.settings, request.story)
            most = MOST_PAINTINGS if request.story else None
        else:
            style = self._style(request)
        works = (total_work(*photo.size, each.settings) for each in style.parts[:most] or (style,))
        work = sum(works) * (photo.frames or 1)
        if photo.frames is not None:
            self._check_time(work, request.preset)
        return _Order(request, photo, mask, style, work)

    def _check_time(self, work: float, preset: Preset) -> None:
        seconds = self._jobs.estimates.seconds(work, preset)
        if seconds is not None and seconds > LONGEST_CLIP_S:
            raise ApiError(
                422,
                f"this clip would take about {duration(seconds)}, and clips may take "
                f"{duration(LONGEST_CLIP_S)} here; make it smaller or shorter, or choose instant",
            )

    def preview_style(self, request: JobRequest) -> Style:
        """Return the style of a preview, by preset `instant` and of a size that previews may have.
        On paper, `size` bounds the longer side."""
        others = {name: value for name, value in request.settings.items() if name != "size"}
        size = {"size": request.settings["size"]} if "size" in request.settings else {}
        self.checked_settings(Preset.INSTANT, others)
        bounds = self.checked_settings(Preset.INSTANT, size)
        changes = {"preset": Preset.INSTANT, "settings": others}
        style = self._style(request.model_copy(update=changes))
        settings = style.settings
        if settings.paper == paper.NONE:
            settings = settings.replaced(size)
        elif size:
            settings = settings.within(int(bounds.size))
        settings = settings.within(LARGEST_SIDE).replaced({"timelapse": False})
        return replace(style, settings=settings)

    def preview_of_stored(self, request: JobRequest, mask: bytes | None) -> ResultOrder:
        """Return the order of a preview of the photo that `request.again` names: the picture of a
        job by preset `instant`. The mask is as in `create`."""
        photo = self._stored_photo(request.again or "")
        if mask is None and isinstance(photo, StoredJob) and photo.mask_key:
            mask = self._buckets.source.read(photo.mask_key)
        self.checked_settings(Preset.INSTANT, request.settings)
        style = self._style(request.model_copy(update={"preset": Preset.INSTANT}))
        settings = style.settings.within(LARGEST_WHOLE).replaced({"timelapse": False})
        extension = self._config.output.extension(photo.photo_key)
        extension = extension if extension in ON_PAGES else "jpg"
        return ResultOrder(
            photo.photo_key, replace(style, settings=settings), mask or b"", extension
        )

    def whole(
        self,
        photo: Upload,
        painting: Upload | None,
        mask: bytes | None,
        *,
        style: str,
        format: str,
        **settings: str,
    ) -> InstantOrder:
        """Return the order of a whole picture that a program waits for, by a painting that was sent
        with it, or a style. Style, format and settings are empty if they were not asked for. The
        mask is as in `create`."""
        if (painting is not None) == bool(style):
            raise ApiError(422, "send either `style`, the name of a style, or a file `painting`")
        changes = {name: text for name, text in settings.items() if text}
        _check_size(changes, LARGEST_WHOLE)
        checked = self.checked_settings(Preset.INSTANT, changes).replaced(INSTANT)
        if painting is None:
            request = JobRequest(style=style, preset=Preset.INSTANT, settings={**changes})
            chosen = self._catalogue.style(request)
        else:
            sent = Entry(painting.shown, len(painting.data), painting.digest)
            chosen = Style("painting", (Painting(sent, 1.0),), checked)
        painted = chosen.settings
        if painted.paper != paper.NONE:
            painted = painted.within(LARGEST_WHOLE)
        elif painted.may_exceed(LARGEST_WHOLE):
            raise ApiError(422, f"size is {painted.size}; expected at most {LARGEST_WHOLE}")
        output = replace(self._config.output, keep_gps=False, depth=8)
        if format:
            output = replace(output, format=file_format(format, "format").extension)
        output = replace(output, format=output.extension(photo.name))
        chosen = replace(chosen, settings=painted.replaced({"timelapse": False}))
        of_painting = painting.data if painting else b""
        return InstantOrder(photo.data, chosen, mask or b"", of_painting, output)

    def _style(self, request: JobRequest) -> Style:
        if (request.style is None) == (request.paintings is None):
            raise ApiError(422, "choose either a style or paintings")
        return self._catalogue.style(request)

    def checked_settings(self, preset: Preset, changes: dict[str, Any]) -> Settings:
        """Return the settings of a preset, with those of a request. Raises ConfigError."""
        for name in changes:
            if name not in OFFERED:
                raise ConfigError(
                    f"{name[:60]!r} cannot be set here; these can: {', '.join(OFFERED)}"
                )
        _check_size(changes, LARGEST_SIZE)
        settings = self._config.settings.replaced({"preset": preset.value}).replaced(changes)
        check_limits(settings)
        return settings

    def estimate(self, size: int | None = None, again: str | None = None) -> Estimate:
        """Estimate the seconds that each preset takes, for its own size or this longer side in px,
        and for a usual photo or the photo or clip with the id `again`."""
        changes = {} if size is None else {"size": size}
        photo = self._stored_photo(again) if again else None
        shape, frames = (photo.size, photo.frames or 1) if photo else (USUAL_PHOTO, 1)

        def seconds(preset: Preset, settings: Settings) -> float | None:
            work = frames * total_work(*shape, settings)
            estimated = self._jobs.estimates.seconds(work, preset)
            return None if estimated is None else round(estimated, 1)

        by_preset = {preset: self.checked_settings(preset, changes) for preset in Preset}
        times = in_order({preset: seconds(preset, each) for preset, each in by_preset.items()})
        parts = self._catalogue.sheet({}).parts if self._catalogue.all() else ()
        of_sheet = sum(total_work(*USUAL_PHOTO, each.settings) for each in parts)
        finest = Preset.PRINT if Preset.PRINT in self.presets else Preset.INSTANT
        prints = {
            each: self.checked_settings(finest, {"paper": each, "dpi": print_dpi(each)})
            for each in PAPERS
        }
        return Estimate(
            **{preset.value: time for preset, time in times.items()},
            papers={name: seconds(finest, each) for name, each in prints.items()},
            sheet=self._jobs.estimates.seconds(of_sheet, Preset.INSTANT) if of_sheet else None,
            sizes=PresetSizes(**self.preset_sizes()),
        )

    @property
    def presets(self) -> Sequence[Preset]:
        """The presets that can be ordered: all but instant need TensorFlow."""
        return [*Preset] if find_spec("tensorflow") else [Preset.INSTANT]

    def preset_sizes(self) -> dict[str, int | str]:
        """Return the longer side of each preset's pictures, in px, or `full`."""
        return {preset.value: self.checked_settings(preset, {}).size for preset in Preset}

    def _photo_of(self, job_id: str) -> Upload:
        try:
            return self.photos.find_files(self._stored_photo(job_id))
        except ObjectError:
            raise NO_SUCH_PHOTO from None

    def _stored_photo(self, named: str) -> StoredJob | KeptPhoto:
        found = self.photos.find(named) or self._jobs.stored(named)
        if found is None:
            raise NO_SUCH_PHOTO
        return found

    def _first_id(self, idempotency_key: str, digest: str, job_id: str) -> str:
        """Return the id of the job of the first request with a key, which may be this one, with
        `job_id`. It is stored before the job, so that the request can be sent again if a process is
        killed in between."""
        bucket, key = self._buckets.result, _kept_at(idempotency_key)
        if store(bucket, key, {"job": job_id, "digest": digest}, None) is not None:
            return job_id
        first, _ = load(bucket, key)
        if first is None or first["digest"] != digest:
            raise ApiError(422, "this Idempotency-Key was used for another request")
        return str(first["job"])

    def _job_of(self, idempotency_key: str) -> StoredJob | None:
        first, _ = load(self._buckets.result, _kept_at(idempotency_key))
        return self._jobs.stored(first["job"]) if first else None


def _kept_at(idempotency_key: str) -> str:
    return f"{REQUESTS}/{hashlib.sha256(idempotency_key.encode()).hexdigest()[:40]}.json"


def _of_sheet(request: JobRequest) -> JobRequest:
    if request.style is not None or request.paintings is not None:
        raise ApiError(422, "a sheet has all styles; leave out `style` and `paintings`")
    for name in SHEET_DECIDES:
        if name in request.settings:
            raise ApiError(422, f"a sheet has no setting {name!r}; leave it out")
    return request.model_copy(update={"preset": Preset.INSTANT})


def _of_clip(request: JobRequest) -> JobRequest:
    if request.sheet or "paper" in request.settings:
        raise ApiError(422, "sheets and prints are of photos, not of clips")
    settings = {name: each for name, each in request.settings.items() if name != "timelapse"}
    return request.model_copy(update={"settings": settings})


def _job(job_id: str, order: _Order, remembered_at: str | None) -> StoredJob:
    request, photo, mask, style, work = order
    total = sum(painting.share for painting in style.paintings)
    # A batch expects the same name for a mask.
    own_mask = f"{job_id}/{PurePosixPath(photo.name).stem}.mask.png" if mask else None
    return StoredJob(
        id=job_id,
        **stored_as(job_id, photo),
        photo=photo.shown,
        mask_key=photo.mask_key if mask is None else own_mask,
        size=photo.size,
        style=style.name,
        sheet=request.sheet,
        story=request.story,
        paintings=[
            Blended(name=painting.entry.key, share=painting.share / total)
            for painting in style.paintings
        ],
        named_style=request.style is not None,
        preset=request.preset,
        settings=request.settings,
        created=now(),
        work=work,
        callback=request.callback,
        root=own(""),
        remembered_at=remembered_at,
    )


def _check_size(changes: Mapping[str, Any], most: int) -> None:
    low, size = FIELDS["size"].metadata["low"], changes.get("size", most)
    if isinstance(size, bool) or parse_whole(str(size).strip(), low, most) is None:
        raise ConfigError(
            f"size is {shortened(size)}; expected a whole number from {low} to {most} (px)"
        )


def print_dpi(name: str) -> int:
    """Return the dpi of prints on a paper: the usual ones, or the most that can be ordered."""
    return min(paper.USUAL_DPI, paper.most_dpi(name, 0, LARGEST_SIZE))


def check_limits(settings: Settings, where: str = "") -> None:
    """Raise ConfigError for a size or a number of iterations that would block the queue for too
    long. `where` is as in `Settings.replaced`."""
    for name, most in (("size", LARGEST_SIZE), ("iterations", MOST_ITERATIONS)):
        value = getattr(settings, name)
        if value == "full" or int(value) > most:
            of_paper = name == "size" and settings.paper != paper.NONE
            advice = f", so {settings.what_fits(most)}" if of_paper else ""
            raise ConfigError(
                f"{shown_name(name, where)} is {value}; the web service takes at most {most}"
                f"{advice}"
            )
