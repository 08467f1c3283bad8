"""Results, states and failures of the jobs that paint.

Events may come twice, and at the same time. A photo is answered in its chat once.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from contract import Photo
from telegram import Bot
from telegram.constants import ChatAction, FileSizeLimit, ParseMode
from telegram.error import BadRequest, ChatMigrated, Forbidden

from bot import requests, styles, telegram_pictures, words
from bot.context import inform_owner, send_beside, show_action
from bot.requests import CANCELLED, FAILED, OPEN, PAINTED, RUNNING, SENT, WAITING, Request
from bot.resources import PASSING, Resources
from bot.words import Words, speaking
from painterly.errors import ConfigError, DeviceError, PictureError, StorageError, WeightsError
from painterly.orders.record import Record
from painterly.painters.failures import UNEXPECTED
from painterly.words.style_title import NO_TITLE
from painterly.words.wording import printable

PREVIEW = "preview"  # the part of an answer that may have been sent alone
MAX_DOWNLOAD = 200_000_000  # bytes, which leave room in memory for the preview

STATUS = {
    **dict.fromkeys(("SUBMITTED", "PENDING", "RUNNABLE", "STARTING"), WAITING),
    **{"RUNNING": RUNNING, "SUCCEEDED": PAINTED, "FAILED": FAILED},
}
KILLED, STOPPED = 137, 143  # exit codes after SIGKILL, sent when memory runs out, and SIGTERM
ENDED = "Essential container in task exited"  # Batch's reason where the container ended by itself

log = logging.getLogger(__name__)


async def send_result(key: str, resources: Resources, bot: Bot, seconds: float) -> None:
    """Send a result to its chat, once. A second event sends only the parts that failed before.

    Args:
        key: The object's.
        resources: The bot's.
        bot: Sends it.
        seconds: The time left to this invocation.

    Raises:
        Exception: As `answer`.
    """
    named = Photo.of_result(key)
    entry = resources.bucket.find(key) if named else None
    if named is None or entry is None:
        log.info("%s is not a result, or is gone", printable(key))
        return
    photo, style = named

    async def send(request: Request, say: Words, chat: int) -> None:
        data = b""
        if entry.size <= MAX_DOWNLOAD:
            await show_action(bot, chat, ChatAction.UPLOAD_DOCUMENT, request.topic)
            data = resources.bucket.read(key)
            if PREVIEW not in request.sent:
                record = _record(photo, style, resources) or Record()
                title = (record.style_title or NO_TITLE).line(say.language, style)
                await _send_small(data, say.style("result", title), request, chat, bot)
                requests.note_sent(photo, PREVIEW, resources)
        instead = "file_too_large"
        beside = partial(
            send_beside, photo, request.topic, reply_markup=say.result_buttons(photo.token)
        )
        if entry.size <= FileSizeLimit.FILESIZE_UPLOAD:
            try:
                await beside(
                    bot.send_document,
                    chat,
                    data,
                    caption=say.text("full_quality"),
                    filename=_file_name(style, photo, key),
                    disable_content_type_detection=True,
                )
                return
            except BadRequest as error:  # As in a group that allows no files.
                log.warning("%s is refused as a file: %s", photo.stem, error)
                instead = "file_refused"
        link = say.linked(instead, resources.link(key))
        await beside(bot.send_message, chat, link, parse_mode=ParseMode.HTML)

    if await answer(photo, SENT, (SENT, CANCELLED), send, resources, bot, seconds):
        return
    log.info("%s was sent, cancelled or forgotten before", printable(key))
    request = requests.find(photo.token, resources)
    if request is None or request.status == CANCELLED:  # Its job was faster than its end.
        resources.bucket.delete(key)


async def answer(
    photo: Photo,
    status: str,
    over: Sequence[str],
    send: Callable[[Request, Words, int], Awaitable[None]],
    resources: Resources,
    bot: Bot,
    seconds: float,
) -> Request | None:
    """Answer a photo in its chat, once. If the chat takes no answer, it gets none later either.

    Args:
        photo: The photo.
        status: Its status after the answer.
        over: The statuses in which it gets no answer.
        send: Sends the answer to a request, in a language, to a chat. It is called again with the
            new chat if a group has become a supergroup.
        resources: The bot's.
        bot: Informs the owner if the chat takes no answer.
        seconds: The time left to this invocation.

    Returns:
        The request, or None if it is gone, or its status is one of `over`.

    Raises:
        BusyError: Another invocation is answering it, and may yet fail.
        Exception: Telegram, Batch or storage failed. The event has to come again.
    """
    claim = f"{PASSING}/answers/{photo.token}.json"
    resources.claim(claim, seconds)
    try:
        request = requests.find(photo.token, resources)
        if request is None or request.status in over:
            return None
        say = speaking(request.language)
        try:
            try:
                await send(request, say, photo.chat)
            except ChatMigrated as moved:
                await send(request, say, moved.new_chat_id)
        except Forbidden:
            log.info("chat %d no longer accepts messages", photo.chat)
        except BadRequest as error:  # It would be refused each time.
            facts = printable(f"the chat takes no answer to {photo.key}: {error}")
            log.warning("%s", facts)
            await inform_owner(bot, resources, facts)
        requests.close(photo, status, resources)
        return request
    finally:
        resources.release(claim)


async def _send_small(data: bytes, caption: str, request: Request, chat: int, bot: Bot) -> None:
    """Send a result as a photo, which Telegram shows at once."""
    picture = telegram_pictures.preview(data)
    if picture is None:
        return
    try:
        await send_beside(
            request.photo,
            request.topic,
            bot.send_photo,
            chat,
            picture,
            caption=caption,
            filename="preview.jpg",
            has_spoiler=request.spoiler,
        )
    except BadRequest as error:  # The full file may be accepted nevertheless.
        log.warning("no preview of %s: %s", request.photo.stem, error)


def _file_name(style: str, photo: Photo, key: str) -> str:
    name = re.sub("-+", "-", words.letters(words.short(style), "_-", "-")).strip("-")
    return f"{name or 'painting'}-{photo.message}{PurePosixPath(key).suffix}"


async def handle_state(
    detail: dict[str, Any], at: str, resources: Resources, bot: Bot, seconds: float
) -> None:
    """Note the new state of a job, report a failure, and end the job of a cancelled photo.

    Args:
        detail: The detail of Batch's event.
        at: The time of the event (ISO 8601).
        resources: The bot's.
        bot: Sends the report.
        seconds: The time left to this invocation.

    Raises:
        Exception: As `answer`.
    """
    photo = Photo.of_key(detail.get("parameters", {}).get("key", ""))
    status = STATUS.get(detail.get("status", ""))
    if photo is None or status is None:
        log.info("job %s does not paint a photo of a chat", detail.get("jobId"))
        return
    if status == FAILED:

        def explain(say: Words, request: Request) -> tuple[str, bool]:
            code = detail.get("container", {}).get("exitCode")
            if code == ConfigError.exit_code and _has_lost_style(request, resources):
                return say.text("style_lost"), False
            return _reason(say, detail, _recorded_error(request, resources))

        await _report_failure(photo, _facts(detail), resources, bot, seconds, explain)
        return
    request = requests.note_job(photo, detail["jobId"], status, at, resources)
    cancelled = request is None or request.status == CANCELLED
    if cancelled and status in OPEN:
        resources.terminate(detail["jobId"], "cancelled by the user")


async def handle_refusal(
    message: dict[str, Any], resources: Resources, bot: Bot, seconds: float
) -> None:
    """Report a photo that Batch did not accept to its user and to the owner, once.

    `message` is EventBridge's in the queue of refused photos. Raises as `answer`.
    """
    event, attributes = json.loads(message["body"]), message.get("messageAttributes", {})
    key = event.get("detail", {}).get("object", {}).get("key", "")
    photo = Photo.of_key(key)
    if photo is None:
        log.warning("not a photo of a chat, and refused by Batch: %s", printable(key))
        return
    names = ("ERROR_CODE", "ERROR_MESSAGE")
    why = [attributes[name]["stringValue"] for name in names if name in attributes]
    facts = printable(": ".join([f"Batch did not accept {key}", *why]))
    await _report_failure(photo, facts, resources, bot, seconds)


async def _report_failure(
    photo: Photo,
    facts: str,
    resources: Resources,
    bot: Bot,
    seconds: float,
    explain: Callable[[Words, Request], tuple[str, bool]] | None = None,
) -> None:
    """Report a failure to the user and, if they have to act, to the owner, once.

    `explain` returns the reason in words for the user, and whether the owner has to act. Without
    it, the reason is unclear, and the owner has to.
    """
    for_owner = False

    async def report(request: Request, say: Words, chat: int) -> None:
        nonlocal for_owner
        log.warning("%s failed: %s", photo.key, facts)
        reason, for_owner = explain(say, request) if explain else (say.text("unclear"), True)
        await send_beside(photo, request.topic, bot.send_message, chat, say.failed(reason))

    over = (SENT, FAILED, CANCELLED)
    await answer(photo, FAILED, over, report, resources, bot, seconds)
    if for_owner:
        await inform_owner(bot, resources, facts)


def _recorded_error(request: Request, resources: Resources) -> str:
    """Return the error in the photo's record, or an empty text."""
    record = _record(request.photo, request.wish.style, resources)
    return (record and record.error) or ""


def _record(photo: Photo, style: str, resources: Resources) -> Record | None:
    """Return the record of a photo in a style, or None without one."""
    key = photo.record_key(style)
    if resources.bucket.find(key) is None:
        return None
    return Record.from_bytes(resources.bucket.read(key))


def _has_lost_style(request: Request, resources: Resources) -> bool:
    """Return whether the style of a photo was deleted while it waited."""
    try:
        return styles.wished(request.wish, resources) is None
    except ConfigError:  # styles.toml is what is wrong.
        return False


def _reason(say: Words, detail: dict[str, Any], recorded: str) -> tuple[str, bool]:
    """Return the reason of a failure, in words for the user, and whether the owner has to act."""
    container, status = detail.get("container", {}), detail.get("statusReason", "")
    code, container_reason = container.get("exitCode"), container.get("reason", "")
    # Why Batch ended it comes before how it ended: a timeout and a termination by hand, too, end a
    # container by SIGTERM.
    if status.startswith("Host EC2"):
        return say.text("taken_away"), False
    # "Canceled by JobStateTimeLimit action due to reason: …": the queue did, after too long a wait.
    if "CAPACITY:" in status:
        return say.text("no_machine"), True
    if "MISCONFIGURATION:" in status:
        return say.text("set_up_wrong"), True
    if "timeout" in status or "timed out" in status:
        return say.text("too_long"), False
    if code == STOPPED and status in ("", ENDED):
        return say.text("taken_away"), False
    if code == KILLED or "OutOfMemory" in container_reason:
        return say.text("no_memory"), False
    # Every picture that cannot be painted has a record. Without one, the program has failed: Python
    # itself, too, ends with this code.
    foreseen = recorded and not recorded.startswith(UNEXPECTED)
    if code == PictureError.exit_code and foreseen:
        return say.recorded(recorded), False
    if code == StorageError.exit_code:
        return say.text("no_storage"), True
    if code in (ConfigError.exit_code, WeightsError.exit_code, DeviceError.exit_code):
        return say.text("set_up_wrong"), True
    return say.text("unclear"), True


def _facts(detail: dict[str, Any]) -> str:
    """Return the facts that help to find the cause, on one line."""
    container = detail.get("container", {})
    facts = {
        "job": detail.get("jobId"),
        "photo": detail["parameters"]["key"],
        "reason": detail.get("statusReason"),
        "container": container.get("reason"),
        "exit code": container.get("exitCode"),
        "attempts": len(detail.get("attempts", ())),
    }
    known = [f"{name}: {fact}" for name, fact in facts.items() if fact not in (None, "")]
    return printable(", ".join(known))
