"""The styles: seen as thumbnails, chosen by button or by name."""

from layout import Wish
from telegram import InputMediaPhoto, Update
from telegram.constants import ChatAction
from telegram.error import BadRequest

from bot import buttons, choices, pictures
from bot.buttons import STYLES_PER_PAGE
from bot.choices import Choice
from bot.resources import Resources
from bot.updates import Context, log, show_action
from styletransfer.errors import StorageError


def current(context: Context) -> tuple[Choice | None, Wish, list[Choice]]:
    """Return the style that the user has chosen, their wish, and the styles on offer."""
    wish = context.resources.table.user(context.user).wish
    offered = choices.offered(context.resources, context.chat, context.user)
    return choices.chosen(offered, wish), wish, offered


def preview(choice: Choice, resources: Resources) -> bytes | None:
    """Return the style's first painting, or None if it cannot be shown."""
    try:
        return pictures.preview(resources.bucket.read(choice.painting_key))
    except StorageError:  # It has just been deleted.
        return None


async def show_page(context: Context, page: int | None = None, order: str = "") -> None:
    """Send a page of the styles, or turn to it in the message of the button that was pressed.

    Args:
        context: The update.
        page: The number of the page, from 0, or None for the page of the current style.
        order: The token of an order: the style that is chosen then repaints its photo.
    """
    message, say = context.message, context.say
    choice, _, offered = current(context)
    if choice is None:
        await context.send(say.text("no_styles"))
        return
    await show_action(context.bot, message.chat_id, ChatAction.UPLOAD_PHOTO)
    pages = _page_count(offered)
    page = offered.index(choice) // STYLES_PER_PAGE if page is None else min(page, pages - 1)
    first = page * STYLES_PER_PAGE
    shown = offered[first : first + STYLES_PER_PAGE]
    picture = pictures.draw_sheet(shown, first + 1, context.resources.bucket)
    question = "pick_again" if order else "pick_style"
    text = say.styles_page(question, None if order else choice.name, page, pages)
    markup = buttons.styles(offered, None if order else choice, page, order)
    if not context.received.callback_query or not message.photo:  # Under a result: that stays.
        await message.reply_photo(picture, text, filename="styles.jpg", reply_markup=markup)
        return
    media = InputMediaPhoto(picture, text, filename="styles.jpg")
    try:
        await message.edit_media(media, reply_markup=markup)
    except BadRequest as error:
        log.info("a page could not be turned: %s", error)


def _page_count(offered: list[Choice]) -> int:
    return -(-len(offered) // STYLES_PER_PAGE)


async def show_styles(_: Update, context: Context) -> None:
    await show_page(context)


async def turn_page(_: Update, context: Context) -> None:
    await context.answer_button()
    await show_page(context, int(context.pressed[1]))


async def pick_style(_: Update, context: Context) -> None:
    say, offered = context.say, current(context)[2]
    picked = choices.with_token(offered, context.pressed[1])
    if picked is None:
        await context.refuse_button("style_gone")
        return
    _choose(context, picked)
    await context.answer_button(say.style("style_is", picked.name))
    page = offered.index(picked) // STYLES_PER_PAGE
    text = say.styles_page("pick_style", picked.name, page, _page_count(offered))
    await context.edit(text, buttons.styles(offered, picked, page))


async def choose_style(update: Update, context: Context) -> None:
    name = context.argument
    if not name:
        await show_styles(update, context)
        return
    offered = current(context)[2]
    picked = choices.named(offered, name)
    if picked is None:
        text = context.say.style_unknown(name, choices.similar(offered, name))
    else:
        _choose(context, picked)
        text = context.say.style("style_is", picked.name)
    await context.send(text)


def _choose(context: Context, choice: Choice) -> None:
    context.resources.table.choose_style(context.user, choice.prefix, choice.name)
