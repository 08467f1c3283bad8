"""The styles: which there are to choose from, shown as thumbnails, chosen by button or by name."""

import functools
import hashlib
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import contract
from contract import Wish
from PIL import Image, ImageOps
from telegram import InlineKeyboardMarkup, InputMediaPhoto, Update
from telegram.constants import ChatAction
from telegram.error import BadRequest

from bot import telegram_pictures
from bot.context import Context, Refusal, show_action
from bot.resources import Resources
from bot.words import button, short
from painterly.errors import PictureError, StorageError
from painterly.images import small
from painterly.orders.styles import Style, all_styles
from painterly.settings.settings import Settings
from painterly.storage import open_bucket
from painterly.storage.address import Account
from painterly.storage.base import Bucket
from painterly.words.suggestions import called, meant

PER_PAGE = 10
NAME_ON_BUTTON = 30  # characters
MOST_MEANT = 3  # styles that a name may mean, in an answer

# A page of the styles as one picture.
SIDE, TEXT_HEIGHT = 320, 48  # px of a painting, and of the number below it
QUALITY = 85  # the JPEGs' quality
LARGEST_FILE = 50_000_000  # bytes of a painting that is read for this
EMPTY = (200, 200, 200)  # colour instead of a painting that cannot be read

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """A style and the prefix of its paintings, `styles` or `own/<chat>`."""

    prefix: str
    style: Style

    @property
    def name(self) -> str:
        return self.style.name

    def label(self, language: str) -> str:
        """Return the style's title, artist and year in a language."""
        return self.style.label(language)

    @property
    def token(self) -> str:
        """A short name, the same in every invocation.

        A button carries 64 bytes, and a style's name may have more.
        """
        return hashlib.sha256(f"{self.prefix}/{self.name}".encode()).hexdigest()[:16]

    @property
    def painting_key(self) -> str:
        """The key of its first painting in `Resources.paintings`."""
        return f"{self.prefix}/{self.style.paintings[0].entry.key}"


def offered(context: Context) -> list[Choice]:
    """Return the styles that a user can choose from in a chat.

    They are the shared ones, then the chat's and the user's own. A private chat has the user's
    number. Raises StorageError, and ConfigError for an invalid styles.toml.
    """
    contract.adopt_first_style(context.resources.bucket)
    chat, user = contract.own_prefix(context.chat), contract.own_prefix(context.user)
    prefixes = dict.fromkeys((contract.STYLES, chat, user))
    return [choice for prefix in prefixes for choice in _under(prefix, context.resources)]


def wished(wish: Wish, resources: Resources) -> Choice | None:
    """Return exactly the style of a wish, or None if it is gone. Raises like `offered`."""
    choices = _under(wish.prefix, resources)
    return next((choice for choice in choices if choice.name == wish.style), None)


def _under(prefix: str, resources: Resources) -> list[Choice]:
    bucket = open_bucket(f"{resources.bucket_name}/{prefix}", Account())
    ready = resources.ready if prefix == contract.STYLES else ()
    styles = all_styles(bucket, list(bucket.list()), "each", ready, Settings())
    return [Choice(prefix, style) for style in styles]


def chosen(choices: Sequence[Choice], wish: Wish) -> Choice | None:
    """Return the style chosen last, or the first one if that is gone, or None without any."""
    same = (
        choice for choice in choices if (choice.prefix, choice.name) == (wish.prefix, wish.style)
    )
    return next(same, choices[0] if choices else None)


def pressed(context: Context, choices: Sequence[Choice], token: str) -> Choice:
    """Return the style of the button that was pressed. Raises Refusal if it is gone."""
    for choice in choices:
        if choice.token == token:
            return choice
    raise context.refusal("style_gone")


def thumbnail(choice: Choice, resources: Resources) -> bytes | None:
    """Return a small copy of the style's first painting, or None if it cannot be shown."""
    try:
        return telegram_pictures.preview(resources.paintings.read(choice.painting_key))
    except StorageError:  # It has just been deleted.
        return None


async def show_page(context: Context, page: int | None = None, request: str = "") -> None:
    """Send a page of the styles, or turn to it in the message of the button that was pressed.

    Args:
        page: The number of the page, from 0, or None for the page of the current style.
        request: The token of a request: the style that is chosen then repaints its photo.
    """
    message, say, choices = context.message, context.say, offered(context)
    choice = chosen(choices, context.member.wish)
    if choice is None:
        raise context.refusal("no_styles")
    await show_action(context.bot, message.chat_id, ChatAction.UPLOAD_PHOTO)
    pages = _page_count(choices)
    page = choices.index(choice) // PER_PAGE if page is None else min(page, pages - 1)
    first = page * PER_PAGE
    picture = _sheet(choices[first : first + PER_PAGE], first + 1, context.resources.paintings)
    question = "pick_again" if request else "pick_style"
    text = say.styles_page(question, None if request else choice.label(say.language), page, pages)
    buttons = _page_buttons(say.language, choices, None if request else choice, page, request)
    if not context.received.callback_query or not message.photo:  # Under a result: that stays.
        await message.reply_photo(picture, text, filename="styles.jpg", reply_markup=buttons)
        return
    media = InputMediaPhoto(picture, text, filename="styles.jpg")
    try:
        await message.edit_media(media, reply_markup=buttons)
    except BadRequest as error:
        log.info("a page could not be turned: %s", error)


async def turn_page(_: Update, context: Context) -> None:
    await context.answer_button()
    await show_page(context, int(context.pressed[1]))


async def pick_style(_: Update, context: Context) -> None:
    say, choices = context.say, offered(context)
    picked = pressed(context, choices, context.pressed[1])
    context.choose(prefix=picked.prefix, style=picked.name)
    await context.answer_button(say.style("style_is", picked.label(say.language)))
    page = choices.index(picked) // PER_PAGE
    text = say.styles_page("pick_style", picked.label(say.language), page, _page_count(choices))
    await context.edit(text, _page_buttons(say.language, choices, picked, page))


async def choose_style(_: Update, context: Context) -> None:
    """Choose the style of a name, or without one, show them all."""
    name = context.argument
    if not name:
        await show_page(context)
        return
    say, choices = context.say, offered(context)
    by_name = {choice.name: choice for choice in choices}  # The last are the chat's and the user's.
    names = {choice.name: choice.style.title.names for choice in choices}
    found = [name] if name in names else called(name, names)
    if len(found) != 1:
        raise Refusal(say.style_unknown(name, (found or meant(name, names))[:MOST_MEANT]))
    picked = by_name[found[0]]
    context.choose(prefix=picked.prefix, style=picked.name)
    await context.send(say.style("style_is", picked.label(say.language)))


def _page_count(choices: Sequence[Choice]) -> int:
    return -(-len(choices) // PER_PAGE)


def _page_buttons(
    language: str, choices: Sequence[Choice], current: Choice | None, page: int, request: str = ""
) -> InlineKeyboardMarkup:
    """Return a page of the styles, two in a row, numbered, with a tick at the current one.

    Args:
        language: The language of their titles.
        page: The number of the page, from 0.
        request: The token of a request: the style that is pressed then repaints its photo.
    """
    first, last = page * PER_PAGE, (page + 1) * PER_PAGE
    row = [
        button(
            f"{number}. {'✓ ' if choice == current else ''}"
            + short(choice.style.title.short_line(language, choice.name), NAME_ON_BUTTON),
            f"again:{request}:{choice.token}" if request else f"style:{choice.token}",
        )
        for number, choice in enumerate(choices[first:last], first + 1)
    ]
    rows = [row[start : start + 2] for start in range(0, len(row), 2)]
    turns = [("‹", page - 1)] * (page > 0) + [("›", page + 1)] * (last < len(choices))
    if turns:
        start = f"another:{request}" if request else "page"
        rows.append([button(sign, f"{start}:{to}") for sign, to in turns])
    return InlineKeyboardMarkup(rows)


def _sheet(choices: Sequence[Choice], first: int, bucket: Bucket) -> bytes:
    import numpy as np  # Late: other events need not wait for it.

    from painterly.images.sheet import sheet_of

    shown = []
    for number, choice in enumerate(choices, first):
        entry = choice.style.paintings[0].entry
        tile = None
        if entry.size <= LARGEST_FILE:
            tile = _tile(bucket, choice.painting_key, entry.etag)
        empty = Image.new("RGB", (SIDE, SIDE), EMPTY)
        picture = Image.open(io.BytesIO(tile)) if tile else empty
        shown.append((np.asarray(picture), str(number)))
    return small.jpeg(Image.fromarray(sheet_of(shown, SIDE, TEXT_HEIGHT)), QUALITY)


@functools.lru_cache(maxsize=500)  # For as long as the function stays warm; 20 kB each.
def _tile(bucket: Bucket, key: str, etag: str) -> bytes | None:
    """Return a square JPEG of the middle of a painting, or None if it cannot be shown."""
    try:
        image = telegram_pictures.shrunk(bucket.read(key), 2 * SIDE)
    except (StorageError, PictureError):  # It has just been deleted, or is damaged.
        return None
    return small.jpeg(ImageOps.fit(image, (SIDE, SIDE)), QUALITY) if image else None
