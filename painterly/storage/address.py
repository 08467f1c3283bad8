"""Addresses of buckets and folders, and accounts: the values of BUCKET_* and CELLAR_*."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

from painterly.errors import ConfigError
from painterly.words.wording import printable, shortened

CELLAR = ("CELLAR_ADDON_HOST", "CELLAR_ADDON_KEY_ID", "CELLAR_ADDON_KEY_SECRET")
REGION = "CELLAR_ADDON_REGION"
ENCRYPTION = "S3_ENCRYPTION"
ANY_REGION = "default"  # what Ceph calls its only one
HOST_SYNTAX = "expected host or host:port, with or without https:// or http:// before it"
EXPECTED = (
    "3–63 lowercase letters, digits, dots and hyphens, optionally followed by /prefix; "
    "or a folder, starting with ./ ../ / ~ or file:"
)


@dataclass(frozen=True)
class Account:
    """An account on an S3 service."""

    endpoint: str | None = None  # the host, or None for Amazon S3
    key_id: str | None = None  # the key's name, or None if boto3 has to find the credentials
    secret: str | None = field(default=None, repr=False)  # the key
    # The region for which requests are signed. Ceph accepts any; boto3 finds Amazon's.
    region: str = ANY_REGION
    # The encryption of stored objects, as `parse_encryption` takes it; empty for the bucket's own.
    encryption: str = ""
    # Whether a caller waits for each answer, so that a silent service is soon given up.
    hurried: bool = False

    @property
    def url(self) -> str | None:
        """The endpoint with its scheme, https by default; None for Amazon S3."""
        host = (self.endpoint or "").strip().rstrip("/")
        return (host if "://" in host else f"https://{host}") if host else None


def parse_account(environment: Mapping[str, str]) -> Account:
    """Return the Cellar account of an environment, or Amazon's if no CELLAR_ADDON_* is set.

    Raises ConfigError if only some of them are set, or if a value is wrong.
    """
    encryption = environment.get(ENCRYPTION, "")
    if encryption:
        parse_encryption(encryption)
    missing = [name for name in CELLAR if name not in environment]
    if len(missing) == len(CELLAR):
        return Account(encryption=encryption)
    if missing:
        present = ", ".join(name for name in CELLAR if name in environment)
        raise ConfigError(
            f"{' and '.join(missing)} missing, though {present} is set; set all three"
        )
    host, key_id, secret = (environment[name] for name in CELLAR)
    region = environment.get(REGION, ANY_REGION)
    if not re.fullmatch("[A-Za-z0-9-]{1,63}", region):
        raise ConfigError(f"{REGION} is {shortened(region)}; expected a name such as fr-par")
    if "@" in host:  # The value may contain a password, so the message omits it.
        raise ConfigError(f"CELLAR_ADDON_HOST has an @ in it; {HOST_SYNTAX}")
    account = Account(host, key_id, secret, region, encryption)
    try:
        url = urlsplit(account.url or "")
        good = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        good = False
    if not good or url.path or url.query or url.fragment or any(map(str.isspace, host)):
        raise ConfigError(f"CELLAR_ADDON_HOST is {shortened(host)}; {HOST_SYNTAX}")
    return account


def parse_encryption(value: str) -> tuple[str, str]:
    """Return the algorithm that S3_ENCRYPTION names, and the key of AWS KMS, which may be empty for
    the account's own. Raises ConfigError."""
    match = re.fullmatch(r"(AES256|aws:kms)(?::(\S+))?", value)
    if not match or (match[2] and match[1] == "AES256"):
        raise ConfigError(
            f"{ENCRYPTION} is {shortened(value)}; expected AES256, aws:kms or aws:kms:KEY"
        )
    return match[1], match[2] or ""


def parse_address(value: str) -> Path | tuple[str, str]:
    """Return a folder's path, or a bucket's name and a prefix, with or without `s3://`.

    `.`, `..` and values that start with `./`, `../`, `/`, `~` or `file:` (a URL, so %20 is a space)
    are folders. Raises ConfigError for a name that Cellar does not accept.
    """
    value = value.strip()
    if value.startswith("s3://"):
        return _bucket(value.removeprefix("s3://"), value)
    if value.startswith("file:"):
        url = urlsplit(value)
        if url.netloc not in ("", "localhost") or not url.path:
            raise ConfigError(f"{value!r} is not a folder of this machine; expected file:///folder")
        return Path(url2pathname(url.path))
    if not is_folder(value):
        return _bucket(value, value)
    try:
        return with_home(value)
    except RuntimeError:
        raise ConfigError(
            f"{value!r} is the home of an unknown user; expected an existing one"
        ) from None


def with_home(path: str) -> Path:
    """Return a path, with the home for ~ at its start. Raises RuntimeError for the home of an
    unknown user.

    pathlib drops ./ before it looks for ~, so that it takes ./~ for the home as well.
    """
    return Path(path).expanduser() if path.startswith("~") else Path(path)


def overlap(one: Path | tuple[str, str], other: Path | tuple[str, str]) -> bool:
    """Return whether two addresses are the same or one is inside the other."""
    if isinstance(one, Path) and isinstance(other, Path):
        one, other = one.resolve(), other.resolve()
        return one.is_relative_to(other) or other.is_relative_to(one)
    if isinstance(one, Path) or isinstance(other, Path) or one[0] != other[0]:
        return False
    first, second = (f"{prefix}/" if prefix else "" for _, prefix in (one, other))
    return first.startswith(second) or second.startswith(first)


def is_folder(value: str) -> bool:
    """Return whether a value names a folder by the way it begins."""
    marks = ["./", "../", "/", "~", "file:"]
    if sys.platform == "win32":
        marks += (".\\", "..\\", "\\")
        if PureWindowsPath(value).drive:
            return True
    return value in (".", "..") or value.startswith(tuple(marks))


def folder_hint(value: str) -> str:
    """Return an addition to an error about a bucket if a folder here has its name, else nothing."""
    try:
        there = Path(value).is_dir()
    except (OSError, ValueError):
        return ""
    return f"; for the folder here, write ./{printable(value)}" if there else ""


def _bucket(address: str, value: str) -> tuple[str, str]:
    name, _, prefix = address.partition("/")
    valid = re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name)
    if not valid or ".." in name or re.fullmatch(r"[0-9.]+\.[0-9]+", name):
        hint = folder_hint(value)
        raise ConfigError(f"{value!r} is not a valid bucket name; expected {EXPECTED}{hint}")
    return name, prefix.strip("/")
