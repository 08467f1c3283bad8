"""The scripts that copy pictures between buckets and folders, one function each.

boto3 and rich are imported when there is something to copy, so that `--help` answers at once.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from painterly.cli.app import open_in_browser, run_program
from painterly.cli.bucket_management import (
    ACCOUNT_NOTES,
    BUCKET_HELP,
    BUCKETS_NOTES,
    open_configured,
    open_named,
)
from painterly.cli.parser import Parser
from painterly.errors import ConfigError, StorageError
from painterly.settings import bucket_layout
from painterly.settings.installation import command
from painterly.storage.address import parse_address, with_home
from painterly.storage.base import DiskError, ObjectError, Store
from painterly.storage.download import download_all
from painterly.storage.files import Mount, storage_errors
from painterly.storage.foreign_files import chooser
from painterly.storage.known_files import LIST, MadeFiles, was_downloaded
from painterly.storage.sync import SyncResult, SyncRules
from painterly.storage.upload import upload_all
from painterly.words.wording import printable

SYNC_NOTES = """

Files that are the same on both sides are skipped. Files that exist only at the
destination stay, unless you pass --delete. Hidden files (.DS_Store) are left out.{own}

PATTERN matches keys, such as beach.jpg or 2026/beach.jpg. * stands for any text, including
/, ? for one character, [ab] for one of these. Quote it, or the shell expands it.

exit codes: 0 all done, 1 some files failed, 2 wrong arguments or configuration,
5 storage unreachable or access refused"""
WATCH_EVERY_S = 10  # seconds from one look for new results to the next
UPLOAD_NOTES = SYNC_NOTES.format(
    own="""
Links are followed to files in the folder only; the others are named. Their copies in
the bucket, and copies of files in iCloud only, are not deleted either."""
)
DOWNLOAD_NOTES = SYNC_NOTES.format(
    own=f"""
Your own files are never replaced or deleted: those that FOLDER/{LIST} does
not list as downloaded, or that you have changed since. An object with the name of
such a file fails, and the script reports it."""
)


@dataclass(frozen=True)
class _Command:
    """A command that copies files."""

    description: str  # the first sentence of its help
    examples: Sequence[str]  # command lines without the name of the command
    uploads: bool  # whether it copies into a bucket, instead of out of one
    variable: str = ""  # the variable that names the bucket, or an empty text if an argument does
    # Returns whether a key is of a kind that it copies.
    include: Callable[[str], bool] = lambda key: True


COMMANDS = {
    "get-bucket": _Command(
        "Downloads a bucket, or the objects under a prefix, into a folder.",
        ("my-paintings ./paintings", 'my-results/monet ./results --exclude "*.png"'),
        uploads=False,
    ),
    "send-bucket": _Command(
        "Uploads a folder, or files, into a bucket.",
        ("./holidays my-photos/2026/brittany", "beach.jpg cliff.jpg my-photos/2026"),
        uploads=True,
    ),
    "send-source": _Command(
        "Uploads photos, and masks (beach.mask.png next to beach.jpg), to BUCKET_SOURCE.",
        ("./holidays", "IMG_*.jpg"),
        uploads=True,
        variable="BUCKET_SOURCE",
        include=bucket_layout.for_source,
    ),
    "send-style": _Command(
        "Uploads paintings, masks, styles.toml and weights (.h5, .mat, .npz, .safetensors) to "
        "BUCKET_STYLE.",
        ("./paintings",),
        uploads=True,
        variable="BUCKET_STYLE",
        include=bucket_layout.for_style,
    ),
    "get-results": _Command(
        "Downloads results, their records and the gallery from BUCKET_RESULT.",
        ("./results --open", "./results --watch", './results --include "monet/*"'),
        uploads=False,
        variable="BUCKET_RESULT",
        include=bucket_layout.for_laptop,
    ),
}


def _main(verb: str, arguments: Sequence[str] | None = None) -> int:
    about, words = COMMANDS[verb], parser(verb)
    name = words.prog
    args = words.parse_args(arguments)
    if args.watch and args.dry_run:
        words.error("--watch and --dry-run do not go together")

    def run() -> int:
        bucket, rules = _bucket(about, args), _rules(about, args)
        if about.uploads:
            result = upload_all(args.sources, bucket, rules)
        else:
            result = _download(name, bucket, rules, args)
        print(*result.lines, sep="\n", flush=True)
        for line in (*result.notes, *result.failures):
            print(f"{name}: {line}", file=sys.stderr)
        return result.exit_code

    return run_program(name, run)


get_bucket_content = partial(_main, "get-bucket")
send_to_bucket = partial(_main, "send-bucket")
cl_send_source = partial(_main, "send-source")
cl_send_style = partial(_main, "send-style")
cl_get_results = partial(_main, "get-results")


def parser(verb: str) -> Parser:
    """Return the parser of a verb of `painterly`, or of the script that does the same."""
    about, typed = COMMANDS[verb], command(verb)
    notes = BUCKETS_NOTES if about.variable else ACCOUNT_NOTES
    notes += UPLOAD_NOTES if about.uploads else DOWNLOAD_NOTES
    if about.uploads and about.variable:
        notes = f"Files of other kinds are left out.\n{notes}"
    watches = about.variable == "BUCKET_RESULT"
    if watches:
        notes += ", 130 stopped by Ctrl-C"
    examples = "\n".join(f"  {typed} {example}" for example in about.examples)
    made = Parser(
        typed.removeprefix("./"), description=about.description, example=examples, notes=notes
    )
    made.set_defaults(watch=False, open=False)
    add = made.add_argument
    if about.uploads:
        text = "the folder to upload, with sub-folders; or one or more files"
        add("sources", metavar="PATH", nargs="+", type=_path, help=text)
    if not about.variable:
        add("bucket", metavar="BUCKET", help=BUCKET_HELP)
    if not about.uploads:
        text = "the folder to download into; created if it is missing"
        add("folder", metavar="FOLDER", type=_path, help=text)
    deleted = "downloaded files that the bucket no longer has"
    if about.uploads:
        kinds = " of these kinds" if about.variable else ""
        deleted = f"files{kinds} in the bucket that the folder lacks"
    add("--delete", action="store_true", help=f"afterwards delete {deleted}")
    add("--dry-run", action="store_true", help="only report what would be copied and deleted")
    for flag, what in (("--include", "only these files"), ("--exclude", "not these files")):
        text = f"{what}; may be repeated"
        add(flag, action="append", default=[], metavar="PATTERN", help=text)
    if watches:
        text = "keep downloading results as they appear, until the run has ended, or Ctrl-C"
        add("--watch", action="store_true", help=text)
        add("--open", action="store_true", help="open the gallery once it is downloaded")
    return made


def _bucket(about: _Command, args: argparse.Namespace) -> Store:
    """Return the bucket to copy into or out of.

    Raises ConfigError if none is configured, or if there is nothing to download under a prefix.
    """
    new = about.uploads or args.watch
    if about.variable:
        return open_configured([about.variable], new=new)[about.variable]
    bucket = open_named(args.bucket, new=new)
    where = parse_address(args.bucket)
    has_prefix = not isinstance(where, Path) and where[1] != ""
    if has_prefix and not about.uploads and next(iter(bucket.list()), None) is None:
        raise ConfigError(
            f"there is nothing under {printable(bucket.name)}; for a single object, name its "
            "bucket and --include KEY"
        )
    return bucket


def _download(name: str, bucket: Store, rules: SyncRules, args: argparse.Namespace) -> SyncResult:
    if args.watch:
        _watch(name, bucket, rules, args)
    result = download_all(bucket, args.folder, rules)
    if args.open and not args.dry_run:
        page = args.folder / bucket_layout.PAGE
        open_in_browser(page if was_downloaded(args.folder, bucket_layout.PAGE) else args.folder)
    return result


def _watch(name: str, bucket: Store, rules: SyncRules, args: argparse.Namespace) -> None:
    """Download results as they appear, with their records, until a run has ended.

    Only results are printed. A run that ended before is ignored if an earlier download into this
    folder brought its end. Raises StorageError from the first listing, and ObjectError if the
    folder cannot be written at the start. Later errors are reported, and the download is tried
    again.
    """
    folder, chosen = args.folder, rules.chosen
    rules = replace(rules, chosen=lambda key: key == bucket_layout.ENDED or chosen(key))
    first, reported, mount = True, set[str](), Mount(folder, str(folder))
    next(iter(bucket.list()), None)
    earlier = _etag_of_ending(folder)
    while True:
        try:
            result = download_all(bucket, folder, rules, mount)
        except StorageError as error:
            if first and isinstance(error, ObjectError) and not isinstance(error, DiskError):
                raise
            print(f"{name}: {error}; retrying in {WATCH_EVERY_S} s", file=sys.stderr, flush=True)
        else:
            if first:
                print(f"{result}".removesuffix(":"), f"· watching {bucket.name}", flush=True)
            for line in {*result.notes, *result.failures} - reported:
                print(f"{name}: {line}", file=sys.stderr, flush=True)
            first = False
            reported.update(result.notes, result.failures)
        if args.open and was_downloaded(folder, bucket_layout.PAGE):
            open_in_browser(folder / bucket_layout.PAGE)
            args.open = False  # Or it would be opened again at the end.
        if _etag_of_ending(folder) not in (None, earlier):
            path = folder / bucket_layout.ENDED
            with storage_errors(printable(str(path))):
                ending = path.read_text(errors="replace").partition("\n")[0]
            print(f"The run has ended. {printable(ending)}", flush=True)
            return
        time.sleep(WATCH_EVERY_S)


def _etag_of_ending(folder: Path) -> str | None:
    """Return the ETag of the last run's end, as downloaded, or None before that."""
    ending = MadeFiles(folder).downloaded.get(bucket_layout.ENDED)
    return ending.etag if ending else None


def _rules(about: _Command, args: argparse.Namespace) -> SyncRules:
    chosen = chooser(args.include, args.exclude)
    rules = SyncRules(about.include, chosen, args.delete, args.dry_run)
    if about.variable != "BUCKET_RESULT":
        return rules
    # The others are the program's own.
    return replace(rules, shown=bucket_layout.is_result, named=True, counts_kinds=False)


def _path(text: str) -> Path:
    if not text.strip():  # An unset variable; as a path, it would be the current folder.
        raise argparse.ArgumentTypeError("it is empty; expected a folder, such as .")
    if text.startswith(("s3://", "file:")):  # As a path, a folder named `s3:` or `file:`.
        raise argparse.ArgumentTypeError(f"{text!r} is an address; expected a folder or file here")
    with contextlib.suppress(RuntimeError):  # the home of an unknown user
        return with_home(text)  # A shell leaves a quoted ~ as it is.
    return Path(text)
