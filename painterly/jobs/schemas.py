"""Requests, answers and errors of the API. /openapi.json is generated from them."""

import mimetypes
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from painterly.errors import PainterlyError
from painterly.settings.kindness import Subject
from painterly.words.texts import Language

Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]
JOB_ID = "^[0-9a-f]{20}$"
JobId = Annotated[str, StringConstraints(pattern=JOB_ID)]
Share = Annotated[float, Field(gt=0, le=1000)]
MAX_BLENDED = 8  # paintings in one style: the engine's time and memory grow with them


class JobState(StrEnum):
    """State of a job. The last three are final."""

    QUEUED = "queued"
    PAINTING = "painting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class Preset(StrEnum):
    """A preset: instant, a draft, the usual size and effort, or a large picture."""

    INSTANT = "instant"
    DRAFT = "draft"
    FINE = "fine"
    PRINT = "print"


class Blended(BaseModel):
    """A painting in a style. The shares of a style add up to 1."""

    name: str = Field(examples=["monet.jpg"])
    share: float = Field(examples=[0.7])


class StyleOut(BaseModel):
    """A style of the style bucket, or a ready one. A job names it by `name`; the other texts are
    what people call it, in the request's language."""

    name: str = Field(examples=["hokusai"])
    title: str = Field(
        examples=["The Great Wave"], description="Its title, or else its name in words."
    )
    artist: str | None = Field(examples=["Katsushika Hokusai"])
    short: str | None = Field(examples=["Hokusai"], description="The artist's usual short name.")
    year: str | None = Field(examples=["1831"])
    medium: str | None = Field(examples=["colour woodblock print"])
    thumbnail: str = Field(examples=["/api/paintings/_ready%2Fhokusai.jpg/thumbnail"])
    paintings: list[Blended]
    settings: dict[str, Any] = Field(description="The style's own settings.")
    ready: bool = Field(description="Whether it comes with the program.")


class Suited(BaseModel):
    """The styles that suit a photo."""

    subject: Subject | None = Field(description="What the photo shows, if that is known.")
    styles: list[str] = Field(
        description="The ready styles that are kind to that, by name, the kindest first."
    )


class PaintingOut(BaseModel):
    """A painting that styles can be made from."""

    name: str = Field(examples=["_web/3f2a91c04d7e-waves.jpg"])
    thumbnail: str
    uploaded: bool = Field(description="Whether it was uploaded here, and so can be deleted here.")


class JobRequest(BaseModel):
    """Request for a picture: a style by its name, paintings in shares of any sum, or a sheet."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"style": "monet", "preset": "draft"},
                {
                    "paintings": {"monet.jpg": 70, "waves/hokusai.png": 30},
                    "preset": "fine",
                    "settings": {"preserve_color": True, "strength": 0.6},
                },
                {"sheet": "en"},
                {"sheet": "en", "story": True},
            ]
        },
    )

    again: JobId | None = Field(
        default=None,
        description="A photo that was sent before (POST /api/photos), or a job whose photo is "
        "painted once more, with its mask unless another one is sent; then no photo is sent.",
    )
    style: Name | None = None
    paintings: dict[Name, Share] | None = Field(default=None, min_length=1, max_length=MAX_BLENDED)
    sheet: Language | None = Field(
        default=None,
        description="A sheet of the photo in all styles, by preset instant, with their names in "
        "this language; without style, paintings, and the settings `size`, `paper`, `dpi`, `bleed` "
        "and `timelapse`.",
    )
    story: bool = Field(
        default=False,
        description="Instead of the sheet, eight upright seconds for phones: a line turns the "
        "photo into one painting after the other, by the six styles that are kindest to it. An "
        "mp4, or an animated WebP from a service without ffmpeg.",
    )
    preset: Preset = Preset.FINE
    settings: dict[Name, bool | int | float | str] = Field(default={}, max_length=30)
    callback: Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None = Field(
        default=None,
        description="An address that gets the job in a POST request once it has ended, on a host "
        "of WEB_CALLBACK_HOSTS.",
    )


class PhotoOut(BaseModel):
    """A photo or a clip that was sent, for previews and orders: they name its `id` in `again`. It
    is deleted after an hour; a job has its own. Previews of a clip show its first frame."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    id: str = Field(examples=["018f5c0b2d9a41b6c07e"])
    photo: str = Field(examples=["beach.jpg"], description="Its name.")
    frames: int | None = Field(
        default=None, description="The number of frames of a clip; null for a photo."
    )
    duration: float | None = Field(default=None, description="The seconds that a clip lasts.")


class JobLinks(BaseModel):
    """Addresses of a job's parts; null if there is none yet."""

    self_: str = Field(alias="self", serialization_alias="self")
    cancel: str | None
    photo: str
    mask: str | None
    preview: str | None
    result: str | None
    timelapse: str | None


class JobFields(BaseModel):
    """The fields that a job has in the bucket and in the API. Times are in ISO 8601."""

    id: str = Field(examples=["018f5c0b2d9a41b6c07e"])
    photo: str = Field(examples=["beach.jpg"])
    style: str = Field(examples=["monet"])
    sheet: Language | None = Field(
        default=None,
        description="The language of a sheet of all styles, which lists no paintings; null for "
        "another picture.",
    )
    story: bool = Field(default=False, description="Whether the sheet is a story.")
    frames: int | None = Field(
        default=None, description="The number of frames of a clip, about; null for a photo."
    )
    duration: float | None = Field(default=None, description="The seconds that a clip lasts.")
    paintings: list[Blended]
    preset: Preset
    settings: dict[str, Any] = Field(description="The settings in the request.")
    state: JobState = JobState.QUEUED
    step: int = 0
    steps: int | None = Field(default=None, description="Their number; null before painting.")
    fraction: float | None = Field(
        default=None, description="The work done, 0 to 1; null before painting."
    )
    seconds_left: float | None = Field(
        default=None, description="Seconds until it is done; null if unknown."
    )
    created: str = Field(examples=["2026-05-04T08:15:30+00:00"])
    started: str | None = None
    finished: str | None = None
    error: str | None = None


class JobOut(JobFields):
    """A photo or a clip to be painted in a style, and its progress. A step of a clip is a frame;
    the pictures of a clip are of its first frame, but the result is a clip."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    network: str | None = Field(description="The network that painted it.")
    photo_etag: str | None = Field(
        description="The same one for jobs with the same photo; null until it is painted."
    )
    result_key: str | None = Field(
        examples=["monet/018f5c0b2d9a41b6c07e/beach.jpg"],
        description="The key of the result in its bucket; null until it is painted.",
    )
    width: int | None
    height: int | None
    media_type: str | None = Field(
        examples=["image/png"], description="That of the result; null until it is painted."
    )
    place: int | None = Field(
        description="Place in the queue: 1 is next, 0 is being painted; null once it has ended."
    )
    links: JobLinks


class JobPlace(BaseModel):
    """A job's place in the queue, and the seconds until it is done; null if unknown."""

    id: str
    place: int
    seconds_left: float | None


class Places(BaseModel):
    """The data of an event `places`: jobs that wait, and may have moved."""

    jobs: list[JobPlace]


class DeletedJobs(BaseModel):
    """Jobs that are deleted, by their ids: the answer to DELETE, and the data of an event
    `deleted`."""

    jobs: list[str]


class JobList(BaseModel):
    """Newest first."""

    jobs: list[JobOut]


class PresetSizes(BaseModel):
    """The longer side in px of each preset's pictures, if a job names no other."""

    instant: int | str = Field(examples=[1024], description="Or `full`, the photo's own size.")
    draft: int | str
    fine: int | str
    print: int | str


class Estimate(BaseModel):
    """Seconds that each preset, and a sheet, takes here, once its turn has come; null while not
    known."""

    instant: float | None
    draft: float | None
    fine: float | None
    print: float | None
    sheet: float | None
    papers: dict[str, float | None] = Field(description="The same for prints on some papers.")
    sizes: PresetSizes


class System(BaseModel):
    """State of the service. device: null until the worker has loaded TensorFlow."""

    device: str | None
    ready: bool


class Health(BaseModel):
    """Answer of a running web process."""

    status: str = "ok"


class Readiness(BaseModel):
    """State of the service: whether jobs are accepted and painted, and if not, why."""

    ready: bool
    reason: str | None


class Refusal(BaseModel):
    """Reason for rejecting a request, in one line."""

    detail: str = Field(
        examples=["photo.txt is not a picture that can be read; save it as JPEG or PNG"]
    )


def media_type(key: str) -> str:
    """Return the media type of a picture or a clip, by the extension of its key."""
    kind = mimetypes.guess_type(key)[0] or ""
    is_shown = kind.startswith(("image/", "video/")) and "svg" not in kind
    return kind if is_shown else "application/octet-stream"


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe rejections as JSON, which they are whatever a route answers with. A route with a
    `model` would describe them as its own type."""
    schema = {"$ref": f"#/components/schemas/{Refusal.__name__}"}
    described = {"description": "Rejected", "content": {"application/json": {"schema": schema}}}
    return dict.fromkeys(statuses, described)


REFUSALS = refusals(400, 401, 403, 404, 408, 413, 415, 422, 429, 503)
CONFLICT = refusals(409)


class ApiError(PainterlyError):
    """A rejected request.

    Attributes:
        status: HTTP status of the answer.
        retry_s: Seconds after which the request may be sent again; None if never.
    """

    def __init__(self, status: int, reason: str, retry_s: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.retry_s = status, retry_s


def not_found(what: str) -> ApiError:
    """Make the error for a thing that does not exist."""
    return ApiError(404, f"there is no such {what}")
