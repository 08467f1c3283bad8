"""The API's requests about jobs: order, follow, cancel and fetch them."""

from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from painterly.jobs.address import own
from painterly.jobs.kept_photos import KeptPhoto
from painterly.jobs.requests import LARGEST_SIZE
from painterly.jobs.schemas import (
    CONFLICT,
    REFUSALS,
    ApiError,
    DeletedJobs,
    Estimate,
    JobId,
    JobList,
    JobOut,
    PhotoOut,
    not_found,
)
from painterly.jobs.store import StoredJob
from painterly.web.api.job_form import (
    BODY,
    file_body,
    file_form,
    job_form,
    read_mask,
    source_of,
)
from painterly.web.events import EVENTS, EventResponse
from painterly.web.picture_answers import ANSWERS, Asking, saved_as
from painterly.web.service import Shared


def _known(service: Shared, job_id: Annotated[JobId, Path()]) -> StoredJob:
    job = service.jobs.stored(job_id)
    if job is None:
        raise not_found("job")
    return job


MOST_DELETED = 1000  # jobs of one request
Known = Annotated[StoredJob, Depends(_known)]
jobs = APIRouter(prefix="/api", tags=["jobs"], responses=REFUSALS)


@jobs.post("/jobs", status_code=202, openapi_extra={"requestBody": BODY})
async def new_job(
    request: Request,
    response: Response,
    service: Shared,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> JobOut:
    """Add a job to the queue: a photo or a clip, and a mask if there is one, in a form with the
    field `request`, or, as JSON, the id of a job in `again`, to paint its photo again. With an
    `Idempotency-Key` that was used before, it is the job of that time."""
    # Before anything of the photo is kept.
    await run_in_threadpool(service.orders.check_room, idempotency_key)
    async with service.uploads.taken(), job_form(request) as (asked, files):
        sent, mask_file = files.get("photo"), files.get("mask")
        source = source_of(sent, service, mask_file) if sent else service.in_memory(mask_file)
        async with source as photo:
            mask = await read_mask(mask_file, service.options, service)
            create = service.orders.create
            job = await run_in_threadpool(create, asked, photo, mask, idempotency_key)
    response.headers["location"] = own(f"/api/jobs/{job.id}")
    return await run_in_threadpool(service.jobs.view, job)


@jobs.post("/photos", status_code=201, response_model=PhotoOut, openapi_extra=file_body("photo"))
async def new_photo(request: Request, service: Shared) -> KeptPhoto:
    """Send a photo or a clip before it is ordered, for previews and jobs that name its id in
    `again`. It is deleted after an hour."""
    async with file_form(request, service) as file, source_of(file, service) as photo:
        return await run_in_threadpool(service.orders.photos.keep, photo)


def _sent(service: Shared, photo_id: Annotated[JobId, Path()]) -> KeptPhoto:
    kept = service.orders.photos.find(photo_id)
    if kept is None:
        raise not_found("photo")
    return kept


Sent = Annotated[KeptPhoto, Depends(_sent)]


@jobs.get("/photos/{photo_id}", response_class=Response, responses=ANSWERS)
def sent_photo(photo: Sent, service: Shared, asked: Asking) -> Response:
    """Return a photo that was sent, as a JPEG with at most 1280 px."""
    return service.pictures.photo(asked, photo, small=True)


@jobs.delete("/photos/{photo_id}", status_code=204)
def delete_photo(photo: Sent, service: Shared) -> None:
    """Delete a photo that was sent. Photos of jobs stay."""
    service.orders.photos.delete(photo)


@jobs.get("/jobs")
def list_jobs(service: Shared) -> JobList:
    """List the jobs that wait or are painted, and the latest that have ended."""
    if not service.jobs.complete:
        raise ApiError(503, "the jobs are still being read; try again in a moment", 1)
    return JobList(jobs=service.jobs.all())


@jobs.get("/jobs/{job_id}")
def get_job(job: Known, service: Shared) -> JobOut:
    """Return one job."""
    return service.jobs.view(job)


@jobs.post("/jobs/{job_id}/cancel", status_code=202, responses=CONFLICT)
def cancel_job(job: Known, service: Shared) -> JobOut:
    """Take a job out of the queue, or end its painting after the current step. It is deleted after
    an hour."""
    if not job.state.final:
        if later := service.cancel(job.id):
            return service.jobs.view(later)
        job = _known(service, job.id)
    raise ApiError(409, f"this job has ended already: it is {job.state.value}")


WithPhoto = Annotated[
    bool, Query(description="Whether all other jobs with the same photo are deleted, too.")
]


@jobs.delete("/jobs", status_code=202)
def delete_jobs(
    ids: Annotated[list[JobId], Query(alias="id", min_length=1, max_length=MOST_DELETED)],
    service: Shared,
    photo: WithPhoto = False,
) -> DeletedJobs:
    """Delete several jobs at once, as `DELETE /api/jobs/ID` does. Those that are not there are
    deleted already."""
    deleted = dict.fromkeys(ids)
    for each in ids:
        if service.jobs.stored(each) is not None:
            deleted |= dict.fromkeys(service.deletions.ask(each, with_photo=photo))
    return DeletedJobs(jobs=[*deleted])


@jobs.delete("/jobs/{job_id}", status_code=202)
def delete_job(
    job_id: Annotated[JobId, Path()], service: Shared, photo: WithPhoto = False
) -> DeletedJobs:
    """Delete a job with its photo, mask, result and all else that it has stored, for good. One that
    has not ended is cancelled. It is listed nowhere from now on, and gone within seconds, or once
    its painting has ended."""
    return DeletedJobs(jobs=service.deletions.ask(job_id, with_photo=photo))


@jobs.get(
    "/events",
    response_class=EventResponse,
    responses={200: {"content": {EventResponse.media_type: EVENTS}}},
)
async def all_events(
    service: Shared,
    places: Annotated[
        bool,
        Query(
            description="Whether jobs that only move up in the queue come together, in an event "
            "`places` with the list `jobs`: the `id`, `place` and `seconds_left` of each. "
            "Otherwise each of them is an event `job`."
        ),
    ] = False,
) -> EventResponse:
    """Send an event `job` for each unfinished job, then for each job that changes, an event
    `deleted` with the ids of those that are deleted, and a comment every 15 s."""
    return await service.events.answer(places)


@jobs.get("/jobs/{job_id}/photo", response_class=Response, responses=ANSWERS)
def job_photo(job: Known, service: Shared, asked: Asking, small: bool = False) -> Response:
    """Return the job's photo, as a JPEG if browsers cannot show its format; `small`: with at most
    1280 px."""
    return service.pictures.photo(asked, job, small)


@jobs.post("/jobs/{job_id}/photo", status_code=201, response_model=PhotoOut)
async def keep_photo(job: Known, service: Shared) -> KeptPhoto:
    """Keep the job's photo, so that it outlasts the job's deletion. It is then also a photo of
    `POST /api/photos`, and is deleted after an hour."""
    return await run_in_threadpool(service.orders.photos.keep_of, job)


@jobs.get("/jobs/{job_id}/mask", response_class=Response, responses=ANSWERS)
def job_mask(job: Known, service: Shared, asked: Asking) -> Response:
    """Return the photo's mask as a PNG."""
    return service.pictures.mask(asked, job)


@jobs.get("/jobs/{job_id}/preview", response_class=Response, responses=ANSWERS)
def job_preview(job: Known, service: Shared, asked: Asking) -> Response:
    """Return a small JPEG of the unfinished picture."""
    return service.pictures.preview(asked, job)


@jobs.get("/jobs/{job_id}/result", response_class=Response, responses=ANSWERS)
def job_result(
    job: Known, service: Shared, asked: Asking, download: bool = False, small: bool = False
) -> Response:
    """Return the finished picture, or clip; `small`: as a JPEG with at most 1280 px."""
    answer = service.pictures.result(asked, job, small)
    return saved_as(answer, _name(job)) if download else answer


@jobs.get("/jobs/{job_id}/timelapse", response_class=Response, responses=ANSWERS)
def job_timelapse(job: Known, service: Shared, asked: Asking, download: bool = False) -> Response:
    """Return the finished picture as it grew, as an animated WebP, if the job asked for it with
    the setting `timelapse`."""
    answer = service.pictures.timelapse(asked, job)
    return saved_as(answer, f"{_name(job)}.timelapse") if download else answer


def _name(job: StoredJob) -> str:
    return f"{PurePosixPath(job.photo).stem} - {job.style}"


@jobs.get("/estimate")
def estimate(
    service: Shared,
    size: Annotated[
        int | None,
        Query(
            ge=32,
            le=LARGEST_SIZE,
            description="The longer side in px; by default, that of each preset.",
        ),
    ] = None,
    again: Annotated[
        JobId | None,
        Query(description="A photo or a clip, as in a request; by default, a usual photo."),
    ] = None,
) -> Estimate:
    """Estimate the seconds that each preset takes here."""
    return service.orders.estimate(size, again)
