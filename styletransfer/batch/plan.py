"""What is to be painted: photos × looks, without those that have an up-to-date result."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from styletransfer import bucket_layout
from styletransfer.batch.looks import Look
from styletransfer.batch.records import fingerprint, read_record
from styletransfer.images.output import OutputFormat
from styletransfer.log import printable
from styletransfer.record import Record
from styletransfer.storage.base import Bucket, Entry

if TYPE_CHECKING:
    from styletransfer.batch.network_pool import NetworkPool

RECORD_READERS = 16  # threads that read records: each waits for the network, not for the processor


@dataclass(frozen=True)
class Selection:
    """What a run is asked to paint: every photo in every look.

    masks: where a photo is painted; stems: its results' keys without look and extension; both by
    the photo's key. partial: PHOTO or LOOK left others out, which other runs may be painting.
    """

    photos: Sequence[Entry]
    looks: Sequence[Look]
    masks: Mapping[str, Entry]
    stems: Mapping[str, str]
    partial: bool

    def pairs(self) -> list[tuple[Entry, Look]]:
        """Every photo in every look, look by look."""
        return [(photo, look) for look in self.looks for photo in self.photos]


@dataclass(frozen=True)
class Task:
    """One photo to be painted in one look, where its mask is white."""

    photo: Entry
    mask: Entry | None
    look: Look
    stem: str  # the result's key without look and extension
    fingerprint: str
    previous_record: Record | None  # of an earlier result or failure

    def __str__(self) -> str:
        return f"{printable(self.photo.key)} in {printable(self.look.name)}"

    @property
    def record_key(self) -> str:
        return bucket_layout.record_key(self.look.name, self.photo.key)

    @property
    def checkpoint_key(self) -> str:
        return bucket_layout.checkpoint_key(self.look.name, self.photo.key)

    def result_key(self, extension: str, output: OutputFormat) -> str:
        """The key of the result, once the photo's real format is known. A photo whose format is
        not what its name says keeps its whole name: no other result has that key."""
        as_planned = extension == output.extension_by_name(self.photo.key)
        stem = self.stem if as_planned else self.photo.key
        return f"{self.look.name}/{stem}.{extension}"


@dataclass(frozen=True)
class Plan:
    """The tasks of a run, and the records of what is done already."""

    output: OutputFormat
    todo: tuple[Task, ...]
    done: tuple[Record, ...]
    partial: bool  # as Selection.partial
    checkpoints: frozenset[str]  # keys of those in the bucket that belong to `todo`
    stale: tuple[str, ...]  # keys of those that belong to nothing any more
    unpublished: bool  # whether the gallery lacks results that are in the bucket


def make_plan(
    selection: Selection,
    networks: "NetworkPool",
    output: OutputFormat,
    result: Bucket,
    result_keys: Set[str],
) -> Plan:
    """Compares the selection with what is in the result bucket. Raises StorageError, WeightsError.

    networks: asked which weights paint what there is to paint. result_keys: all keys in the result
    bucket.
    """
    records = _read_records(result, _record_keys(selection) & result_keys)
    form = astuple(output)
    unfinished, done = [], []
    painted: Counter[str] = Counter()  # by weights
    for photo, look in selection.pairs():
        previous = records.get(bucket_layout.record_key(look.name, photo.key))
        mask = selection.masks.get(photo.key)
        fitting = {
            fingerprint(photo, mask, look, weights, form): weights
            for weights in networks.accepted(look.settings)
        }
        if previous and previous.fingerprint in fitting and previous.result in result_keys:
            done.append(previous)
            painted[fitting[previous.fingerprint]] += 1
        else:
            unfinished.append((photo, mask, look, previous))
    networks.continue_with(painted)
    todo = []
    for photo, mask, look, previous in unfinished:
        current = fingerprint(photo, mask, look, networks.identity(look.settings), form)
        todo.append(Task(photo, mask, look, selection.stems[photo.key], current, previous))
    useful, stale = _checkpoints(selection, todo, result_keys)
    return Plan(
        output=output,
        todo=tuple(todo),
        done=tuple(done),
        partial=selection.partial,
        checkpoints=frozenset(useful),
        stale=tuple(sorted(stale)),
        unpublished=bucket_layout.UNPUBLISHED in result_keys and not selection.partial,
    )


def lacks_records(selection: Selection, result_keys: Set[str]) -> bool:
    """Whether there is certainly something to paint: a photo in a look without a record."""
    return not _record_keys(selection) <= result_keys


def result_stems(photos: Sequence[Entry], output: OutputFormat) -> dict[str, str]:
    """Each photo's result key without look and extension, by the photo's key: the photo's key
    without its own extension, or with it where two results would share a key."""
    plain = [PurePosixPath(photo.key).with_suffix("").as_posix() for photo in photos]
    extensions = [output.extension_by_name(photo.key) for photo in photos]
    counts = Counter(zip(plain, extensions, strict=True))
    return {
        photo.key: photo.key if counts[stem, extension] > 1 else stem
        for photo, stem, extension in zip(photos, plain, extensions, strict=True)
    }


def _record_keys(selection: Selection) -> set[str]:
    return {bucket_layout.record_key(look.name, photo.key) for photo, look in selection.pairs()}


def _read_records(result: Bucket, keys: Iterable[str]) -> dict[str, Record | None]:
    keys = sorted(keys)
    with ThreadPoolExecutor(RECORD_READERS) as pool:
        return dict(zip(keys, pool.map(lambda key: read_record(result, key), keys), strict=True))


def _checkpoints(
    selection: Selection, todo: Iterable[Task], result_keys: Set[str]
) -> tuple[set[str], set[str]]:
    """Keys of checkpoints in the result bucket: those that a task can resume from, and stale ones.
    A partial run leaves those of other photos and looks alone."""
    stored = {key for key in result_keys if key.startswith(f"{bucket_layout.CHECKPOINTS}/")}
    if selection.partial:
        stored &= {
            bucket_layout.checkpoint_key(look.name, photo.key) for photo, look in selection.pairs()
        }
    useful = stored & {task.checkpoint_key for task in todo}
    return useful, stored - useful
