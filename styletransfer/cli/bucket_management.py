"""bucket_management.py: the buckets themselves, checked, created, listed and emptied."""

import argparse
import secrets
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from styletransfer.cli.sync_commands import (
    ACCOUNT_HELP,
    BUCKET_HELP,
    BUCKETS_HELP,
    ask,
    configured,
    guarded,
    new_parser,
    on_terminal,
    open_named,
)
from styletransfer.errors import ConfigError, StorageError
from styletransfer.log import printable
from styletransfer.storage.base import Bucket, Progress, UnavailableError
from styletransfer.storage.sync import Job, megabytes, plural, run_jobs

PROG = "bucket_management.py"
CODES = """

exit codes: 0 all is well, 1 some keys failed, 2 wrong arguments or configuration,
5 storage unreachable or refused, or something to mend"""
SKEW_TOLD_S = 300  # S3 refuses what is signed more than 900 s from its own time.
NAMED = 5  # keys that `empty` shows before it asks
CALLED = {"BUCKET_SOURCE": "photos", "BUCKET_STYLE": "paintings", "BUCKET_RESULT": "results"}


@dataclass
class Finding:
    """What `check` found out about one bucket; None is for what could not be tried. `mend` is what
    to do where something is wrong, `note` what to know where painting works all the same."""

    variable: str
    name: str
    reachable: bool = False
    readable: bool | None = None
    writable: bool | None = None
    mend: str = ""
    note: str = ""


def bucket_management(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = new_parser(
        PROG,
        "Checks, creates, lists and empties buckets.",
        f"  ./{PROG} check\n  ./{PROG} create\n  ./{PROG} empty my-results",
        BUCKETS_HELP + CODES,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def add(name: str, what: str, help_on_buckets: str, nargs: str) -> argparse.ArgumentParser:
        form = argparse.RawDescriptionHelpFormatter
        more = f"{ACCOUNT_HELP if nargs == '1' else BUCKETS_HELP}{CODES}"
        action = actions.add_parser(
            name, help=what, description=what, epilog=more, formatter_class=form
        )
        if help_on_buckets:
            options = {} if nargs == "1" else {"nargs": nargs}
            action.add_argument("bucket", metavar="BUCKET", help=help_on_buckets, **options)
        return action

    add("check", "Tries whether all three buckets can be used, and says what to mend.", "", "")
    three = f"{BUCKET_HELP}; without any, the three of the configuration"
    add("create", "Makes the buckets that are missing.", three, "*")
    add("list", "Prints keys and sizes in bytes, and totals.", three, "*")
    empty = add("empty", "Deletes all that is in a bucket, after asking.", BUCKET_HELP, "1")
    empty.add_argument("--yes", action="store_true", help="do not ask")
    empty.add_argument("--dry-run", action="store_true", help="only tell what would be deleted")
    told = parser.parse_args(arguments)
    if told.action == "check":
        return guarded(PROG, check)
    if told.action == "empty":
        return guarded(PROG, lambda: empty_bucket(told.bucket, told.yes, told.dry_run))
    do = {"create": _create, "list": _list}[told.action]

    def each() -> int:
        named = {value: open_named(value) for value in told.bucket} or configured()
        codes = [_one(partial(do, bucket)) for bucket in named.values()]
        return max(codes)

    return guarded(PROG, each)


def check() -> int:
    """Tries the three buckets of the configuration, side by side; 0, or 5 if any has to be mended.

    Every bucket gets one object of a name that nothing else has, which is deleted at once. The
    runner only reads photos and paintings, so that not being able to write these is but a note.
    """
    buckets = configured()
    with ThreadPoolExecutor(len(buckets)) as pool:
        findings = list(pool.map(lambda named: find_out(*named), buckets.items()))
    if sys.stdout.isatty():
        _table(findings)
    else:
        for finding in findings:
            _line(finding)
    return StorageError.exit_code if any(finding.mend for finding in findings) else 0


def find_out(variable: str, bucket: Bucket) -> Finding:
    """Whether a bucket is reachable, readable and writable."""
    found = Finding(variable, printable(bucket.name))
    try:
        if not bucket.exists():
            found.mend = f"does not exist; create it: ./{PROG} create"
            return found
        ahead = bucket.clock_ahead()
        found.reachable = True
    except StorageError as error:
        found.reachable = not isinstance(error, UnavailableError)
        found.readable = False if found.reachable else None
        found.mend = str(error)
        return found
    if abs(ahead) > SKEW_TOLD_S:
        side = "ahead" if ahead > 0 else "behind"
        found.note = f"this machine's clock is {abs(ahead):.0f} s {side}; set it"
    _try_reading(bucket, found)
    _try_writing(bucket, found)
    return found


def empty_bucket(value: str, yes: bool, dry_run: bool) -> int:
    """Deletes all objects and unfinished uploads of a bucket, or under its prefix.

    Raises ConfigError where nobody said yes.
    """
    bucket = open_named(value)
    entries = list(bucket.everything())
    first = ", ".join(printable(entry.key) for entry in entries[:NAMED])
    more = ", …" if len(entries) > NAMED else ""
    size = megabytes(sum(entry.size for entry in entries))
    objects = f"{plural(len(entries), 'object')} ({size})" + (f": {first}{more}" if first else "")
    print(f"To be deleted in {bucket.name}, with unfinished uploads: {objects}", flush=True)
    if dry_run:
        return 0
    if not yes:
        if not on_terminal():
            raise ConfigError("nobody is here to be asked; say --yes to delete them")
        if ask(f"Type the bucket's name, {value}, to delete them for ever: ") != value:
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
    run_jobs([Job(each.key, each.size, partial(delete, each.key)) for each in entries], ended)
    uploads = bucket.abort_uploads()
    told = f"{plural(len(entries) - len(failures), 'object')} deleted"
    told += f", {plural(uploads, 'unfinished upload')} ended" if uploads else ""
    print(told + (f", {len(failures)} failed:" if failures else ""), flush=True)
    for failure in failures:
        print(f"{PROG}: {failure}", file=sys.stderr)
    if failures and len(failures) == len(entries):
        return StorageError.exit_code
    return 1 if failures else 0


def _one(action: partial[None]) -> int:
    """One bucket's part of an action; what is wrong with it leaves the others going."""
    try:
        action()
    except StorageError as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _create(bucket: Bucket) -> None:
    created = bucket.create()
    print(f"{printable(bucket.name)}: {'created' if created else 'was there already'}", flush=True)


def _list(bucket: Bucket) -> None:
    print(f"{printable(bucket.name)}:")
    files = total = 0
    for entry in bucket.everything():
        print(f"{entry.size:>14,}  {printable(entry.key)}")
        files, total = files + 1, total + entry.size
    print(f"{total:>14,}  in {plural(files, 'object')}\n", flush=True)


def _try_reading(bucket: Bucket, found: Finding) -> None:
    try:
        entry = next(iter(bucket.list()), None)
        if entry:
            bucket.find(entry.key)
        found.readable = True
    except StorageError as error:
        found.readable, found.mend = False, str(error)


def _try_writing(bucket: Bucket, found: Finding) -> None:
    key = f"bucket-check-{secrets.token_hex(16)}"
    try:
        bucket.write(key, b"made by bucket_management.py check, which deletes it at once\n")
        found.writable = True
    except StorageError as error:
        found.writable = False
        why = str(error).replace(key, "a trial object")
        if found.variable == "BUCKET_RESULT":
            found.mend = found.mend or f"results cannot be stored: {why}"
        else:
            found.note = f"painting works, sending {CALLED[found.variable]} does not: {why}"
        return
    try:
        bucket.delete(key)
    except StorageError as error:
        found.mend = found.mend or f"what is written cannot be deleted: {error}"


def _line(found: Finding) -> None:
    tried = {
        "reachable": found.reachable,
        "readable": found.readable,
        "writable": found.writable,
    }
    told = ", ".join(
        name if good else f"not {name}" for name, good in tried.items() if good is not None
    )
    advice = "".join(f" · {text}" for text in (found.mend, found.note) if text)
    print(f"{found.variable} {found.name}: {told}{advice}", flush=True)


def _table(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks = {True: Text("yes", "green"), False: Text("no", "bold red"), None: Text("?", "dim")}
    table = Table("variable", "bucket", "reachable", "readable", "writable", "what to do")
    for found in findings:
        states = (marks[each] for each in (found.reachable, found.readable, found.writable))
        advice = " · ".join(text for text in (found.mend, found.note) if text) or "nothing"
        table.add_row(found.variable, Text(found.name), *states, Text(advice))
    Console().print(table)
