"""Outgoing: a result that appeared in the bucket goes to the chat that its photo came from."""

import logging
import re
import tempfile
from pathlib import Path, PurePosixPath

from layout import Photo
from telegram import Bot, ReplyParameters
from telegram.constants import FileSizeLimit, ParseMode
from telegram.error import BadRequest, Forbidden

from bot import pictures, words
from bot.resources import Resources
from bot.table import CANCELLED, SENT, Order
from styletransfer.log import printable
from styletransfer.storage.base import Entry

PREVIEW = "preview"  # the part of an answer that may have gone out alone
LARGEST_DOWNLOAD = 200_000_000  # bytes; Lambda's disk holds little more than twice that

log = logging.getLogger(__name__)


async def send(key: str, resources: Resources, bot: Bot, seconds: float) -> None:
    """Sends a result to its chat, once: a second event of it does nothing, except that it sends
    what could not be sent the first time. `seconds` are left to this invocation.

    Raises what Telegram, storage and the table raise; the event then has to come again.
    """
    found = Photo.of_result(key)
    entry = resources.bucket.find(key) if found else None
    if found is None or entry is None:
        log.info("%s is no result, or gone", printable(key))
        return
    photo, look = found
    order = resources.table.claim(photo, seconds, over=(SENT, CANCELLED))
    if order is None:
        log.info("%s was sent, or cancelled", printable(key))
        return
    try:
        await _send(entry, look, order, resources, bot)
    except Forbidden:
        log.info("the chat of %s does not take messages any more", printable(key))
    except BaseException:
        resources.table.release(photo)
        raise
    resources.table.settle(photo, SENT)


def reply_to(photo: Photo) -> ReplyParameters:
    """Answers the photo's own message; goes without where that was deleted."""
    return ReplyParameters(photo.message, allow_sending_without_reply=True)


async def _send(entry: Entry, look: str, order: Order, resources: Resources, bot: Bot) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result"
        if entry.size <= LARGEST_DOWNLOAD:
            resources.bucket.download(entry.key, path)
            if PREVIEW not in order.sent:
                await _send_preview(path, look, order.photo, bot)
                resources.table.note_sent(order.photo, PREVIEW)
        await _send_file(path, entry, look, order.photo, resources, bot)


async def _send_preview(path: Path, look: str, photo: Photo, bot: Bot) -> None:
    with path.open("rb") as file:
        picture = pictures.preview(file)
    if picture is None:
        return
    try:
        await bot.send_photo(
            photo.chat,
            picture,
            caption=words.result_caption(look),
            reply_parameters=reply_to(photo),
            filename="preview.jpg",
        )
    except BadRequest as error:  # The full file may go nevertheless.
        log.warning("no preview of %s: %s", photo.stem, error)


async def _send_file(
    path: Path, entry: Entry, look: str, photo: Photo, resources: Resources, bot: Bot
) -> None:
    if entry.size > FileSizeLimit.FILESIZE_UPLOAD:
        await bot.send_message(
            photo.chat,
            words.file_too_large(resources.link(entry.key)),
            parse_mode=ParseMode.HTML,
            reply_parameters=reply_to(photo),
        )
        return
    await bot.send_document(
        photo.chat,
        path.read_bytes(),
        caption=words.FULL_QUALITY,
        reply_parameters=reply_to(photo),
        filename=_file_name(look, photo, entry.key),
        disable_content_type_detection=True,
    )


def _file_name(look: str, photo: Photo, key: str) -> str:
    plain = re.sub(r"[^\w-]+", "-", words.short(look)).strip("-")
    return f"{plain or 'painting'}-{photo.message}{PurePosixPath(key).suffix}"
