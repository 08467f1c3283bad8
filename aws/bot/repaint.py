"""The buttons under a result: the same photo in another style, nearer to itself or to the
painting, in finer strokes or larger ones."""

from dataclasses import replace

from layout import Wish
from telegram import Update
from telegram.ext import Application, CallbackQueryHandler

from bot import buttons, choices, orders, users
from bot.buttons import PATTERNS
from bot.items import OPEN, Order
from bot.resources import Resources
from bot.styles import show_page
from bot.updates import (
    Context,
    answer_button,
    chat_of,
    edit,
    message_of,
    present,
    pressed,
    query_of,
    reply,
    resources_of,
    user_of,
    words_for,
)
from styletransfer.settings import Settings

STEP, LOWEST, HIGHEST = 0.15, 0.05, 0.95  # changes and limits of `strength`
STROKE_SIZES = (0.25, 0.4, 0.63, 1.0, 1.6, 2.5, 4.0)
CLAIM_S = 30.0  # longer than it takes to order a photo again


def add_repaint_handlers(application: Application) -> None:
    application.add_handler(CallbackQueryHandler(_another, rf"{PATTERNS['another']}\Z"))
    application.add_handler(CallbackQueryHandler(_in_style, rf"{PATTERNS['again']}\Z"))
    application.add_handler(CallbackQueryHandler(_changed, rf"{PATTERNS['change']}\Z"))


async def _another(update: Update, context: Context) -> None:
    token, page = pressed(update)
    if await _found(update, context, token):
        await answer_button(update)
        await show_page(update, context, int(page), token)


async def _in_style(update: Update, context: Context) -> None:
    token, look = pressed(update)
    found = await _found(update, context, token)
    if found is None:
        return
    order, wish = found
    offered = choices.offered(resources_of(context), chat_of(update), user_of(update))
    picked = choices.with_token(offered, look)
    if picked is None:
        await answer_button(update, words_for(update).text("style_gone"), alert=True)
        return
    wish = replace(wish, style=picked.style, look=picked.name)
    await _repaint(update, resources_of(context), order, wish)


async def _changed(update: Update, context: Context) -> None:
    found = await _found(update, context, pressed(update)[0])
    if found is None:
        return
    order, wish = found
    resources = resources_of(context)
    offered = choices.offered(resources, order.photo.chat, order.user)
    choice = choices.wished(offered, wish)
    if choice is None:
        await answer_button(update, words_for(update).text("style_gone"), alert=True)
        return
    button = present(query_of(update).data).partition(":")[0]
    changed = _wished_for(button, wish, choice.look.settings.replaced(wish.asked))
    if changed is None:
        await answer_button(update, words_for(update).text("again.limit"), alert=True)
        return
    await _repaint(update, resources, order, changed)


def _wished_for(button: str, wish: Wish, settings: Settings) -> Wish | None:
    """The wish of a button under a result with these settings, or None if the value is at its
    limit."""
    if button in buttons.STRENGTHS:
        strength = round(settings.strength + (STEP if button == "stronger" else -STEP), 2)
        return replace(wish, strength=strength) if LOWEST <= strength <= HIGHEST else None
    size = settings.stroke_size
    larger = [each for each in STROKE_SIZES if each > size]
    finer = [each for each in STROKE_SIZES if each < size]
    found = larger[:1] if button == "larger" else finer[-1:]
    return replace(wish, stroke_size=found[0]) if found else None


async def _found(update: Update, context: Context, token: str) -> tuple[Order, Wish] | None:
    """Finds the user's own order with a token, and its wish, if its photo exists. Returns None
    after an answer with the reason."""
    resources, say = resources_of(context), words_for(update)
    order = orders.with_token(token, resources)
    if order and order.user != user_of(update):
        await answer_button(update, say.text("not_yours"), alert=True)
    elif order is None or None in map(
        resources.bucket.find, (order.photo.key, order.photo.wish_key)
    ):
        await answer_button(update, say.text("again.gone"), alert=True)
    else:
        return order, Wish.from_json(resources.bucket.read(order.photo.wish_key))
    return None


async def _repaint(update: Update, resources: Resources, order: Order, wish: Wish) -> None:
    """Orders the photo of an order again, unless that very wish waits already, or is being ordered
    by the first of two quick presses."""
    if not resources.table.claim_repaint(order.photo, wish, CLAIM_S):
        await answer_button(update, words_for(update).text("again.waiting"), alert=True)
        return
    try:
        await _order_repaint(update, resources, order, wish)
    finally:
        resources.table.release_repaint(order.photo, wish)


async def _order_repaint(update: Update, resources: Resources, order: Order, wish: Wish) -> None:
    query, say = query_of(update), words_for(update)
    for each in resources.table.orders_of(order.user):
        same = each.photo.message == order.photo.message and each.photo.chat == order.photo.chat
        if same and each.status in OPEN and _wish(each, resources) == wish:
            await answer_button(update, say.text("again.waiting"), alert=True)
            return
    data = resources.bucket.read(order.photo.key)
    new = replace(order, photo=orders.renewed(order.photo), look=wish.look, album="")
    if not users.admits_photo(new.photo, order.user, resources):
        text = say.photos("limit.reached", users.photos_per_day(resources))
        await answer_button(update, text, alert=True)
        return
    position, minutes, placed = orders.place(new, wish, data, resources)
    text = say.accepted("again.accepted", wish.look, position, minutes)
    await answer_button(update)
    cancel = buttons.cancel(say, placed.photo.token)
    if present(query.data).startswith("again:"):
        await edit(update, text, cancel)  # The styles have served their purpose.
    else:
        await reply(message_of(update), text, cancel)


def _wish(order: Order, resources: Resources) -> Wish | None:
    if resources.bucket.find(order.photo.wish_key) is None:
        return None
    return Wish.from_json(resources.bucket.read(order.photo.wish_key))
