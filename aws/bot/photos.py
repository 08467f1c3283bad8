"""Incoming pictures: photos to be painted, and users' own paintings."""

import logging
import re

import layout
from layout import Photo, Wish
from telegram import Chat, Document, Message, PhotoSize, Update
from telegram.constants import ChatAction
from telegram.error import BadRequest, TelegramError

from bot import buttons, choices, orders, pictures, users, words
from bot.items import OPEN, Order
from bot.resources import Resources
from bot.updates import Context, show_action
from styletransfer import bucket_layout
from styletransfer.storage.file_names import nfc

# The caption of one's own painting: "style", "style Monet", "/style Monet", "/style@bot Monet".
OWN_CAPTION = re.compile(
    r"\s*(style|/style(@\w+)?)(\s+(?P<name>.*\S))?\s*", re.IGNORECASE | re.DOTALL
)
LONGEST_NAME = 60  # characters of the name of one's own painting

log = logging.getLogger(__name__)


async def receive(_: Update, context: Context) -> None:
    """Handle a picture that comes in."""
    message, resources, say = context.message, context.resources, context.say
    album = message.media_group_id
    file = _file_of(message)
    own = OWN_CAPTION.fullmatch(message.caption or "")
    if own and album:  # Its other pictures have no caption, and may come before or after this one.
        name = _plain_name(own["name"] or "") or f"mine-{album}"
        resources.table.name_style_album(message.chat_id, album, name)
    data = await _download(file, context)
    if data is None:
        return
    extension = pictures.file_type(data)
    if extension is None:
        await _refuse(context, say.kinds("no_picture"))
        return
    photo = Photo(message.chat_id, message.message_id, file.file_unique_id, extension)
    name = resources.table.style_album(photo.chat, album) if album else ""
    if not own and not name:
        await _order(photo, data, context)
        return
    if pictures.is_damaged(data):
        await context.reply(say.kinds("damaged_painting"))
        return
    name = name or _plain_name(own["name"] or "" if own else "") or f"mine-{photo.message}"
    _keep_own(Order(photo, context.user, name, album=album or ""), name, data, resources)
    if own:
        resources.table.choose_style(context.user, layout.own_prefix(photo.chat), name)
        _adopt_early(album, photo, name, resources)
        await context.reply(say.style("own_style", name))


def _file_of(message: Message) -> PhotoSize | Document:
    # Telegram scales a photo to several sizes; the last is the largest.
    return message.document or message.photo[-1]


async def _download(file: PhotoSize | Document, context: Context) -> bytes | None:
    """Download a picture. Return None, after a reply, if it is too large or not a picture."""
    if isinstance(file, Document) and not _may_be_picture(file):
        await _refuse(context, context.say.kinds("no_picture"))
        return None
    await show_action(context.bot, context.chat, ChatAction.TYPING)
    try:
        return bytes(await (await file.get_file()).download_as_bytearray())
    except BadRequest as error:
        log.warning("a file cannot be downloaded: %s", error)
        too_large = "too big" in error.message.lower()
        await _refuse(context, context.say.text("too_large" if too_large else "broken"))
        return None


async def _refuse(context: Context, text: str) -> None:
    """Answer a file that cannot be painted. Files in groups are for others, and get no answer."""
    if context.message.chat.type == Chat.PRIVATE:
        await context.reply(text)


def _may_be_picture(file: Document) -> bool:
    extension = f".{(file.file_name or '').rpartition('.')[2].lower()}"
    return (file.mime_type or "").startswith("image/") or extension in bucket_layout.PICTURES


async def _order(photo: Photo, data: bytes, context: Context) -> None:
    """Store a photo to be painted in its user's style, and acknowledge it."""
    user, message, resources = context.user, context.message, context.resources
    wish = resources.table.user(user).wish
    choice = choices.chosen(choices.offered(resources, photo.chat, user), wish)
    if choice is None:
        await context.reply(context.say.text("no_styles"))
        return
    if not users.admits_photo(photo, user, resources):
        limit = users.photos_per_day(resources)
        await context.reply(context.say.photos("limit.reached", limit))
        return
    wish = Wish(choice.prefix, choice.name, wish.size)
    album, spoiler = message.media_group_id or "", bool(message.has_media_spoiler)
    order = Order(photo, user, choice.name, album=album, spoiler=spoiler)
    position, minutes, placed = orders.place(order, wish, data, resources)
    if album and (name := resources.table.style_album(photo.chat, album)):
        _adopt(placed, name, resources)  # The caption came while this was being stored.
        return
    try:
        await _acknowledge(placed, position, minutes, context)
    except TelegramError as error:  # The photo is painted nevertheless.
        log.warning("%s could not be acknowledged: %s", photo.key, error)


async def _acknowledge(order: Order, position: int, minutes: int | None, context: Context) -> None:
    """Reply once per album, as its pictures come in several updates."""
    say = context.say
    if not order.album:
        text = say.accepted("accepted", order.style, position, minutes)
        await context.reply(text, buttons.cancel(say, order.photo.token))
    elif context.resources.table.is_new_album(order.photo.chat, order.album):
        await context.reply(say.accepted("accepted_album", order.style, position, minutes))


def _adopt_early(album: str | None, photo: Photo, name: str, resources: Resources) -> None:
    """Turn the pictures of an album that came before its caption from photos into paintings."""
    for order in resources.table.orders(still_open=True) if album else ():
        if order.album == album and order.photo.chat == photo.chat:
            _adopt(order, name, resources)


def _adopt(order: Order, name: str, resources: Resources) -> None:
    found = resources.bucket.find(order.photo.key)
    data = resources.bucket.read(order.photo.key) if found else None
    if data and order.status in OPEN and orders.cancel_order(order, resources):
        _keep_own(order, name, data, resources)


def _keep_own(order: Order, name: str, data: bytes, resources: Resources) -> None:
    """Store a chat's own painting, or one of several of a style that came as an album.

    Others of its name are deleted: monet.png and monet.jpg would be two styles.
    """
    photo, album = order.photo, order.album
    style = f"{layout.own_prefix(photo.chat)}/{name}"
    stem = f"{style}/{album}-{photo.message}" if album else style
    key = f"{stem}.{photo.extension}"
    if photo.chat != order.user:  # For /forget, which finds one's private chat by its number.
        resources.table.note_painting(key, order.user)
    resources.bucket.write(key, data)
    same_album = f"{style}/{album}-" if album else key
    for prefix in (f"{style}.", f"{style}/"):
        for entry in list(resources.bucket.list(prefix)):
            if not entry.key.startswith(same_album):
                resources.bucket.delete(entry.key)


def _plain_name(name: str) -> str:
    """Return a name that fits into keys: letters, digits, `_`, `-` and spaces."""
    letters = words.letters(nfc(name), "_ -", " ")
    return " ".join(letters.strip("_ ").split())[:LONGEST_NAME].strip()
