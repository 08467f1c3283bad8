"""The small commands, /cancel and /forget, and the answers to all other messages and buttons."""

from layout import LARGEST_SIDE
from telegram import Update
from telegram.error import TelegramError

from bot import buttons, orders, users
from bot.items import OPEN, RUNNING
from bot.styles import current, preview
from bot.updates import Context, log
from styletransfer import settings
from styletransfer.errors import ConfigError


async def start(_: Update, context: Context) -> None:
    await context.send(context.say.text("welcome"))
    if context.user == context.resources.owner:
        try:
            await users.publish_menus(context.bot, context.user)
        except TelegramError as error:  # The commands work without menus.
            log.warning("the menus could not be set: %s", error)


async def show_help(_: Update, context: Context) -> None:
    """Show the current style, with the text as its caption."""
    resources = context.resources
    choice, wish, _styles = current(context)
    name = choice.name if choice else None
    text = context.say.help_text(name, wish.size or resources.size, resources.keep_days)
    picture = preview(choice, resources) if choice else None
    if picture:
        await context.message.reply_photo(picture, caption=text, filename="style.jpg")
    else:
        await context.send(text)


async def choose_size(_: Update, context: Context) -> None:
    table, text, say = context.resources.table, context.argument, context.say
    if not text:
        question = say.pick_size(table.user(context.user).wish.size or context.resources.size)
        await context.send(question, buttons.sizes(say))
        return
    size = _parsed_size(text)
    if size is None:
        await context.send(say.size_wrong(text))
        return
    table.choose_size(context.user, size)
    await context.send(say.size_is(size))


def _parsed_size(text: str) -> int | str | None:
    """Return the size that a text stands for, or None if it cannot be painted."""
    try:
        size: int | str = settings.parse("size", text.lower().removesuffix("px").strip())
    except ConfigError:
        return None
    return None if isinstance(size, int) and size > LARGEST_SIDE else size


async def pick_size(_: Update, context: Context) -> None:
    size = settings.parse("size", context.pressed[1])
    context.resources.table.choose_size(context.user, size)
    await context.answer_button()
    await context.edit(context.say.size_is(size))


async def show_status(_: Update, context: Context) -> None:
    resources, say = context.resources, context.say
    known = resources.table.orders()
    queue = [order for order in known if order.status in OPEN]
    mine = [order for order in queue if order.user == context.user]
    running = sum(order.status == RUNNING for order in mine)
    waiting = [orders.queue_position(order, queue) for order in mine if order.status != RUNNING]
    choice, wish, _styles = current(context)
    text = say.status(
        waiting, running, choice.name if choice else None, wish.size or resources.size
    )
    if waiting:
        text += f"\n{say.minutes(orders.minutes_left(waiting[0], known))}"
    await context.send(text)


async def cancel(_: Update, context: Context) -> None:
    """Cancel all photos, or as a reply to a photo, or to a message about it, only that one."""
    resources, message, say = context.resources, context.message, context.say
    original = message.reply_to_message
    # In a topic of a group, a message that replies to no other "replies" to the topic's creation.
    if original is None or original.forum_topic_created:
        count = orders.cancel(context.user, resources)
        nothing = "nothing_to_cancel"
    else:
        # Telegram does not say what the message replied to was itself a reply to.
        tokens, photo = buttons.orders_of(original.reply_markup), original.message_id
        meant = [
            order
            for order in resources.table.orders(still_open=True)
            if order.photo.token in tokens
            or (order.photo.chat == message.chat_id and order.photo.message == photo)
        ]
        mine = [order for order in meant if order.user == context.user]
        count = sum(orders.cancel_order(order, resources) for order in mine)
        nothing = "not_yours" if meant and not mine else "not_waiting"
    await context.reply(say.photos("cancelled", count) if count else say.text(nothing))


async def cancel_one(_: Update, context: Context) -> None:
    order = orders.with_token(context.pressed[1], context.resources)
    if order and order.user != context.user:
        await context.refuse_button("not_yours")
    elif order and order.status in OPEN and orders.cancel_order(order, context.resources):
        await context.answer_button()
        await context.edit(context.say.photos("cancelled", 1))
    else:
        await context.refuse_button("not_waiting")


async def ask_to_forget(_: Update, context: Context) -> None:
    await context.send(context.say.text("forget.ask"), buttons.forget(context.say, context.user))


async def forget(_: Update, context: Context) -> None:
    action, user = context.pressed
    if user != str(context.user):
        await context.refuse_button("button_gone")
        return
    await context.answer_button()
    if action == "forget":
        orders.forget_user(context.user, context.resources)
        await context.edit(context.say.text("forget.done"))
    else:
        await context.edit(context.say.text("forget.kept"))


async def unknown_button(_: Update, context: Context) -> None:
    await context.refuse_button("button_gone")


async def unknown(_: Update, context: Context) -> None:
    await context.send(context.say.text("unknown"))
