"""Syncs of a folder and a bucket, either way: a plan, and what carries it out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from painterly.errors import ConfigError, StorageError
from painterly.storage.base import BadKeyError, Entry, ObjectError, Progress, hidden
from painterly.storage.foreign_files import FOREIGN, by_kind
from painterly.storage.transfers import Job, JobOutcome, run_jobs
from painterly.words.wording import file_size, listed, plural, printable

# Why a file is left out, as in "2 hidden left out".
HIDDEN, OTHER_KIND, NOT_CHOSEN = "hidden", "of other kinds", "outside the patterns"


class OwnFileError(ObjectError):
    """The user's own file has the name of an object that should be downloaded."""


@dataclass(frozen=True)
class SyncRules:
    """The files that a sync transfers and deletes, and the lines that it prints."""

    # Returns whether a key is of a kind that is transferred.
    include: Callable[[str], bool] = lambda key: True
    chosen: Callable[[str], bool] = lambda key: True  # returns whether the user wants a key
    # Whether to delete keys at the receiver that the sender lacks, if they are included, chosen and
    # not hidden; in a folder, only files downloaded from the same bucket.
    delete: bool = False
    dry_run: bool = False  # whether to report only
    # Returns whether the transfer of a key is printed. Others are counted.
    shown: Callable[[str], bool] = lambda key: True
    named: bool = False  # whether it is printed on a terminal as well
    # Whether keys of other kinds are counted, unlike those of the program itself.
    counts_kinds: bool = True

    def why_not(self, key: str) -> str:
        """Return the reason why a key is left out, or an empty text."""
        if hidden(key):
            return HIDDEN
        if not self.include(key):
            return OTHER_KIND
        return "" if self.chosen(key) else NOT_CHOSEN


EVERYTHING = SyncRules()


@dataclass
class SyncResult:
    """The result of a sync, counted in files.

    Attributes:
        copied, same, deleted: Numbers of files.
        size: The number of bytes copied.
        of_page, size_of_page: The number of those that rules do not show, and their bytes.
        refused: The number of files that the storage refused.
        left_out: The names of files that were left out, by the reason.
        taken: The keys of the others.
        failures: A line for each failure.
        notes: Lines that the user should read.
        dry_run: Whether nothing was done.
    """

    copied: int = 0
    size: int = 0
    of_page: int = 0
    size_of_page: int = 0
    same: int = 0
    deleted: int = 0
    refused: int = 0
    left_out: dict[str, list[str]] = field(default_factory=dict)
    taken: Sequence[str] = ()
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some failed, 5 storage refused everything."""
        if self.refused and not self.copied and not self.same and not self.deleted:
            return StorageError.exit_code
        return 1 if self.failures else 0

    def leave_out(self, why: str, name: str) -> None:
        """Count a file that is not transferred."""
        self.left_out.setdefault(why, []).append(printable(name))

    @property
    def lines(self) -> list[str]:
        """The whole result: what belongs to the page, a summary, and what was left out."""
        of_page = f"{plural(self.of_page, 'file')} of the page ({file_size(self.size_of_page)})"
        return [*([of_page] if self.of_page else []), str(self), *self.left_out_lines]

    @property
    def left_out_lines(self) -> list[str]:
        """Lines about each reason why files were left out, with the names of the first ones."""
        lines = []
        for why, names in self.left_out.items():
            if why == OTHER_KIND:
                lines += [f"left out {text}" for _, text in by_kind(names, self.taken)]
            else:
                names = sorted(set(names)) if why == FOREIGN else names
                lines.append(f"left out {why}: {listed(names)}")
        return lines

    def count_copy(self, shown: Callable[[str], bool], job: Job) -> str:
        """Count a file that was copied, and return its line, empty if rules do not show it."""
        self.copied += 1
        self.size += job.size
        if shown(job.key):
            return f"{printable(job.key)} ({file_size(job.size)})"
        self.of_page += 1
        self.size_of_page += job.size
        return ""

    def count_deletion(self, job: Job) -> str:
        """Count a file that was deleted, and return its line."""
        self.deleted += 1
        return f"{'would delete' if self.dry_run else 'deleted'} {printable(job.key)}"

    def refuse(self, error: StorageError) -> None:
        """Count a file that could not be checked, transferred or deleted."""
        self.refused += not isinstance(error, (OwnFileError, BadKeyError))
        self.failures.append(str(error))  # Failures are printed last.

    def __str__(self) -> str:
        would = "would be " if self.dry_run else ""
        parts = [f"{plural(self.copied, 'file')} {would}copied ({file_size(self.size)})"]
        parts += [f"{self.same} already the same"] if self.same else []
        parts += [f"{len(names)} {why} left out" for why, names in self.left_out.items()]
        parts += [f"{self.deleted} {would}deleted"] if self.deleted else []
        parts += [f"{len(self.failures)} failed:"] if self.failures else []
        return ", ".join(parts)


class Route(Protocol):
    """A sender and a receiver: a folder and a bucket, or the other way. Methods raise
    StorageError."""

    doing: str  # the word for transfers on a terminal, such as `sending`

    def entries(self, rules: SyncRules, result: SyncResult) -> Iterable[Entry]:
        """Return what the sender has. The result gets what it cannot send."""

    def is_known(self, entry: Entry) -> bool:
        """Return whether a file is known to be the same, without a look at its content."""

    def differs(self, entry: Entry) -> bool:
        """Return whether the receiver lacks a file, or has another content. Raises OwnFileError if
        that is the user's own."""

    def surplus(self, entries: Sequence[Entry], rules: SyncRules, result: SyncResult) -> list[str]:
        """Return the keys at the receiver that the sender lacks, and that may be deleted."""

    def begin(self, copies: Sequence[Entry]) -> None:
        """Prepare the receiver for files."""

    def copy(self, entry: Entry, progress: Progress) -> None:
        """Copy a file, whole or not at all."""

    def delete(self, key: str) -> None:
        """Delete a file at the receiver."""


@dataclass
class Plan:
    """The files to copy and to delete.

    Attributes:
        copies: The files to copy, as the sender has them.
        deletions: The keys to delete at the receiver.
        result: The files that are the same or left out. The user's own files that are in the way
            are failures.
    """

    copies: list[Entry]
    deletions: list[str]
    result: SyncResult


def plan(route: Route, rules: SyncRules) -> Plan:
    """Compare the sender with the receiver, and change nothing.

    Raises ConfigError if all files of the receiver would be deleted; StorageError if one of both
    cannot be listed, or becomes unavailable.
    """
    result = SyncResult(dry_run=rules.dry_run)
    entries, copies = list[Entry](), list[Entry]()
    for entry in route.entries(rules, result):
        why = rules.why_not(entry.key)
        if not why:
            entries.append(entry)
        elif why != OTHER_KIND or rules.counts_kinds:
            result.leave_out(why, entry.key)
    result.taken = [entry.key for entry in entries]
    deletions = route.surplus(entries, rules, result) if rules.delete else []
    if deletions and not entries:
        raise ConfigError(
            f"--delete would delete {plural(len(deletions), 'file')} and bring nothing in their "
            "place; expected a sender that is not empty"
        )

    def check(entry: Entry, progress: Progress) -> bool:
        differs = route.differs(entry)
        if differs:
            copies.append(entry)
        return differs

    def checked(job: Job, outcome: JobOutcome) -> str:
        if isinstance(outcome, StorageError):
            result.refuse(outcome)
        result.same += outcome is False
        return ""

    doubtful = [entry for entry in entries if not route.is_known(entry)]
    result.same += len(entries) - len(doubtful)
    jobs = [Job(entry.key, 0, partial(check, entry)) for entry in doubtful]
    run_jobs(jobs, checked, "checking", count_bytes=False)
    result.failures.sort()
    return Plan(sorted(copies, key=lambda entry: entry.key), deletions, result)


def carry_out(made: Plan, route: Route, rules: SyncRules) -> SyncResult:
    """Copy and delete what a plan says, or only report it. Nothing is deleted if a file failed.
    Raises UnavailableError, DiskError."""
    result, dry = made.result, rules.dry_run
    if not dry:
        route.begin(made.copies)

    def copy(entry: Entry, progress: Progress) -> None:
        if not dry:
            route.copy(entry, progress)

    def delete(key: str, progress: Progress) -> None:
        if not dry:
            route.delete(key)

    jobs = [Job(entry.key, entry.size, partial(copy, entry)) for entry in made.copies]
    counted = partial(_line, result, partial(result.count_copy, rules.shown))
    named = dry or rules.named
    run_jobs(jobs, counted, route.doing, count_bytes=not dry, named=named)
    if made.deletions and result.failures:
        what = plural(len(made.deletions), "file")
        result.failures.append(f"{what} not deleted, because not all others arrived")
        return result
    jobs = [Job(key, 0, partial(delete, key)) for key in made.deletions]
    counted = partial(_line, result, result.count_deletion)
    run_jobs(jobs, counted, "deleting", count_bytes=False, named=True)
    return result


def _line(result: SyncResult, count: Callable[[Job], str], job: Job, outcome: JobOutcome) -> str:
    if isinstance(outcome, StorageError):
        result.refuse(outcome)
        return ""
    return count(job)
