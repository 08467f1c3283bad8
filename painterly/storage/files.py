"""Files on a disk: checksums, atomic replacement, errors as StorageErrors."""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from painterly.errors import StorageError
from painterly.log import FULL
from painterly.storage.base import (
    BadKeyError,
    DiskError,
    Entry,
    NoObjectError,
    ObjectError,
    UnavailableError,
)
from painterly.words.wording import printable

MIB = 1024 * 1024
PART_FILE = re.compile(r"\.[0-9a-f]{16}\.part")  # `replacing` leaves one if its process is killed.
LOCK_FILE = ".lock"
# More than a step of a clock that times of files are from: the kernel's, or that of a FAT disk.
FINE_STEP_S, COARSE_STEP_S = 0.1, 3.0
LEFT_S = 3600  # A file that is still being written is younger.
RETRY_S = (0.05, 0.15, 0.3, 0.5)  # pauses of `when_closed`
_FULL = (*FULL, errno.EROFS)
# Errors of a disk in a network, or of a program that mounts one, that does not answer.
AWAY = (
    *(errno.ENOTCONN, errno.ECONNABORTED, errno.ECONNRESET, errno.ECONNREFUSED, errno.ETIMEDOUT),
    *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
)
# Errors of file systems such as exFAT for names like `a:b.jpg` or `what?.jpg`.
_NAME_REFUSED = (errno.EINVAL, errno.ENOENT, errno.EILSEQ)
# Part sizes of uploads by boto3 and AWS's tools (8), rclone (5), s3cmd (15), s5cmd (50) and others,
# and of AWS's console in the browser.
_PARTS_MIB = (8, 5, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128)
USUAL_PARTS = (*(mib * MIB for mib in _PARTS_MIB), 17_179_870)


class RefusedNameError(OSError):
    """A disk cannot store a file's name."""


class Mount:
    """The mounted disk on which a folder was when it was opened.

    A disk is known by the path of its mount point. Another number of its device says nothing: it
    changes when the same disk is mounted again, as automounters do. The same number says that all
    is as before. So the end of a bind mount from the disk around it is not noticed.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Find the disk of a folder, which need not exist. `name` is its name for messages."""
        self._folder, self._name = folder.absolute(), name
        self._device, self._point = _device(self._folder), _mount_point(self._folder)

    def check(self) -> None:
        """Raise UnavailableError if the disk is gone: its mount point is then a folder of another
        disk. A disk that is mounted inside of it, above the folder, becomes the folder's."""
        device = _device(self._folder)
        if device is not None and device == self._device:
            return  # Looking for the mount point takes dozens of calls of the system.
        point = _mount_point(self._folder)
        if not point.is_relative_to(self._point):
            raise UnavailableError(
                f"folder {printable(self._name)} is no longer on the disk mounted at "
                f"{printable(str(self._point))}; mount it again"
            )
        self._device, self._point = device, point


def _device(folder: Path) -> int | None:
    try:
        return folder.stat().st_dev
    except OSError:
        return None


def _mount_point(folder: Path) -> Path:
    path = Path(os.path.realpath(folder))
    return next(filter(_is_mount_point, (path, *path.parents)), Path(path.anchor))


def _is_mount_point(path: Path) -> bool:
    # Nor is a disk one that does not answer, or on Windows a drive that is gone.
    with contextlib.suppress(OSError):
        return os.path.ismount(path)
    return False


def is_same(path: Path, entry: Entry) -> bool:
    """Return whether a file has the content of an entry, by size and ETag.

    The answer is False if that is unknown (see `has_etag`). Raises ObjectError if the file cannot
    be read.
    """
    with storage_errors(printable(str(path))), path.open("rb") as body:
        return os.fstat(body.fileno()).st_size == entry.size and bool(has_etag(body, entry.etag))


def has_etag(body: BinaryIO, etag: str) -> bool | None:
    """Return whether a file's content has an ETag (see `Entry`).

    The answer is None if the upload had several parts, and no usual size fits.
    """
    etag = etag.lower()  # Some services write capitals.
    whole, _, parts = etag.partition("-")
    if not parts:
        return md5(body) == etag
    if parts == "1":
        return md5_of_bytes(bytes.fromhex(md5(body))) == whole
    size = body.seek(0, os.SEEK_END)
    fitting = [part for part in USUAL_PARTS if str(-(-size // part)) == parts]
    return any(_md5_of_parts(body, part) == etag for part in fitting) or None


def md5(body: BinaryIO) -> str:
    """Return the MD5 of a whole file in hex, and leave the file at its end."""
    digest = new_md5()
    body.seek(0)
    while data := body.read(MIB):
        digest.update(data)
    return str(digest.hexdigest())


def md5_of_bytes(data: bytes) -> str:
    """Return the MD5 of some bytes in hex."""
    return str(new_md5(data).hexdigest())


def md5_of_file(path: Path) -> str:
    """Return the MD5 of the file under a path in hex. Raises ObjectError."""
    with storage_errors(printable(str(path))), path.open("rb") as body:
        return md5(body)


def has_fine_times(about: os.stat_result) -> bool:
    """Return whether a file's times have fractions of seconds, so that two changes differ in
    them."""
    return bool(about.st_mtime_ns % 10**9 and about.st_ctime_ns % 10**9)


def was_at_rest(about: os.stat_result, now_ns: int) -> bool:
    """Return whether a file had not just changed: a further change would give it another time,
    which some disks count in steps of two seconds."""
    step_s = FINE_STEP_S if has_fine_times(about) else COARSE_STEP_S
    return now_ns - max(about.st_mtime_ns, about.st_ctime_ns) > step_s * 10**9


def _md5_of_parts(body: BinaryIO, part: int) -> str:
    """Return the ETag of a file uploaded to S3 in parts of `part` bytes."""
    body.seek(0)
    sums: list[bytes] = []
    while True:
        digest, left = new_md5(), part
        while left and (data := body.read(min(MIB, left))):
            digest.update(data)
            left -= len(data)
        if left == part:
            break
        sums.append(digest.digest())
    return f"{md5_of_bytes(b''.join(sums))}-{len(sums)}"


def new_md5(data: bytes = b"") -> Any:
    """Return hashlib's MD5 as a checksum, which machines that forbid MD5 for security allow."""
    return hashlib.md5(data, usedforsecurity=False)


@contextlib.contextmanager
def storage_errors(where: str, kind: type[StorageError] = ObjectError) -> Iterator[None]:
    """Raise a BadKeyError for an OSError caused by the path, a DiskError for one of a disk that is
    full or read-only, an UnavailableError for one that does not answer, a `kind` for any other,
    which is a NoObjectError for a missing object; the message begins with `where`."""
    try:
        yield
    except RefusedNameError as error:
        raise BadKeyError(f"{where}: {error.strerror}; rename it") from error
    except FileNotFoundError as error:
        kind = NoObjectError if kind is ObjectError else kind
        raise kind(f"{where} does not exist") from error
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise BadKeyError(
            f"{where} needs a folder where a file is, or the reverse; rename one of them"
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if error.errno in _FULL:
            raise DiskError(
                f"{where}: {reason}; make room there, or choose another disk"
            ) from error
        if error.errno in AWAY:
            raise UnavailableError(f"{where}: {reason}; mount its disk again") from error
        kind = BadKeyError if error.errno == errno.ENAMETOOLONG else kind
        raise kind(f"{where}: {reason}") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a hidden file that replaces `path` when the block ends without an error.

    Raises OSError, or RefusedNameError if only the name is the reason.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    with _naming(path):
        opened = _opened(part, "xb+")
    try:
        with opened as body:
            yield body
        with _naming(path, part):
            when_closed(lambda: part.replace(path))
    finally:
        part.unlink(missing_ok=True)


def when_closed(change: Callable[[], object]) -> None:
    """Replace or delete a file. On Windows, try again for a second while a program has it open."""
    for pause_s in RETRY_S if sys.platform == "win32" else ():
        with contextlib.suppress(PermissionError):
            change()
            return
        time.sleep(pause_s)
    change()


def nearest_existing(path: Path) -> Path:
    """Return a path, or else the nearest one above it that exists. Raises OSError."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())


@contextlib.contextmanager
def _naming(path: Path, source: Path | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        gone = source is not None and not source.exists()  # with its folder
        if error.errno in _NAME_REFUSED and not gone and _takes_other_names(path):
            also = ", or the whole path is too long" if sys.platform == "win32" else ""
            what = f"its disk cannot store this name{also}"
            raise RefusedNameError(error.errno, what) from error
        raise


def _takes_other_names(path: Path) -> bool:
    """Return whether the nearest existing folder above a path takes a new file. It may be a
    read-only folder of the system."""
    above = nearest_existing(path.parent)
    try:
        with tempfile.NamedTemporaryFile(prefix=".", suffix=".part", dir=above):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def locked(folder: Path, *, waits: bool = True) -> Iterator[None]:
    """Let one thread of one process at a time do what is inside, for a folder; a lock ends with its
    process. Creates the folder, and leaves no file in it, except a hidden one on Windows. Raises
    OSError if another has the lock, unless this one waits."""
    path = folder / LOCK_FILE
    with contextlib.ExitStack() as stack:
        is_held = False
        while not is_held:
            stack.close()
            file = stack.enter_context(_opened(path, "ab"))
            is_held = _lock(stack, file, path, waits)
        yield


def _lock(stack: contextlib.ExitStack, file: BinaryIO, path: Path, waits: bool) -> bool:
    """Lock an open file until a stack is closed. Return whether it is still the one at its path:
    the process that had the lock may have deleted it. Raises OSError as `locked`."""
    if sys.platform == "win32":
        import msvcrt

        def unlock() -> None:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

        hide(path)  # Windows deletes no file that another process has opened.
        file.seek(0)  # One byte is locked, which need not exist.
        mode = msvcrt.LK_LOCK if waits else msvcrt.LK_NBLCK
        while True:
            try:
                msvcrt.locking(file.fileno(), mode, 1)
                stack.callback(unlock)
                return True
            except OSError:  # LK_LOCK waits for ten seconds only.
                if not waits:
                    raise
    else:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = os.path.samestat(os.fstat(file.fileno()), path.stat())
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESTALE):  # ESTALE: on a disk in a network.
                return False
            if not isinstance(error, BlockingIOError):  # The disk has no locks.
                _delete(path)
            raise
        if is_there:
            stack.callback(_delete, path)
        return is_there


def _opened(path: Path, mode: str, tries: int = 10) -> BinaryIO:
    """Open a file in a folder, which is created. Another process may delete it while it is empty,
    and is unlikely to do so often."""
    try:
        make_folder(path.parent)
        return cast(BinaryIO, path.open(mode))
    except (FileNotFoundError, FileExistsError):  # mkdir looks twice.
        if tries == 1:
            raise
        return _opened(path, mode, tries - 1)


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):  # It is gone, or another user's.
        path.unlink()


def make_folder(folder: Path) -> None:
    """Create a folder and those above it, hidden if a name begins with a dot. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        hide(each)


def hide(path: Path) -> None:
    """Hide a file or folder on Windows, too, if its name begins with a dot."""
    if sys.platform == "win32" and path.name.startswith("."):
        import ctypes

        ctypes.windll.kernel32.SetFileAttributesW(str(path), stat.FILE_ATTRIBUTE_HIDDEN)


def delete_leftovers(folder: Path) -> None:
    """Delete the files in a folder that killed processes left in `replacing` an hour ago or more.

    Sub-folders are not searched, and errors are ignored: the files do no harm.
    """
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if PART_FILE.fullmatch(path.name) and path.stat().st_mtime < time.time() - LEFT_S:
                path.unlink()
