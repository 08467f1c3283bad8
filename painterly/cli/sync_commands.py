"""The scripts that copy pictures between buckets and folders, one function each.

boto3 and rich are imported when there is something to copy, so that `--help` answers at once.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from painterly.cli.app import open_in_browser
from painterly.cli.bucket_management import open_configured, open_named
from painterly.cli.options import Patterns, Switch, Word
from painterly.errors import ConfigError, StorageError
from painterly.settings import bucket_layout
from painterly.settings.installation import command
from painterly.storage.address import parse_address
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
@dataclass(frozen=True, kw_only=True)
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


Folder = Annotated[Word, Parameter(metavar="FOLDER")]
Paths = Annotated[Word, Parameter(metavar="PATH")]


def send_source(*paths: Paths, options: CopyOptions = CopyOptions()) -> int:
    """Upload photos to BUCKET_SOURCE.

    Masks (beach.mask.png next to beach.jpg) go with them. Files that are there already are skipped,
    and files of other kinds left out.

    Args:
        paths: the folder to upload, with sub-folders; or one or more files
    """
    bucket = partial(open_configured, "BUCKET_SOURCE")
    return _send("send-source", paths, bucket, options, bucket_layout.for_source)


def send_style(*paths: Paths, options: CopyOptions = CopyOptions()) -> int:
    """Upload paintings to BUCKET_STYLE.

    Masks, styles.toml and weights (.h5, .mat, .npz, .safetensors) go with them. Files that are
    there already are skipped, and files of other kinds left out.

    Args:
        paths: the folder to upload, with sub-folders; or one or more files
    """
    bucket = partial(open_configured, "BUCKET_STYLE")
    return _send("send-style", paths, bucket, options, bucket_layout.for_style)


def send_bucket(
    *words: Annotated[Word, Parameter(metavar="PATH … s3://BUCKET")],
    options: CopyOptions = CopyOptions(),
) -> int:
    """Upload a folder, or files, into a bucket.

    Files that are there already are skipped.

    Args:
        words: the folder to upload, or files; the bucket, s3://BUCKET/PREFIX, or a folder
    """
    *paths, bucket = words or ("",)
    return _send("send-bucket", paths, partial(open_named, bucket), options, lambda key: True)


def get_bucket(
    bucket: Annotated[Word, Parameter(metavar="s3://BUCKET")],
    folder: Folder,
    /,
    *,
    options: CopyOptions = CopyOptions(),
) -> int:
    """Download a bucket, or the objects under a prefix.

    Your own files in the folder are never replaced or deleted: those that were not downloaded, or
    that you have changed since.

    Args:
        bucket: the bucket, or a part of it: s3://BUCKET/PREFIX
        folder: the folder to download into; created if it is missing
    """
    path, store, where = _path(folder), open_named(bucket), parse_address(bucket)
    if not isinstance(where, Path) and where[1] and next(iter(store.list()), None) is None:
        raise ConfigError(
            f"there is nothing under {printable(store.name)}; for a single object, name its bucket "
            "and --include KEY"
        )
    return _reported("get-bucket", download_all(store, path, _rules(options, lambda key: True)))


def get_results(
    folder: Folder,
    /,
    *,
    watch: Switch = False,
    open: Switch = False,
    options: CopyOptions = CopyOptions(),
) -> int:
    """Download results, records and the gallery from BUCKET_RESULT.

    Your own files in the folder are never replaced or deleted: those that were not downloaded, or
    that you have changed since.

    Args:
        folder: the folder to download into; created if it is missing
        watch: keep downloading results as they appear, until the run has ended, or Ctrl-C
        open: open the gallery once it is downloaded
    """
    # All but the results is the program's own.
    rules = replace(
        _rules(options, bucket_layout.for_laptop),
        shown=bucket_layout.is_result,
        named=True,
        counts_kinds=False,
    )
    if watch and rules.dry_run:
        raise ConfigError("--watch and --dry-run do not go together")
    path, bucket = _path(folder), open_configured("BUCKET_RESULT", new=watch)
    is_open = watch and _watch(_name("get-results"), bucket, rules, path, open)
    result = download_all(bucket, path, rules)
    if open and not (is_open or rules.dry_run):
        has_page = was_downloaded(path, bucket_layout.PAGE)
        open_in_browser(path / bucket_layout.PAGE if has_page else path)
    return _reported("get-results", result)


def _send(
    verb: str,
    paths: Sequence[str],
    bucket: Callable[..., Store],
    options: CopyOptions,
    include: Callable[[str], bool],
) -> int:
    if not paths:
        raise ConfigError("expected the folder to upload, or files")
    sources, rules = [*map(_path, paths)], _rules(options, include)
    return _reported(verb, upload_all(sources, bucket(new=True), rules))


def _rules(options: CopyOptions, include: Callable[[str], bool]) -> SyncRules:
    chosen = chooser(options.include, options.exclude)
    return SyncRules(include, chosen, options.delete, options.dry_run)


def _reported(verb: str, result: SyncResult) -> int:
    print(*result.lines, sep="\n", flush=True)
    for line in (*result.notes, *result.failures):
        print(f"{_name(verb)}: {line}", file=sys.stderr)
    return result.exit_code


def _name(verb: str) -> str:
    return command(verb).removeprefix("./")


def _watch(name: str, bucket: Store, rules: SyncRules, folder: Path, opens: bool) -> bool:
    """Download results as they appear, with their records, until a run has ended, and return
    whether the gallery was opened, as `opens` asks for.

    Only results are printed. A run that ended before is ignored if an earlier download into this
    folder brought its end. Raises StorageError from the first listing, and ObjectError if the
    folder cannot be written at the start. Later errors are reported, and the download is tried
    again.
    """
    chosen, is_open = rules.chosen, False
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
        if opens and not is_open and was_downloaded(folder, bucket_layout.PAGE):
            open_in_browser(folder / bucket_layout.PAGE)
            is_open = True
        if _etag_of_ending(folder) not in (None, earlier):
            path = folder / bucket_layout.ENDED
            with storage_errors(printable(str(path))):
                ending = path.read_text(errors="replace").partition("\n")[0]
            print(f"The run has ended. {printable(ending)}", flush=True)
            return is_open
        time.sleep(WATCH_EVERY_S)


def _etag_of_ending(folder: Path) -> str | None:
    ending = MadeFiles(folder).downloaded.get(bucket_layout.ENDED)
    return ending.etag if ending else None


def _path(text: str) -> Path:
    if not text.strip():  # An unset variable; as a path, it would be the current folder.
        raise ConfigError("the path is empty; expected a folder, such as .")
    if text.startswith("s3://"):  # As a path, a folder named `s3:`.
        raise ConfigError(f"{text!r} is an address; expected a folder or file here")
    return Path(text)
