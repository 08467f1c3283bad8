"""Decides whether a task may write a key in the result bucket, which may be free, its own, another
photo's, or foreign.

A key belongs to a task if the task's record names it. The record is written before the result, so
that the result of a killed run is known as well. Only a task's own results are overwritten or
deleted.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from styletransfer.batch.names import contenders_start, could_be_result, possible_keys
from styletransfer.batch.plan import Task
from styletransfer.batch.records import (
    is_content,
    is_intact,
    read_record,
    stored_by,
    task_record,
    write_record,
)
from styletransfer.bucket_layout import RECORDS, recorded
from styletransfer.errors import PictureError
from styletransfer.log import printable
from styletransfer.record import PictureRef, Record
from styletransfer.storage.base import Bucket, Entry, ObjectError


class Ownership:
    """The owners of the keys of results. Thread-safe."""

    def __init__(self, bucket: Bucket, partial: bool) -> None:
        """Prepares the look-up.

        Args:
            bucket: The bucket of results.
            partial: Whether other runs may be painting other photos and styles.
        """
        self._bucket, self._partial = bucket, partial
        self._chosen: dict[str, str] = {}  # keys of this process's results → keys of their records
        self._lock = threading.Lock()

    def choose(self, task: Task, extension: str) -> str:
        """Returns the key of a task's result in a format: the first that is free or its own.

        Raises PictureError if a foreign object is in its place, StorageError.
        """
        for key in possible_keys(task.planned, task.style.name, task.photo.key, extension):
            if self._is_chosen_by_another(key, task):
                continue
            entry = task.there if key == task.planned else self._bucket.find(key)
            if entry is not None and not is_intact(task.previous_record, entry):
                if self._names_of_others(key, task):
                    continue
                self._check_own(entry, task, *self._read(task))
            with self._lock:
                if self._chosen.setdefault(key, task.record_key) == task.record_key:
                    return key
        raise AssertionError("possible keys have no end")

    def record(self, task: Task, record: Record) -> Record:
        """Writes the record of a result before the result, and returns the record that it replaces.

        From then on the result's key is known as the task's, even if the process is killed. Raises
        PictureError if a foreign object is in its place, StorageError.
        """
        assert record.result is not None
        # In this order: an object that another run has stored since was recorded before.
        entry = self._bucket.find(record.result)
        found, is_damaged = self._read(task)
        if entry is not None:
            self._check_own(entry, task, found, is_damaged)
        before = self._merged(task, found)
        write_record(
            self._bucket, task.record_key, replace(record, made=self._made(before, entry) or None)
        )
        return before

    def latest(self, task: Task) -> Record:
        """Returns the task's current record, which another run may have written."""
        return self._merged(task, self._read(task)[0])

    def is_done(self, task: Task, is_current: Callable[[Record], bool]) -> bool:
        """Whether another run has stored a task's result since this one made its plan.

        Args:
            task: The task.
            is_current: Returns whether a record describes the picture that would be painted.

        Raises:
            UnavailableError: The bucket cannot be reached.
        """
        try:
            record = self._read(task)[0]
            own = stored_by(record, task.photo.key, task.style.name)
            if record is None or record.result not in own or not is_current(record):
                return False
            result = self._bucket.find(record.result)
            return result is not None and is_intact(record, result)
        except ObjectError:
            return False

    def outdated(self, task: Task, before: Record, key: str) -> Iterator[str]:
        """Yields the keys of a task's earlier results, which a new one under `key` replaces. A
        partial run cannot know their owners and leaves them."""
        if self._partial:
            return
        for each, etags in stored_by(before, task.photo.key, task.style.name).items():
            if each == key or self._is_chosen_by_another(each, task):
                continue
            entry = self._bucket.find(each)
            if entry is None or not any(is_content(entry, None, etag) for etag in etags):
                continue
            if not self._names_of_others(each, task):
                yield each

    def _check_own(self, entry: Entry, task: Task, record: Record | None, is_damaged: bool) -> None:
        """Raises PictureError if the task's record, or else the plan's, does not name an object."""
        record = record or task.previous_record
        etags = stored_by(record, task.photo.key, task.style.name).get(entry.key, ())
        # The last result is the task's also if it was cut, or overwritten by another run.
        is_last = record is not None and bool(etags) and record.result == entry.key
        is_own = is_last or any(is_content(entry, None, each) for each in etags)
        if not is_damaged and not is_own:
            raise PictureError(
                f"{printable(entry.key)} in {self._bucket.name} has no record of this program, so "
                "it may be somebody else's and is left as it is; move it away, or delete it"
            )

    def _merged(self, task: Task, record: Record | None) -> Record:
        return replace(
            record or task.previous_record or Record(),
            photo=task.photo.key,
            style_name=task.style.name,
        )

    def _read(self, task: Task) -> tuple[Record | None, bool]:
        """Returns the task's record, and whether it is damaged: its results still belong to the
        task then."""
        try:
            record = read_record(self._bucket, task.record_key)
        except ObjectError:  # There is none, or it may not be read.
            return None, False
        return task_record(record, task.photo.key, task.style.name), record is None

    def _made(self, before: Record, entry: Entry | None) -> tuple[PictureRef, ...]:
        """Returns the results that the bucket may contain by a task's record. If an object is the
        record's result, earlier content of its key is gone."""
        own = stored_by(before, before.photo or "", before.style_name or "")
        if entry is not None and is_intact(before, entry):
            own[entry.key] = [before.result_etag]
        found = []
        for key, etags in own.items():
            for etag in dict.fromkeys(etags):
                there = self._bucket.find(key) if etag is None else None
                if known := etag or (there and there.etag):
                    found.append(PictureRef(key, known))
        return tuple(found)

    def _is_chosen_by_another(self, key: str, task: Task) -> bool:
        with self._lock:
            return self._chosen.get(key, task.record_key) != task.record_key

    def _names_of_others(self, key: str, task: Task) -> bool:
        """Whether another photo's record names a key."""
        for entry in self._bucket.list(f"{RECORDS}/{contenders_start(key)}"):
            if entry.key == task.record_key or not could_be_result(key, recorded(entry.key)):
                continue
            try:
                record = read_record(self._bucket, entry.key)
            except ObjectError:
                continue
            known = record and stored_by(record, record.photo or "", record.style_name or "")
            if known and key in known:
                return True
        return False
