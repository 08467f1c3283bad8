"""Outgoing: a new result in the bucket goes to the chat that its photo came from."""

import logging
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from layout import Photo
from telegram import Bot, ReplyParameters
from telegram.constants import ChatAction, FileSizeLimit, ParseMode
from telegram.error import BadRequest

from bot import buttons, pictures
from bot.items import CANCELLED, SENT, Order
from bot.resources import Resources
from bot.updates import answer_photo, show_action
from bot.words import Words, letters, short
from styletransfer.log import printable
from styletransfer.storage.base import Entry

PREVIEW = "preview"  # the part of an answer that may have been sent alone
MAX_DOWNLOAD = 200_000_000  # bytes, which leave room in memory for the preview

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """A result in the bucket, the photo that it was made from, and the chat that it goes to.

    With `spoiler`, Telegram hides it until it is tapped.
    """

    entry: Entry
    style: str
    photo: Photo
    chat: int
    say: Words
    spoiler: bool


async def send(key: str, resources: Resources, bot: Bot, seconds: float) -> None:
    """Send a result to its chat, once. A second event sends only the parts that failed before.

    Args:
        key: The object's.
        resources: The bot's.
        bot: Sends it.
        seconds: The time left to this invocation.

    Raises:
        Exception: As `answer_photo`.
    """
    found = Photo.of_result(key)
    entry = resources.bucket.find(key) if found else None
    if found is None or entry is None:
        log.info("%s is not a result, or is gone", printable(key))
        return
    photo, style = found

    async def send_to(order: Order, say: Words, chat: int) -> None:
        result = Result(entry, style, order.photo, chat, say, order.spoiler)
        await _send(result, order.sent, resources, bot)

    if await answer_photo(photo, SENT, (SENT, CANCELLED), send_to, resources, seconds):
        return
    log.info("%s was sent or cancelled before", printable(key))
    last = resources.table.order(photo)
    if last and last.status == CANCELLED:  # Its job was faster than its end.
        resources.bucket.delete(key)


def reply_to(photo: Photo) -> ReplyParameters:
    """Return the photo's own message as the one to reply to, unless it was deleted."""
    return ReplyParameters(photo.message, allow_sending_without_reply=True)


async def _send(result: Result, sent: frozenset[str], resources: Resources, bot: Bot) -> None:
    """Send the parts of an answer that are not among those `sent`."""
    data = b""
    if result.entry.size <= MAX_DOWNLOAD:
        await show_action(bot, result.chat, ChatAction.UPLOAD_DOCUMENT)
        data = resources.bucket.read(result.entry.key)
        if PREVIEW not in sent:
            await _send_preview(result, data, bot)
            resources.table.note_sent(result.photo, PREVIEW)
    if result.entry.size > FileSizeLimit.FILESIZE_UPLOAD:
        await _send_link(result, resources.link(result.entry.key), bot)
    else:
        await _send_file(result, data, bot)


async def _send_preview(result: Result, data: bytes, bot: Bot) -> None:
    picture = pictures.preview(data)
    if picture is None:
        return
    try:
        await bot.send_photo(
            result.chat,
            picture,
            caption=result.say.style("result", result.style),
            reply_parameters=reply_to(result.photo),
            filename="preview.jpg",
            has_spoiler=result.spoiler,
        )
    except BadRequest as error:  # The full file may be accepted nevertheless.
        log.warning("no preview of %s: %s", result.photo.stem, error)


async def _send_link(result: Result, link: str, bot: Bot) -> None:
    await bot.send_message(
        result.chat,
        result.say.file_too_large(link),
        parse_mode=ParseMode.HTML,
        reply_markup=buttons.under_result(result.say, result.photo.token),
        reply_parameters=reply_to(result.photo),
    )


async def _send_file(result: Result, data: bytes, bot: Bot) -> None:
    await bot.send_document(
        result.chat,
        data,
        caption=result.say.text("full_quality"),
        reply_parameters=reply_to(result.photo),
        filename=_file_name(result),
        disable_content_type_detection=True,
        reply_markup=buttons.under_result(result.say, result.photo.token),
    )


def _file_name(result: Result) -> str:
    style = re.sub("-+", "-", letters(short(result.style), "_-", "-")).strip("-")
    extension = PurePosixPath(result.entry.key).suffix
    return f"{style or 'painting'}-{result.photo.message}{extension}"
