"""The runner: what is to be painted, paint it, push each result as soon as it is done, record it.

A run whose results are all there ends without loading TensorFlow. What fails, fails alone.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from time import perf_counter
from typing import TYPE_CHECKING, Any

from styletransfer import ENGINE_VERSION, images, records, weights
from styletransfer.config import Config
from styletransfer.errors import StyleTransferError, WeightsError
from styletransfer.looks import Look, looks, pictures
from styletransfer.progress import duration, follow
from styletransfer.quiet import stderr_held
from styletransfer.settings import fit
from styletransfer.storage import Bucket, Entry, UnavailableError, open_bucket, shown

if TYPE_CHECKING:  # TensorFlow is loaded when there is something to paint.
    from styletransfer.engine import Style
    from styletransfer.vgg import VGG

logger = logging.getLogger("styletransfer")

READERS = 16  # threads that read records: each waits for the network, not for the processor
RANDOM_NOTE = (
    "painted with random features, not with trained VGG weights: palette and texture of the "
    "painting, less of its manner"
)


@dataclass(frozen=True)
class Task:
    """One photo to be painted in one look."""

    photo: Entry
    look: Look
    stem: str  # the result's key without its extension
    record_key: str
    fingerprint: str


def run(config: Config) -> int:
    """Paints all that has no result yet; the exit code: 0 all done, 1 some photos failed.

    Raises a StyleTransferError, whose exit code tells the kind, where nothing can be painted.
    """
    started = perf_counter()
    if config.device == "gpu":
        _choose_device("gpu")
    source = open_bucket(config.source, config.account)
    style = open_bucket(config.style, config.account)
    result = open_bucket(config.result, config.account, new=True)
    photos = pictures(source.list())
    style_entries = list(style.list())
    wanted = looks(style_entries, config.style_mode, config.settings)
    for found, bucket, what in ((photos, source, "photo"), (wanted, style, "painting")):
        if not found:
            logger.warning(
                "there is no %s in %s (%s)", what, bucket.name, ", ".join(sorted(images.EXTENSIONS))
            )
    if not photos or not wanted:
        return 0
    origin = _weights_origin(config, style_entries)
    tasks, done = _plan(photos, wanted, origin.identity, config, result)
    logger.info(
        "%d photos × %d looks: %d results are there, %d to paint",
        *(len(photos), len(wanted), done, len(tasks)),
    )
    if not tasks:
        print(f"Nothing to paint: all {done} results are in {config.result}.", flush=True)
        return 0
    device = _choose_device(config.device)
    logger.info("painting on %s", device)
    vgg = _load(origin, config, style)
    failures = _paint_all(tasks, config, source, style, result, vgg, device)
    painted = len(tasks) - len(failures)
    print(
        f"{painted} painted in {duration(perf_counter() - started)}"
        + (f", {done} were there" if done else "")
        + (f", {len(failures)} failed" if failures else "")
        + f". The results are in {config.result}.",
        flush=True,
    )
    if origin.random:
        print(f"They are {RANDOM_NOTE}. {_how_to_give(config)}", flush=True)
    for failure in failures:
        print(f"failed: {failure}", flush=True)
    return 1 if failures else 0


# --- what is to be painted ------------------------------------------------------------------


def _plan(
    photos: Sequence[Entry], wanted: Sequence[Look], identity: str, config: Config, result: Bucket
) -> tuple[list[Task], int]:
    """What has no record of the same fingerprint, and how many have."""
    output = (config.output_format, config.output_quality)
    tasks = [
        Task(
            photo,
            look,
            f"{look.name}/{stem}",
            records.key(look.name, photo.key),
            records.fingerprint(photo, look, identity, output),
        )
        for look in wanted
        for photo, stem in zip(photos, _stems(photos, config), strict=True)
    ]
    recorded = {entry.key for entry in result.list(f"{records.FOLDER}/")}
    there = {entry.key for entry in result.list()}
    known = [task for task in tasks if task.record_key in recorded]
    with ThreadPoolExecutor(READERS) as pool:
        found = dict(
            zip(
                known,
                pool.map(lambda task: records.read(result, task.record_key), known),
                strict=True,
            )
        )
    todo = [
        task
        for task in tasks
        if found.get(task, {}).get("fingerprint") != task.fingerprint
        or found[task].get("result") not in there
    ]
    return todo, len(tasks) - len(todo)


def _stems(photos: Sequence[Entry], config: Config) -> list[str]:
    """Each photo's key without its extension, or with it where two results would share a key."""
    plain = [PurePosixPath(photo.key).with_suffix("").as_posix() for photo in photos]
    extensions = [_extension_by_name(photo.key, config) for photo in photos]
    shared = Counter(zip(plain, extensions, strict=True))
    return [
        photo.key if shared[stem, extension] > 1 else stem
        for photo, stem, extension in zip(photos, plain, extensions, strict=True)
    ]


def _extension_by_name(key: str, config: Config) -> str:
    """The result's extension if the photo is what its name says, so that keys can be planned
    before anything is read."""
    suffix = PurePosixPath(key).suffix.lower()
    names = {".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
    heif = (".heic", ".heif", ".hif", ".avif")
    kind = names.get(suffix, "HEIF" if suffix in heif else "JPEG")
    return images.output_extension(config.output_format, kind)


# --- weights and device ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Origin:
    """Where the weights come from, known without loading them."""

    identity: str
    random: bool = False
    bucket_key: str | None = None


def _weights_origin(config: Config, style_entries: Iterable[Entry]) -> _Origin:
    given, model = config.vgg_weights, config.settings.model
    if given == "random":
        return _Origin(weights.random_identity(config.settings.seed), random=True)
    if given and given.startswith("bucket:"):
        key = given.removeprefix("bucket:")
        found = [entry for entry in style_entries if entry.key == key]
        if not found:
            raise WeightsError(f"VGG_WEIGHTS is {given!r}, but {config.style} has no {shown(key)}")
        return _Origin(f"md5:{found[0].etag}", bucket_key=key)
    if given:
        return _Origin(weights.file_identity(Path(given).expanduser()))
    if config.demo and weights.cached(model) is None:
        problem = weights.hub_problem(model)
        if problem:
            logger.warning(
                "no trained weights: the hub cannot be reached (%s); the demo paints with random "
                "features instead",
                problem,
            )
            return _Origin(weights.random_identity(config.settings.seed), random=True)
    return _Origin(f"md5:{weights.PUBLISHED[model].md5}")


def _load(origin: _Origin, config: Config, style: Bucket) -> "VGG":
    from styletransfer.vgg import load_vgg

    model, seed = config.settings.model, config.settings.seed
    if origin.random:
        return load_vgg(model, "random", seed)
    if origin.bucket_key is None:
        return load_vgg(model, config.vgg_weights)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PurePosixPath(origin.bucket_key).name
        style.download(origin.bucket_key, path)
        return load_vgg(model, path)


def _how_to_give(config: Config) -> str:
    name = weights.PUBLISHED[config.settings.model].name
    return "To use trained ones, " + weights.WAYS_OUT.format(name=name) + "."


def _choose_device(wanted: str) -> str:
    with stderr_held():
        from styletransfer.device import choose

        return choose(wanted)


# --- painting -------------------------------------------------------------------------------


def _paint_all(
    tasks: Sequence[Task],
    config: Config,
    source: Bucket,
    style: Bucket,
    result: Bucket,
    vgg: "VGG",
    device: str,
) -> list[str]:
    """Paints one task after another; a line for each that failed."""
    failures = []
    look: Look | None = None
    paintings: Style | StyleTransferError | None = None
    for number, task in enumerate(tasks, start=1):
        label = f"{shown(task.photo.key)} in {shown(task.look.name)} ({number} of {len(tasks)})"
        try:
            if task.look is not look:
                look, paintings = task.look, None
                try:
                    paintings = _style(look, style)
                except UnavailableError:
                    raise
                except StyleTransferError as error:
                    paintings = error
            if isinstance(paintings, StyleTransferError):
                raise paintings
            key = _paint(task, label, config, source, result, paintings, vgg, device)
            logger.info("%s: done, %s", label, shown(key))
        except UnavailableError:
            raise  # Every other photo would fail too.
        except StyleTransferError as error:
            logger.error("%s: %s", label, error)
            failures.append(f"{shown(task.photo.key)} in {shown(task.look.name)}: {error}")
    return failures


def _style(look: Look, bucket: Bucket) -> "Style":
    from styletransfer.engine import Style

    arrays = []
    for painting in look.paintings:
        key = painting.entry.key
        array = images.decode(bucket.read(key), f"painting {key}").pixels
        size = look.settings.size
        if size != "full" and max(array.shape[:2]) > size:
            # More of it is never looked at; 16 large paintings would fill the memory.
            array = images.resize(array, *fit(*array.shape[:2], size))
        arrays.append(array)
    return Style(arrays, [painting.share for painting in look.paintings])


def _paint(
    task: Task,
    label: str,
    config: Config,
    source: Bucket,
    result: Bucket,
    style: "Style",
    vgg: "VGG",
    device: str,
) -> str:
    """Paints one photo in one look, stores the result and then its record; the result's key."""
    from styletransfer.engine import stylize

    started = perf_counter()
    photo = images.decode(source.read(task.photo.key), task.photo.key)
    last = follow(stylize(photo.pixels, style, task.look.settings, vgg), label)
    image = last.image
    alpha = None if photo.alpha is None else images.resize(photo.alpha, *image.shape[:2])
    extension = images.output_extension(config.output_format, photo.format)
    planned = extension == _extension_by_name(task.photo.key, config)
    # A picture that is not what its name says keeps its whole name: no other result has that key.
    stem = task.stem if planned else f"{task.look.name}/{task.photo.key}"
    key = f"{stem}.{extension}"
    result.write(key, images.encode(image, extension, config.output_quality, alpha))
    records.write(
        result, task.record_key, _record(task, key, last.losses, image.shape, started, vgg, device)
    )
    return key


def _record(
    task: Task,
    key: str,
    losses: dict[str, float],
    shape: tuple[int, ...],
    started: float,
    vgg: "VGG",
    device: str,
) -> dict[str, Any]:
    from dataclasses import asdict

    record = {
        "photo": task.photo.key,
        "look": task.look.name,
        "paintings": [
            {"key": each.entry.key, "share": each.share, "etag": each.entry.etag}
            for each in task.look.paintings
        ],
        "result": key,
        "width": shape[1],
        "height": shape[0],
        "settings": asdict(task.look.settings),
        "weights": vgg.identity,
        "engine": ENGINE_VERSION,
        "device": device,
        "losses": losses,
        "seconds": round(perf_counter() - started, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "photo_etag": task.photo.etag,
        "fingerprint": task.fingerprint,
    }
    if vgg.identity.startswith("random"):
        record["note"] = RANDOM_NOTE
    return record
