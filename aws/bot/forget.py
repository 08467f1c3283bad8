"""The commands /cancel, for photos that are not done yet, and /forget, for all data of a user."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import layout
from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, filters

from bot import buttons, orders
from bot.buttons import PATTERNS
from bot.items import CANCELLED, OPEN, Order
from bot.resources import Resources
from bot.updates import (
    Context,
    answer_button,
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
from styletransfer.storage.base import Bucket

# Requests: a month of photos is thousands of keys, and Telegram waits for half a minute.
AT_ONCE = 8


def add_forget_handlers(application: Application) -> None:
    new = filters.UpdateType.MESSAGE
    application.add_handler(CommandHandler("cancel", _cancel, new))
    application.add_handler(CommandHandler("forget", _forget, new))
    application.add_handler(CallbackQueryHandler(_cancel_one, rf"{PATTERNS['cancel']}\Z"))
    application.add_handler(CallbackQueryHandler(_forget_all, rf"{PATTERNS['forget']}\Z"))


def forget_user(user: int, resources: Resources) -> None:
    """Cancels a user's orders and deletes all of their photos, results, own paintings, choices and
    orders, in groups too. Whether the user is allowed stays."""
    table, bucket = resources.table, resources.bucket
    orders.cancel(user, resources)
    ordered, painted = table.orders_of(user), table.paintings_of(user)
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
    """All keys of a user: those of their private chat, which has the user's number, and in groups
    those of their orders and of the paintings that they gave."""
    keys = list(painted)
    for prefix in (
        *(layout.photo_prefix(user), layout.wish_prefix(user)),
        *(layout.result_prefix(user), layout.own_prefix(user)),
    ):
        keys += [each.key for each in bucket.list(f"{prefix}/")]
    elsewhere = [order.photo for order in ordered if order.photo.chat != user]
    for chat in {photo.chat for photo in elsewhere}:
        results = [each.key for each in bucket.list(f"{layout.result_prefix(chat)}/")]
        for photo in (each for each in elsewhere if each.chat == chat):
            keys += [photo.key, photo.wish_key]
            keys += [key for key in results if f"/{photo.stem}." in key]
    return keys


async def _cancel(update: Update, context: Context) -> None:
    """Cancels all; as a reply to a photo, or to what the bot said of it, that one."""
    resources, message, say = resources_of(context), message_of(update), words_for(update)
    original = message.reply_to_message
    # In a topic of a group, a message that replies to no other "replies" to the topic's creation.
    if original is None or original.forum_topic_created:
        count = orders.cancel(user_of(update), resources)
        nothing = "nothing_to_cancel"
    else:
        # Telegram does not say what the message replied to was itself a reply to.
        tokens, photo = buttons.orders_of(original.reply_markup), original.message_id
        meant = [
            order
            for order in resources.table.open_orders()
            if order.photo.token in tokens
            or (order.photo.chat == message.chat_id and order.photo.message == photo)
        ]
        mine = [order for order in meant if order.user == user_of(update)]
        count = sum(orders.cancel_order(order, resources) for order in mine)
        nothing = "not_yours" if meant and not mine else "not_waiting"
    await reply(message, say.photos("cancelled", count) if count else say.text(nothing))


async def _cancel_one(update: Update, context: Context) -> None:
    resources, say = resources_of(context), words_for(update)
    order = orders.with_token(pressed(update)[0], resources)
    if order and order.user != user_of(update):
        await answer_button(update, say.text("not_yours"), alert=True)
    elif order and order.status in OPEN and orders.cancel_order(order, resources):
        await answer_button(update)
        await edit(update, say.photos("cancelled", 1))
    else:
        await answer_button(update, say.text("not_waiting"), alert=True)


async def _forget(update: Update, context: Context) -> None:
    say, user = words_for(update), user_of(update)
    await message_of(update).reply_text(
        say.text("forget.ask"), reply_markup=buttons.forget(say, user)
    )


async def _forget_all(update: Update, context: Context) -> None:
    query, say, user = query_of(update), words_for(update), user_of(update)
    if pressed(update) != [str(user)]:
        await answer_button(update, say.text("button_gone"), alert=True)
        return
    await answer_button(update)
    if present(query.data).startswith("forget"):
        forget_user(user, resources_of(context))
        await edit(update, say.text("forget.done"))
    else:
        await edit(update, say.text("forget.kept"))
