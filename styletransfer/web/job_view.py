"""A job as the API shows it."""

from styletransfer.web.schemas import JobLinks, JobOut
from styletransfer.web.stored import StoredJob


def job_view(
    job: StoredJob, place: int | None, seconds_left: float | None, has_preview: bool
) -> JobOut:
    """place, seconds_left: as in JobOut. has_preview: whether there is one."""
    own = f"/api/jobs/{job.id}"
    final = job.state.final
    return JobOut(
        id=job.id,
        photo=job.photo,
        look=job.look,
        paintings=job.paintings,
        quality=job.quality,
        settings=job.settings,
        state=job.state,
        place=None if final else place,
        step=job.step,
        steps=job.steps,
        fraction=job.fraction,
        seconds_left=None if final or seconds_left is None else round(seconds_left, 1),
        created=job.created,
        started=job.started,
        finished=job.finished,
        error=job.error,
        network=job.network,
        width=job.width,
        height=job.height,
        links=JobLinks(
            self=own,
            events=f"{own}/events",
            cancel=None if final else f"{own}/cancel",
            photo=f"{own}/photo",
            preview=f"{own}/preview" if has_preview and not final else None,
            result=f"{own}/result" if job.result else None,
        ),
    )
