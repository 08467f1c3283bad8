"""The table: who may use the bot, how much and what they chose, the photos in progress and those of
the day, and the updates and albums seen before. Everything but users and the limit expires, by the
attribute `expires`.
"""

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import ClientError
from layout import Photo, Wish

from bot.items import CANCELLED, OPEN, RUNNING, WAITING, Order, User, order_from, user_from

DAY_S = 86400
_LIMIT = "limit"  # the key of the item that holds it
ASKS_A_DAY = 10


class BusyError(Exception):
    """Another invocation is at work on this right now; a later retry finds out what came of it."""


class Table:
    """The one table, by name. `keep_days` is how long a photo's item is kept."""

    def __init__(self, name: str, keep_days: int) -> None:
        self._table = boto3.resource("dynamodb").Table(name)
        self._keep_s = keep_days * DAY_S

    def claim_update(self, update: int, seconds: float) -> bool:
        """Reserves an update (its id) for this invocation, which lasts `seconds` at most; False if
        it was handled before. `finish_update` or `release_update` ends the claim, or else its time:
        an invocation that dies leaves the update to the next.

        Raises BusyError if another invocation has reserved it: that one may yet fail.
        """
        expires = int(time.time()) + DAY_S  # Telegram gives up after a day.
        try:
            self._reserve(f"update#{update}", seconds, expires, Attr("done").not_exists())
        except _RefusedError:
            item = self._get(f"update#{update}")
            if item and "done" in item:
                return False
            raise BusyError(f"update {update} is being handled by another invocation") from None
        return True

    def finish_update(self, update: int) -> None:
        """Ends a claim after the update was handled."""
        self._set(f"update#{update}", {"done": True})

    def release_update(self, update: int) -> None:
        """Ends a claim that failed, so that the update can be handled at once."""
        self._set(f"update#{update}", {"busy": 0})

    def is_new_album(self, chat: int, album: str) -> bool:
        """Whether an album (its media_group_id) is seen for the first time."""
        return self._takes(f"album#{chat}/{album}", DAY_S)

    def name_style_album(self, chat: int, album: str, name: str) -> None:
        """Notes that an album's pictures are paintings of one style."""
        changes = {"style": name, "expires": int(time.time()) + DAY_S}
        self._set(f"style-album#{chat}/{album}", changes)

    def style_album(self, chat: int, album: str) -> str:
        """The name of the style that an album's pictures make; empty for an album of photos."""
        name: str = (self._get(f"style-album#{chat}/{album}") or {}).get("style", "")
        return name

    def claim_repaint(self, photo: Photo, wish: Wish, seconds: float) -> bool:
        """Reserves repainting a message's photo by a wish for `seconds`, or until
        `release_repaint`. Returns False if it is reserved."""
        return self._takes(_repaint_pk(photo, wish), seconds)

    def release_repaint(self, photo: Photo, wish: Wish) -> None:
        self._set(_repaint_pk(photo, wish), {"busy": 0})

    def note_painting(self, key: str, user: int) -> None:
        """Notes who gave a group the painting with this key."""
        self._set(f"painting#{key}", {"giver": user, "expires": self._end()})

    def paintings_of(self, user: int) -> list[str]:
        """The keys of the paintings that a user gave to groups."""
        found = self._scan("painting#", Attr("giver").eq(user))
        return [item["pk"].removeprefix("painting#") for item in found]

    def drop_painting(self, key: str) -> None:
        self._table.delete_item(Key={"pk": f"painting#{key}"})

    def may_ask(self, stranger: str) -> bool:
        """Whether the owner may be asked to let a stranger (a pseudonym) in: once a day each, and
        ten times a day in all."""
        day = int(time.time()) // DAY_S
        return self._takes(f"asked#{stranger}", DAY_S) and any(
            self._takes(f"asks#{day}/{number}", DAY_S) for number in range(ASKS_A_DAY)
        )

    def user(self, user: int) -> User:
        """A user; one who is not allowed if nothing is known of them."""
        item = self._get(f"user#{user}")
        return user_from(item) if item else User(user)

    def users(self) -> list[User]:
        """All who are allowed, except the owner, by id."""
        return sorted(map(user_from, self._scan("user#", Attr("allowed").eq(True))), key=_id)

    def allow(self, user: int, name: str = "") -> None:
        self._set(f"user#{user}", {"allowed": True} | ({"name": name} if name else {}))

    def forget(self, user: int) -> None:
        """Removes a user and their choices."""
        self._table.delete_item(Key={"pk": f"user#{user}"})

    def drop_choices(self, user: int) -> None:
        """Forgets a user's choices and name. They stay allowed at every moment, as their other
        updates may come at the same time."""
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

    def choose_look(self, user: int, style: str, look: str) -> None:
        self._set(f"user#{user}", {"style": style, "look": look})

    def choose_size(self, user: int, size: int | str) -> None:
        self._set(f"user#{user}", {"size": size})

    def limit(self) -> int | None:
        """The photos that each user may send per day; None if the owner has not said."""
        item = self._get(_LIMIT)
        return int(item["photos"]) if item else None

    def set_limit(self, photos: int) -> None:
        self._set(_LIMIT, {"photos": photos})

    def count_photo(self, photo: Photo, user: int, most: int) -> bool:
        """Counts a photo as one of a user's of this day, in UTC; False if there are `most` already.
        A photo that comes again is counted once."""
        if most < 1:
            return False
        now, name = time.time(), f"{photo.chat}/{photo.stem}"
        counted = Attr("photos")
        room = counted.not_exists() | counted.size().lt(most) | counted.contains(name)
        try:
            self._table.update_item(
                Key={"pk": f"day#{user}/{int(now // DAY_S)}"},
                UpdateExpression="ADD photos :photo SET expires = :end",
                ConditionExpression=room,
                ExpressionAttributeValues={":photo": {name}, ":end": int(now) + 2 * DAY_S},
            )
        except ClientError as error:
            if _is_refusal(error):
                return False
            raise
        return True

    def add_order(self, order: Order) -> Order:
        """Notes a photo as waiting, with the user, the look, the album and the spoiler of an order;
        returns the order as it is then."""
        item = {"key": order.photo.key, "user": order.user, "look": order.look, "status": WAITING}
        item |= {"album": order.album, "spoiler": order.spoiler}
        item |= {"created": _now_ms(), "expires": self._end()}
        return order_from(self._set(_pk(order.photo), item), order.photo)

    def drop_order(self, photo: Photo, cancelled: bool = False) -> None:
        """Deletes a photo's item. If it was cancelled, that alone stays for two days: its job may
        not have ended yet."""
        self._table.delete_item(Key={"pk": _pk(photo)})
        if cancelled:
            expires = int(time.time()) + 2 * DAY_S
            self._set(_pk(photo), {"status": CANCELLED, "expires": expires})

    def order(self, photo: Photo) -> Order | None:
        item = self._get(_pk(photo))
        return order_from(item, photo) if item else None

    def orders(self) -> list[Order]:
        """All that are known, oldest first."""
        return self._orders(Attr("key").exists())

    def open_orders(self) -> list[Order]:
        """The waiting and running ones, oldest first."""
        return self._orders(Attr("status").is_in(list(OPEN)))

    def orders_of(self, user: int) -> list[Order]:
        """All orders of a user, oldest first."""
        return self._orders(Attr("user").eq(user))

    def _orders(self, condition: ConditionBase) -> list[Order]:
        orders = [
            order_from(item, photo)
            for item in self._scan("photo#", condition)
            if (photo := Photo.of_key(item.get("key", "")))
        ]
        return sorted(orders, key=lambda order: (order.created, order.photo.key))

    def note_job(self, photo: Photo, job: str, status: str, at: str) -> Order | None:
        """Notes the status of a photo's job at a time (ISO 8601), unless the photo is closed or a
        later status is known; returns the order as it is then, None if there is none."""
        newest = Attr("status_at").not_exists() | Attr("status_at").lte(at)
        try:
            changes: dict[str, Any] = {"job": job, "status": status, "status_at": at}
            if status == RUNNING:
                changes["started"] = _now_ms()
            condition = Attr("status").is_in(list(OPEN)) & newest
            return order_from(self._set(_pk(photo), changes, condition), photo)
        except _RefusedError:
            return self.order(photo)

    def cancel(self, photo: Photo) -> Order | None:
        """Notes a photo as cancelled; None if it has just been closed."""
        try:
            still = Attr("status").is_in(list(OPEN))
            return order_from(self._set(_pk(photo), {"status": CANCELLED}, still), photo)
        except _RefusedError:
            return None

    def claim(self, photo: Photo, seconds: float, over: Sequence[str]) -> Order | None:
        """Reserves the answer to a photo for this invocation, which lasts `seconds` at most; None
        if its status is one of `over`. `close` or `release` ends the claim.

        Raises BusyError if another invocation has reserved it: that one may yet fail.
        """
        unanswered = Attr("status").not_exists() | ~Attr("status").is_in(list(over))
        try:
            item = self._reserve(_pk(photo), seconds, self._end(), unanswered)
            return order_from(item, photo)
        except _RefusedError:
            order = self.order(photo)
            if order and order.status in over:
                return None
            raise BusyError(f"{photo.stem} is being answered by another invocation") from None

    def note_sent(self, photo: Photo, part: str) -> None:
        """Notes that a part of the answer was sent, so that a retry leaves it out."""
        self._table.update_item(
            Key={"pk": _pk(photo)},
            UpdateExpression="ADD #sent :part",
            ExpressionAttributeNames={"#sent": "sent"},
            ExpressionAttributeValues={":part": {part}},
        )

    def close(self, photo: Photo, status: str) -> None:
        """Ends a claim with a final status."""
        self._set(_pk(photo), {"status": status, "busy": 0, "closed": _now_ms()})

    def release(self, photo: Photo) -> None:
        """Ends a claim whose answer failed, so that it can be retried at once."""
        self._set(_pk(photo), {"busy": 0})

    def _takes(self, pk: str, seconds: float) -> bool:
        """Reserves an item for `seconds`, a day at most; False if it is reserved."""
        try:
            self._reserve(pk, seconds, int(time.time()) + DAY_S)
        except _RefusedError:
            return False
        return True

    def _reserve(
        self, pk: str, seconds: float, expires: int, condition: ConditionBase | None = None
    ) -> dict[str, Any]:
        """Marks an item as busy for `seconds` and returns the whole item. Raises _RefusedError if
        it is busy, or if `condition` fails."""
        now = time.time()
        # Not by `expires`: DynamoDB deletes what has expired when it gets to it, after up to days.
        free = Attr("busy").not_exists() | Attr("busy").lt(int(now))
        changes = {"busy": math.ceil(now + seconds), "expires": expires}
        return self._set(pk, changes, free & condition if condition else free)

    def _get(self, pk: str) -> dict[str, Any] | None:
        return self._table.get_item(Key={"pk": pk}, ConsistentRead=True).get("Item")

    def _set(
        self, pk: str, changes: dict[str, Any], condition: ConditionBase | None = None
    ) -> dict[str, Any]:
        """Sets attributes and returns the whole item. Raises _RefusedError if `condition` fails."""
        sets = ", ".join(f"#{name} = :{name}" for name in changes)
        try:
            return self._table.update_item(
                Key={"pk": pk},
                UpdateExpression=f"SET {sets}",
                ExpressionAttributeNames={f"#{name}": name for name in changes},
                ExpressionAttributeValues={f":{name}": each for name, each in changes.items()},
                ReturnValues="ALL_NEW",
                **({"ConditionExpression": condition} if condition else {}),
            )["Attributes"]
        except ClientError as error:
            if _is_refusal(error):
                raise _RefusedError from None
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


class _RefusedError(Exception):
    """The condition of a change did not hold; the table is unchanged."""


def _is_refusal(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


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
