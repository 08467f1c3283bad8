"""A folder with the interface of a bucket."""

import contextlib
import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from painterly.errors import StorageError
from painterly.forks import cached_property
from painterly.progress import Tally
from painterly.settings.bucket_layout import is_result
from painterly.storage.base import (
    BadKeyError,
    Entry,
    NoBucketError,
    NoObjectError,
    Progress,
    Store,
    UnavailableError,
    UnfinishedUpload,
    changed_while_read,
    hidden,
)
from painterly.storage.file_names import other_spelling, same_file
from painterly.storage.files import (
    AWAY,
    MIB,
    PART_FILE,
    Mount,
    locked,
    md5_of_bytes,
    md5_of_file,
    nearest_existing,
    replacing,
    storage_errors,
    when_closed,
)
from painterly.storage.foreign_files import FOREIGN, foreign_part
from painterly.storage.known_files import KnownFiles
from painterly.words.wording import printable

# A Mac with little room replaces a file by such a one: `.IMG_1.HEIC.icloud`.
_PLACEHOLDER = re.compile(r"\.(.+)\.icloud")
BEHIND_LINKS = "behind links"
IN_ICLOUD = "in iCloud only, where a Mac's Finder downloads them from"
_UNREADABLE = "that cannot be read"
# On Windows: names of devices, with any extension, and names of files.
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ ]*(\..*)?", re.I)
_ALLOWED = re.compile(r'[^<>:"|?*\x00-\x1f]*')
_SHORT_NAME = 140  # bytes that every disk has room for in a file's name


class _FileEntry(Entry):
    """The entry of a file. The ETag is computed when it is first used, so that a listing need not
    read every file."""

    _version: str
    _md5: Callable[[], str]

    def __init__(self, key: str, about: os.stat_result, md5: Callable[[], str]) -> None:
        # Programs set the time of the last change, but not that of the last write to the inode.
        times = f"{about.st_mtime_ns} {about.st_ctime_ns}"
        self.__dict__.update(
            key=key,
            size=about.st_size,
            modified=max(about.st_mtime, about.st_ctime),
            _version=f"{about.st_ino} {about.st_size} {times}",
            _md5=md5,
        )

    @property
    def version(self) -> str:
        return self._version

    def is_still(self, now: Entry) -> bool:
        return now.version == self.version

    @cached_property
    def etag(self) -> str:
        return self._md5()


class FolderBucket(Store):
    """A folder as a bucket, with the keys that `safe_path` allows.

    It does not list hidden files, what other programs keep, and links out of the folder, and does
    not follow links to folders; `skipped` names all but the hidden files, and what is in iCloud
    only. Once its disk is no longer mounted, every request raises UnavailableError.
    """

    def __init__(
        self,
        folder: Path,
        name: str = "",
        *,
        new: bool = False,
        partly: bool = False,
        known: KnownFiles | None = None,
    ) -> None:
        """Take the folder and its name for messages.

        Args:
            folder, name: The folder and its name.
            new: Whether a missing one is listed as empty, and created by the first write.
            partly: Whether listings pass over what cannot be read inside of it.
            known: The files with known content.
        """
        # The working folder may be on a disk that goes.
        self.folder, self.name, self._new = folder.absolute(), name or str(folder), new
        self._partly = partly
        self._known, self._mount = known or KnownFiles(), Mount(folder, self.name)
        # What the last listing of all has passed over: key → reason, name to show; of what cannot
        # be read, _UNREADABLE and the reason.
        self._passed_over: dict[str, tuple[str, str]] = {}

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        entries, passed_over = self._scan(prefix, after)
        if not (prefix or after):
            self._passed_over = passed_over
        yield from sorted(entries, key=lambda entry: entry.key)

    def path(self, key: str) -> Path | None:
        return self.folder / key

    def skipped(self) -> Mapping[str, Sequence[str]]:
        names: dict[str, list[str]] = {}
        for _, (why, shown) in sorted(self._passed_over.items()):
            if why != _UNREADABLE:
                names.setdefault(why, []).append(shown)
        return names

    def unreadable(self) -> Mapping[str, str]:
        passed_over = sorted(self._passed_over.items())
        return {key: shown for key, (why, shown) in passed_over if why == _UNREADABLE}

    def passes_over(self, key: str) -> bool:
        """Return whether the folder has what a key names and does not list it, as `skipped`
        says."""
        above = (key[:end] for end, char in enumerate(key) if char == "/")
        return any(each in self._passed_over for each in (key, *above))

    def _scan(self, prefix: str, after: str) -> tuple[Sequence[Entry], dict[str, tuple[str, str]]]:
        """Return the files with keys that start with `prefix` and come after `after`, and what is
        passed over."""
        entries: list[Entry] = []
        passed_over: dict[str, tuple[str, str]] = {}
        tally = Tally(f"listing {self.name}")
        self.check_mounted()
        with storage_errors(f"folder {self.name}", StorageError):
            tree = self._walk(prefix, passed_over) if self._is_there() else ()
            for base, folders, files, foreign in tree:
                for key in foreign:
                    passed_over[key] = FOREIGN, foreign_part(key) or foreign_part(f"{key}/")
                # os.walk follows no links, so only a file that is a link can be outside.
                links = [
                    base + name for name in folders if (self.folder / base / name).is_symlink()
                ]
                for key in (base + each for each in files if not hidden(each)):
                    tally.show(len(entries))
                    if not key.startswith(prefix) or key <= after or key in passed_over:
                        continue
                    path = self.folder / key
                    try:
                        entry, is_link = self._entry(key), path.is_symlink()
                    except OSError as error:
                        self._pass_over(key, error, passed_over)
                        continue
                    if entry and (not is_link or _is_inside(path, self.folder)):
                        entries.append(entry)
                    elif is_link:
                        links.append(key)
                for key in links:
                    with contextlib.suppress(FileNotFoundError):  # It was deleted since.
                        shown = f"{key} → {(self.folder / key).readlink()}"
                        passed_over[key] = BEHIND_LINKS, shown
                for placeholder in filter(None, map(_PLACEHOLDER.fullmatch, files)):
                    passed_over[base + placeholder[1]] = IN_ICLOUD, base + placeholder[1]
        self.check_mounted()  # The listing may lack a part.
        return entries, passed_over

    def _pass_over(self, key: str, error: OSError, passed_over: dict[str, tuple[str, str]]) -> None:
        """Note a file or folder that cannot be read, or raise StorageError: it must not look like
        one that is not there. A disk that does not answer is not passed over."""
        if self._partly and key and error.errno not in AWAY:
            passed_over[key] = _UNREADABLE, (error.strerror or str(error)).lower()
            return
        with storage_errors(self._where(key), StorageError):
            raise error

    def _walk(
        self, prefix: str, passed_over: dict[str, tuple[str, str]]
    ) -> Iterator[tuple[str, Sequence[str], Sequence[str], Sequence[str]]]:
        """Yield the start of the keys in each folder that may have keys with a prefix, the names of
        its folders and files, and the keys in it that other programs keep. Folders that cannot be
        read are added to what is passed over."""

        def stop(error: OSError) -> None:
            if isinstance(error, FileNotFoundError) and self.exists():
                return  # One inside was deleted as it was about to be listed.
            inner = Path(error.filename).relative_to(self.folder).as_posix()
            self._pass_over("" if inner == "." else f"{inner}/", error, passed_over)

        def overlap(inner: str) -> bool:
            return inner.startswith(prefix) or prefix.startswith(inner)

        for top, folders, files in os.walk(self.folder, onerror=stop):
            inner = Path(top).relative_to(self.folder).as_posix()
            base = "" if inner == "." else f"{inner}/"
            inside = [each for each in folders if overlap(f"{base}{each}/")]
            foreign = [base + each for each in files if foreign_part(base + each)]
            # Not searched: a `.snapshot` has whole copies of the folder.
            foreign += [base + each for each in inside if foreign_part(f"{base}{each}/")]
            folders[:] = [e for e in inside if not hidden(e) and base + e not in foreign]
            yield base, folders, files, foreign

    def _is_there(self) -> bool:
        """Return whether the folder exists. A folder for results is created by the first write.

        Raises StorageError if another one is missing, or if it cannot be created.
        """
        if self.exists():
            return True
        if self.folder.exists():
            raise UnavailableError(f"{self.name} is not a folder, but a file")
        if not self._new:
            raise NoBucketError(f"folder {self.name} does not exist")
        above = nearest_existing(self.folder)
        if not above.is_dir():
            raise UnavailableError(f"folder {self.name} cannot be made: {above} is a file")
        return False

    def _entry(self, key: str) -> Entry | None:
        path = self.folder / key
        try:
            about = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            if path.is_symlink():  # a loop of links
                return None
            raise
        return self._entry_of(key, about) if stat.S_ISREG(about.st_mode) else None

    def _entry_of(self, key: str, about: os.stat_result) -> Entry:
        return _FileEntry(key, about, partial(self._known.md5, self.folder / key))

    def check_mounted(self) -> None:
        """Raise UnavailableError if the folder's disk is no longer mounted."""
        self._mount.check()

    def find(self, key: str) -> Entry | None:
        self._safe_path(key)
        with storage_errors(self._where(key)):
            return self._entry(key)

    def read_with_entry(self, key: str) -> tuple[bytes, Entry]:
        path = self._safe_path(key)
        with storage_errors(self._where(key)), path.open("rb") as body:
            about, data = os.fstat(body.fileno()), body.read()
        return data, _FileEntry(key, about, partial(md5_of_bytes, data))

    def read_part(self, key: str, start: int, count: int, of: Entry | None = None) -> bytes:
        path = self._safe_path(key)
        with storage_errors(self._where(key)), path.open("rb") as body:
            now = self._entry_of(key, os.fstat(body.fileno()))
            if of is not None and not of.is_still(now):
                raise changed_while_read(self._where(key))
            body.seek(start)
            return body.read(count)

    def write(self, key: str, data: bytes, content_type: str | None = None) -> str:
        etag = md5_of_bytes(data)
        with storage_errors(self._where(key)):
            path = self._path_to_write(key)
            part = _replace(path, data)
            if is_result(key):  # A run asks for its ETag again.
                self._known.wrote(path, etag, part)
        return etag

    def write_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        path, new = self._safe_path(key), md5_of_bytes(data)
        with storage_errors(self._where(key)), locked(path.parent):
            try:
                stored = md5_of_file(path)
            except NoObjectError:
                stored = None
            if stored == new:
                return new
            if stored == etag:
                _replace(self._path_to_write(key), data)
            return new if stored == etag else None

    def delete(self, key: str) -> None:
        with storage_errors(self._where(key)), contextlib.suppress(NotADirectoryError):
            path = self._safe_path(key)
            when_closed(lambda: path.unlink(missing_ok=True))

    def remove_empty(self, folder: str) -> None:
        with storage_errors(self._where(folder)):
            for path, _, _ in os.walk(self._safe_path(folder), topdown=False):
                with contextlib.suppress(OSError):  # It is not empty.
                    Path(path).rmdir()

    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        source = self._safe_path(key)
        with storage_errors(self._where(key)), source.open("rb") as body:
            _copy(body, path, printable(str(path)), progress)

    def upload(self, path: Path, key: str, progress: Progress | None = None) -> None:
        with storage_errors(printable(str(path))), path.open("rb") as body:
            _copy(body, self._path_to_write(key), self._where(key), progress)

    def exists(self) -> bool:
        with storage_errors(f"folder {self.name}", StorageError):
            return self.folder.is_dir()

    def create(self) -> bool:
        self.check_mounted()
        there = self.exists()
        with storage_errors(f"folder {self.name}", StorageError):
            self.folder.mkdir(parents=True, exist_ok=True)
        return not there

    def unfinished_uploads(self, prefix: str = "") -> Sequence[UnfinishedUpload]:
        self.check_mounted()
        top = self.folder / prefix.rpartition("/")[0]
        uploads = []
        with storage_errors(f"folder {self.name}", StorageError):
            for path in filter(lambda path: PART_FILE.fullmatch(path.name), top.rglob(".*.part")):
                key = path.relative_to(self.folder).as_posix()
                with contextlib.suppress(OSError):  # It has ended since.
                    # The time of the last write, which is recent during an upload.
                    uploads.append(UnfinishedUpload(key, "", path.stat().st_mtime))
        return [upload for upload in uploads if upload.key.startswith(prefix)]

    def abort_upload(self, upload: UnfinishedUpload) -> None:
        self.check_mounted()
        with storage_errors(self._where(upload.key)):
            (self.folder / upload.key).unlink(missing_ok=True)

    def check_key(self, key: str) -> None:
        _check_parts(self.folder, key)
        if all(len(part) <= _SHORT_NAME for part in map(os.fsencode, key.split("/"))):
            return
        above = nearest_existing(self.folder)
        for part in key.split("/"):
            try:
                (above / part).lstat()  # Only the disk knows how long names may be.
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    raise BadKeyError(
                        f"{printable(part)} is too long for a file in {self.name}; "
                        "choose a shorter name"
                    ) from None

    @cached_property
    def _ignores_case(self) -> bool:
        return same_file(self.folder, "a", "A")

    def _path_to_write(self, key: str) -> Path:
        """Return `safe_path`, for a key that takes no other key's file on a disk that ignores
        case."""
        path = self._safe_path(key)
        if self._ignores_case and (other := other_spelling(self.folder, key)):
            raise BadKeyError(
                f"{self._where(key)} would be in the place of {printable(other)} on this disk, "
                "which ignores case; rename one of the two"
            )
        return path

    def _safe_path(self, key: str) -> Path:
        self.check_mounted()
        return safe_path(self.folder, key)

    def _where(self, key: str) -> str:
        where = printable(f"{self.name.rstrip('/')}/{key}".rstrip("/"))
        return where if key and not key.endswith("/") else f"folder {where}"


def _copy(body: BinaryIO, target: Path, where: str, progress: Progress | None) -> None:
    with storage_errors(where), replacing(target) as copy:
        while data := body.read(MIB):
            copy.write(data)
            if progress:
                progress(len(data))


def _replace(path: Path, data: bytes) -> os.stat_result:
    """Write a file, whole or not at all, and return what it was under its name before. Raises
    OSError."""
    with replacing(path) as body:
        body.write(data)
        body.flush()
        return os.fstat(body.fileno())


def safe_path(folder: Path, key: str) -> Path:
    """Return the path of a key in a folder. Raises BadKeyError for a key that cannot be a file
    there.

    Refused: an empty key; empty, `.` and `..` parts, and thus a leading or trailing
    `/`; hidden parts, which folders do not list and which may be `.ssh/authorized_keys`;
    backslashes, which leave the folder on Windows; NUL; on Windows also the names that its files
    cannot have, drive letters among them; paths through a symbolic link out of the folder.
    """
    _check_parts(folder, key)
    path = folder / key
    if not _is_inside(path, folder):
        raise BadKeyError(
            f"{printable(str(path))} is behind a link out of {folder}; remove the link"
        )
    return path


def _check_parts(folder: Path, key: str) -> None:
    parts = key.split("/")
    bad = "\\" in key or "\0" in key
    bad = bad or any(part == "" or part.startswith(".") for part in parts)
    if sys.platform == "win32":
        # Windows would write `CON` to the console, `a:b` into a hidden part of `a`, `a.` as `a`,
        # and `c:b` to another drive. Elsewhere, a photo may be called `12:30.jpg`.
        bad = bad or any(
            _RESERVED.fullmatch(part) or part.endswith((" ", ".")) or not _ALLOWED.fullmatch(part)
            for part in parts
        )
    if bad:
        why = ": a name between its slashes is empty" if "" in parts else ""
        way = "; rename the object, or choose a bucket instead" if why else "; rename it"
        raise BadKeyError(f"key '{printable(key)}' cannot be a file in {folder}{why}{way}")
    try:
        os.fsencode(key)
    except UnicodeEncodeError:
        raise BadKeyError(
            f"key '{printable(key)}' cannot be a file here, where names are in "
            f"{sys.getfilesystemencoding()}; use a locale with UTF-8 (LC_ALL=C.UTF-8), or rename it"
        ) from None


def _is_inside(path: Path, folder: Path) -> bool:
    # Unlike Path.resolve, realpath accepts loops of links.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
