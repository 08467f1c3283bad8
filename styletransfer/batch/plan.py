"""What is to be painted: photos × looks, less what has a record of the same fingerprint."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import PurePosixPath
from typing import Any

from styletransfer import bucket_layout
from styletransfer.batch import records
from styletransfer.batch.looks import Look
from styletransfer.images.output import OutputFormat
from styletransfer.log import printable
from styletransfer.settings import Settings
from styletransfer.storage.base import Bucket, Entry

# In the result bucket while the gallery lacks results: a run that was killed leaves it there.
UNPUBLISHED = f"{bucket_layout.GALLERY}/unpublished"
READERS = 16  # threads that read records: each waits for the network, not for the processor


@dataclass(frozen=True)
class Task:
    """One photo to be painted in one look, where its mask is white; `previous_record` is the record
    of an earlier result."""

    photo: Entry
    mask: Entry | None
    look: Look
    stem: str  # the result's key without look and extension
    fingerprint: str
    previous_record: dict[str, Any]

    def __str__(self) -> str:
        return f"{printable(self.photo.key)} in {printable(self.look.name)}"

    @property
    def record_key(self) -> str:
        return bucket_layout.record_key(self.look.name, self.photo.key)

    @property
    def checkpoint_key(self) -> str:
        return bucket_layout.checkpoint_key(self.look.name, self.photo.key)

    def result_key(self, extension: str, output: OutputFormat) -> str:
        """Where the result goes, once the photo has told its real format. One that is not what its
        name says keeps its whole name: no other result has that key."""
        as_planned = extension == output.extension_by_name(self.photo.key)
        stem = self.stem if as_planned else self.photo.key
        return f"{self.look.name}/{stem}.{extension}"


@dataclass(frozen=True)
class Plan:
    """Tasks to do, and the records of what is done already, of the looks and photos of this run."""

    output: OutputFormat
    todo: tuple[Task, ...]
    done: tuple[dict[str, Any], ...]
    partial: bool  # whether others may be at work on other photos or looks: the gallery is theirs
    checkpoints: frozenset[str]  # keys of those in the bucket that belong to `todo`
    stale: tuple[str, ...]  # keys of those that belong to nothing any more
    unpublished: bool  # whether the gallery lacks results that are there


def make_plan(
    photos: Sequence[Entry],
    stems: Mapping[str, str],
    masks: Mapping[str, Entry],
    looks: Sequence[Look],
    identity: Callable[[Settings], str],
    output: OutputFormat,
    result: Bucket,
    there: Set[str],
    partial: bool = False,
) -> Plan:
    """Compares what is wanted with what the result bucket has. Raises StorageError.

    stems, masks: those of photos, by the photo's key. identity: settings → the identity of the
    weights they are painted with. there: the keys in the result bucket. partial: whether these are
    only some of the photos and looks.
    """
    wanted = [(photo, look) for look in looks for photo in photos]
    recorded = [
        key
        for photo, look in wanted
        if (key := bucket_layout.record_key(look.name, photo.key)) in there
    ]
    with ThreadPoolExecutor(READERS) as pool:
        known = dict(
            zip(recorded, pool.map(lambda key: records.read(result, key), recorded), strict=True)
        )
    todo, done = [], []
    for photo, look in wanted:
        before = known.get(bucket_layout.record_key(look.name, photo.key), {})
        mask = masks.get(photo.key)
        told = records.fingerprint(photo, mask, look, identity(look.settings), astuple(output))
        if before.get("fingerprint") == told and before.get("result") in there:
            done.append(before)
        else:
            todo.append(Task(photo, mask, look, stems[photo.key], told, before))
    saved = {key for key in there if key.startswith(f"{bucket_layout.CHECKPOINTS}/")}
    if partial:
        saved &= {bucket_layout.checkpoint_key(look.name, photo.key) for photo, look in wanted}
    useful = saved & {task.checkpoint_key for task in todo}
    stale = tuple(sorted(saved - useful))
    unpublished = UNPUBLISHED in there and not partial
    return Plan(output, tuple(todo), tuple(done), partial, frozenset(useful), stale, unpublished)


def stems(photos: Sequence[Entry], output: OutputFormat) -> dict[str, str]:
    """Each photo's result key without look and extension, by the photo's key, which it is without
    its own extension, or with it where two results would share a key."""
    plain = [PurePosixPath(photo.key).with_suffix("").as_posix() for photo in photos]
    extensions = [output.extension_by_name(photo.key) for photo in photos]
    shared = Counter(zip(plain, extensions, strict=True))
    return {
        photo.key: photo.key if shared[stem, extension] > 1 else stem
        for photo, stem, extension in zip(photos, plain, extensions, strict=True)
    }
