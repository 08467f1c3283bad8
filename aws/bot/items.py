"""The table's items of users and of photos in progress."""

from dataclasses import dataclass, field
from typing import Any

from layout import Photo, Wish

WAITING, RUNNING, PAINTED = "waiting", "running", "painted"
SENT, FAILED, CANCELLED = "sent", "failed", "cancelled"
OPEN = (WAITING, RUNNING)


@dataclass(frozen=True)
class User:
    """A user, the language of the last answer, and the last choices."""

    id: int
    allowed: bool = False
    name: str = ""
    language: str = ""
    wish: Wish = field(default_factory=Wish)


@dataclass(frozen=True)
class Order:
    """A photo in progress.

    Attributes:
        photo: The photo.
        user: The id of its user.
        style: The requested style.
        status: One of the constants of this module.
        job: Batch's id of the job, once it is known.
        created, started, closed: Times in ms since 1970, or 0 before.
        sent: The parts of the answer that were sent.
        album: The album that the photo came in, or an empty text.
        spoiler: Whether Telegram hides the photo until it is tapped.
    """

    photo: Photo
    user: int
    style: str
    status: str = WAITING
    job: str = ""
    created: int = 0
    started: int = 0
    closed: int = 0
    sent: frozenset[str] = frozenset()
    album: str = ""
    spoiler: bool = False


def user_from(item: dict[str, Any]) -> User:
    """Return the user in an item of the table."""
    size = item.get("size")
    return User(
        id=int(item["pk"].removeprefix("user#")),
        allowed=item.get("allowed", False),
        name=item.get("name", ""),
        language=item.get("language", ""),
        wish=Wish(
            prefix=item.get("style", Wish.prefix),
            style=item.get("look", ""),
            size=size if size is None or isinstance(size, str) else int(size),
        ),
    )


def order_from(item: dict[str, Any], photo: Photo) -> Order:
    """Return the order of a photo in an item of the table."""
    return Order(
        photo=Photo.of_key(item.get("key", "")) or photo,
        user=int(item.get("user", 0)),
        style=item.get("look", ""),
        status=item.get("status", WAITING),
        job=item.get("job", ""),
        created=int(item.get("created", 0)),
        started=int(item.get("started", 0)),
        closed=int(item.get("closed", 0)),
        sent=frozenset(item.get("sent", ())),
        album=item.get("album", ""),
        spoiler=item.get("spoiler", False),
    )
