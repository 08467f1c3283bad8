"""What is to be painted: photos × looks, less what has a record of the same fingerprint."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from styletransfer import checkpoints, images, names, records
from styletransfer.looks import Look
from styletransfer.settings import Settings
from styletransfer.storage import Bucket, Entry, shown

# In the result bucket while the gallery lacks results: a run that was killed leaves it there.
UNPUBLISHED = f"{names.GALLERY}/unpublished"
READERS = 16  # threads that read records: each waits for the network, not for the processor

_KINDS = {".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"} | dict.fromkeys(
    (".heic", ".heif", ".hif", ".avif"), "HEIF"
)


@dataclass(frozen=True)
class Output:
    """OUTPUT_FORMAT and OUTPUT_QUALITY, as config.Config has them."""

    format: str | None
    quality: int

    def extension_by_name(self, photo_key: str) -> str:
        """A result's extension if the photo is what its name says, so that keys can be planned
        before anything is read."""
        kind = _KINDS.get(PurePosixPath(photo_key).suffix.lower(), "JPEG")
        return images.output_extension(self.format, kind)


@dataclass(frozen=True)
class Task:
    """One photo to be painted in one look; `before` is the record of an earlier result."""

    photo: Entry
    look: Look
    stem: str  # the result's key without look and extension
    fingerprint: str
    before: dict[str, Any]

    def __str__(self) -> str:
        return f"{shown(self.photo.key)} in {shown(self.look.name)}"

    @property
    def record_key(self) -> str:
        return records.key(self.look.name, self.photo.key)

    @property
    def checkpoint_key(self) -> str:
        return checkpoints.key(self.look.name, self.photo.key)

    def result_key(self, extension: str, output: Output) -> str:
        """Where the result goes, once the photo has told its real format. One that is not what its
        name says keeps its whole name: no other result has that key."""
        as_planned = extension == output.extension_by_name(self.photo.key)
        stem = self.stem if as_planned else self.photo.key
        return f"{self.look.name}/{stem}.{extension}"


@dataclass(frozen=True)
class Plan:
    """Tasks to do, and the records of what is done already, of the looks and photos of this run."""

    todo: tuple[Task, ...]
    done: tuple[dict[str, Any], ...]
    checkpoints: frozenset[str]  # keys of those in the bucket that belong to `todo`
    stale: tuple[str, ...]  # keys of those that belong to nothing any more
    unpublished: bool  # whether the gallery lacks results that are there


def make(
    photos: Sequence[Entry],
    looks: Sequence[Look],
    identity: Callable[[Settings], str],
    output: Output,
    result: Bucket,
) -> Plan:
    """Compares what is wanted with what the result bucket has. Raises StorageError.

    identity: settings → the identity of the weights they are painted with.
    """
    there = {entry.key for entry in result.list()}
    wanted = [
        (photo, look, stem)
        for look in looks
        for photo, stem in zip(photos, _stems(photos, output), strict=True)
    ]
    recorded = [
        key for photo, look, _ in wanted if (key := records.key(look.name, photo.key)) in there
    ]
    with ThreadPoolExecutor(READERS) as pool:
        known = dict(
            zip(recorded, pool.map(lambda key: records.read(result, key), recorded), strict=True)
        )
    todo, done = [], []
    for photo, look, stem in wanted:
        before = known.get(records.key(look.name, photo.key), {})
        told = records.fingerprint(
            photo, look, identity(look.settings), (output.format, output.quality)
        )
        if before.get("fingerprint") == told and before.get("result") in there:
            done.append(before)
        else:
            todo.append(Task(photo, look, stem, told, before))
    saved = {key for key in there if key.startswith(f"{checkpoints.FOLDER}/")}
    useful = saved & {task.checkpoint_key for task in todo}
    stale = tuple(sorted(saved - useful))
    return Plan(tuple(todo), tuple(done), frozenset(useful), stale, UNPUBLISHED in there)


def _stems(photos: Sequence[Entry], output: Output) -> list[str]:
    """Each photo's key without its extension, or with it where two results would share a key."""
    plain = [PurePosixPath(photo.key).with_suffix("").as_posix() for photo in photos]
    extensions = [output.extension_by_name(photo.key) for photo in photos]
    shared = Counter(zip(plain, extensions, strict=True))
    return [
        photo.key if shared[stem, extension] > 1 else stem
        for photo, stem, extension in zip(photos, plain, extensions, strict=True)
    ]
