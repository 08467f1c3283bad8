"""What is to be painted: photos × looks, without those that have an up-to-date result."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import astuple, dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from styletransfer import bucket_layout
from styletransfer.batch.looks import Look
from styletransfer.batch.names import Pair, ResultNames
from styletransfer.batch.records import (
    fingerprints,
    intact_records,
    read_records,
    stored_by,
    task_record,
)
from styletransfer.errors import PictureError
from styletransfer.images.output import OutputFormat
from styletransfer.log import printable
from styletransfer.record import Record
from styletransfer.storage.base import BadKeyError, Bucket, Entry, ObjectError

if TYPE_CHECKING:
    from styletransfer.batch.network_pool import NetworkPool


@dataclass(frozen=True)
class Selection:
    """What a run is asked to paint: every photo in every look.

    masks: where a photo is painted, by the photo's key. names: those of all results. partial: PHOTO
    or LOOK left others out, which other runs may be painting.
    """

    photos: Sequence[Entry]
    looks: Sequence[Look]
    masks: Mapping[str, Entry]
    names: ResultNames
    partial: bool

    def pairs(self) -> Iterator[tuple[Entry, Look]]:
        """Every photo in every look, look by look."""
        return ((photo, look) for look in self.looks for photo in self.photos)


@dataclass(frozen=True)
class Task:
    """One photo to be painted in one look, where its mask is white. planned: the key of its result
    if the photo is what its name says. there: the object under that key when the plan was made.
    """

    photo: Entry
    mask: Entry | None
    look: Look
    planned: str
    there: Entry | None
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


@dataclass(frozen=True)
class Plan:
    """The tasks of a run, and the records of what is done already.

    refused: what cannot be painted, and why. stored: what is in the result
    bucket, by key. records: those that were read, by key; None: damaged. intact: those of them
    whose result is there as they describe it. kept: tasks whose results stay, though they are not
    what would be painted; their records are in `done`.
    """

    output: OutputFormat
    todo: tuple[Task, ...]
    done: tuple[Record, ...]
    refused: tuple[tuple[Task, str], ...]
    kept: tuple[Task, ...]
    stored: Mapping[str, Entry]
    records: Mapping[str, Record | None]
    intact: Mapping[str, Record]
    partial: bool  # as Selection.partial
    checkpoints: frozenset[str]  # keys of those in the bucket that belong to `todo`
    stale: tuple[str, ...]  # keys of those that belong to nothing any more


def make_plan(
    selection: Selection,
    networks: "NetworkPool",
    output: OutputFormat,
    result: Bucket,
    stored: Mapping[str, Entry],
    keep: bool = False,
) -> Plan:
    """Compares the selection with what is in the result bucket. Raises StorageError, WeightsError.

    networks: of the looks; it logs those that have something to paint. stored: all that is in the
    result bucket, by key. keep: results stay, whatever has changed.
    """
    records = read_records(
        result, (stored[key] for key in _record_keys(selection) if key in stored)
    )
    intact = intact_records(records, stored)
    form = astuple(output)
    rivals = selection.names.rivals(result.folding)
    todo, done, kept, refused = [], [], [], []
    for look in selection.looks:
        of_look = cache(partial(fingerprints, look, form))
        networks.identity(look.settings)  # It has to be there, whatever is to be painted.
        for photo in selection.photos:
            record_key = bucket_layout.record_key(look.name, photo.key)
            previous = task_record(records.get(record_key), photo.key, look.name)
            planned = selection.names.planned(look.name, photo.key)
            task = Task(
                photo=photo,
                mask=selection.masks.get(photo.key),
                look=look,
                planned=planned,
                there=stored.get(planned),
                fingerprint="",
                previous_record=previous,
            )
            try:
                check_names(photo, look)
                _check_record_key(record_key, result)
                task = replace(task, fingerprint=of_look()(photo, task.mask))
                current = previous is not None and is_current(previous, task, networks)
                if previous and (keep or current) and _has_result(task, intact):
                    done.append(previous)
                    if not current:
                        kept.append(task)
                    continue
                _check_rival(rivals.get((look.name, photo.key)), planned, selection.names)
            except (PictureError, ObjectError) as error:
                refused.append((task, str(error)))
            else:
                todo.append(task)
    networks.announce(task.look.settings for task in todo)
    useful, stale = _checkpoints(selection, todo, stored.keys())
    return Plan(
        output=output,
        todo=tuple(todo),
        done=tuple(done),
        refused=tuple(refused),
        kept=tuple(kept),
        stored=stored,
        records=records,
        intact=intact,
        partial=selection.partial,
        checkpoints=frozenset(useful),
        stale=tuple(sorted(stale)),
    )


def is_current(record: Record, task: Task, networks: "NetworkPool") -> bool:
    """Whether a record is of what would be painted now."""
    same = record.fingerprint == task.fingerprint
    return same and networks.accepts(record, task.look.settings)


def _has_result(task: Task, intact: Mapping[str, Record]) -> bool:
    """Whether the result that the task's record names is there, and is the task's own."""
    previous = task.previous_record
    own = stored_by(previous, task.photo.key, task.look.name)
    return task.record_key in intact and previous is not None and previous.result in own


def lacks_records(selection: Selection, result_keys: Set[str]) -> bool:
    """Whether there is certainly something to paint: a photo in a look without a record."""
    return any(key not in result_keys for key in _record_keys(selection))


def check_names(photo: Entry, look: Look) -> None:
    """Raises PictureError for names that no record can have: file names of old archives."""
    for what, name in (("photo", photo.key), ("look", look.name)):
        try:
            name.encode()
        except UnicodeEncodeError:
            raise PictureError(
                f"the name of the {what} {printable(name)} is not UTF-8; rename the file"
            ) from None


def _check_record_key(key: str, result: Bucket) -> None:
    """Raises PictureError where a result could have no record, and so would never be done."""
    try:
        result.check_key(key)
    except BadKeyError as error:
        raise PictureError(f"no record of it can be stored: {error}") from None


def _check_rival(rival: Pair | None, planned: str, names: ResultNames) -> None:
    """Raises PictureError if another photo in another look would have the same result."""
    if rival is None:
        return
    other = f"{printable(rival[1])} in {printable(rival[0])}"
    if names.planned(*rival) == planned:
        raise PictureError(
            f"its result would have the key of {other}; rename one of the photos or looks"
        )
    raise PictureError(
        f"its result would be one file with that of {other} on this disk; rename one of the "
        "photos or looks"
    )


def all_results(plan: Plan, result: Bucket) -> list[Record]:
    """The records of all results in the bucket, also of photos and looks that are gone. Raises
    StorageError."""
    start = f"{bucket_layout.RECORDS}/"
    others = (
        entry
        for key, entry in plan.stored.items()
        if key.startswith(start) and key not in plan.records
    )
    gone = intact_records(read_records(result, others), plan.stored)
    # What failed before its photo had gone concerns nobody any more.
    return [
        *plan.intact.values(),
        *(replace(each, error=None, tried=None) for each in gone.values()),
    ]


def _record_keys(selection: Selection) -> Iterator[str]:
    return (bucket_layout.record_key(look.name, photo.key) for photo, look in selection.pairs())


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
    useful = {key for task in todo if (key := task.checkpoint_key) in stored} if stored else set()
    return useful, stored - useful
