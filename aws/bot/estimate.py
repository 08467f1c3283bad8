"""How long a photo will take, from how long the last ones took."""

import math
import statistics
import time
from collections.abc import Sequence

from bot.items import OPEN, RUNNING, SENT, Order

START_S = 360.0  # for an instance to start and pull the image, assumed
PAINT_S = 180.0  # for a photo, assumed until some have been painted
LAST = 20  # so many of the photos painted count
PATIENCE_S = 1200.0  # A photo that waits longer waits for a machine.


def minutes_left(position: int, orders: Sequence[Order]) -> int | None:
    """Minutes until the photo at a position of the queue, from 1, is done, of all orders; None if
    no machine is to be had at the moment."""
    now = time.time() * 1000
    running = any(order.status == RUNNING for order in orders)
    waits = [now - order.created for order in orders if order.status in OPEN]
    if not running and max(waits, default=0.0) > 1000 * PATIENCE_S:
        return None
    painted = sorted(
        (order for order in orders if order.status == SENT and order.started < order.closed),
        key=lambda order: order.closed,
    )
    took = [(order.closed - order.started) / 1000 for order in painted[-LAST:] if order.started]
    each = statistics.median(took) if took else PAINT_S
    return math.ceil(((0 if running else START_S) + position * each) / 60)
