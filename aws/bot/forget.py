"""What users take back: photos that are not done yet, and all of their data."""

import layout
from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, filters

from bot import buttons, jobs, orders
from bot.buttons import PATTERNS
from bot.items import CANCELLED, OPEN
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


def add_forget_handlers(application: Application) -> None:
    new = filters.UpdateType.MESSAGE
    application.add_handler(CommandHandler("cancel", _cancel, new))
    application.add_handler(CommandHandler("forget", _forget, new))
    application.add_handler(CallbackQueryHandler(_cancel_one, rf"{PATTERNS['cancel']}\Z"))
    application.add_handler(CallbackQueryHandler(_forget_all, rf"{PATTERNS['forget']}\Z"))


def forget_user(user: int, resources: Resources) -> None:
    """Cancels a user's orders and deletes all of their photos, results, own paintings, choices and
    orders, in groups too. What says who may use the bot stays."""
    table, bucket = resources.table, resources.bucket
    jobs.cancel(user, resources)
    for order in table.orders_of(user):
        photo = order.photo
        keys = [photo.key, photo.wish_key]
        prefix = layout.result_prefix(photo.chat)
        keys += [each.key for each in bucket.list(f"{prefix}/") if f"/{photo.stem}." in each.key]
        for key in keys:
            bucket.delete(key)
        # A job may still run: what it says or paints is to reach nobody.
        table.drop_order(photo, cancelled=order.status == CANCELLED)
    for prefix in (
        *(layout.photo_prefix(user), layout.wish_prefix(user)),
        *(layout.result_prefix(user), layout.own_prefix(user)),
    ):
        for entry in list(bucket.list(f"{prefix}/")):
            bucket.delete(entry.key)
    for key in table.paintings_of(user):
        bucket.delete(key)
        table.drop_painting(key)
    table.drop_choices(user)


async def _cancel(update: Update, context: Context) -> None:
    """Cancels all; as a reply to a photo, or to what the bot said of it, that one."""
    resources, message, say = resources_of(context), message_of(update), words_for(update)
    original = message.reply_to_message
    if original is None:
        count = jobs.cancel(user_of(update), resources)
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
        count = sum(jobs.cancel_order(order, resources) for order in mine)
        nothing = "not_yours" if meant and not mine else "not_waiting"
    await reply(message, say.photos("cancelled", count) if count else say.text(nothing))


async def _cancel_one(update: Update, context: Context) -> None:
    resources, say = resources_of(context), words_for(update)
    order = orders.with_token(pressed(update)[0], resources)
    if order and order.user != user_of(update):
        await answer_button(update, say.text("not_yours"), alert=True)
    elif order and order.status in OPEN and jobs.cancel_order(order, resources):
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
