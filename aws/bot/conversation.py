"""The small commands, and the answers to all other messages and buttons."""

from layout import LARGEST_SIDE
from telegram import Update
from telegram.error import TelegramError
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    MessageHandler,
    filters,
)

from bot import buttons, orders, users
from bot.buttons import PATTERNS
from bot.items import OPEN, RUNNING
from bot.styles import current, preview
from bot.updates import (
    Context,
    answer_button,
    arguments,
    edit,
    log,
    message_of,
    pressed,
    resources_of,
    user_of,
    words_for,
)
from styletransfer import settings
from styletransfer.errors import ConfigError


def add_command_handlers(application: Application) -> None:
    """Call this last: its last handlers answer all other buttons, and all other messages in private
    chats. They ignore edited messages and Telegram's service messages, such as a pinned message."""
    new = filters.UpdateType.MESSAGE
    answers = {"start": _start, "help": _help, "size": _size, "status": _status}
    for name, answer in answers.items():
        application.add_handler(CommandHandler(name, answer, new))
    application.add_handler(CallbackQueryHandler(_pick_size, rf"{PATTERNS['size']}\Z"))
    application.add_handler(CallbackQueryHandler(_unknown_button))
    rest = new & filters.ChatType.PRIVATE & ~filters.StatusUpdate.ALL
    application.add_handler(MessageHandler(rest, _unknown))


async def _start(update: Update, context: Context) -> None:
    resources = resources_of(context)
    await message_of(update).reply_text(words_for(update).text("welcome"))
    if user_of(update) == resources.owner:
        try:
            await users.publish_menus(context.bot, resources.owner)
        except TelegramError as error:  # The commands work without menus.
            log.warning("the menus could not be set: %s", error)


async def _help(update: Update, context: Context) -> None:
    """Shows the current look, with the text as its caption."""
    resources, message = resources_of(context), message_of(update)
    choice, wish, _ = current(update, context)
    name = choice.name if choice else None
    text = words_for(update).help_text(name, wish.size or resources.size, resources.keep_days)
    picture = preview(choice, resources) if choice else None
    if picture:
        await message.reply_photo(picture, caption=text, filename="style.jpg")
    else:
        await message.reply_text(text)


async def _size(update: Update, context: Context) -> None:
    resources, user, text = resources_of(context), user_of(update), arguments(context)
    say = words_for(update)
    if not text:
        question = say.pick_size(resources.table.user(user).wish.size or resources.size)
        await message_of(update).reply_text(question, reply_markup=buttons.sizes(say))
        return
    size = _parsed_size(text)
    if size is None:
        await message_of(update).reply_text(say.size_wrong(text))
        return
    resources.table.choose_size(user, size)
    await message_of(update).reply_text(say.size_is(size))


def _parsed_size(text: str) -> int | str | None:
    """The size that a text stands for; None if it stands for none that can be painted."""
    try:
        size: int | str = settings.parse("size", text.lower().removesuffix("px").strip())
    except ConfigError:
        return None
    return None if isinstance(size, int) and size > LARGEST_SIDE else size


async def _pick_size(update: Update, context: Context) -> None:
    size = settings.parse("size", pressed(update)[0])
    resources_of(context).table.choose_size(user_of(update), size)
    await answer_button(update)
    await edit(update, words_for(update).size_is(size))


async def _status(update: Update, context: Context) -> None:
    resources, say = resources_of(context), words_for(update)
    known = resources.table.orders()
    queue = [order for order in known if order.status in OPEN]
    mine = [order for order in queue if order.user == user_of(update)]
    running = sum(order.status == RUNNING for order in mine)
    waiting = [orders.queue_position(order, queue) for order in mine if order.status != RUNNING]
    choice, wish, _ = current(update, context)
    name, size = choice.name if choice else None, wish.size or resources.size
    text = say.status(waiting, running, name, size)
    if waiting:
        text += f"\n{say.minutes(orders.minutes_left(waiting[0], known))}"
    await message_of(update).reply_text(text)


async def _unknown_button(update: Update, context: Context) -> None:
    await answer_button(update, words_for(update).text("button_gone"), alert=True)


async def _unknown(update: Update, context: Context) -> None:
    await message_of(update).reply_text(words_for(update).text("unknown"))
