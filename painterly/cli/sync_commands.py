"""The scripts that copy pictures between buckets and folders, one function each.

boto3 and rich are imported when there is something to copy, so that `--help` answers at once.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from painterly.cli.app import open_in_browser
from painterly.cli.bucket_management import open_configured, open_named
from painterly.cli.options import Patterns, Switch, Word
from painterly.errors import ConfigError, StorageError
from painterly.settings import bucket_layout
from painterly.settings.installation import command
from painterly.storage.address import parse_address, with_home
from painterly.storage.base import DiskError, ObjectError, Store
from painterly.storage.download import download_all
from painterly.storage.files import Mount, storage_errors
from painterly.storage.foreign_files import chooser
from painterly.storage.known_files import MadeFiles, was_downloaded
from painterly.storage.sync import SyncResult, SyncRules
from painterly.storage.upload import upload_all
from painterly.words.wording import printable

WATCH_EVERY_S = 10  # seconds from one look for new results to the next


@Parameter(name="*")
@dataclass(kw_only=True)
class CopyOptions:
    """What is copied, and how."""

    delete: Switch = False
    """afterwards delete what the destination has and the source lacks: in a folder, only what was
    downloaded; in a bucket, only of the kinds that are sent"""
    dry_run: Switch = False
    """only report what would be copied and deleted"""
    include: Patterns = field(default_factory=list)
    """only keys such as beach.jpg or '2026/*.jpg', where * stands for any text with /; may be
    repeated"""
    exclude: Patterns = field(default_factory=list)
    """not these; may be repeated"""


@dataclass(kw_only=True)
class CopyArgs(CopyOptions):
    """What a command copies: files and folders here into a bucket, or a bucket into a folder."""

    sources: list[Path] = field(default_factory=list)
    bucket: str = ""
    folder: Path = Path()
    watch: bool = False
    open: bool = False


@dataclass(frozen=True)
class _Command:
    """A command that copies files."""

    uploads: bool  # whether it copies into a bucket, instead of out of one
    variable: str = ""  # the variable that names the bucket, or an empty text if an argument does
    # Returns whether a key is of a kind that it copies.
    include: Callable[[str], bool] = lambda key: True


COMMANDS = {
    "get-bucket": _Command(uploads=False),
    "send-bucket": _Command(uploads=True),
    "send-source": _Command(True, "BUCKET_SOURCE", bucket_layout.for_source),
    "send-style": _Command(True, "BUCKET_STYLE", bucket_layout.for_style),
    "get-results": _Command(False, "BUCKET_RESULT", bucket_layout.for_laptop),
}
Folder = Annotated[Word, Parameter(metavar="FOLDER")]
Paths = Annotated[Word, Parameter(metavar="PATH")]


def send_source(*paths: Paths, options: CopyOptions | None = None) -> int:
    """Upload photos to BUCKET_SOURCE.

    Masks (beach.mask.png next to beach.jpg) go with them. Files that are there already are skipped,
    and files of other kinds left out.

    Exit codes: 0 all done, 1 some files failed, 2 wrong arguments or configuration, 5 storage
    unreachable or access refused, 130 stopped by Ctrl-C.

    Args:
        paths: the folder to upload, with sub-folders; or one or more files
    """
    return _copy("send-source", options, sources=_sources(paths))


def send_style(*paths: Paths, options: CopyOptions | None = None) -> int:
    """Upload paintings to BUCKET_STYLE.

    Masks, styles.toml and weights (.h5, .mat, .npz, .safetensors) go with them. Files that are
    there already are skipped, and files of other kinds left out.

    Exit codes: 0 all done, 1 some files failed, 2 wrong arguments or configuration, 5 storage
    unreachable or access refused, 130 stopped by Ctrl-C.

    Args:
        paths: the folder to upload, with sub-folders; or one or more files
    """
    return _copy("send-style", options, sources=_sources(paths))


def send_bucket(
    *words: Annotated[Word, Parameter(metavar="PATH … s3://BUCKET")],
    options: CopyOptions | None = None,
) -> int:
    """Upload a folder, or files, into a bucket.

    Files that are there already are skipped.

    Exit codes: 0 all done, 1 some files failed, 2 wrong arguments or configuration, 5 storage
    unreachable or access refused, 130 stopped by Ctrl-C.

    Args:
        words: the folder to upload, or files; the bucket, s3://BUCKET/PREFIX, or a folder
    """
    *paths, bucket = words or ("",)
    return _copy("send-bucket", options, sources=_sources(paths), bucket=bucket)


def get_bucket(
    bucket: Annotated[Word, Parameter(metavar="s3://BUCKET")],
    folder: Folder,
    /,
    *,
    options: CopyOptions | None = None,
) -> int:
    """Download a bucket, or the objects under a prefix.

    Your own files in the folder are never replaced or deleted: those that were not downloaded, or
    that you have changed since.

    Exit codes: 0 all done, 1 some files failed, 2 wrong arguments or configuration, 5 storage
    unreachable or access refused, 130 stopped by Ctrl-C.

    Args:
        bucket: the bucket, or a part of it: s3://BUCKET/PREFIX
        folder: the folder to download into; created if it is missing
    """
    return _copy("get-bucket", options, bucket=bucket, folder=_path(folder))


def get_results(
    folder: Folder,
    /,
    *,
    watch: Switch = False,
    open: Switch = False,
    options: CopyOptions | None = None,
) -> int:
    """Download results, records and the gallery from BUCKET_RESULT.

    Your own files in the folder are never replaced or deleted: those that were not downloaded, or
    that you have changed since.

    Exit codes: 0 all done, 1 some files failed, 2 wrong arguments or configuration, 5 storage
    unreachable or access refused, 130 stopped by Ctrl-C.

    Args:
        folder: the folder to download into; created if it is missing
        watch: keep downloading results as they appear, until the run has ended, or Ctrl-C
        open: open the gallery once it is downloaded
    """
    return _copy("get-results", options, folder=_path(folder), watch=watch, open=open)


def _copy(which: str, options: CopyOptions | None, **places: Any) -> int:
    about, name = COMMANDS[which], command(which).removeprefix("./")
    args = CopyArgs(**vars(options or CopyOptions()), **places)
    if args.watch and args.dry_run:
        raise ConfigError("--watch and --dry-run do not go together")
    bucket, rules = _bucket(about, args), _rules(about, args)
    if about.uploads:
        result = upload_all(args.sources, bucket, rules)
    else:
        result = _download(name, bucket, rules, args)
    print(*result.lines, sep="\n", flush=True)
    for line in (*result.notes, *result.failures):
        print(f"{name}: {line}", file=sys.stderr)
    return result.exit_code


def _sources(paths: Sequence[str]) -> list[Path]:
    if not paths:
        raise ConfigError("expected the folder to upload, or files")
    return [_path(path) for path in paths]


def _bucket(about: _Command, args: CopyArgs) -> Store:
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


def _download(name: str, bucket: Store, rules: SyncRules, args: CopyArgs) -> SyncResult:
    if args.watch:
        _watch(name, bucket, rules, args)
    result = download_all(bucket, args.folder, rules)
    if args.open and not args.dry_run:
        page = args.folder / bucket_layout.PAGE
        open_in_browser(page if was_downloaded(args.folder, bucket_layout.PAGE) else args.folder)
    return result


def _watch(name: str, bucket: Store, rules: SyncRules, args: CopyArgs) -> None:
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


def _rules(about: _Command, args: CopyArgs) -> SyncRules:
    chosen = chooser(args.include, args.exclude)
    rules = SyncRules(about.include, chosen, args.delete, args.dry_run)
    if about.variable != "BUCKET_RESULT":
        return rules
    # The others are the program's own.
    return replace(rules, shown=bucket_layout.is_result, named=True, counts_kinds=False)


def _path(text: str) -> Path:
    if not text.strip():  # An unset variable; as a path, it would be the current folder.
        raise ConfigError("the path is empty; expected a folder, such as .")
    if text.startswith(("s3://", "file:")):  # As a path, a folder named `s3:` or `file:`.
        raise ConfigError(f"{text!r} is an address; expected a folder or file here")
    with contextlib.suppress(RuntimeError):  # the home of an unknown user
        return with_home(text)  # A shell leaves a quoted ~ as it is.
    return Path(text)
