"""Plans a run: every photo in every style, except those with an up-to-date result."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import astuple, dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from styletransfer import bucket_layout
from styletransfer.batch.names import ResultNames
from styletransfer.batch.records import (
    fingerprints,
    intact_records,
    read_records,
    stored_by,
    task_record,
)
from styletransfer.batch.styles import Style
from styletransfer.errors import PictureError
from styletransfer.images.output import OutputFormat
from styletransfer.log import event, printable
from styletransfer.record import Record
from styletransfer.storage.base import BadKeyError, Bucket, Entry, ObjectError

if TYPE_CHECKING:
    from styletransfer.batch.network_pool import NetworkPool


@dataclass(frozen=True)
class Selection:
    """The photos and styles that a run should paint.

    Attributes:
        photos: The photos, each of them to be painted in every style.
        styles: The styles.
        masks: The masks of the photos, by the photos' keys.
        names: The names of all results.
        partial: Whether PHOTO, STYLE or SHARD left out others, which other runs may be painting.
    """

    photos: Sequence[Entry]
    styles: Sequence[Style]
    masks: Mapping[str, Entry]
    names: ResultNames
    partial: bool

    def pairs(self) -> Iterator[tuple[Entry, Style]]:
        """Every photo in every style, style by style."""
        return ((photo, style) for style in self.styles for photo in self.photos)


@dataclass(frozen=True)
class Task:
    """One photo to be painted in one style, where its mask is white.

    Attributes:
        planned: The key of the result if the photo's content has the format of its name.
        there: The object under that key when the plan was made.
        previous_record: The record of an earlier result or failure.
        may_resume: Whether another process may have left a checkpoint of it.
        place: Its place among the tasks of a run, for the log, such as ` (3 of 20)`.
    """

    photo: Entry
    mask: Entry | None
    style: Style
    planned: str
    there: Entry | None
    fingerprint: str
    previous_record: Record | None
    may_resume: bool = False
    place: str = ""

    def __str__(self) -> str:
        return f"{printable(self.photo.key)} in {printable(self.style.name)}"

    @property
    def label(self) -> str:
        """The task's name in the log while it is painted and stored."""
        return f"{self}{self.place}"

    def log(self, message: str, **fields: Any) -> None:
        """Logs a line about the task, as `event`, with its photo and style."""
        event(message, photo=self.photo.key, style=self.style.name, **fields)

    @property
    def record_key(self) -> str:
        return bucket_layout.record_key(self.style.name, self.photo.key)

    @property
    def checkpoint_key(self) -> str:
        return bucket_layout.checkpoint_key(self.style.name, self.photo.key)


@dataclass(frozen=True)
class Plan:
    """The tasks of a run, and the records of finished pictures.

    Attributes:
        todo: The tasks to paint.
        done: The records of results that stay.
        refused: Tasks that cannot be painted, each with the reason.
        kept: Tasks with an outdated result that stays; its record is in `done`.
        stored: The objects in the result bucket, by key.
        intact: The photos' and styles' records that describe an existing result, by key.
        stale: The keys of checkpoints that no task will use.
    """

    todo: tuple[Task, ...]
    done: tuple[Record, ...]
    refused: tuple[tuple[Task, str], ...]
    kept: tuple[Task, ...]
    stored: Mapping[str, Entry]
    intact: Mapping[str, Record]
    stale: tuple[str, ...]


def make_plan(
    selection: Selection,
    networks: "NetworkPool",
    output: OutputFormat,
    result: Bucket,
    stored: Mapping[str, Entry],
    keep: bool = False,
) -> Plan:
    """Compares the selection with the content of the result bucket.

    Args:
        selection: The photos and styles.
        networks: The networks of the styles. It logs those of the styles with tasks.
        output: The format of the results.
        result: The result bucket.
        stored: The objects in it, by key.
        keep: Whether existing results stay, whatever has changed.

    Raises:
        StorageError: A bucket cannot be read.
        WeightsError: The weights of a style do not exist.
    """
    records = read_records(result, (key for key in _record_keys(selection) if key in stored))
    intact = intact_records(records, stored)
    form = astuple(output)
    rivals = selection.names.rivals(result.folding)
    checkpoints = _checkpoints(selection, stored.keys())
    todo, done, kept, refused = [], [], [], []
    for style in selection.styles:
        of_style = cache(partial(fingerprints, style, form))
        networks.identity(style.settings)  # It has to exist even if nothing is painted.
        for photo in selection.photos:
            record_key = bucket_layout.record_key(style.name, photo.key)
            previous = task_record(records.get(record_key), photo.key, style.name)
            planned = selection.names.planned(style.name, photo.key)
            task = Task(
                photo=photo,
                mask=selection.masks.get(photo.key),
                style=style,
                planned=planned,
                there=stored.get(planned),
                fingerprint="",
                previous_record=previous,
                may_resume=bucket_layout.checkpoint_key(style.name, photo.key) in checkpoints,
            )
            try:
                _check_names(task, result)
                task = replace(task, fingerprint=of_style()(photo, task.mask))
                current = previous is not None and is_current(previous, task, networks)
                if previous and (keep or current) and _has_result(task, intact):
                    done.append(previous)
                    if not current:
                        kept.append(task)
                    continue
                if rival := rivals.get((style.name, photo.key)):
                    raise PictureError(
                        f"its result would take the place of that of {printable(rival[1])} in "
                        f"{printable(rival[0])}; rename one of the photos or styles"
                    )
            except (PictureError, ObjectError) as error:
                refused.append((task, str(error)))
            else:
                todo.append(task)
    networks.announce(task.style.settings for task in todo)
    return Plan(
        todo=tuple(todo),
        done=tuple(done),
        refused=tuple(refused),
        kept=tuple(kept),
        stored=stored,
        intact=intact,
        stale=tuple(sorted(checkpoints - {each.checkpoint_key for each in todo})),
    )


def is_current(record: Record, task: Task, networks: "NetworkPool") -> bool:
    """Whether a record describes the picture that would be painted now."""
    same = record.fingerprint == task.fingerprint
    return same and networks.accepts(record, task.style.settings)


def _has_result(task: Task, intact: Mapping[str, Record]) -> bool:
    """Whether the task's record names an existing result that belongs to it."""
    previous = task.previous_record
    own = stored_by(previous, task.photo.key, task.style.name)
    return task.record_key in intact and previous is not None and previous.result in own


def lacks_records(selection: Selection, result_keys: Set[str]) -> bool:
    """Whether there is certainly something to paint: a photo in a style without a record."""
    return any(key not in result_keys for key in _record_keys(selection))


def _check_names(task: Task, result: Bucket) -> None:
    """Raises PictureError if the task could have no record, so that it would never be done: file
    names of old archives are not UTF-8, and others are too long."""
    for what, name in (("photo", task.photo.key), ("style", task.style.name)):
        try:
            name.encode()
        except UnicodeEncodeError:
            raise PictureError(
                f"the name of the {what} {printable(name)} is not UTF-8; rename the file"
            ) from None
    try:
        result.check_key(task.record_key)
    except BadKeyError as error:
        raise PictureError(f"no record of it can be stored: {error}") from None


def all_results(plan: Plan, result: Bucket) -> list[Record]:
    """Returns the records of all results in the bucket, including results of deleted photos and
    styles. Raises StorageError."""
    start, tasks = f"{bucket_layout.RECORDS}/", (*plan.todo, *(task for task, _ in plan.refused))
    known = {*plan.intact, *(task.record_key for task in tasks)}
    others = (key for key in plan.stored if key.startswith(start) and key not in known)
    gone = intact_records(read_records(result, others), plan.stored)
    # Failures of a deleted photo are no longer of interest.
    return [
        *plan.intact.values(),
        *(replace(each, error=None, tried=None) for each in gone.values()),
    ]


def _record_keys(selection: Selection) -> Iterator[str]:
    return (bucket_layout.record_key(style.name, photo.key) for photo, style in selection.pairs())


def _checkpoints(selection: Selection, result_keys: Set[str]) -> set[str]:
    """Returns the keys of existing checkpoints. A partial run leaves those of other photos and
    styles alone."""
    stored = {key for key in result_keys if key.startswith(f"{bucket_layout.CHECKPOINTS}/")}
    if selection.partial:
        stored &= {
            bucket_layout.checkpoint_key(style.name, photo.key)
            for photo, style in selection.pairs()
        }
    return stored
