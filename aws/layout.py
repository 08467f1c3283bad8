"""The agreements between bot and job: keys in the bucket, wishes, and the webhook's secret.

A wish is a file with the style and settings of a photo. This module loads neither TensorFlow, which
the bot does not have, nor NumPy, which takes it time.
"""

import hashlib
import hmac
import json
import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from styletransfer import bucket_layout, settings
from styletransfer.batch.styles import RESERVED
from styletransfer.errors import ConfigError
from styletransfer.log import printable
from styletransfer.storage.base import Bucket

PHOTOS = "telegram"
WISHES = "wishes"
STYLES = "styles"
OWN = "own"
RESULTS = "results"

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
# A result has two extensions if its photo was of another kind than its name says: 7-AQAD.jpg.png.
_RESULT = re.compile(rf"{RESULTS}/{_CHAT}/(?P<style>.+)/{_PHOTO}(\.[a-z0-9]+){{1,2}}")

# A wish's fields that have other names in its file: bot and job may be of different versions.
_STORED_NAMES = {"prefix": "style", "style": "look"}


@dataclass(frozen=True)
class Photo:
    """A photo from a chat.

    Attributes:
        chat: The id of the chat.
        message: The number of the message.
        file: Telegram's file_unique_id.
        extension: The extension without a dot, or an empty text if only a result is known.
    """

    chat: int
    message: int
    file: str
    extension: str = ""

    @classmethod
    def of_key(cls, key: str) -> "Photo | None":
        """Return the photo with this key, or None if the key is not a photo's."""
        found = _KEY.fullmatch(key)
        return _photo(found) if found else None

    @classmethod
    def of_result(cls, key: str) -> "tuple[Photo, str] | None":
        """Return the photo, without its extension, and the style of the result with this key.

        Returns None for other keys, such as keys of records and checkpoints.
        """
        found = _RESULT.fullmatch(key)
        if found is None or found["style"].split("/")[0] in RESERVED:
            return None
        return _photo(found), found["style"]

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
    def wish_key(self) -> str:
        return f"{WISHES}/{self.chat}/{self.stem}.json"

    @property
    def token(self) -> str:
        """16 hex digits that stand for it on a button, which carries 64 bytes."""
        return hashlib.sha256(f"{self.chat}/{self.stem}".encode()).hexdigest()[:16]

    def record_key(self, style: str) -> str:
        """The key of the record of its result in a style."""
        return f"{result_prefix(self.chat)}/{bucket_layout.record_key(style, self.name)}"


@dataclass(frozen=True)
class Wish:
    """A user's wish for a photo.

    Attributes:
        prefix: The prefix of the style's paintings, `styles` or `own/<chat>`.
        style: The name of the style, or an empty text for the first one there.
        size: The longer side in px, `full`, or None for the job's default.
        strength, stroke_size: Settings, or None for the style's.

    Raises ConfigError for invalid values.
    """

    prefix: str = STYLES
    style: str = ""
    size: int | str | None = None
    strength: float | None = None
    stroke_size: float | None = None

    def __post_init__(self) -> None:
        own = isinstance(self.prefix, str) and re.fullmatch(f"{OWN}/{_CHAT}", self.prefix)
        if self.prefix != STYLES and not own:
            raise ConfigError(f"style is {self.prefix!r}; expected {STYLES} or {OWN}/<chat>")
        if not isinstance(self.style, str):
            raise ConfigError(f"look is {self.style!r}; expected a style's name")
        for name, value in self.asked.items():
            settings.check_value(name, value)

    @property
    def asked(self) -> dict[str, Any]:
        """The settings that override the style."""
        given = {name: getattr(self, name) for name in ("size", "strength", "stroke_size")}
        return {name: value for name, value in given.items() if value is not None}

    def limited(self, photo_side: int | None) -> "Wish":
        """Return the wish with a size that the job's machine can paint.

        `photo_side` is the photo's longer side in px, or None if unknown.
        """
        side = photo_side if self.size == "full" else self.size
        too_large = isinstance(side, int) and side > LARGEST_SIDE
        return replace(self, size=LARGEST_SIDE) if too_large else self

    def to_json(self) -> str:
        given = {
            _STORED_NAMES.get(name, name): value
            for name, value in asdict(self).items()
            if value not in ("", None)
        }
        return json.dumps(given, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Wish":
        """Return the wish in a file. Raises ConfigError if the file holds something else."""
        try:
            given: Any = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"the wish is not JSON: {error}") from None
        if not isinstance(given, dict):
            raise ConfigError("the wish is not a JSON object")
        known = {_STORED_NAMES.get(field.name, field.name): field.name for field in fields(cls)}
        if unknown := sorted(set(given) - set(known)):
            raise ConfigError(
                f"the wish has {printable(', '.join(unknown))}; expected only {', '.join(known)}"
            )
        return cls(**{known[name]: value for name, value in given.items()})


def photo_prefix(chat: int) -> str:
    """The prefix of a chat's photos, without a trailing slash."""
    return f"{PHOTOS}/{chat}"


def result_prefix(chat: int) -> str:
    """The prefix of a chat's results, records and checkpoints, without a trailing slash."""
    return f"{RESULTS}/{chat}"


def own_prefix(chat: int) -> str:
    """The prefix of a chat's own paintings, without a trailing slash."""
    return f"{OWN}/{chat}"


def wish_of(photo: Photo, bucket: Bucket) -> Wish | None:
    """Return a photo's wish, or None if it is gone. Raises ConfigError for an invalid one."""
    if bucket.find(photo.wish_key) is None:
        return None
    return Wish.from_json(bucket.read(photo.wish_key))


def adopt_first_style(bucket: Bucket) -> None:
    """Copy the painting at the top of the bucket to the shared paintings, unless it exists there.

    Raises StorageError.
    """
    key = f"{STYLES}/{FIRST_STYLE}"
    if bucket.find(key) is None and bucket.find(FIRST_STYLE) is not None:
        bucket.write(key, bucket.read(FIRST_STYLE))


def webhook_secret(token: str) -> str:
    """Return the secret, in hex, that Telegram sends with every update.

    Updates without it are refused. It is derived from the bot's token, so that there is no second
    secret to keep.
    """
    return hmac.new(token.encode(), b"webhook", hashlib.sha256).hexdigest()


def _photo(found: re.Match[str]) -> Photo:
    extension = found.groupdict().get("extension", "")
    return Photo(int(found["chat"]), int(found["message"]), found["file"], extension)
