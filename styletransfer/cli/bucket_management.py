"""bucket_management.py: checks, creates, lists and empties buckets, and aborts uploads."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial

from styletransfer.cli.app import ask, on_terminal, run_program
from styletransfer.cli.bucket_check import check
from styletransfer.cli.named_buckets import (
    ACCOUNT_NOTES,
    BUCKET_HELP,
    BUCKETS_NOTES,
    open_configured,
    open_named,
)
from styletransfer.cli.parser import new_parser
from styletransfer.errors import ConfigError, StorageError
from styletransfer.log import megabytes, plural, printable
from styletransfer.storage.base import Progress, Store
from styletransfer.storage.jobs import Job, run_jobs

PROG = "bucket_management.py"
CODES = """

exit codes: 0 all done, 1 some keys failed, 2 wrong arguments or configuration,
5 storage unreachable or access refused, or a problem that check found"""
SHOWN_KEYS = 5  # keys that `empty` lists before it asks


def bucket_management(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    args = _parser().parse_args(arguments)
    actions: dict[str, Callable[[], int]] = {
        "check": check,
        "create": lambda: _each(args.bucket, create),
        "abort": lambda: _each(args.bucket, abort),
        **dict.fromkeys(("list", "ls"), lambda: _each(args.bucket, list_objects)),
        "empty": lambda: empty(args.bucket, yes=args.yes, dry_run=args.dry_run),
    }
    return run_program(PROG, actions[args.action])


def create(bucket: Store) -> None:
    """Creates a bucket, and prints whether it was missing. Raises StorageError."""
    state = "created" if bucket.create() else "exists already"
    print(f"{printable(bucket.name)}: {state}", flush=True)


def abort(bucket: Store) -> None:
    """Aborts a bucket's unfinished uploads, and prints how many there were. Raises StorageError."""
    aborted = plural(abort_uploads(bucket), "unfinished upload")
    print(f"{printable(bucket.name)}: {aborted} aborted", flush=True)


def abort_uploads(bucket: Store) -> int:
    """Abort a bucket's unfinished uploads, and return their number. Raises StorageError."""
    uploads = bucket.unfinished_uploads()
    for each in uploads:
        bucket.abort_upload(each)
    return len(uploads)


def list_objects(bucket: Store) -> None:
    """Prints the size of each object, its key, and the total. Raises StorageError."""
    from rich.filesize import decimal

    print(f"{printable(bucket.name)}:")
    count = total = 0
    for entry in bucket.list_with_folder_markers():
        print(f"{decimal(entry.size):>10}  {printable(entry.key)}")
        count, total = count + 1, total + entry.size
    print(f"{decimal(total):>10}  in {plural(count, 'object')}\n", flush=True)


def empty(value: str, *, yes: bool, dry_run: bool) -> int:
    """Deletes all objects and unfinished uploads of a bucket, or under a prefix; returns the exit
    code. Raises ConfigError if it is not confirmed, StorageError."""
    bucket = open_named(value)
    entries = list(bucket.list_with_folder_markers())
    first = ", ".join(printable(entry.key) for entry in entries[:SHOWN_KEYS])
    more = ", …" if len(entries) > SHOWN_KEYS else ""
    size = megabytes(sum(entry.size for entry in entries))
    objects = f"{plural(len(entries), 'object')} ({size})" + (f": {first}{more}" if first else "")
    print(f"To be deleted in {bucket.name}, with unfinished uploads: {objects}", flush=True)
    if dry_run:
        return 0
    if not yes:
        if not on_terminal():
            raise ConfigError("no terminal to ask on; pass --yes to delete them")
        if ask(f"Type the bucket's name, {value}, to delete them permanently: ") != value:
            raise ConfigError("that is not its name; nothing was deleted")
    failures: list[str] = []

    def delete(key: str, progress: Progress) -> bool:
        bucket.delete(key)
        return True

    def ended(job: Job, outcome: bool | StorageError) -> str:
        if isinstance(outcome, StorageError):
            failures.append(str(outcome))
        return ""

    # DeleteObjects, a thousand at once, needs a Content-MD5 on some services, and boto3 sends none.
    jobs = [Job(each.key, each.size, partial(delete, each.key)) for each in entries]
    run_jobs(jobs, ended, "deleting", count_bytes=False)
    uploads = abort_uploads(bucket)
    summary = f"{plural(len(entries) - len(failures), 'object')} deleted"
    summary += f", {plural(uploads, 'unfinished upload')} aborted" if uploads else ""
    print(summary + (f", {len(failures)} failed:" if failures else ""), flush=True)
    for failure in failures:
        print(f"{PROG}: {failure}", file=sys.stderr)
    if failures and len(failures) == len(entries):
        return StorageError.exit_code
    return 1 if failures else 0


def _each(values: Sequence[str], action: Callable[[Store], None]) -> int:
    """Runs an action on the buckets named, or else on the three configured ones. One that fails
    does not stop the others; returns the highest exit code."""
    buckets = [open_named(each) for each in dict.fromkeys(values)]
    buckets = buckets or list(open_configured().values())
    codes = [0]
    for bucket in buckets:
        try:
            action(bucket)
        except StorageError as error:
            print(f"{PROG}: {error}", file=sys.stderr)
            codes.append(error.exit_code)
    return max(codes)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        PROG,
        "Checks, creates, lists and empties buckets.",
        example=f"  ./{PROG} check\n  ./{PROG} create\n  ./{PROG} empty my-results",
        notes=BUCKETS_NOTES + CODES,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def add(name: str, description: str, notes: str = BUCKETS_NOTES) -> argparse.ArgumentParser:
        return actions.add_parser(
            name,
            help=description,
            description=description,
            aliases=["ls"] if name == "list" else [],
            epilog=notes + CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    add("check", "Checks that all three buckets can be used, and says what to do if not.")
    for name, description in (
        ("create", "Creates the buckets that do not exist."),
        ("abort", "Aborts unfinished uploads, which are stored and billed but not listed."),
        ("list", "Prints the keys and sizes, and totals."),
    ):
        several = f"{BUCKET_HELP}; default: the three configured ones"
        add(name, description).add_argument("bucket", metavar="BUCKET", nargs="*", help=several)
    action = add("empty", "Deletes everything in a bucket, after asking.", ACCOUNT_NOTES)
    action.add_argument("bucket", metavar="BUCKET", help=BUCKET_HELP)
    action.add_argument("--yes", action="store_true", help="do not ask")
    action.add_argument("--dry-run", action="store_true", help="only report what would be deleted")
    return parser
