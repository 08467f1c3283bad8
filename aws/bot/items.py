"""The table's items of users and of photos in progress."""

from dataclasses import dataclass, field
from typing import Any

from layout import Photo, Wish

WAITING, RUNNING, PAINTED = "waiting", "running", "painted"
SENT, FAILED, CANCELLED = "sent", "failed", "cancelled"
OPEN = (WAITING, RUNNING)


@dataclass(frozen=True)
class User:
    """A user, the language that they were answered in, and their last choices."""

    id: int
    allowed: bool = False
    name: str = ""
    language: str = ""
    wish: Wish = field(default_factory=Wish)


@dataclass(frozen=True)
class Order:
    """A photo in progress: its user, the look asked for, its status. `job` is Batch's id once it
    is known; `created`, `started` and `closed` are in ms since 1970, 0 before; `sent` are the parts
    of the answer that were sent. The photo came in an `album` or none, with a `spoiler` or not."""

    photo: Photo
    user: int
    look: str
    status: str = WAITING
    job: str = ""
    created: int = 0
    started: int = 0
    closed: int = 0
    sent: frozenset[str] = frozenset()
    album: str = ""
    spoiler: bool = False


def user_from(item: dict[str, Any]) -> User:
    """The user that an item of the table holds."""
    size = item.get("size")
    return User(
        id=int(item["pk"].removeprefix("user#")),
        allowed=item.get("allowed", False),
        name=item.get("name", ""),
        language=item.get("language", ""),
        wish=Wish(
            style=item.get("style", Wish.style),
            look=item.get("look", ""),
            size=size if size is None or isinstance(size, str) else int(size),
        ),
    )


def order_from(item: dict[str, Any], photo: Photo) -> Order:
    """The order of a photo that an item of the table holds."""
    return Order(
        photo=Photo.of_key(item.get("key", "")) or photo,
        user=int(item.get("user", 0)),
        look=item.get("look", ""),
        status=item.get("status", WAITING),
        job=item.get("job", ""),
        created=int(item.get("created", 0)),
        started=int(item.get("started", 0)),
        closed=int(item.get("closed", 0)),
        sent=frozenset(item.get("sent", ())),
        album=item.get("album", ""),
        spoiler=item.get("spoiler", False),
    )
