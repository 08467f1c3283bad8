"""The styles: seen as thumbnails, chosen by button or by name."""

from layout import Wish
from telegram import InputMediaPhoto, Update
from telegram.constants import ChatAction
from telegram.error import BadRequest
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, filters

from bot import buttons, choices, pictures, sheet
from bot.buttons import LOOKS_PER_PAGE, PATTERNS
from bot.choices import Choice
from bot.resources import Resources
from bot.updates import (
    Context,
    answer_button,
    arguments,
    chat_of,
    edit,
    log,
    message_of,
    pressed,
    resources_of,
    show_action,
    user_of,
    words_for,
)
from styletransfer.errors import StorageError


def add_style_handlers(application: Application) -> None:
    new = filters.UpdateType.MESSAGE
    application.add_handler(CommandHandler("styles", _styles, new))
    application.add_handler(CommandHandler("style", _style, new))
    application.add_handler(CallbackQueryHandler(_turn_page, rf"{PATTERNS['page']}\Z"))
    application.add_handler(CallbackQueryHandler(_pick_look, rf"{PATTERNS['look']}\Z"))


def current(update: Update, context: Context) -> tuple[Choice | None, Wish, list[Choice]]:
    """The look that the user has chosen, their wish, and the looks they can choose from."""
    resources, user = resources_of(context), user_of(update)
    wish = resources.table.user(user).wish
    offered = choices.offered(resources, chat_of(update), user)
    return choices.chosen(offered, wish), wish, offered


def preview(choice: Choice, resources: Resources) -> bytes | None:
    """The look's first painting; None if it cannot be shown."""
    try:
        return pictures.preview(resources.bucket.read(choice.painting_key))
    except StorageError:  # It has just been deleted.
        return None


async def show_page(update: Update, context: Context, page: int, order: str = "") -> None:
    """Sends a page of the looks, from 0, or turns to it in the message whose button was pressed.
    With the token of an order, the look that is chosen repaints its photo."""
    resources, message, say = resources_of(context), message_of(update), words_for(update)
    choice, _, offered = current(update, context)
    if choice is None:
        await message.reply_text(say.text("no_styles"))
        return
    await show_action(context.bot, message.chat_id, ChatAction.UPLOAD_PHOTO)
    pages = _page_count(offered)
    page = min(page, pages - 1)
    first = page * LOOKS_PER_PAGE
    picture = sheet.draw_sheet(offered[first : first + LOOKS_PER_PAGE], first + 1, resources.bucket)
    question = "pick_again" if order else "pick_style"
    text = say.styles_page(question, None if order else choice.name, page, pages)
    markup = buttons.looks(offered, None if order else choice, page, order)
    if not update.callback_query or not message.photo:  # Under a result: that stays.
        await message.reply_photo(picture, text, filename="styles.jpg", reply_markup=markup)
        return
    media = InputMediaPhoto(picture, text, filename="styles.jpg")
    try:
        await message.edit_media(media, reply_markup=markup)
    except BadRequest as error:
        log.info("a page could not be turned: %s", error)


def _page_count(offered: list[Choice]) -> int:
    return -(-len(offered) // LOOKS_PER_PAGE)


async def _styles(update: Update, context: Context) -> None:
    choice, _, offered = current(update, context)
    await show_page(update, context, offered.index(choice) // LOOKS_PER_PAGE if choice else 0)


async def _turn_page(update: Update, context: Context) -> None:
    await answer_button(update)
    await show_page(update, context, int(pressed(update)[0]))


async def _pick_look(update: Update, context: Context) -> None:
    say, offered = words_for(update), current(update, context)[2]
    picked = choices.with_token(offered, pressed(update)[0])
    if picked is None:
        await answer_button(update, say.text("style_gone"), alert=True)
        return
    _choose(update, context, picked)
    await answer_button(update, say.style("style_is", picked.name))
    page = offered.index(picked) // LOOKS_PER_PAGE
    text = say.styles_page("pick_style", picked.name, page, _page_count(offered))
    await edit(update, text, buttons.looks(offered, picked, page))


async def _style(update: Update, context: Context) -> None:
    name = arguments(context)
    if not name:
        await _styles(update, context)
        return
    offered = current(update, context)[2]
    picked = choices.named(offered, name)
    if picked is None:
        text = words_for(update).style_unknown(name, choices.similar(offered, name))
    else:
        _choose(update, context, picked)
        text = words_for(update).style("style_is", picked.name)
    await message_of(update).reply_text(text)


def _choose(update: Update, context: Context, choice: Choice) -> None:
    resources_of(context).table.choose_look(user_of(update), choice.style, choice.name)
