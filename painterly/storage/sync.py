"""Syncs of a folder and a bucket, either way: rules, transfer, deletion and the result."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from painterly.errors import ConfigError, StorageError
from painterly.storage.base import Entry, ObjectError, Progress, Store, hidden
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
    # Returns whether the transfer of a key is printed.
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

    def select(self, entries: Iterable[Entry], result: "SyncResult") -> list[Entry]:
        """Return the entries to transfer; the result counts the others."""
        selected = []
        for entry in entries:
            why = self.why_not(entry.key)
            if not why:
                selected.append(entry)
            elif why != OTHER_KIND or self.counts_kinds:
                result.leave_out(why, entry.key)
        return selected


EVERYTHING = SyncRules()


@dataclass
class SyncResult:
    """The result of a sync, counted in files.

    Attributes:
        copied, same, deleted: Numbers of files.
        size: The number of bytes copied.
        refused: The number of files that the storage refused.
        left_out: The names of files that were left out, by the reason.
        failures: A line for each failure.
        notes: Lines that the user should read.
        dry_run: Whether nothing was done.
    """

    copied: int = 0
    size: int = 0
    same: int = 0
    deleted: int = 0
    refused: int = 0
    left_out: dict[str, list[str]] = field(default_factory=dict)
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
    def left_out_lines(self) -> list[str]:
        """Lines about each reason why files were left out, with the names of the first ones."""
        lines = []
        for why, names in self.left_out.items():
            if why == OTHER_KIND:
                lines += [f"left out {text}" for _, text in by_kind(names)]
            else:
                names = sorted(set(names)) if why == FOREIGN else names
                lines.append(f"left out {why}: {listed(names)}")
        return lines

    def refuse(self, error: StorageError) -> None:
        """Count a file that could not be checked, transferred or deleted."""
        self.refused += not isinstance(error, OwnFileError)
        self.failures.append(str(error))  # Failures are printed last.

    def __str__(self) -> str:
        would = "would be " if self.dry_run else ""
        parts = [f"{plural(self.copied, 'file')} {would}copied ({file_size(self.size)})"]
        parts += [f"{self.same} already the same"] if self.same else []
        parts += [f"{len(names)} {why} left out" for why, names in self.left_out.items()]
        parts += [f"{self.deleted} {would}deleted"] if self.deleted else []
        parts += [f"{len(self.failures)} failed:"] if self.failures else []
        return ", ".join(parts)


def transfer_all(jobs: Sequence[Job], result: SyncResult, rules: SyncRules, doing: str) -> None:
    """Transfer files, or only report them. The jobs return whether a file differs from the
    receiver's. `doing` is the word for transfers on a terminal, such as `sending`."""

    def transferred(job: Job, differs: bool) -> str:
        if not differs:
            result.same += 1
            return ""
        result.copied += 1
        result.size += job.size
        return f"{printable(job.key)} ({file_size(job.size)})"

    dry = rules.dry_run
    display = {"count_bytes": not dry, "named": dry or rules.named}
    _run(jobs, result, rules, transferred, "checking" if dry else doing, **display)


def _run(
    jobs: Sequence[Job],
    result: SyncResult,
    rules: SyncRules,
    done: Callable[[Job, bool], str],
    doing: str,
    **display: bool,
) -> None:
    def ended(job: Job, outcome: JobOutcome) -> str:
        if isinstance(outcome, StorageError):
            result.refuse(outcome)
            return ""
        line = done(job, outcome)
        return line if rules.shown(job.key) else ""

    run_jobs(jobs, ended, doing, **display)


def delete_all(
    receiver: Store,
    to_delete: Sequence[Entry],
    result: SyncResult,
    rules: SyncRules,
    deleted: Callable[[str], None] = lambda key: None,
) -> None:
    """Delete at the receiver, unless a transfer failed. `deleted` gets each key that is gone."""
    if to_delete and result.failures:
        what = plural(len(to_delete), "file")
        result.failures.append(f"{what} not deleted, because not all others arrived")
        return

    def delete(key: str, progress: Progress) -> bool:
        if not result.dry_run:
            receiver.delete(key)
            deleted(key)
        return True

    def counted(job: Job, outcome: bool) -> str:
        result.deleted += 1
        return f"{'would delete' if result.dry_run else 'deleted'} {printable(job.key)}"

    jobs = [Job(each.key, 0, partial(delete, each.key)) for each in to_delete]
    _run(jobs, result, rules, counted, "deleting", count_bytes=False, named=True)


def check_deletion(to_delete: Sequence[Entry], sender: Collection[Entry]) -> None:
    """Raise ConfigError if there is something to delete and the sender is empty."""
    if to_delete and not sender:
        raise ConfigError(
            f"--delete would delete {plural(len(to_delete), 'file')} and bring nothing in their "
            "place; expected a sender that is not empty"
        )
