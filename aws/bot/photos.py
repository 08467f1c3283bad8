"""Incoming: a picture is a photo to be painted, or a painting of the user's own."""

import logging
import re
import unicodedata

import layout
from layout import Photo, Wish
from telegram import Document, Message, PhotoSize, Update
from telegram.error import BadRequest, TelegramError
from telegram.ext import Application, ContextTypes, MessageHandler, filters

from bot import choices, jobs, limits, pictures
from bot.choices import Choice
from bot.resources import Resources
from bot.updates import message_of, user_of, words_for
from bot.words import Words
from styletransfer import bucket_layout

# The caption of one's own painting: "style", "style Monet", "/style Monet".
OWN_CAPTION = re.compile(r"\s*/?style(\s+(?P<name>.*\S))?\s*", re.IGNORECASE | re.DOTALL)
LONGEST_NAME = 60  # characters of the name of one's own painting

log = logging.getLogger(__name__)


def add_photo_handlers(application: Application) -> None:
    application.add_handler(MessageHandler(filters.PHOTO | filters.Document.ALL, _received))


async def _received(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    message, resources = message_of(update), context.bot_data["resources"]
    say = words_for(update)
    # Telegram scales a photo to several sizes; the last is the largest.
    file = message.document or message.photo[-1]
    data = await _download(file, message, say)
    if data is None:
        return
    extension = pictures.file_type(data)
    if extension is None:
        await _reply(message, say.kinds("no_picture"))
    elif own := OWN_CAPTION.fullmatch(message.caption or ""):
        if pictures.is_damaged(data):
            await _reply(message, say.kinds("damaged_painting"))
            return
        name = _plain_name(own["name"] or "") or f"mine-{message.message_id}"
        _keep_own(message.chat_id, f"{name}.{extension}", data, resources)
        resources.table.choose_look(user_of(update), layout.own_prefix(message.chat_id), name)
        await _reply(message, say.style("own_style", name))
    else:
        photo = Photo(message.chat_id, message.message_id, file.file_unique_id, extension)
        await _order(photo, data, update, resources)


async def _download(file: PhotoSize | Document, message: Message, say: Words) -> bytes | None:
    """The bytes of a picture; None if it is none or too large, after a reply that says so."""
    if isinstance(file, Document) and not _may_be_picture(file):
        await _reply(message, say.kinds("no_picture"))
        return None
    try:
        return bytes(await (await file.get_file()).download_as_bytearray())
    except BadRequest as error:
        if "too big" not in error.message.lower():
            raise
        await _reply(message, say.text("too_large"))
        return None


def _may_be_picture(file: Document) -> bool:
    extension = f".{(file.file_name or '').rpartition('.')[2].lower()}"
    return (file.mime_type or "").startswith("image/") or extension in bucket_layout.PICTURES


async def _order(photo: Photo, data: bytes, update: Update, resources: Resources) -> None:
    """Stores a photo to be painted in its user's look, and acknowledges it."""
    user, message, say = user_of(update), message_of(update), words_for(update)
    wish = resources.table.user(user).wish
    choice = choices.chosen(choices.offered(resources, photo.chat, user), wish)
    if choice is None:
        await _reply(message, say.text("no_styles"))
        return
    if not limits.admits(photo, user, resources):
        await _reply(message, say.photos("limit.reached", limits.per_day(resources)))
        return
    order = resources.table.add_order(photo, user, choice.name)
    try:
        # The wish first: the new photo starts the job, which reads the wish.
        wish = Wish(choice.style, choice.name, wish.size).limited(pictures.longer_side(data))
        resources.bucket.write(photo.wish_key, wish.to_json().encode(), "application/json")
        resources.bucket.write(photo.key, data)
    except BaseException:
        resources.table.drop_order(photo)
        resources.bucket.delete(photo.wish_key)
        raise
    try:
        position = jobs.queue_position(order, resources.table.open_orders())
        await _acknowledge(choice, position, update, resources)
    except TelegramError as error:  # The photo is painted nevertheless.
        log.warning("%s could not be acknowledged: %s", photo.key, error)


async def _acknowledge(choice: Choice, position: int, update: Update, resources: Resources) -> None:
    """Replies once per album: each of its pictures comes in an update of its own."""
    message, say = message_of(update), words_for(update)
    album = message.media_group_id
    if album is None:
        await _reply(message, say.accepted("accepted", choice.name, position))
    elif resources.table.is_new_album(message.chat_id, album):
        await _reply(message, say.accepted("accepted_album", choice.name, position))


def _keep_own(chat: int, file_name: str, data: bytes, resources: Resources) -> None:
    """Stores a chat's own painting and deletes others of its name: monet.png beside monet.jpg would
    be another look."""
    key = f"{layout.own_prefix(chat)}/{file_name}"
    resources.bucket.write(key, data)
    for entry in list(resources.bucket.list(f"{key.rpartition('.')[0]}.")):
        if entry.key != key:
            resources.bucket.delete(entry.key)


def _plain_name(name: str) -> str:
    """A name that fits into keys and is a look's: letters, digits, `_`, `-` and spaces."""
    letters = re.sub(r"[^\w -]+", " ", unicodedata.normalize("NFC", name))
    return " ".join(letters.strip("_ ").split())[:LONGEST_NAME].strip()


async def _reply(message: Message, text: str) -> None:
    await message.reply_text(text, do_quote=True, allow_sending_without_reply=True)
