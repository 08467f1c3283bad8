"""Turns requests into jobs: checks the choices, and stores each request once."""

import hashlib
import json
import threading
from collections.abc import Mapping
from typing import Any

from styletransfer.config import Config
from styletransfer.engine.schedule import total_work
from styletransfer.errors import ConfigError
from styletransfer.settings import Settings, shown_name
from styletransfer.storage.base import ObjectError
from styletransfer.web.buckets import WebBuckets
from styletransfer.web.catalogue import Catalogue, blend_name, display_name
from styletransfer.web.job_index import JobIndex
from styletransfer.web.job_store import REQUESTS, JobStore, StoredJob, new_id
from styletransfer.web.lease import utc_now
from styletransfer.web.options import WebOptions
from styletransfer.web.schemas import (
    ApiError,
    Blended,
    Estimate,
    JobRequest,
    LookOut,
    Quality,
    not_found,
)
from styletransfer.web.upload import Upload

OFFERED = (
    *("preserve_color", "strength", "size", "iterations", "color_match", "init_image"),
    *("stroke_size", "structure_weight", "style_scale", "total_variation_weight", "seed"),
)
LARGEST_SIZE, MOST_ITERATIONS = 4096, 1000  # px of the longer side, steps at a scale
RETRY_S = 30  # seconds, if the duration of the queue is unknown


class JobService:
    """Places jobs. Methods raise ApiError, ConfigError for wrong settings, StorageError."""

    def __init__(
        self,
        config: Config,
        options: WebOptions,
        buckets: WebBuckets,
        board: JobIndex,
        catalogue: Catalogue,
    ) -> None:
        self._config, self._options, self._buckets = config, options, buckets
        self._board, self._catalogue = board, catalogue
        self._store = JobStore(buckets.result)
        self._placing = threading.Lock()

    def check_room(self) -> None:
        """Raise ApiError if the queue is full."""
        waiting, _ = self._board.counts()
        if waiting >= self._options.max_waiting:
            left = self._board.seconds_left()
            per_job = RETRY_S if left is None else left / (waiting + 1)
            retry_s = max(1, min(600, round(per_job)))
            raise ApiError(429, f"the queue is full: {waiting} photos wait already", retry_s)

    def has_job(self, idempotency_key: str) -> bool:
        """Return whether a request with this key already has a job."""
        key = _kept_at(idempotency_key)
        if self._buckets.result.find(key) is None:
            return False
        return self._board.stored(json.loads(self._buckets.result.read(key))["job"]) is not None

    def create(
        self, request: JobRequest, photo: Upload | None, idempotency_key: str | None
    ) -> StoredJob:
        """Store a job, or find the one that the same request has already created.

        Args:
            request: The request.
            photo: None if `request.repaint` names a job with the photo.
            idempotency_key: Its Idempotency-Key, if it has one.
        """
        if (photo is None) == (request.repaint is None):
            raise ApiError(422, "send either a photo, or the id of a job in `again`")
        given = photo or self._earlier(request.repaint or "")
        look, paintings = self._look(request)
        settings = self.checked_settings(request)
        if look:  # The settings of the request take precedence.
            settings = settings.replaced(look.settings).replaced(request.settings)
        job = StoredJob(
            id=new_id(),
            photo=given.shown if isinstance(given, Upload) else given.photo,
            photo_key="",
            size=given.size,
            look=look.name if look else blend_name(request.paintings or {}),
            paintings=paintings,
            named_look=look is not None,
            quality=request.quality,
            settings=request.settings,
            created=utc_now(),
            work=total_work(*given.size, settings),
        )
        if idempotency_key is not None:
            job, known = self._repeated(idempotency_key, request, photo, job)
            if known:
                return known
        with self._placing:
            self.check_room()
            return self._stored(job, given)

    def checked_settings(self, request: JobRequest) -> Settings:
        """Return the settings of a request and of its quality. Raises ConfigError."""
        for name in request.settings:
            if name not in OFFERED:
                raise ConfigError(
                    f"{name[:60]!r} cannot be set here; these can: {', '.join(OFFERED)}"
                )
        settings = self._config.settings.replaced({"quality": request.quality.value})
        settings = settings.replaced(request.settings)
        check_limits(settings)
        return settings

    def estimate(self, settings: dict[str, Any], size: tuple[int, int]) -> Estimate:
        """Estimate the seconds that each quality takes. Raises ConfigError.

        Args:
            settings: The settings of a request.
            size: Height and width of the photo in px.
        """
        found: dict[str, float | None] = {}
        for quality in Quality:
            checked = self.checked_settings(JobRequest(quality=quality, settings=settings))
            seconds = self._board.estimates.seconds(total_work(*size, checked))
            found[quality.value] = None if seconds is None else round(seconds, 1)
        return Estimate(**found)

    def _look(self, request: JobRequest) -> tuple[LookOut | None, list[Blended]]:
        if (request.look is None) == (request.paintings is None):
            raise ApiError(422, "choose either a look or paintings")
        if request.paintings is not None:
            for name in request.paintings:
                if self._catalogue.find(name) is None:
                    shown = display_name(name)[:60]
                    raise ApiError(422, f"there is no painting {shown!r} any more")
            total = sum(request.paintings.values())
            shares = request.paintings.items()
            return None, [Blended(name=name, share=share / total) for name, share in shares]
        found = {look.name: look for look in self._catalogue.looks()}.get(request.look or "")
        if found is None:
            raise ApiError(422, f"there is no look {(request.look or '')[:60]!r}")
        return found, found.paintings

    def _earlier(self, job_id: str) -> StoredJob:
        found = self._board.stored(job_id)
        if found is None or self._buckets.photos.find(found.photo_key) is None:
            raise not_found("job, or its photo is gone")
        return found

    def _repeated(
        self, idempotency_key: str, request: JobRequest, photo: Upload | None, job: StoredJob
    ) -> tuple[StoredJob, StoredJob | None]:
        """Return the job to store, and the job of an earlier request with the key, if there is
        one. The id of the first request is stored before its job, so that the request can be sent
        again if a process is killed in between."""
        about = json.dumps([request.model_dump(mode="json"), photo and photo.digest])
        digest = hashlib.sha256(about.encode()).hexdigest()
        key = _kept_at(idempotency_key)
        kept: Mapping[str, Any] = {"job": job.id, "digest": digest}
        if self._buckets.result.write_if(key, json.dumps(kept).encode(), None) is None:
            kept = json.loads(self._buckets.result.read(key))
            if kept["digest"] != digest:
                raise ApiError(422, "this Idempotency-Key was used for another request")
            job = job.model_copy(update={"id": kept["job"]})
        return job, self._board.stored(job.id)

    def _stored(self, job: StoredJob, given: Upload | StoredJob) -> StoredJob:
        """Store a job with the photo of an upload, or of an earlier job."""
        if isinstance(given, Upload):
            name, data = given.name, given.data
        else:
            name = given.photo_key.partition("/")[2]
            try:
                data = self._buckets.photos.read(given.photo_key)
            except ObjectError:
                raise not_found("job, or its photo is gone") from None
        job = job.model_copy(update={"photo_key": f"{job.id}/{name}"})
        self._buckets.photos.write(job.photo_key, data)
        etag = self._store.create(job)
        if etag is None:  # The same request is answered by another thread, or instance.
            found = self._board.stored(job.id)
            return found or job
        self._board.add(job, etag)
        return job


def _kept_at(idempotency_key: str) -> str:
    """Return the key of the object that has the job of an Idempotency-Key."""
    return f"{REQUESTS}/{hashlib.sha256(idempotency_key.encode()).hexdigest()[:40]}.json"


def check_limits(settings: Settings, where: str = "") -> None:
    """Raise ConfigError for a size or a number of iterations that would block the queue for too
    long.

    Args:
        settings: The settings.
        where: As in `Settings.replaced`.
    """
    for name, most in (("size", LARGEST_SIZE), ("iterations", MOST_ITERATIONS)):
        value = getattr(settings, name)
        if value == "full" or int(value) > most:
            raise ConfigError(
                f"{shown_name(name, where)} is {value}; the web service takes at most {most}"
            )
