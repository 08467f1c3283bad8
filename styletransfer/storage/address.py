"""What names a bucket, and who opens it: values of BUCKET_* and CELLAR_*, without a network."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from styletransfer.errors import ConfigError

EXPECTED = (
    "3–63 lowercase letters, digits, dots and hyphens, perhaps with /prefix after them; "
    "or a folder, starting with ./ ../ / ~ or file:"
)


@dataclass(frozen=True)
class Account:
    """Who opens buckets, and where. `endpoint` None means Amazon S3; `key_id` None means boto3's
    own chain of credentials."""

    endpoint: str | None = None
    key_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    region: str = "default"

    @property
    def url(self) -> str | None:
        """The endpoint with its scheme; https where none was given."""
        host = (self.endpoint or "").strip().rstrip("/")
        return (host if "://" in host else f"https://{host}") if host else None


def parse_address(value: str) -> Path | tuple[str, str]:
    """What a value names: a folder's path, or a bucket's name and the prefix in it.

    `.`, `..`, and what starts with `./`, `../`, `/`, `~` or `file:` (a URL, so %20 is a space) is
    a folder. Raises ConfigError for anything that Cellar would not take as a bucket's name.
    """
    value = value.strip()
    if value.startswith("file:"):
        url = urlsplit(value)
        if url.netloc not in ("", "localhost") or not url.path:
            raise ConfigError(f"{value!r} is no folder of this machine; expected file:///folder")
        return Path(unquote(url.path))
    if value in (".", "..") or value.startswith(("./", "../", "/", "~")):
        try:
            return Path(value).expanduser()
        except RuntimeError:
            raise ConfigError(f"{value!r} names the home of an unknown user") from None
    if Path(value).is_absolute():  # C:/photos
        return Path(value)
    name, _, prefix = value.partition("/")
    shaped = re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name)
    if not shaped or ".." in name or re.fullmatch(r"[0-9.]+\.[0-9]+", name):
        raise ConfigError(f"{value!r} is no bucket; expected {EXPECTED}")
    return name, prefix.strip("/")
