"""Photos to be painted: stored with their wish, cancelled, found again."""

import re
import time
from dataclasses import replace

from layout import Photo, Wish

from bot import estimate, jobs
from bot.items import OPEN, Order
from bot.resources import Resources


def place(
    order: Order, wish: Wish, data: bytes, resources: Resources
) -> tuple[int, int | None, Order]:
    """Stores a new order's photo, to be painted as a wish says. Returns its position in the queue,
    from 1, the minutes that it will take, None if no machine is to be had, and the order."""
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
    orders = resources.table.orders()
    position = jobs.queue_position(placed, [each for each in orders if each.status in OPEN])
    return position, estimate.minutes_left(position, orders), placed


def with_token(token: str, resources: Resources) -> Order | None:
    """The order with a token, whoever's it is; None if it is gone."""
    known = resources.table.orders()
    return next((order for order in known if order.photo.token == token), None)


def renewed(photo: Photo) -> Photo:
    """The same photo under a key of its own, to be painted once more."""
    name = re.sub(r"-r[0-9]+\Z", "", photo.file)
    return replace(photo, file=f"{name}-r{time.time_ns() // 1_000_000}")
