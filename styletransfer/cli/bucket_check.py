"""A check of the three configured buckets, with advice for those that cannot be used."""

import secrets
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from styletransfer.cli.named_buckets import open_configured
from styletransfer.errors import StorageError
from styletransfer.log import duration, plural, printable
from styletransfer.storage.address import folder_hint
from styletransfer.storage.base import Store, UnavailableError

SKEW_S = 300  # reported from here on; S3 refuses requests signed more than 900 s off its own time
CONTENT = {"BUCKET_SOURCE": "photos", "BUCKET_STYLE": "paintings", "BUCKET_RESULT": "results"}


@dataclass
class Finding:
    """The state of one bucket; None is for what could not be tried.

    `problem` keeps a run from painting and says what to do about it; `notes` do not.
    """

    variable: str
    name: str
    reachable: bool = False
    readable: bool | None = None
    writable: bool | None = None
    problem: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def advice(self) -> str:
        """The problem and the notes, or an empty text."""
        return " · ".join(text for text in (self.problem, *self.notes) if text)


def check() -> int:
    """Try the three configured buckets at once, and return 0, or 5 if any of them has a problem.

    Writes one object with a random name into each and deletes it. A run only reads photos and
    paintings, so for these a bucket that cannot be written to is not a problem.
    """
    buckets = open_configured()
    with ThreadPoolExecutor(len(buckets)) as pool:
        findings = list(pool.map(lambda named: try_bucket(*named), buckets.items()))
    if not (sys.stdout.isatty() and _print_table(findings)):
        for finding in findings:
            print(_line(finding), flush=True)
    return StorageError.exit_code if any(finding.problem for finding in findings) else 0


def try_bucket(variable: str, bucket: Store) -> Finding:
    """Finds out whether a bucket is reachable, readable and writable."""
    found = Finding(variable, printable(bucket.name))
    try:
        if not bucket.exists():
            found.problem = "does not exist; create it: ./bucket_management.py create"
            found.problem += folder_hint(bucket.name)
            return found
        skew = bucket.clock_skew()
        found.reachable = True
    except StorageError as error:
        found.reachable = not isinstance(error, UnavailableError)
        found.readable = False if found.reachable else None
        found.problem = str(error)
        return found
    if abs(skew) > SKEW_S:
        side = "ahead" if skew > 0 else "behind"
        found.notes.append(f"this machine's clock is {abs(skew):.0f} s {side}; set it")
    _try_reading(bucket, found)
    _try_writing(bucket, found)
    if found.readable:
        _look_for_unfinished(bucket, found)
    return found


def _try_reading(bucket: Store, found: Finding) -> None:
    try:
        entry = next(iter(bucket.list()), None)
        if entry:
            bucket.find(entry.key)
        found.readable = True
    except StorageError as error:
        found.readable, found.problem = False, str(error)


def _try_writing(bucket: Store, found: Finding) -> None:
    key = f"bucket-check-{secrets.token_hex(16)}"
    try:
        bucket.write(key, b"written by bucket_management.py check, which deletes it at once\n")
        found.writable = True
    except StorageError as error:
        found.writable = False
        reason = str(error).replace(key, "a test object")
        if found.variable == "BUCKET_RESULT":
            found.problem = found.problem or f"results cannot be stored: {reason}"
        else:
            what = CONTENT[found.variable]
            found.notes.append(f"painting works, but uploading {what} does not: {reason}")
        return
    try:
        bucket.delete(key)
    except StorageError as error:
        found.problem = found.problem or f"objects cannot be deleted: {error}"


def _look_for_unfinished(bucket: Store, found: Finding) -> None:
    try:
        uploads = bucket.unfinished_uploads()
    except StorageError as error:  # This takes a separate right, which painting does not need.
        found.notes.append(f"unfinished uploads cannot be looked for: {error}")
        return
    if uploads:
        age = duration(max(0.0, time.time() - min(each.begun for each in uploads)))
        found.notes.append(
            f"{plural(len(uploads), 'unfinished upload')}, the oldest begun {age} ago: stored and "
            "billed, though not listed; if nothing is being uploaded now, abort: "
            f"./bucket_management.py abort {found.name}"
        )


def _line(found: Finding) -> str:
    tried = {
        "reachable": found.reachable,
        "readable": found.readable,
        "writable": found.writable,
    }
    states = ", ".join(
        name if good else f"not {name}" for name, good in tried.items() if good is not None
    )
    advice = f" · {found.advice}" if found.advice else ""
    return f"{found.variable} {found.name}: {states}{advice}"


def _print_table(findings: Sequence[Finding]) -> bool:
    """Prints a table if the terminal is wide enough to show it whole: one that is not would cut
    the names and the commands to type. Whether it was."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks = {True: Text("yes", "green"), False: Text("no", "bold red"), None: Text("?", "dim")}
    table = Table("variable", "bucket", "reachable", "readable", "writable", "what to do")
    for found in findings:
        states = (marks[each] for each in (found.reachable, found.readable, found.writable))
        table.add_row(found.variable, Text(found.name), *states, Text(found.advice or "nothing"))
    console = Console()
    anyhow_wide = console.options.update(max_width=sys.maxsize)
    if console.measure(table, options=anyhow_wide).maximum > console.width:
        return False
    console.print(table)
    return True
