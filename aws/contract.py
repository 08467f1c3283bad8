"""The contract of bot and job: keys in the bucket, the wish in a request, and the webhook's secret.

The bot stores a request, then its photo, which starts the job. The job reads the request's wish:
the style and settings. This module loads neither TensorFlow, which the bot does not have, nor
NumPy, which would make it start later.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, fields, replace
from typing import Any

from painterly.errors import ConfigError
from painterly.orders.styles import RESERVED
from painterly.settings import bucket_layout, settings
from painterly.storage.base import Bucket
from painterly.storage.document import Document, load

PHOTOS = "telegram"
STYLES = "styles"
OWN_STYLES = "own"
RESULTS = "results"
STATE = "state"  # the bot's documents
REQUESTS = f"{STATE}/requests"

# px of a result's longer side that users can ask for. A g4dn.xlarge has the memory for about 7,000,
# but has to end within PaintSeconds: at 4,096 it takes half of the hour that is the default.
LARGEST_SIDE = 4096

# As in the original: one painting and the weights of the network at the top of the bucket.
FIRST_STYLE = "style.jpg"
WEIGHT_FILES = ("imagenet-vgg-verydeep-19.mat", "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5")

# A chat is a number, negative for groups; a file_unique_id consists of base64url characters.
_CHAT = r"(?P<chat>-?[1-9][0-9]*)"
_PHOTO = r"(?P<message>[1-9][0-9]*)-(?P<file>[A-Za-z0-9_-]+)"
_KEY = re.compile(rf"{PHOTOS}/{_CHAT}/{_PHOTO}\.(?P<extension>[a-z0-9]+)")
_RESULT = re.compile(rf"{RESULTS}/{_CHAT}/(?P<style>.+)/{_PHOTO}\.[a-z0-9]+")


@dataclass(frozen=True)
class Photo:
    """A photo from a chat."""

    chat: int  # the id of the chat
    message: int  # the number of the message
    file: str  # Telegram's file_unique_id
    extension: str = ""  # the extension without a dot, or an empty text if only a result is known

    @classmethod
    def of_key(cls, key: str) -> "Photo | None":
        """Return the photo with this key, or None if the key is not a photo's."""
        match = _KEY.fullmatch(key)
        return _photo(match) if match else None

    @classmethod
    def of_result(cls, key: str) -> "tuple[Photo, str] | None":
        """Return the photo, without its extension, and the style of the result with this key.

        Returns None for other keys, such as keys of records and checkpoints.
        """
        match = _RESULT.fullmatch(key)
        if match is None or match["style"].split("/")[0] in RESERVED:
            return None
        return _photo(match), match["style"]

    @property
    def stem(self) -> str:
        """The name without the extension: `7-AQAD`."""
        return f"{self.message}-{self.file}"

    @property
    def name(self) -> str:
        """The key under the prefix of its chat's photos: `7-AQAD.jpg`."""
        return f"{self.stem}.{self.extension}"

    @property
    def key(self) -> str:
        return f"{photo_prefix(self.chat)}/{self.name}"

    @property
    def token(self) -> str:
        """A short name of the photo for buttons, which carry 64 bytes.

        It does not depend on the extension, which is unknown if only the result is.
        """
        return f"{self.chat}.{hashlib.sha256(self.stem.encode()).hexdigest()[:16]}"

    @property
    def request_key(self) -> str:
        return request_key(self.token)

    def record_key(self, style: str) -> str:
        """Return the key of the record of its result in a style."""
        return f"{result_prefix(self.chat)}/{bucket_layout.record_key(style, self.name)}"


@dataclass(frozen=True)
class Wish:
    """Style and settings that a user wishes for a photo.

    Raises ConfigError for invalid values.
    """

    prefix: str = STYLES  # the prefix of the style's paintings, `styles` or `own/<chat>`
    style: str = ""  # the name of the style, or an empty text until a user has chosen one
    size: int | str | None = None  # the longer side in px, `full`, or None for the job's default
    # Settings, or None for the style's.
    strength: float | None = None
    stroke_size: float | None = None

    def __post_init__(self) -> None:
        of_chat = isinstance(self.prefix, str) and re.fullmatch(
            f"{OWN_STYLES}/{_CHAT}", self.prefix
        )
        if self.prefix != STYLES and not of_chat:
            raise ConfigError(
                f"prefix is {self.prefix!r}; expected {STYLES} or {OWN_STYLES}/<chat>"
            )
        if not isinstance(self.style, str):
            raise ConfigError(f"style is {self.style!r}; expected a style's name")
        for name, value in self.asked.items():
            settings.check_value(name, value)

    @property
    def asked(self) -> dict[str, Any]:
        """The settings that override the style."""
        settings_here = {name: getattr(self, name) for name in ("size", "strength", "stroke_size")}
        return {name: value for name, value in settings_here.items() if value is not None}

    def limited(self, photo_side: int | None) -> "Wish":
        """Return the wish with a size that the job's machine can paint.

        `photo_side` is the photo's longer side in px, or None if unknown.
        """
        side = photo_side if self.size == "full" else self.size
        too_large = isinstance(side, int) and side > LARGEST_SIDE
        return replace(self, size=LARGEST_SIDE) if too_large else self

    @classmethod
    def of(cls, document: Document) -> "Wish":
        """Return the wish in a document. Raises ConfigError for invalid values."""
        return cls(**known_fields(cls, document))


def known_fields(kind: type[Any], document: Document) -> Document:
    """Return the part of a document that a dataclass has fields for.

    While bot and job are updated, or after an update was taken back, one of them reads what a later
    version of the other has written.
    """
    names = [field.name for field in fields(kind)]
    return {name: document[name] for name in names if name in document}


def request_key(token: str) -> str:
    """Return the key of the request of the photo with a token."""
    chat, _, digits = token.rpartition(".")
    return f"{REQUESTS}/{chat}/{digits}.json"


def photo_prefix(chat: int) -> str:
    """Return the prefix of a chat's photos, without a trailing slash."""
    return f"{PHOTOS}/{chat}"


def result_prefix(chat: int) -> str:
    """Return the prefix of a chat's results, records and checkpoints, without a trailing slash."""
    return f"{RESULTS}/{chat}"


def own_prefix(chat: int) -> str:
    """Return the prefix of a chat's own paintings, without a trailing slash."""
    return f"{OWN_STYLES}/{chat}"


def wish_of(photo: Photo, bucket: Bucket) -> Wish | None:
    """Return the wish for a photo, or None if its request is gone. Raises ConfigError for a wrong
    one, and StorageError."""
    request, _ = load(bucket, photo.request_key)
    return None if request is None else Wish.of(request.get("wish", {}))


def adopt_first_style(bucket: Bucket) -> None:
    """Copy the painting at the top of the bucket to the shared paintings, unless it exists there.

    Raises StorageError.
    """
    key = f"{STYLES}/{FIRST_STYLE}"
    if bucket.find(FIRST_STYLE) is not None and bucket.find(key) is None:
        bucket.write(key, bucket.read(FIRST_STYLE))


def webhook_secret(token: str) -> str:
    """Return the secret, in hex, that Telegram sends with every update.

    Updates without it are refused. It is derived from the bot's token, so that there is no second
    secret to keep.
    """
    return hmac.new(token.encode(), b"webhook", hashlib.sha256).hexdigest()


def _photo(match: re.Match[str]) -> Photo:
    extension = match.groupdict().get("extension", "")
    return Photo(int(match["chat"]), int(match["message"]), match["file"], extension)
