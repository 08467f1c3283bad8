"""bucket_management.py: checks, creates, lists and empties buckets. Opens those of all scripts."""

import contextlib
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from logging import WARNING
from typing import Annotated

from cyclopts import Parameter

from painterly.cli.app import ask, on_terminal
from painterly.cli.options import Switch, Word
from painterly.configuration import config
from painterly.errors import ConfigError, StorageError
from painterly.log import event
from painterly.settings.installation import WORKSPACE, command
from painterly.storage import open_bucket
from painterly.storage.address import folder_hint, is_folder, parse_account
from painterly.storage.base import Entry, ObjectError, Progress, Store, UnavailableError, Version
from painterly.storage.transfers import Job, JobOutcome, run_jobs
from painterly.words.wording import file_size, plural, printable

TYPED = command("buckets")
PROG = TYPED.removeprefix("./")
SHOWN_KEYS = 5  # keys that `empty` lists before it asks
Address = Annotated[Word, Parameter(metavar="s3://BUCKET")]


def open_named(value: str, *, new: bool = False) -> Store:
    """Return the bucket that an argument names. `new` is as in `open_bucket`. Raises ConfigError,
    also for a name that may be a folder's."""
    if not (value.startswith("s3://") or is_folder(value)):
        raise ConfigError(f"{value!r} may be a bucket or a folder; write s3://{value} or ./{value}")
    return open_bucket(value, parse_account(config.environment()), new=new)


def open_configured(variable: str, *, new: bool = False) -> Store:
    """Return the bucket that one BUCKET_* variable names; the others, and settings, are not needed
    for a copy. `new` is as in `open_bucket`. Raises ConfigError if it is not set."""
    environment = _environment()
    if variable not in environment:
        raise ConfigError(_unset(variable, variable))
    return open_bucket(environment[variable], parse_account(environment), new=new)


def open_all() -> dict[str, Store]:
    """Open the buckets of all BUCKET_* variables, and return them by variable. Raises ConfigError
    if none is set."""
    loaded = config.load(_environment())
    if loaded.demo:
        raise ConfigError(_unset("BUCKET_*", ", ".join(config.BUCKETS)))
    addresses = loaded.photo_bucket, loaded.style_bucket, loaded.result_bucket
    return {
        name: open_bucket(address, loaded.account)
        for name, address in zip(config.BUCKETS, addresses, strict=True)
        if address is not None
    }


def _environment() -> dict[str, str]:
    environment, doubts = config.read_environment()
    for line in doubts:
        event(line, level=WARNING)
    return environment


def _unset(which: str, names: str) -> str:
    return (
        f"{which} is not set; set {names} in the environment or in {WORKSPACE / '.env'}, or let "
        f"{command('init')} ask for the buckets"
    )


def check_configured() -> int:
    """Check that all three buckets can be used, and say what to do if not."""
    return check_buckets(open_all())


def check_buckets(buckets: Mapping[str, Store]) -> int:
    """Try the buckets of BUCKET_* variables at once, and return 0, or 5 if any of them has a
    problem.

    Writes one object with a random name into each and deletes it. A run only reads photos and
    paintings, so for these a bucket that cannot be written to is not a problem.
    """
    with ThreadPoolExecutor(len(buckets)) as pool:
        found = list(pool.map(lambda named: _try_bucket(*named), buckets.items()))
    for (variable, bucket), (states, problem, advice) in zip(buckets.items(), found, strict=True):
        said = " · ".join(filter(None, (", ".join(states), problem, advice)))
        print(f"{variable} {printable(bucket.name)}: {said}", flush=True)
    return StorageError.exit_code if any(problem for _, problem, _ in found) else 0


def _try_bucket(variable: str, bucket: Store) -> tuple[list[str], str, str]:
    """Return the states of a bucket as far as they were tried, why a run cannot paint with it, and
    advice."""
    try:
        if not bucket.exists():
            hint = folder_hint(bucket.name)
            return ["not reachable"], f"does not exist; create it: {TYPED} create{hint}", ""
    except UnavailableError as error:
        return ["not reachable"], str(error), ""
    except StorageError as error:
        return ["reachable", "not readable"], str(error), ""
    state, problem = "readable", ""
    try:
        if entry := next(iter(bucket.list()), None):
            bucket.find(entry.key)
    except StorageError as error:
        state, problem = "not readable", str(error)
    key = f"bucket-check-{secrets.token_hex(16)}"
    try:
        bucket.write(key, f"written by {PROG} check, which deletes it at once\n".encode())
    except StorageError as error:
        reason = str(error).replace(key, "a test object")
        states = ["reachable", state, "not writable"]
        if variable == "BUCKET_RESULT":
            return states, problem or f"results cannot be stored: {reason}", ""
        what = "photos" if variable == "BUCKET_SOURCE" else "paintings"
        return states, problem, f"painting works, but uploading {what} does not: {reason}"
    try:
        bucket.delete(key)
        with contextlib.suppress(StorageError):  # Painting needs no right to versions.
            for version in bucket.versions(key) or ():
                bucket.delete_version(version)
    except StorageError as error:
        problem = problem or f"objects cannot be deleted: {error}"
    return ["reachable", state, "writable"], problem, ""


def create(bucket: Store) -> None:
    """Create a bucket, and print whether it was missing. Raises StorageError."""
    state = "created" if bucket.create() else "exists already"
    print(f"{printable(bucket.name)}: {state}", flush=True)


def list_objects(bucket: Store) -> None:
    """Print the size of each object, its key, and the total. Raises StorageError."""
    from rich.filesize import decimal

    print(f"{printable(bucket.name)}:")
    count = total = 0
    for entry in bucket.list_with_folder_markers():
        print(f"{decimal(entry.size):>10}  {printable(entry.key)}")
        count, total = count + 1, total + entry.size
    print(f"{decimal(total):>10}  in {plural(count, 'object')}")
    versions, note = _versions(bucket)
    if others := [version for version in versions or () if not version.is_current]:
        size = decimal(sum(version.size for version in others))
        print(f"{size:>10}  in {_described(others)}, which are billed; `empty` deletes them")
    print(note, flush=True)


def create_each(*buckets: Address) -> int:
    """Create the named buckets that do not exist, or all three configured ones."""
    return _each(buckets, create)


def list_each(*buckets: Address) -> int:
    """Print keys, sizes and totals of the named buckets, or of all three configured ones."""
    return _each(buckets, list_objects)


def empty(
    address: Annotated[Word, Parameter(name="BUCKET", metavar="s3://BUCKET")],
    /,
    *,
    yes: Switch = False,
    dry_run: Switch = False,
) -> int:
    """Delete everything in a bucket, after asking.

    Objects, versions and unfinished uploads go.

    Args:
        address: the bucket, or what is under a prefix of it
        yes: do not ask
        dry_run: only report what would be deleted
    """
    bucket = open_named(address)
    entries = list(bucket.list_with_folder_markers())
    versions, note = _versions(bucket)
    others = [version for version in versions or () if not version.is_current]
    first = ", ".join(printable(entry.key) for entry in entries[:SHOWN_KEYS])
    more = ", …" if len(entries) > SHOWN_KEYS else ""
    size = file_size(sum(entry.size for entry in entries))
    objects = f"{plural(len(entries), 'object')} ({size})" + (f": {first}{more}" if first else "")
    if others:
        size = file_size(sum(version.size for version in others))
        objects += f"; and {_described(others)} ({size})"
    print(f"To be deleted in {bucket.name}, with unfinished uploads: {objects}", flush=True)
    if dry_run:
        return 0
    if not yes:
        if not on_terminal():
            raise ConfigError("no terminal to ask on; pass --yes to delete them")
        if ask(f"Type the bucket's name, {address}, to delete them permanently: ") != address:
            raise ConfigError("that is not its name; nothing was deleted")
    failures: list[str] = []
    count = _delete_all(bucket, entries if versions is None else versions, failures)
    what = plural(len(entries), "object") if versions is None else _described(versions)
    summary = f"{count} of {what} deleted" if failures else f"{what} deleted"
    uploads = _abort_uploads(bucket, failures)
    summary += f", {plural(uploads, 'unfinished upload')} aborted" if uploads else ""
    print(summary + (f", {len(failures)} failed:" if failures else ""), flush=True)
    for line in filter(None, (*failures, note)):
        print(f"{PROG}: {line}", file=sys.stderr)
    all_failed = bool(failures) and not count
    return StorageError.exit_code if all_failed else int(bool(failures))


def _delete_all(bucket: Store, what: Sequence[Entry | Version], failures: list[str]) -> int:
    def delete(each: Entry | Version, progress: Progress) -> None:
        if isinstance(each, Version):  # To delete an object would add a marker.
            bucket.delete_version(each)
        else:
            bucket.delete(each.key)

    def ended(job: Job, outcome: JobOutcome) -> str:
        if isinstance(outcome, StorageError):
            failures.append(str(outcome))
        return ""

    # DeleteObjects, a thousand at once, needs a Content-MD5 on some services, and boto3 sends none.
    jobs = [Job(each.key, each.size, partial(delete, each)) for each in what]
    run_jobs(jobs, ended, "deleting", count_bytes=False)
    return len(jobs) - len(failures)


def _abort_uploads(bucket: Store, failures: list[str]) -> int:
    count = 0
    try:
        for upload in bucket.unfinished_uploads():
            try:
                bucket.abort_upload(upload)
                count += 1
            except ObjectError as error:
                failures.append(f"an unfinished upload stays: {error}")
    except StorageError as error:
        failures.append(f"if {bucket.name} keeps unfinished uploads, they stay: {error}")
    return count


def _versions(bucket: Store) -> tuple[Sequence[Version] | None, str]:
    try:
        return bucket.versions(), ""
    except StorageError as error:
        return None, f"if {bucket.name} keeps older versions, they stay and are billed: {error}"


def _described(versions: Sequence[Version]) -> str:
    markers = sum(version.is_marker for version in versions)
    current = sum(version.is_current for version in versions)
    older = len(versions) - markers - current
    parts = [plural(current, "object")] if current else []
    parts += [plural(older, "older version")] if older else []
    parts += [plural(markers, "delete marker")] if markers else []
    return " and ".join(parts) or "0 objects"


def _each(values: Sequence[str], action: Callable[[Store], None]) -> int:
    """Run an action on the buckets named, or else on the three configured ones.

    A bucket that fails does not stop the others. Returns the highest exit code.
    """
    buckets = [open_named(value) for value in dict.fromkeys(values)]
    code = 0
    for bucket in buckets or open_all().values():
        try:
            action(bucket)
        except StorageError as error:
            print(f"{PROG}: {error}", file=sys.stderr)
            code = max(code, error.exit_code)
    return code


def buckets(*words: str) -> int:
    """Check, create, list or empty buckets.

    BUCKET_SOURCE, BUCKET_STYLE and BUCKET_RESULT name the three configured ones, and CELLAR_ADDON_*
    the account, in the environment or in .env. Without CELLAR_ADDON_*, buckets are on Amazon S3.
    """
    got = " ".join(words) or "nothing"
    raise ConfigError(f"expected one of {', '.join(ACTIONS)}; got {got}")


ACTIONS: dict[str, Callable[..., int]] = {
    "check": check_configured,
    "create": create_each,
    "list": list_each,
    "ls": list_each,
    "empty": empty,
}
