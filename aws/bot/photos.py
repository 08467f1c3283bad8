"""Incoming: a picture becomes a photo to be painted, or a painting of one's own."""

import logging
import re
import unicodedata

import layout
from layout import Photo, Wish
from telegram import Document, Message, PhotoSize, Update
from telegram.error import BadRequest, TelegramError
from telegram.ext import Application, ContextTypes, MessageHandler, filters

from bot import choices, jobs, pictures, words
from bot.choices import Choice
from bot.resources import Resources
from styletransfer import bucket_layout

# The caption of an own painting: "style", "style Monet", "/style Monet".
OWN = re.compile(r"\s*/?style(\s+(?P<name>.*\S))?\s*", re.IGNORECASE | re.DOTALL)
LONGEST_NAME = 60  # characters of an own painting's name

log = logging.getLogger(__name__)


def add_handlers(application: Application) -> None:
    application.add_handler(MessageHandler(filters.PHOTO | filters.Document.ALL, _received))


async def _received(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    message, resources = update.effective_message, context.bot_data["resources"]
    # Of a photo, Telegram makes several sizes; the last is the largest.
    file = message.document or message.photo[-1]
    data = await _fetched(file, message)
    if data is None:
        return
    kind = pictures.kind(data)
    if kind is None:
        await _reply(message, words.NO_PICTURE)
    elif own := OWN.fullmatch(message.caption or ""):
        name = _plain_name(own["name"] or "") or f"mine-{message.message_id}"
        _keep_own(message.chat_id, name, kind, data, resources)
        resources.table.choose_look(
            update.effective_user.id, layout.own_place(message.chat_id), name
        )
        await _reply(message, words.own_style(name))
    else:
        photo = Photo(message.chat_id, message.message_id, file.file_unique_id, kind)
        await _order(photo, data, message, resources)


async def _fetched(file: PhotoSize | Document, message: Message) -> bytes | None:
    """A picture's bytes; None where it is none or too large, which the user has been told."""
    if isinstance(file, Document) and not _may_be_picture(file):
        await _reply(message, words.NO_PICTURE)
        return None
    try:
        return bytes(await (await file.get_file()).download_as_bytearray())
    except BadRequest as error:
        if "too big" not in error.message.lower():
            raise
        await _reply(message, words.TOO_LARGE)
        return None


def _may_be_picture(file: Document) -> bool:
    ending = f".{(file.file_name or '').rpartition('.')[2].lower()}"
    return (file.mime_type or "").startswith("image/") or ending in bucket_layout.PICTURES


async def _order(photo: Photo, data: bytes, message: Message, resources: Resources) -> None:
    """Hands a photo on to be painted in its user's look, and says so."""
    user = message.from_user.id
    wish = resources.table.user(user).wish
    choice = choices.chosen(choices.offered(resources, photo.chat, user), wish)
    if choice is None:
        await _reply(message, words.NO_STYLES)
        return
    order = resources.table.add_order(photo, user, choice.name)
    try:
        # The wish first: the photo's arrival starts the job, which reads it.
        wish = Wish(choice.style, choice.name, wish.size)
        resources.bucket.write(photo.wish_key, wish.to_json().encode(), "application/json")
        resources.bucket.write(photo.key, data)
    except BaseException:
        resources.table.drop_order(photo)
        resources.bucket.delete(photo.wish_key)
        raise
    try:
        place = jobs.place(order, resources.table.open_orders())
        await _acknowledge(choice, place, message, resources)
    except TelegramError as error:  # The photo is painted nevertheless.
        log.warning("%s could not be acknowledged: %s", photo.key, error)


async def _acknowledge(choice: Choice, place: int, message: Message, resources: Resources) -> None:
    """Once per album: its pictures come in updates of their own."""
    album = message.media_group_id
    if album is None:
        await _reply(message, words.accepted(choice.name, place))
    elif resources.table.is_new_album(message.chat_id, album):
        await _reply(message, words.accepted_album(choice.name, place))


def _keep_own(chat: int, name: str, kind: str, data: bytes, resources: Resources) -> None:
    """Stores an own painting, in place of one that had its name."""
    place, bucket = f"{layout.own_place(chat)}/", resources.bucket
    key = f"{place}{name}.{kind}"
    bucket.write(key, data)
    for entry in list(bucket.list(f"{place}{name}.")):
        if entry.key != key:  # monet.png beside monet.jpg would be another look.
            bucket.delete(entry.key)


def _plain_name(name: str) -> str:
    """What people write as a part of a key, and of a look's name: letters, digits, - and space."""
    letters = re.sub(r"[^\w -]+", " ", unicodedata.normalize("NFC", name))
    return " ".join(letters.strip("_ ").split())[:LONGEST_NAME].strip()


async def _reply(message: Message, text: str) -> None:
    await message.reply_text(text, do_quote=True, allow_sending_without_reply=True)
