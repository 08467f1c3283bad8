"""Whose the keys in the result bucket are. Only a task's own results are overwritten or deleted.

A key is a task's if its record says so. The record is written before the result (`announce`), so
that a result of a killed run is known as well, and after it, with what was stored.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from styletransfer import bucket_layout
from styletransfer.batch.plan import Plan, Task
from styletransfer.batch.records import (
    describes,
    is_content,
    read_record,
    stored_by,
    task_record,
    write_record,
)
from styletransfer.batch.result_keys import key_root
from styletransfer.errors import PictureError
from styletransfer.log import printable
from styletransfer.record import PictureRef, Record
from styletransfer.storage.base import Bucket, Entry, ObjectError
from styletransfer.storage.files import new_md5


class OwnedKeys:
    """The keys of a run's results. Thread-safe."""

    def __init__(self, bucket: Bucket, plan: Plan) -> None:
        self._bucket, self._plan = bucket, plan
        start = f"{bucket_layout.RECORDS}/"
        self._record_keys = sorted(key for key in plan.stored if key.startswith(start))
        self._records = dict(plan.records)
        self._chosen: dict[str, str] = {}  # keys of this run's results, and of their records
        self._lock = threading.Lock()

    def choose(self, task: Task, extension: str) -> str:
        """The key of a task's result in a format: the first that is free or the task's own.

        Raises PictureError where somebody else's object is in its place.
        """
        own = stored_by(task.previous_record, task.photo.key, task.look.name)
        candidates = self._plan.keys.candidates(task.look.name, task.photo.key, extension)
        key = next(each for each in candidates if self._choose(each, task))
        if key in self._plan.stored and key not in own and not self._has_damaged_record(task):
            raise _taken(key, self._bucket)
        return key

    def announce(self, task: Task, key: str, data: bytes) -> Record:
        """Notes in a task's record that its result is about to be stored, and returns what the
        record said before. Raises PictureError where somebody else's object is in its place,
        StorageError."""
        # In this order: an object that another run has stored since was announced before.
        entry = self._bucket.find(key)
        record = self.latest(task)
        made = self._made(task, record)
        if entry is not None and not self._is_own(task, record, made, entry):
            raise _taken(key, self._bucket)
        about = PictureRef(key, str(new_md5(data).hexdigest()))
        write_record(self._bucket, task.record_key, replace(record, made=(*made, about)))
        return record

    def latest(self, task: Task) -> Record:
        """The task's record as it is now: another run may have written it meanwhile."""
        try:
            record = read_record(self._bucket, task.record_key)
        except ObjectError:  # There is none, or it may not be read, or no file can have its name.
            record = None
        record = task_record(record, task.photo.key, task.look.name) or task.previous_record
        return replace(record or Record(), photo=task.photo.key, look=task.look.name)

    def is_done(self, task: Task, keep: bool) -> bool:
        """Whether a task's result is there by now, because another run has stored it since this one
        made its plan. keep: as in make_plan. Raises UnavailableError."""
        try:
            if self._bucket.find(task.record_key) is None:
                return False
            record = read_record(self._bucket, task.record_key)
            own = stored_by(record, task.photo.key, task.look.name)
            if record is None or record.result is None or record.result not in own:
                return False
            result = self._bucket.find(record.result)
            wanted = keep or record.fingerprint == task.fingerprint
            return wanted and result is not None and describes(record, result)
        except ObjectError:
            return False

    def outdated(self, task: Task, before: Record, key: str) -> Iterator[str]:
        """Keys of a task's earlier results, which a new one under `key` replaces. A partial run
        cannot know whose they are by now."""
        if self._plan.partial:
            return
        for each, etags in stored_by(before, task.photo.key, task.look.name).items():
            if each == key or self._is_anothers(each, task):
                continue
            entry = self._bucket.find(each)
            if entry is not None and any(is_content(entry, None, etag) for etag in etags):
                yield each

    def leftovers(self, task: Task, key: str) -> tuple[PictureRef, ...] | None:
        """What a record of a result under `key` has to say of other results that are there: earlier
        ones, and those of another run. To be asked just before the record is written."""
        made = tuple(each for each in self._made(task, self.latest(task)) if each.key != key)
        return made or None

    def _choose(self, key: str, task: Task) -> bool:
        if self._is_anothers(key, task):
            return False
        with self._lock:
            return self._chosen.setdefault(key, task.record_key) == task.record_key

    def _made(self, task: Task, record: Record) -> tuple[PictureRef, ...]:
        """What a task's record names, without what was gone when this run began."""
        found = stored_by(record, task.photo.key, task.look.name)
        at_first = stored_by(task.previous_record, task.photo.key, task.look.name)
        stored = self._plan.stored
        gone = at_first.keys() - stored.keys() - self._chosen.keys()
        return tuple(
            PictureRef(key, etag or stored[key].etag)
            for key, etags in found.items()
            for etag in dict.fromkeys(etags)
            if key not in gone and (etag or key in stored)
        )

    def _is_own(
        self, task: Task, record: Record, made: tuple[PictureRef, ...], entry: Entry
    ) -> bool:
        own = entry.key in stored_by(record, task.photo.key, task.look.name)
        if (own and entry.key == record.result) or self._has_damaged_record(task):
            return True  # Also where it was cut or overwritten by another run.
        etags = [each.etag for each in made if each.key == entry.key]
        return any(is_content(entry, None, etag) for etag in etags)

    def _has_damaged_record(self, task: Task) -> bool:
        """Whether a task has a record that cannot be read: its results are its own all the same."""
        there = task.record_key in self._plan.stored
        return there and self._records.get(task.record_key) is None

    def _is_anothers(self, key: str, task: Task) -> bool:
        """Whether a key is another task's: planned, or in its record."""
        if self._plan.keys.is_anothers(key, task.look.name, task.photo.key):
            return True
        if self._chosen.get(key, task.record_key) != task.record_key:
            return True
        return key in self._plan.stored and any(
            key in self._results_of(each) for each in self._near(key) if each != task.record_key
        )

    def _near(self, key: str) -> Iterator[str]:
        """The keys of records whose photos could have a result under a key."""
        root = key_root(key)
        start = bucket_layout.record_start(root)
        places = range(bisect_left(self._record_keys, start), len(self._record_keys))
        near = takewhile(
            lambda each: each.startswith(start), map(self._record_keys.__getitem__, places)
        )
        return (each for each in near if key_root(bucket_layout.recorded(each)) == root)

    def _results_of(self, record_key: str) -> dict[str, list[str | None]]:
        if record_key not in self._records:
            try:
                self._records[record_key] = read_record(self._bucket, record_key)
            except ObjectError:
                self._records[record_key] = None
        record = self._records[record_key]
        if record is None or record.photo is None or record.look is None:
            return {}
        return stored_by(record, record.photo, record.look)


def _taken(key: str, bucket: Bucket) -> PictureError:
    return PictureError(
        f"{printable(key)} in {bucket.name} has no record of this program, so it may be somebody "
        "else's and is left as it is; move it away, or delete it"
    )
