"""Orders to paint a photo: stored, found again, cancelled, forgotten, and the time they take."""

import logging
import math
import re
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import layout
from botocore.exceptions import ClientError
from layout import Photo, Wish

from bot.items import CANCELLED, OPEN, RUNNING, SENT, Order
from bot.resources import Resources
from styletransfer.storage.base import Bucket

# Estimates of the time that a photo takes.
START_S = 360.0  # to start an instance and pull the image, assumed
DEFAULT_PAINT_S = 180.0  # for one photo, until some have been painted
MAX_MEASURED = 20  # latest photos that the estimate is made from
MAX_START_S = 1200.0  # A photo that waits longer waits for a machine.
# Requests: a month of photos is thousands of keys, and Telegram waits for half a minute.
AT_ONCE = 8

log = logging.getLogger(__name__)


def place(
    order: Order, wish: Wish, data: bytes, resources: Resources
) -> tuple[int, int | None, Order]:
    """Store the photo of a new order, and how to paint it.

    Returns:
        Its position in the queue, from 1; the minutes that it will take, or None if no machine is
        available; and the order as stored.
    """
    photo = order.photo
    placed = resources.table.add_order(order)
    try:
        # The wish first: the new photo starts the job, which reads the wish.
        resources.bucket.write(photo.wish_key, wish.to_json().encode(), "application/json")
        resources.bucket.write(photo.key, data)
    except BaseException:
        resources.table.drop_order(photo)
        resources.bucket.delete(photo.wish_key)
        raise
    known = resources.table.orders()
    position = queue_position(placed, [order for order in known if order.status in OPEN])
    return position, minutes_left(position, known), placed


def with_token(token: str, resources: Resources) -> Order | None:
    """Return an order of any user by its token, or None if it is gone."""
    known = resources.table.orders()
    return next((order for order in known if order.photo.token == token), None)


def renewed(photo: Photo) -> Photo:
    """Return the same photo under a new key, with which it can be painted again."""
    name = re.sub(r"-r[0-9]+\Z", "", photo.file)
    return replace(photo, file=f"{name}-r{time.time_ns() // 1_000_000}")


def queue_position(order: Order, orders: list[Order]) -> int:
    """Return an order's position among the open ones, from 1."""
    return 1 + sum(other.created < order.created for other in orders)


def cancel(user: int, resources: Resources) -> int:
    """Delete a user's waiting and running photos, end their jobs, and return their number.

    A job that is not known yet ends when its first event comes.
    """
    orders = resources.table.orders(user=user, still_open=True)
    return sum(cancel_order(order, resources) for order in orders)


def cancel_order(order: Order, resources: Resources) -> bool:
    """Delete a waiting or running photo and end its job. Return False if it was closed before."""
    cancelled = resources.table.cancel(order.photo)
    if cancelled is None:
        return False
    resources.bucket.delete(cancelled.photo.key)
    resources.bucket.delete(cancelled.photo.wish_key)
    if cancelled.job:
        try:
            resources.terminate(cancelled.job, "cancelled by the user")
        except ClientError as error:  # Without its photo, the job ends by itself.
            log.warning("job %s could not be ended: %s", cancelled.job, error)
    return True


def forget_user(user: int, resources: Resources) -> None:
    """Cancel a user's orders, and delete all of their data, in groups too.

    These are photos, results, own paintings, choices and orders. The user stays allowed.
    """
    table, bucket = resources.table, resources.bucket
    cancel(user, resources)
    ordered, painted = table.orders(user=user), table.paintings_of(user)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # Read to its end, it raises what a call has raised.
        list(pool.map(bucket.delete, _keys_of(user, ordered, painted, bucket)))
    for key in painted:
        table.drop_painting(key)
    for order in ordered:
        # A job may still run: its result and its failure must not be sent.
        table.drop_order(order.photo, cancelled=order.status == CANCELLED)
    table.drop_choices(user)


def _keys_of(
    user: int, ordered: Sequence[Order], painted: Sequence[str], bucket: Bucket
) -> list[str]:
    """Return all keys of a user.

    They are all keys of the private chat, which has the user's number, and in groups those of the
    user's orders and of the paintings that the user gave.
    """
    keys = list(painted)
    for prefix in (layout.PHOTOS, layout.WISHES, layout.RESULTS, layout.OWN):
        keys += [entry.key for entry in bucket.list(f"{prefix}/{user}/")]
    elsewhere = [order.photo for order in ordered if order.photo.chat != user]
    for chat in {photo.chat for photo in elsewhere}:
        results = [entry.key for entry in bucket.list(f"{layout.result_prefix(chat)}/")]
        for photo in (photo for photo in elsewhere if photo.chat == chat):
            keys += [photo.key, photo.wish_key]
            keys += [key for key in results if f"/{photo.stem}." in key]
    return keys


def minutes_left(position: int, orders: Sequence[Order]) -> int | None:
    """Estimates the minutes until a photo is done, from the latest ones.

    Args:
        position: The photo's position in the queue, from 1.
        orders: All orders.

    Returns:
        The minutes, or None if no machine is available at the moment.
    """
    now = time.time() * 1000
    running = any(order.status == RUNNING for order in orders)
    waits = [now - order.created for order in orders if order.status in OPEN]
    if not running and max(waits, default=0.0) > 1000 * MAX_START_S:
        return None
    painted = sorted(
        (order for order in orders if order.status == SENT and order.started < order.closed),
        key=lambda order: order.closed,
    )
    latest = [order for order in painted[-MAX_MEASURED:] if order.started]
    took = [(order.closed - order.started) / 1000 for order in latest]
    paint_s = statistics.median(took) if took else DEFAULT_PAINT_S
    return math.ceil(((0 if running else START_S) + position * paint_s) / 60)
