"""The table of users, limits, orders, claims of updates, and albums.

All items except users and the limit expire, by the attribute `expires`.
"""

import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import ClientError
from layout import Photo, Wish

from bot.items import CANCELLED, OPEN, RUNNING, WAITING, Order, User, order_from, user_from

DAY_S = 86400
_LIMIT = "limit"  # the key of the item that holds it
ASKS_A_DAY = 10  # in all; about each stranger once


class BusyError(Exception):
    """Another invocation is working on this. A later retry sees its result."""


class Table:
    """The table with a name. `keep_days` is how long a photo's item is kept."""

    def __init__(self, name: str, keep_days: int) -> None:
        self._table = boto3.resource("dynamodb").Table(name)
        self._keep_s = keep_days * DAY_S

    def claim_update(self, update: int, seconds: float) -> bool:
        """Reserve an update for this invocation, and return False if it was handled before.

        `finish_update` or `release_update` ends the claim, or else its time, `seconds`, if the
        invocation dies. Raises BusyError if another one has reserved it, which may yet fail.
        """
        pk, expires = f"update#{update}", int(time.time()) + DAY_S  # Telegram gives up after a day.
        if self._reserve(pk, seconds, expires, Attr("done").not_exists()):
            return True
        if "done" in (self._get(pk) or {}):
            return False
        raise BusyError(f"update {update} is being handled by another invocation")

    def finish_update(self, update: int) -> None:
        """End a claim after the update was handled."""
        self._set(f"update#{update}", {"done": True})

    def release_update(self, update: int) -> None:
        """End a claim that failed, so that the update can be handled at once."""
        self._set(f"update#{update}", {"busy": 0})

    def is_new_album(self, chat: int, album: str) -> bool:
        """Return whether an album (its media_group_id) is seen for the first time."""
        return self._takes(f"album#{chat}/{album}", DAY_S)

    def name_style_album(self, chat: int, album: str, name: str) -> None:
        """Note that an album's pictures are paintings of one style."""
        changes = {"style": name, "expires": int(time.time()) + DAY_S}
        self._set(f"style-album#{chat}/{album}", changes)

    def style_album(self, chat: int, album: str) -> str:
        """Return the name of the style of an album's pictures, or an empty text for photos."""
        name: str = (self._get(f"style-album#{chat}/{album}") or {}).get("style", "")
        return name

    def claim_repaint(self, photo: Photo, wish: Wish, seconds: float) -> bool:
        """Reserve painting a message's photo again by a wish, or return False if it is reserved."""
        return self._takes(_repaint_pk(photo, wish), seconds)

    def release_repaint(self, photo: Photo, wish: Wish) -> None:
        self._set(_repaint_pk(photo, wish), {"busy": 0})

    def note_painting(self, key: str, user: int) -> None:
        """Note the user who gave a group the painting with this key."""
        self._set(f"painting#{key}", {"giver": user, "expires": self._end()})

    def paintings_of(self, user: int) -> list[str]:
        """Return the keys of the paintings that a user gave to groups."""
        found = self._scan("painting#", Attr("giver").eq(user))
        return [item["pk"].removeprefix("painting#") for item in found]

    def drop_painting(self, key: str) -> None:
        self._table.delete_item(Key={"pk": f"painting#{key}"})

    def may_ask(self, stranger: str) -> bool:
        """Return whether to ask the owner to admit a stranger (a pseudonym), which is limited."""
        day = int(time.time()) // DAY_S
        return self._takes(f"asked#{stranger}", DAY_S) and any(
            self._takes(f"asks#{day}/{number}", DAY_S) for number in range(ASKS_A_DAY)
        )

    def user(self, user: int) -> User:
        """Return a user, who is not allowed if unknown."""
        item = self._get(f"user#{user}")
        return user_from(item) if item else User(user)

    def users(self) -> list[User]:
        """Return all users who are allowed, except the owner, by id."""
        return sorted(map(user_from, self._scan("user#", Attr("allowed").eq(True))), key=_id)

    def allow(self, user: int, name: str = "") -> None:
        self._set(f"user#{user}", {"allowed": True} | ({"name": name} if name else {}))

    def forget(self, user: int) -> None:
        """Remove a user and their choices."""
        self._table.delete_item(Key={"pk": f"user#{user}"})

    def drop_choices(self, user: int) -> None:
        """Forget a user's choices and name. The user stays allowed at every moment."""
        if not self.user(user).allowed:
            self.forget(user)
            return
        chosen = ("name", "language", "style", "look", "size")
        self._table.update_item(
            Key={"pk": f"user#{user}"},
            UpdateExpression="REMOVE " + ", ".join(f"#{name}" for name in chosen),
            ExpressionAttributeNames={f"#{name}": name for name in chosen},
        )

    def rename(self, user: int, name: str) -> None:
        self._set(f"user#{user}", {"name": name})

    def note_language(self, user: int, language: str) -> None:
        self._set(f"user#{user}", {"language": language})

    def choose_style(self, user: int, prefix: str, style: str) -> None:
        # The names as in earlier versions.
        self._set(f"user#{user}", {"style": prefix, "look": style})

    def choose_size(self, user: int, size: int | str) -> None:
        self._set(f"user#{user}", {"size": size})

    def limit(self) -> int | None:
        """Return the photos that each user may send per day, or None if that is not set."""
        item = self._get(_LIMIT)
        return int(item["photos"]) if item else None

    def set_limit(self, photos: int) -> None:
        self._set(_LIMIT, {"photos": photos})

    def count_photo(self, photo: Photo, user: int, most: int) -> bool:
        """Count a photo as one of a user's of this day, in UTC.

        Returns False if there are `most` already. A photo that comes again is counted once.
        """
        if most < 1:
            return False
        now, name = time.time(), f"{photo.chat}/{photo.stem}"
        counted = Attr("photos")
        room = counted.not_exists() | counted.size().lt(most) | counted.contains(name)
        changes = {"expires": int(now) + 2 * DAY_S}
        added = {"photos": {name}}
        return self._set(f"day#{user}/{int(now // DAY_S)}", changes, room, added) is not None

    def add_order(self, order: Order) -> Order:
        """Store a waiting order, and return it as stored."""
        item = {"key": order.photo.key, "user": order.user, "look": order.style, "status": WAITING}
        item |= {"album": order.album, "spoiler": order.spoiler}
        item |= {"created": _now_ms(), "expires": self._end()}
        self._set(_pk(order.photo), item)
        return order_from(item, order.photo)

    def claim_preview(self, photo: Photo) -> Order | None:
        """Reserve a photo's preview, and return the order. Nothing releases it.

        Returns None if it is reserved, if the photo is no longer open, or if another photo of its
        album has a preview.
        """
        new = Attr("previewed").not_exists() & Attr("status").is_in(list(OPEN))
        order = self._changed(photo, {"previewed": True}, new)
        if order and order.album and not self._takes(f"preview#{photo.chat}/{order.album}", DAY_S):
            return None
        return order

    def drop_order(self, photo: Photo, cancelled: bool = False) -> None:
        """Delete a photo's item.

        The status of a cancelled one stays for two days, because its job may not have ended yet.
        """
        self._table.delete_item(Key={"pk": _pk(photo)})
        if cancelled:
            expires = int(time.time()) + 2 * DAY_S
            self._set(_pk(photo), {"status": CANCELLED, "expires": expires})

    def order(self, photo: Photo) -> Order | None:
        item = self._get(_pk(photo))
        return order_from(item, photo) if item else None

    def orders(self, *, user: int | None = None, still_open: bool = False) -> list[Order]:
        """Return the orders, oldest first: all, a user's, or those waiting or running."""
        condition: ConditionBase = Attr("key").exists()
        if user is not None:
            condition &= Attr("user").eq(user)
        if still_open:
            condition &= Attr("status").is_in(list(OPEN))
        orders = [
            order_from(item, photo)
            for item in self._scan("photo#", condition)
            if (photo := Photo.of_key(item.get("key", "")))
        ]
        return sorted(orders, key=lambda order: (order.created, order.photo.key))

    def note_job(self, photo: Photo, job: str, status: str, at: str) -> Order | None:
        """Note the status of a photo's job at a time (ISO 8601), and return the order.

        A closed photo, or one with a later status, stays. Returns None for an unknown photo.
        """
        newest = Attr("status_at").not_exists() | Attr("status_at").lte(at)
        changes: dict[str, Any] = {"job": job, "status": status, "status_at": at}
        if status == RUNNING:
            changes["started"] = _now_ms()
        condition = Attr("status").is_in(list(OPEN)) & newest
        return self._changed(photo, changes, condition) or self.order(photo)

    def cancel(self, photo: Photo) -> Order | None:
        """Note a photo as cancelled, and return the order, or None if it has just been closed."""
        return self._changed(photo, {"status": CANCELLED}, Attr("status").is_in(list(OPEN)))

    def claim(self, photo: Photo, seconds: float, over: Sequence[str]) -> Order | None:
        """Reserve the answer to a photo for this invocation. `close` or `release` ends the claim.

        Args:
            photo: The photo.
            seconds: The longest time that the invocation takes.
            over: The statuses in which there is nothing to answer.

        Returns:
            The order, or None if its status is one of `over`.

        Raises:
            BusyError: Another invocation has reserved the answer, and may yet fail.
        """
        unanswered = Attr("status").not_exists() | ~Attr("status").is_in(list(over))
        if item := self._reserve(_pk(photo), seconds, self._end(), unanswered):
            return order_from(item, photo)
        order = self.order(photo)
        if order and order.status in over:
            return None
        raise BusyError(f"{photo.stem} is being answered by another invocation")

    def note_sent(self, photo: Photo, part: str) -> None:
        """Note that a part of the answer was sent, so that a retry omits it."""
        self._set(_pk(photo), {}, added={"sent": {part}})

    def close(self, photo: Photo, status: str) -> None:
        """End a claim with a final status."""
        self._set(_pk(photo), {"status": status, "busy": 0, "closed": _now_ms()})

    def release(self, photo: Photo) -> None:
        """End a claim after a failed answer, so that it can be retried at once."""
        self._set(_pk(photo), {"busy": 0})

    def _takes(self, pk: str, seconds: float) -> bool:
        """Reserve an item for `seconds`, a day at most, or return False if it is reserved."""
        return self._reserve(pk, seconds, int(time.time()) + DAY_S) is not None

    def _reserve(
        self, pk: str, seconds: float, expires: int, condition: ConditionBase | None = None
    ) -> dict[str, Any] | None:
        """Mark an item as busy for `seconds`, and return the whole item.

        Returns None if it is busy, or if `condition` fails.
        """
        now = time.time()
        # Not by `expires`: DynamoDB deletes what has expired when it gets to it, after up to days.
        free = Attr("busy").not_exists() | Attr("busy").lt(int(now))
        changes = {"busy": math.ceil(now + seconds), "expires": expires}
        return self._set(pk, changes, free & condition if condition else free)

    def _get(self, pk: str) -> dict[str, Any] | None:
        return self._table.get_item(Key={"pk": pk}, ConsistentRead=True).get("Item")

    def _changed(
        self, photo: Photo, changes: dict[str, Any], condition: ConditionBase
    ) -> Order | None:
        """Change a photo's item, and return the order, or None if `condition` fails."""
        item = self._set(_pk(photo), changes, condition)
        return order_from(item, photo) if item else None

    def _set(
        self,
        pk: str,
        changes: Mapping[str, Any],
        condition: ConditionBase | None = None,
        added: Mapping[str, set[str]] | None = None,
    ) -> dict[str, Any] | None:
        """Change an item, and return all of it, or None if `condition` fails.

        Args:
            pk: Its key.
            changes: Attributes that are set.
            condition: The condition for the change.
            added: Attributes that are sets, and what is added to them.
        """
        values = {**changes, **(added or {})}
        sets = [f"#{name} = :{name}" for name in changes]
        adds = [f"#{name} :{name}" for name in added or ()]
        parts = [f"SET {', '.join(sets)}"] * bool(sets) + [f"ADD {', '.join(adds)}"] * bool(adds)
        try:
            return self._table.update_item(
                Key={"pk": pk},
                UpdateExpression=" ".join(parts),
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={f":{name}": each for name, each in values.items()},
                ReturnValues="ALL_NEW",
                **({"ConditionExpression": condition} if condition else {}),
            )["Attributes"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise

    def _scan(self, prefix: str, condition: ConditionBase) -> Iterator[dict[str, Any]]:
        query = {"FilterExpression": Attr("pk").begins_with(prefix) & condition}
        while True:
            page = self._table.scan(**query, ConsistentRead=True)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _end(self) -> int:
        return int(time.time()) + self._keep_s


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _pk(photo: Photo) -> str:
    # Without the extension, which is unknown where only a result is.
    return f"photo#{photo.chat}/{photo.stem}"


def _repaint_pk(photo: Photo, wish: Wish) -> str:
    # Without the file, which has another name each time.
    wished = hashlib.sha256(wish.to_json().encode()).hexdigest()[:16]
    return f"again#{photo.chat}/{photo.message}/{wished}"


def _id(user: User) -> int:
    return user.id
