"""The commands, and the buttons under their answers."""

import io
import re

from layout import LARGEST_SIDE, Wish
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from bot import choices, jobs, pictures, words
from bot.choices import Choice
from bot.resources import Resources
from bot.table import RUNNING
from bot.updates import chat_of, message_of, present, query_of, user_of, words_for
from bot.words import Words
from styletransfer import settings
from styletransfer.errors import ConfigError, StorageError

LOOKS_PER_PAGE = 10  # of /styles
NAME_ON_BUTTON = 30  # characters

Context = ContextTypes.DEFAULT_TYPE


def add_command_handlers(application: Application) -> None:
    """To be called last: the last handler answers what no other handled, in private chats."""
    commands = {
        **{"start": _start, "help": _help, "styles": _styles, "style": _style, "size": _size},
        **{"status": _status, "cancel": _cancel, "users": _users},
    }
    for name, answer in commands.items():
        application.add_handler(CommandHandler(name, answer))
    # A client can send any data as a button's: what does not fit, the last handler answers.
    application.add_handler(CallbackQueryHandler(_turn_page, r"^page:[0-9]{1,4}\Z"))
    application.add_handler(CallbackQueryHandler(_pick_look, r"^look:[0-9a-f]{16}\Z"))
    sizes = "|".join(map(str, words.SIZES))
    application.add_handler(CallbackQueryHandler(_pick_size, rf"^size:({sizes})\Z"))
    application.add_handler(CallbackQueryHandler(_unknown_button))
    rest = filters.ChatType.PRIVATE & ~filters.StatusUpdate.ALL
    application.add_handler(MessageHandler(rest, _unknown))


async def _start(update: Update, context: Context) -> None:
    await message_of(update).reply_text(words_for(update).text("welcome"))


async def _help(update: Update, context: Context) -> None:
    """Shows the current look, with the text as its caption."""
    resources, message = _resources(context), message_of(update)
    choice, wish, _ = _current(update, context)
    name = choice.name if choice else None
    text = words_for(update).help_text(name, wish.size or resources.size, resources.keep_days)
    picture = _preview(choice, resources) if choice else None
    if picture:
        await message.reply_photo(picture, caption=text, filename="style.jpg")
    else:
        await message.reply_text(text)


def _preview(choice: Choice, resources: Resources) -> bytes | None:
    try:
        return pictures.preview(io.BytesIO(resources.bucket.read(choice.painting_key)))
    except StorageError:  # Deleted a moment ago: help without it.
        return None


async def _styles(update: Update, context: Context) -> None:
    choice, _, offered = _current(update, context)
    if choice is None:
        await message_of(update).reply_text(words_for(update).text("no_styles"))
        return
    page = offered.index(choice) // LOOKS_PER_PAGE
    text, buttons = _page(words_for(update), offered, choice, page)
    await message_of(update).reply_text(text, reply_markup=buttons)


async def _turn_page(update: Update, context: Context) -> None:
    query = query_of(update)
    choice, _, offered = _current(update, context)
    await query.answer()
    if choice is not None:
        page = int(present(query.data).removeprefix("page:"))
        await _edit(update, *_page(words_for(update), offered, choice, page))


async def _pick_look(update: Update, context: Context) -> None:
    query = query_of(update)
    _, _, offered = _current(update, context)
    token = present(query.data).removeprefix("look:")
    picked = next((each for each in offered if each.token == token), None)
    if picked is None:
        await query.answer(words_for(update).text("style_gone"), show_alert=True)
        return
    _choose(update, context, picked)
    await query.answer(words_for(update).style("style_is", picked.name))
    page = offered.index(picked) // LOOKS_PER_PAGE
    await _edit(update, *_page(words_for(update), offered, picked, page))


async def _style(update: Update, context: Context) -> None:
    name = _arguments(context)
    if not name:
        await _styles(update, context)
        return
    offered = _current(update, context)[2]
    picked = choices.named(offered, name)
    if picked is None:
        text = words_for(update).style_unknown(name, choices.similar(offered, name))
    else:
        _choose(update, context, picked)
        text = words_for(update).style("style_is", picked.name)
    await message_of(update).reply_text(text)


async def _size(update: Update, context: Context) -> None:
    resources, user, text = _resources(context), user_of(update), _arguments(context)
    say = words_for(update)
    if not text:
        buttons = [
            InlineKeyboardButton(say.size_button(size), callback_data=f"size:{size}")
            for size in words.SIZES
        ]
        question = say.pick_size(resources.table.user(user).wish.size or resources.size)
        markup = InlineKeyboardMarkup([buttons[:2], buttons[2:]])
        await message_of(update).reply_text(question, reply_markup=markup)
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
    query = query_of(update)
    size = settings.parse("size", present(query.data).removeprefix("size:"))
    _resources(context).table.choose_size(user_of(update), size)
    await query.answer()
    await _edit(update, words_for(update).size_is(size), None)


async def _status(update: Update, context: Context) -> None:
    orders = _resources(context).table.open_orders()
    mine = [order for order in orders if order.user == user_of(update)]
    running = sum(order.status == RUNNING for order in mine)
    waiting = [jobs.queue_position(order, orders) for order in mine if order.status != RUNNING]
    choice, wish, _ = _current(update, context)
    name, size = choice.name if choice else None, wish.size or _resources(context).size
    text = words_for(update).status(waiting, running, name, size)
    await message_of(update).reply_text(text)


async def _cancel(update: Update, context: Context) -> None:
    count = jobs.cancel(user_of(update), _resources(context))
    say = words_for(update)
    text = say.photos("cancelled", count) if count else say.text("nothing_to_cancel")
    await message_of(update).reply_text(text)


async def _users(update: Update, context: Context) -> None:
    resources, message, say = _resources(context), message_of(update), words_for(update)
    if user_of(update) != resources.owner:
        await message.reply_text(say.text("owner_only"))
        return
    found = re.fullmatch(r"(list|(add|remove) +(\d{1,15})(?: +(.+))?)", _arguments(context))
    if not found:
        await message.reply_text(say.text("users_usage"))
        return
    _, action, number, name = found.groups()
    for text in _change_users(say, resources, action, int(number or 0), name or ""):
        await message.reply_text(text)


def _change_users(
    say: Words, resources: Resources, action: str | None, user: int, name: str
) -> list[str]:
    """Adds, removes or, without an action, lists users; returns the answers."""
    table = resources.table
    if action and user == resources.owner:
        return [say.text("owner_stays")]
    if action == "add":
        table.allow(user, name)
        return [say.text("user_added", person=words.person(user, name))]
    if action == "remove":
        if not table.user(user).allowed:
            return [say.text("user_unknown", user=user)]
        table.forget(user)
        jobs.cancel(user, resources)
        return [say.text("user_removed", user=user)]
    users = [(each.id, each.name) for each in table.users() if each.id != resources.owner]
    return say.users_list(users) if users else [say.text("users.none")]


async def _unknown_button(update: Update, context: Context) -> None:
    await query_of(update).answer(words_for(update).text("button_gone"), show_alert=True)


async def _unknown(update: Update, context: Context) -> None:
    await message_of(update).reply_text(words_for(update).text("unknown"))


def _resources(context: Context) -> Resources:
    resources: Resources = context.bot_data["resources"]
    return resources


def _arguments(context: Context) -> str:
    """What follows a command."""
    return " ".join(context.args or ())


def _current(update: Update, context: Context) -> tuple[Choice | None, Wish, list[Choice]]:
    """The look that the user has chosen, their wish, and the looks they can choose from."""
    resources, user = _resources(context), user_of(update)
    wish = resources.table.user(user).wish
    offered = choices.offered(resources, chat_of(update), user)
    return choices.chosen(offered, wish), wish, offered


def _choose(update: Update, context: Context, choice: Choice) -> None:
    user = user_of(update)
    _resources(context).table.choose_look(user, choice.style, choice.name)


def _page(
    say: Words, offered: list[Choice], current: Choice, page: int
) -> tuple[str, InlineKeyboardMarkup]:
    """A page of the looks, from 0, two in a row, with a tick at the current one."""
    pages = -(-len(offered) // LOOKS_PER_PAGE)
    page = min(page, pages - 1)
    buttons = [
        InlineKeyboardButton(
            ("✓ " if each == current else "") + words.short(each.name, NAME_ON_BUTTON),
            callback_data=f"look:{each.token}",
        )
        for each in offered[page * LOOKS_PER_PAGE : (page + 1) * LOOKS_PER_PAGE]
    ]
    rows = [buttons[start : start + 2] for start in range(0, len(buttons), 2)]
    turns = [("‹", page - 1)] * (page > 0) + [("›", page + 1)] * (page < pages - 1)
    if turns:
        rows.append([InlineKeyboardButton(s, callback_data=f"page:{to}") for s, to in turns])
    return say.styles_page("pick_style", current.name, page, pages), InlineKeyboardMarkup(rows)


async def _edit(update: Update, text: str, buttons: InlineKeyboardMarkup | None) -> None:
    """Edits the message under which a button was pressed."""
    message = query_of(update).message
    if not isinstance(message, Message):  # Too old to be edited.
        return
    try:
        await message.edit_text(text, reply_markup=buttons)
    except BadRequest as error:
        if "not modified" not in error.message.lower():
            raise
