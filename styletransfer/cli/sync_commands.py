"""The scripts that copy pictures between buckets and folders, one function each.

boto3 and rich are imported when there is something to copy, so that `--help` answers at once.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NoReturn

from styletransfer import bucket_layout
from styletransfer.cli.app import ask, on_terminal, open_in_browser, run_program
from styletransfer.cli.named_buckets import (
    ACCOUNT_NOTES,
    BUCKET_HELP,
    BUCKETS_NOTES,
    open_configured,
    open_for_download,
    open_named,
)
from styletransfer.cli.parser import new_parser
from styletransfer.errors import ConfigError, StorageError
from styletransfer.setting_values import parse_whole
from styletransfer.storage.address import parse_address
from styletransfer.storage.base import DiskError, NoBucketError, ObjectError, Store
from styletransfer.storage.fetch import download_all
from styletransfer.storage.jobs import JOBS
from styletransfer.storage.manifest import MANIFEST, was_downloaded
from styletransfer.storage.sync import SyncResult, SyncRules, upload_all

SYNC_NOTES = """

Files that are the same on both sides are skipped. Files that exist only at the
destination stay, unless you pass --delete. Hidden files (.DS_Store) are left out.{own}

PATTERN is for keys, as beach.jpg or 2026/beach.jpg. * stands for any text, / as
well, ? for one character, [ab] for one of these. Quote it, or the shell expands it.

exit codes: 0 all done, 1 some files failed, 2 wrong arguments or configuration,
5 storage unreachable or access refused"""
MOST_JOBS = 64  # connections that the S3 client keeps
LONGEST_PAUSE_S = 86_400  # Python cannot sleep for any number of seconds.
DOWNLOADED = " any more, of those that came from there"
UPLOAD_NOTES = SYNC_NOTES.format(
    own="""
Links are followed to files in the folder only; the others are named. What they
stand for, and files in iCloud only, are not deleted in the bucket either."""
)
SEND_NOTES = f"Files of other kinds are left out.\n{BUCKETS_NOTES}{UPLOAD_NOTES}"
DOWNLOAD_NOTES = SYNC_NOTES.format(
    own=f"""
A file of your own is never replaced or deleted: one that no download brought, by
FOLDER/{MANIFEST}, or that you have changed since. Where it is in the way of
an object, that one fails, by name."""
)


def get_bucket_content(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = new_parser(
        "get_bucket_content.py",
        "Downloads a bucket, the objects under a prefix, or a single one, into a folder.",
        example="  ./get_bucket_content.py my-paintings ./paintings\n"
        '  ./get_bucket_content.py my-results/monet ./results --exclude "*.png"\n'
        "  ./get_bucket_content.py my-results/monet/beach.jpg .",
        notes=ACCOUNT_NOTES + DOWNLOAD_NOTES,
    )
    parser.add_argument(
        "bucket", metavar="BUCKET", help=f"{BUCKET_HELP}; or one object's key there"
    )
    _add_destination_folder(parser)
    _add_rules(parser, destination="FOLDER", source="BUCKET", which=DOWNLOADED)
    args = parser.parse_args(arguments)

    def download() -> SyncResult:
        bucket, only = open_for_download(args.bucket)
        return download_all(bucket, args.folder, _rules(args), only)

    return _run_sync(parser.prog, download)


def send_to_bucket(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = new_parser(
        "send_to_bucket.py",
        "Uploads a folder, or files, into a bucket.",
        example="  ./send_to_bucket.py ./holidays my-photos\n"
        "  ./send_to_bucket.py beach.jpg cliff.jpg my-photos/2026\n"
        "  ./send_to_bucket.py ./holidays my-photos/2026/brittany",
        notes=ACCOUNT_NOTES + UPLOAD_NOTES,
    )
    _add_sources(parser)
    parser.add_argument("bucket", metavar="BUCKET", help=BUCKET_HELP)
    _add_rules(parser, destination="BUCKET", source="the folder")
    args = parser.parse_args(arguments)

    def upload() -> SyncResult:
        return _upload(args.sources, open_named(args.bucket, new=True), _rules(args))

    return _run_sync(parser.prog, upload)


def cl_send_source(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = new_parser(
        "cl_send_source.py",
        "Uploads photos, and masks (beach.mask.png beside beach.jpg), to BUCKET_SOURCE.",
        example="  ./cl_send_source.py ./holidays\n  ./cl_send_source.py IMG_*.jpg",
        notes=SEND_NOTES,
    )
    return _send(parser, "BUCKET_SOURCE", bucket_layout.for_source, arguments)


def cl_send_style(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = new_parser(
        "cl_send_style.py",
        "Uploads paintings, masks, looks.toml and VGG weights (.h5, .mat, .npz) to BUCKET_STYLE.",
        example="  ./cl_send_style.py ./paintings",
        notes=SEND_NOTES,
    )
    return _send(parser, "BUCKET_STYLE", bucket_layout.for_style, arguments)


def _send(
    parser: argparse.ArgumentParser,
    variable: str,
    include: Callable[[str], bool],
    arguments: Sequence[str] | None,
) -> int:
    """Uploads the files that `include` picks by key into the bucket of a variable; returns the
    exit code."""
    _add_sources(parser)
    _add_rules(parser, destination=variable, source="the folder", which=", of these kinds")
    args = parser.parse_args(arguments)

    def upload() -> SyncResult:
        bucket = open_configured([variable], new=True)[variable]
        return _upload(args.sources, bucket, replace(_rules(args), include=include))

    return _run_sync(parser.prog, upload)


def cl_get_results(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = new_parser(
        "cl_get_results.py",
        "Downloads results, their records and the gallery from BUCKET_RESULT.",
        example="  ./cl_get_results.py ./results --open\n  ./cl_get_results.py ./results --watch\n"
        '  ./cl_get_results.py ./results --include "monet/*" --jobs 16',
        notes=f"{BUCKETS_NOTES}{DOWNLOAD_NOTES}, 130 stopped by Ctrl-C, which ends --watch",
    )
    _add_destination_folder(parser)
    _add_rules(parser, destination="FOLDER", source="the bucket", which=DOWNLOADED)
    parser.add_argument(
        "--watch", action="store_true", help="keep downloading results as they appear, until Ctrl-C"
    )
    parser.add_argument(
        "--every",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how often --watch looks for new results (default: 10)",
    )
    parser.add_argument(
        "--open", action="store_true", help="open the gallery in the browser once it is downloaded"
    )
    args = parser.parse_args(arguments)
    if args.watch and args.dry_run:
        parser.error("--watch and --dry-run do not go together")
    folder = args.folder
    rules = replace(_rules(args), include=bucket_layout.for_laptop)

    def download() -> SyncResult:
        bucket = open_configured(["BUCKET_RESULT"], new=args.watch)["BUCKET_RESULT"]
        if args.watch:
            _watch(parser.prog, bucket, rules, args)
        result = download_all(bucket, folder, rules)
        if args.open and not args.dry_run:
            there = was_downloaded(folder, bucket_layout.PAGE)
            open_in_browser(folder / bucket_layout.PAGE if there else folder)
        return result

    return _run_sync(parser.prog, download)


def _run_sync(name: str, sync: Callable[[], SyncResult]) -> int:
    """Runs a sync, then prints its summary and what failed; returns the exit code."""

    def run() -> int:
        result = sync()
        print(result, *result.left_out_lines, sep="\n", flush=True)
        for line in (*result.notes, *result.failures):
            print(f"{name}: {line}", file=sys.stderr)
        return result.exit_code

    return run_program(name, run)


def _upload(sources: Sequence[Path], bucket: Store, rules: SyncRules) -> SyncResult:
    """`upload_all`; on a terminal, offers to create a bucket that does not exist."""
    try:
        return upload_all(sources, bucket, rules)
    except NoBucketError as error:
        if rules.dry_run or not on_terminal():
            raise
        what = str(error).partition(";")[0]
        if ask(f"{what}. Create it? [y/N] ").lower() not in ("y", "yes"):
            raise
    bucket.create()
    return upload_all(sources, bucket, rules)


def _watch(name: str, bucket: Store, rules: SyncRules, args: argparse.Namespace) -> NoReturn:
    """Download results as they appear, with their records, until Ctrl-C. List only the results.

    Raises StorageError from the first listing, and ObjectError if the folder cannot be written at
    the start. Later errors are reported, and the download is tried again.
    """
    folder = args.folder
    rules = replace(rules, named=True, shown=bucket_layout.is_result)
    first, show, reported = True, args.open, set[str]()
    next(iter(bucket.list()), None)
    while True:
        try:
            result = download_all(bucket, folder, rules)
        except StorageError as error:
            if first and isinstance(error, ObjectError) and not isinstance(error, DiskError):
                raise
            print(f"{name}: {error}; retrying in {args.every:g} s", file=sys.stderr, flush=True)
        else:
            if first:
                print(f"{result}".removesuffix(":"), f"· watching {bucket.name}", flush=True)
            for line in {*result.notes, *result.failures} - reported:
                print(f"{name}: {line}", file=sys.stderr, flush=True)
            first = False
            reported.update(result.notes, result.failures)
        if show and was_downloaded(folder, bucket_layout.PAGE):
            open_in_browser(folder / bucket_layout.PAGE)
            show = False
        time.sleep(args.every)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    about = "the folder to upload, with sub-folders; or one or more files"
    parser.add_argument("sources", metavar="PATH", nargs="+", type=_path, help=about)


def _add_destination_folder(parser: argparse.ArgumentParser) -> None:
    about = "the folder to download into; created if it is missing"
    parser.add_argument("folder", metavar="FOLDER", type=_path, help=about)


def _add_rules(
    parser: argparse.ArgumentParser, *, destination: str, source: str, which: str = ""
) -> None:
    parser.add_argument(
        "--delete",
        action="store_true",
        help=f"afterwards delete files in {destination} that {source} does not have{which}",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only report what would be copied and deleted"
    )
    for flag, what in (("--include", "only these files"), ("--exclude", "not these files")):
        parser.add_argument(
            flag, action="append", default=[], metavar="PATTERN", help=f"{what}; may be repeated"
        )
    parser.add_argument(
        "--jobs",
        type=_jobs,
        default=JOBS,
        metavar="N",
        help=f"how many files at a time, 1 to {MOST_JOBS} (default: {JOBS})",
    )


def _rules(args: argparse.Namespace) -> SyncRules:
    def chosen(key: str) -> bool:
        included = not args.include or any(fnmatchcase(key, each) for each in args.include)
        return included and not any(fnmatchcase(key, each) for each in args.exclude)

    return SyncRules(chosen=chosen, delete=args.delete, dry_run=args.dry_run, jobs=args.jobs)


def _path(text: str) -> Path:
    if not text.strip():  # An unset variable; as a path, it would be the current folder.
        raise argparse.ArgumentTypeError("it is empty; expected a folder, such as .")
    if text.startswith(("s3://", "file:")):  # As a path, a folder named `s3:` or `file:`.
        return _path_of_url(text)
    with contextlib.suppress(RuntimeError):  # the home of an unknown user
        return Path(text).expanduser()  # Shells on Windows leave ~ as it is.
    return Path(text)


def _path_of_url(text: str) -> Path:
    try:
        where = parse_address(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if isinstance(where, Path):
        return where
    raise argparse.ArgumentTypeError(f"{text!r} is a bucket; expected a folder or file here")


def _jobs(text: str) -> int:
    jobs = parse_whole(text, 1, MOST_JOBS)
    if jobs is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST_JOBS}")
    return jobs


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) <= LONGEST_PAUSE_S:
            return float(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a number of seconds above 0, {LONGEST_PAUSE_S} at most"
    )
