"""What bot, job and laptop agree on: where things lie in the one bucket of the AWS flavour, what a
photo's wish says, and the webhook's secret.

Nothing here loads numpy or TensorFlow, which the bot does not have.
"""

import hashlib
import hmac
import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from styletransfer import bucket_layout, settings
from styletransfer.batch.looks import RESERVED
from styletransfer.errors import ConfigError
from styletransfer.log import printable
from styletransfer.storage.base import Bucket

PHOTOS = "telegram"
WISHES = "wishes"
STYLES = "styles"
OWN = "own"
RESULTS = "results"

# As in the original: one painting, and the network's weights, at the top of the bucket.
FIRST_STYLE = "style.jpg"
WEIGHTS = ("imagenet-vgg-verydeep-19.mat", "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5")

# A chat is Telegram's number, below 0 for groups; its file_unique_id is of base64url's letters.
_CHAT = r"(?P<chat>-?[1-9][0-9]*)"
_PHOTO = r"(?P<message>[1-9][0-9]*)-(?P<file>[A-Za-z0-9_-]+)"
_KEY = re.compile(rf"{PHOTOS}/{_CHAT}/{_PHOTO}\.(?P<extension>[a-z0-9]+)")
# A result whose photo was not what its name said has both endings: 7-AQAD.jpg.png.
_RESULT = re.compile(rf"{RESULTS}/{_CHAT}/(?P<look>.+)/{_PHOTO}(\.[a-z0-9]+){{1,2}}")


@dataclass(frozen=True)
class Photo:
    """A photo of a chat: the message it came in, Telegram's file_unique_id, and its extension
    without a dot, empty where only a result told of it."""

    chat: int
    message: int
    file: str
    extension: str = ""

    @classmethod
    def of_key(cls, key: str) -> "Photo | None":
        """The photo that lies under a key; None for any other key."""
        found = _KEY.fullmatch(key)
        return _photo(found) if found else None

    @classmethod
    def of_result(cls, key: str) -> "tuple[Photo, str] | None":
        """The photo, without its extension, and the look of the result that lies under a key;
        None for what else lies among the results, as records and checkpoints."""
        found = _RESULT.fullmatch(key)
        if found is None or found["look"].split("/")[0] in RESERVED:
            return None
        return _photo(found), found["look"]

    @property
    def stem(self) -> str:
        """Its name without the extension: `7-AQAD`."""
        return f"{self.message}-{self.file}"

    @property
    def name(self) -> str:
        """Its key within its chat's photos: `7-AQAD.jpg`."""
        return f"{self.stem}.{self.extension}"

    @property
    def key(self) -> str:
        return f"{photo_place(self.chat)}/{self.name}"

    @property
    def wish_key(self) -> str:
        return f"{WISHES}/{self.chat}/{self.stem}.json"

    def record_key(self, look: str) -> str:
        """Where the record of its result in a look (its name) lies."""
        return f"{result_place(self.chat)}/{bucket_layout.record_key(look, self.name)}"


@dataclass(frozen=True)
class Wish:
    """How a photo is to be painted. `style` is where the look lies, `styles` or `own/<chat>`; an
    empty `look` is the first there; `size` is in px or `full`, None for the job's default.

    Raises ConfigError for values that cannot be.
    """

    style: str = STYLES
    look: str = ""
    size: int | str | None = None

    def __post_init__(self) -> None:
        own = isinstance(self.style, str) and re.fullmatch(f"{OWN}/{_CHAT}", self.style)
        if self.style != STYLES and not own:
            raise ConfigError(f"style is {self.style!r}; expected {STYLES} or {OWN}/<chat>")
        if not isinstance(self.look, str):
            raise ConfigError(f"look is {self.look!r}; expected a look's name")
        if self.size is not None:
            settings.check("size", self.size)

    def to_json(self) -> str:
        told = {name: value for name, value in asdict(self).items() if value not in ("", None)}
        return json.dumps(told, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Wish":
        """What a wish's file says. Raises ConfigError, in one line, where that is no wish."""
        try:
            told: Any = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"the wish is no JSON: {error}") from None
        if not isinstance(told, dict):
            raise ConfigError("the wish is no JSON object; expected style, look, size")
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(told) - set(known)):
            raise ConfigError(
                f"the wish has {printable(', '.join(unknown))}; expected only {', '.join(known)}"
            )
        return cls(**told)


def photo_place(chat: int) -> str:
    """The prefix, without a slash at its end, of a chat's photos."""
    return f"{PHOTOS}/{chat}"


def result_place(chat: int) -> str:
    """The prefix, without a slash at its end, of a chat's results, records and checkpoints."""
    return f"{RESULTS}/{chat}"


def own_place(chat: int) -> str:
    """The prefix, without a slash at its end, of a chat's own paintings."""
    return f"{OWN}/{chat}"


def adopt_first_style(bucket: Bucket) -> None:
    """Copies the painting at the top of the bucket to where looks are made of it, if it is not
    there. Raises StorageError."""
    wanted = f"{STYLES}/{FIRST_STYLE}"
    if bucket.find(wanted) is None and bucket.find(FIRST_STYLE) is not None:
        bucket.write(wanted, bucket.read(FIRST_STYLE))


def webhook_secret(token: str) -> str:
    """What Telegram sends with every update, so that nobody else's are taken, in hex; made of the
    bot's token, so that there is no second secret to keep."""
    return hmac.new(token.encode(), b"webhook", hashlib.sha256).hexdigest()


def _photo(found: re.Match[str]) -> Photo:
    extension = found.groupdict().get("extension", "")
    return Photo(int(found["chat"]), int(found["message"]), found["file"], extension)
