"""The buttons under a result, which paint its photo again.

It is painted in another style, closer to itself or to the painting, in finer or larger strokes.
"""

from dataclasses import replace

from layout import Wish, wish_of
from telegram import Update

from bot import buttons, choices, orders, users
from bot.items import Order
from bot.styles import show_page
from bot.updates import Context
from styletransfer.settings import Settings

STEP, LOWEST, HIGHEST = 0.15, 0.05, 0.95  # changes and limits of `strength`
STROKE_SIZES = (0.25, 0.4, 0.63, 1.0, 1.6, 2.5, 4.0)
CLAIM_S = 30.0  # longer than it takes to order a photo again


async def offer_styles(_: Update, context: Context) -> None:
    _action, token, page = context.pressed
    if await _found(context, token):
        await context.answer_button()
        await show_page(context, int(page), token)


async def in_style(_: Update, context: Context) -> None:
    _action, token, style = context.pressed
    found = await _found(context, token)
    if found is None:
        return
    order, wish = found
    offered = choices.offered(context.resources, context.chat, context.user)
    picked = choices.with_token(offered, style)
    if picked is None:
        await context.refuse_button("style_gone")
        return
    await _repaint(context, order, replace(wish, prefix=picked.prefix, style=picked.name))


async def with_change(_: Update, context: Context) -> None:
    button, token = context.pressed
    found = await _found(context, token)
    if found is None:
        return
    order, wish = found
    offered = choices.offered(context.resources, order.photo.chat, order.user)
    choice = choices.wished(offered, wish)
    if choice is None:
        await context.refuse_button("style_gone")
        return
    changed = _wished_for(button, wish, choice.style.settings.replaced(wish.asked))
    if changed is None:
        await context.refuse_button("again.limit")
        return
    await _repaint(context, order, changed)


def _wished_for(button: str, wish: Wish, settings: Settings) -> Wish | None:
    """Return the wish of a button under a result with these settings.

    Returns None if the value is at its limit.
    """
    if button in buttons.STRENGTHS:
        strength = round(settings.strength + (STEP if button == "stronger" else -STEP), 2)
        return replace(wish, strength=strength) if LOWEST <= strength <= HIGHEST else None
    size = settings.stroke_size
    larger = [other for other in STROKE_SIZES if other > size]
    finer = [other for other in STROKE_SIZES if other < size]
    found = larger[:1] if button == "larger" else finer[-1:]
    return replace(wish, stroke_size=found[0]) if found else None


async def _found(context: Context, token: str) -> tuple[Order, Wish] | None:
    """Return the user's order with a token, and its wish, if its photo exists.

    Returns None after an answer with the reason.
    """
    order = orders.with_token(token, context.resources)
    if order and order.user != context.user:
        await context.refuse_button("not_yours")
        return None
    wish = order and wish_of(order.photo, context.resources.bucket)
    if not order or not wish or context.resources.bucket.find(order.photo.key) is None:
        await context.refuse_button("again.gone")
        return None
    return order, wish


async def _repaint(context: Context, order: Order, wish: Wish) -> None:
    """Order the photo of an order again, unless that very wish waits already.

    The second of two quick presses finds the wish reserved by the first.
    """
    table = context.resources.table
    if not table.claim_repaint(order.photo, wish, CLAIM_S):
        await context.refuse_button("again.waiting")
        return
    try:
        await _order_repaint(context, order, wish)
    finally:
        table.release_repaint(order.photo, wish)


async def _order_repaint(context: Context, order: Order, wish: Wish) -> None:
    resources, say = context.resources, context.say
    for other in resources.table.orders(user=order.user, still_open=True):
        same = other.photo.message == order.photo.message and other.photo.chat == order.photo.chat
        if same and wish_of(other.photo, resources.bucket) == wish:
            await context.refuse_button("again.waiting")
            return
    data = resources.bucket.read(order.photo.key)
    new = replace(order, photo=orders.renewed(order.photo), style=wish.style, album="")
    if not users.admits_photo(new.photo, order.user, resources):
        text = say.photos("limit.reached", users.photos_per_day(resources))
        await context.answer_button(text, alert=True)
        return
    position, minutes, placed = orders.place(new, wish, data, resources)
    text = say.accepted("again.accepted", wish.style, position, minutes)
    await context.answer_button()
    # The message with the styles has served its purpose; a result stays.
    answer = context.edit if context.pressed[0] == "again" else context.reply
    await answer(text, buttons.cancel(say, placed.photo.token))
