"""Files on a disk: checksums, atomic replacement, errors as StorageError."""

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from styletransfer.errors import StorageError
from styletransfer.log import printable
from styletransfer.storage.base import BadKeyError, Entry, ObjectError

MIB = 1024 * 1024
# What boto3 and AWS' tools (8), rclone (5), s3cmd (15), s5cmd (50) and others cut uploads into.
USUAL_PARTS = tuple(mib * MIB for mib in (8, 5, 15, 16, 32, 50, 64))


def is_same(path: Path, entry: Entry) -> bool:
    """Whether a file has an entry's content, by size and ETag. An ETag of an upload in parts is
    tried with the usual sizes of parts; where nothing fits, the answer is no."""
    with storage_errors(printable(str(path))), path.open("rb") as body:
        size = os.fstat(body.fileno()).st_size
        if size != entry.size:
            return False
        if "-" not in entry.etag:
            return md5(body) == entry.etag
        count = int(entry.etag.rpartition("-")[2]) if entry.etag[-1].isdigit() else 0
        fitting = [part for part in USUAL_PARTS if -(-size // part) == count]
        return any(md5_of_parts(body, part) == entry.etag for part in fitting)


def md5(body: BinaryIO) -> str:
    """The MD5 of a whole file, in hex; leaves the file at its end."""
    body.seek(0)
    return hashlib.file_digest(body, new_md5).hexdigest()


def md5_of_parts(body: BinaryIO, part: int) -> str:
    """The ETag that S3 gives a file uploaded in parts of so many bytes."""
    body.seek(0)
    sums = [new_md5(data).digest() for data in iter(lambda: body.read(part), b"")]
    return f"{new_md5(b''.join(sums)).hexdigest()}-{len(sums)}"


def new_md5(data: bytes = b"") -> Any:
    """hashlib's MD5, as a checksum: machines that forbid it for security still allow that."""
    return hashlib.md5(data, usedforsecurity=False)


@contextlib.contextmanager
def storage_errors(where: str, kind: type[StorageError] = ObjectError) -> Iterator[None]:
    """Turns an OSError into a BadKeyError if the path is at fault, into a `kind` otherwise. The
    message begins with `where`."""
    try:
        yield
    except FileNotFoundError as error:
        raise kind(f"{where} does not exist") from error
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise BadKeyError(
            f"{where} needs a folder where a file is, or the reverse; rename one of them"
        ) from error
    except OSError as error:
        kind = BadKeyError if error.errno == errno.ENAMETOOLONG else kind
        raise kind(f"{where}: {(error.strerror or str(error)).lower()}") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when it is whole; until then its name is hidden."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb+") as body:
            yield body
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
