"""Outgoing: a new result in the bucket goes to the chat that its photo came from."""

import logging
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from layout import Photo
from telegram import Bot, ReplyParameters
from telegram.constants import ChatAction, FileSizeLimit, ParseMode
from telegram.error import BadRequest, Forbidden

from bot import buttons, pictures
from bot.items import CANCELLED, SENT
from bot.resources import Resources
from bot.updates import deliver, show_action
from bot.words import Words, letters, short, speaking
from styletransfer.log import printable
from styletransfer.storage.base import Entry

PREVIEW = "preview"  # the part of an answer that may have been sent alone
MAX_DOWNLOAD = 200_000_000  # bytes, which leave room in memory for the preview

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """A result in the bucket: its object, its look, the photo that it was made from, the chat that
    it goes to, the language of its user, and whether Telegram hides it until it is tapped."""

    entry: Entry
    look: str
    photo: Photo
    chat: int
    say: Words
    spoiler: bool


async def send(key: str, resources: Resources, bot: Bot, seconds: float) -> None:
    """Sends a result to its chat, once: a second event of it sends only what failed the first
    time. `seconds` are left to this invocation.

    Raises what Telegram, storage and the table raise; the event has to come again then.
    """
    found = Photo.of_result(key)
    entry = resources.bucket.find(key) if found else None
    if found is None or entry is None:
        log.info("%s is not a result, or is gone", printable(key))
        return
    photo, look = found
    order = resources.table.claim(photo, seconds, over=(SENT, CANCELLED))
    if order is None:
        log.info("%s was sent or cancelled before", printable(key))
        last = resources.table.order(photo)
        if last and last.status == CANCELLED:  # Its job was faster than its end.
            resources.bucket.delete(key)
        return
    try:
        say = speaking(resources.table.user(order.user).language)

        async def send_to(chat: int) -> None:
            result = Result(entry, look, order.photo, chat, say, order.spoiler)
            await _send(result, order.sent, resources, bot)

        await deliver(photo.chat, send_to)
    except Forbidden:
        log.info("the chat of %s does not accept messages any more", printable(key))
    except BaseException:
        resources.table.release(photo)
        raise
    resources.table.close(photo, SENT)


def reply_to(photo: Photo) -> ReplyParameters:
    """Answers the photo's own message, unless that was deleted."""
    return ReplyParameters(photo.message, allow_sending_without_reply=True)


async def _send(result: Result, sent: frozenset[str], resources: Resources, bot: Bot) -> None:
    """Sends the parts of an answer that are not among those `sent`."""
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
            caption=result.say.style("result", result.look),
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
    look = re.sub("-+", "-", letters(short(result.look), "_-", "-")).strip("-")
    extension = PurePosixPath(result.entry.key).suffix
    return f"{look or 'painting'}-{result.photo.message}{extension}"
