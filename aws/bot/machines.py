"""Results, states and failures of the jobs that paint.

Events may come twice, and at the same time. A photo is answered in its chat once.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath
from typing import Any

from contract import Photo
from telegram import Bot
from telegram.constants import ChatAction, FileSizeLimit, ParseMode
from telegram.error import BadRequest, ChatMigrated, Forbidden

from bot import requests, styles, telegram_pictures, words
from bot.context import beside, inform_owner, show_action
from bot.requests import CANCELLED, FAILED, OPEN, PAINTED, RUNNING, SENT, WAITING, Request
from bot.resources import PASSING, Resources
from painterly.errors import ConfigError, DeviceError, PictureError, StorageError, WeightsError
from painterly.orders.record import Record
from painterly.painters.failures import UNEXPECTED
from painterly.words.style_title import NO_TITLE
from painterly.words.wording import printable

MAX_DOWNLOAD = 200_000_000  # bytes, which leave room in memory for the preview

STATUS = {
    **dict.fromkeys(("SUBMITTED", "PENDING", "RUNNABLE", "STARTING"), WAITING),
    **{"RUNNING": RUNNING, "SUCCEEDED": PAINTED, "FAILED": FAILED},
}
KILLED, STOPPED = 137, 143  # exit codes after SIGKILL, sent when memory runs out, and SIGTERM
# Keys of the texts of failures, by words in Batch's reason and by exit code, and whether the owner
# has to act.
BATCH_REASONS = (
    ("Host EC2", "taken_away", False),
    # "Canceled by JobStateTimeLimit action due to reason: …": the queue did, after too long a wait.
    ("CAPACITY:", "no_machine", True),
    ("MISCONFIGURATION:", "set_up_wrong", True),
    ("timeout", "too_long", False),
    ("timed out", "too_long", False),
)
EXIT_REASONS = {
    KILLED: ("no_memory", False),
    StorageError.exit_code: ("no_storage", True),
    **dict.fromkeys(
        (ConfigError.exit_code, WeightsError.exit_code, DeviceError.exit_code),
        ("set_up_wrong", True),
    ),
}
ENDED = "Essential container in task exited"  # Batch's reason where the container ended by itself

log = logging.getLogger(__name__)


async def send_result(key: str, resources: Resources, bot: Bot) -> None:
    """Send the result with a key to its chat, once. A second event sends only the parts that failed
    before. Raises as `answer`."""
    named = Photo.of_result(key)
    entry = resources.bucket.find(key) if named else None
    if named is None or entry is None:
        log.info("%s is not a result, or is gone", printable(key))
        return
    photo, style = named

    async def send(request: Request, chat: int) -> None:
        say, data = request.say, b""
        if entry.size <= MAX_DOWNLOAD:
            await show_action(bot, chat, ChatAction.UPLOAD_DOCUMENT)
            data = resources.bucket.read(key)
            if not request.shown:
                record = _record(photo, style, resources) or Record()
                title = (record.style_title or NO_TITLE).line(say.language, style)
                await _send_small(data, say.style("result", title), photo, chat, bot)
                requests.note_shown(photo, resources)
        place: dict[str, Any] = {
            "reply_markup": say.result_buttons(photo.token),
            "reply_parameters": beside(photo),
        }
        instead = "file_too_large"
        if entry.size <= FileSizeLimit.FILESIZE_UPLOAD:
            caption, name = say.text("full_quality"), _file_name(style, photo, key)
            file: dict[str, Any] = {
                "caption": caption,
                "filename": name,
                "disable_content_type_detection": True,
            }
            try:
                await bot.send_document(chat, data, **file, **place)
                return
            except BadRequest as error:  # As in a group that allows no files.
                log.warning("%s is refused as a file: %s", photo.stem, error)
                instead = "file_refused"
        link = say.linked(instead, resources.link(key))
        await bot.send_message(chat, link, parse_mode=ParseMode.HTML, **place)

    if await answer(photo, SENT, send, resources, bot):
        return
    log.info("%s was sent, cancelled or forgotten before", printable(key))
    request = requests.find(photo.token, resources)
    if request is None or request.status == CANCELLED:  # Its job was faster than its end.
        resources.bucket.delete(key)


async def answer(
    photo: Photo,
    status: str,
    send: Callable[[Request, int], Awaitable[None]],
    resources: Resources,
    bot: Bot,
) -> bool:
    """Answer a photo in its chat, once. If the chat takes no answer, it gets none later either.

    Args:
        status: Its status after the answer.
        send: Sends the answer to a request to a chat. It is called again with the new chat if a
            group has become a supergroup.
        bot: Informs the owner if the chat takes no answer.

    Returns:
        Whether the photo had no answer, and was neither cancelled nor forgotten.

    Raises:
        BusyError: Another invocation is answering it, and may yet fail.
        Exception: Telegram, Batch or storage failed. The event has to come again.
    """
    with resources.claimed(f"{PASSING}/answers/{photo.token}.json"):
        request = requests.find(photo.token, resources)
        if request is None or request.status in (SENT, CANCELLED, status):
            return False
        try:
            try:
                await send(request, photo.chat)
            except ChatMigrated as moved:
                await send(request, moved.new_chat_id)
        except Forbidden:
            log.info("chat %d no longer accepts messages", photo.chat)
        except BadRequest as error:  # It would be refused each time.
            facts = printable(f"the chat takes no answer to {photo.key}: {error}")
            log.warning("%s", facts)
            await inform_owner(bot, resources, facts)
        requests.close(photo, status, resources)
        return True


async def _send_small(data: bytes, caption: str, photo: Photo, chat: int, bot: Bot) -> None:
    picture = telegram_pictures.preview(data)
    if picture is None:
        return
    shown: dict[str, Any] = {
        "caption": caption,
        "filename": "preview.jpg",
        "reply_parameters": beside(photo),
    }
    try:
        await bot.send_photo(chat, picture, **shown)
    except BadRequest as error:  # The full file may be accepted nevertheless.
        log.warning("no preview of %s: %s", photo.stem, error)


def _file_name(style: str, photo: Photo, key: str) -> str:
    name = re.sub("-+", "-", words.letters(words.short(style), "_-", "-")).strip("-")
    return f"{name or 'painting'}-{photo.message}{PurePosixPath(key).suffix}"


async def handle_state(detail: dict[str, Any], at: str, resources: Resources, bot: Bot) -> None:
    """Note the new state of a job, report a failure, and end the job of a cancelled photo.

    Args:
        detail: The detail of Batch's event.
        at: The time of the event (ISO 8601).

    Raises:
        Exception: As `answer`.
    """
    photo = Photo.of_key(detail.get("parameters", {}).get("key", ""))
    status = STATUS.get(detail.get("status", ""))
    if photo is None or status is None:
        log.info("job %s does not paint a photo of a chat", detail.get("jobId"))
        return
    if status == FAILED:
        await _report_failure(photo, _facts(detail), resources, bot, detail)
        return
    request = requests.note_job(photo, detail["jobId"], status, at, resources)
    cancelled = request is None or request.status == CANCELLED
    if cancelled and status in OPEN:
        resources.terminate(detail["jobId"])


async def handle_refusal(message: dict[str, Any], resources: Resources, bot: Bot) -> None:
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
    await _report_failure(photo, facts, resources, bot, {})


async def _report_failure(
    photo: Photo, facts: str, resources: Resources, bot: Bot, detail: dict[str, Any]
) -> None:
    """Report a failure to the user and, if they have to act, to the owner, once."""
    owner_has_to_act = False

    async def report(request: Request, chat: int) -> None:
        nonlocal owner_has_to_act
        log.warning("%s failed: %s", photo.key, facts)
        reason, owner_has_to_act = _reason(request, detail, resources)
        text = request.say.failed(reason)
        await bot.send_message(chat, text, reply_parameters=beside(photo))

    await answer(photo, FAILED, report, resources, bot)
    if owner_has_to_act:
        await inform_owner(bot, resources, facts)


def _record(photo: Photo, style: str, resources: Resources) -> Record | None:
    key = photo.record_key(style)
    if resources.bucket.find(key) is None:
        return None
    return Record.from_bytes(resources.bucket.read(key))


def _has_lost_style(request: Request, resources: Resources) -> bool:
    try:
        return styles.wished(request.wish, resources) is None
    except ConfigError:  # styles.toml is wrong.
        return False


def _reason(request: Request, detail: dict[str, Any], resources: Resources) -> tuple[str, bool]:
    """Return the reason of a failure, in words for the user, and whether the owner has to act."""
    say, container = request.say, detail.get("container", {})
    status, code = detail.get("statusReason", ""), container.get("exitCode")
    # Why Batch ended it comes before how it ended: a timeout and a termination by hand, too, end a
    # container by SIGTERM.
    for words_of_batch, key, owner_has_to_act in BATCH_REASONS:
        if words_of_batch in status:
            return say.text(key), owner_has_to_act
    if code == STOPPED and status in ("", ENDED):
        return say.text("taken_away"), False
    if "OutOfMemory" in container.get("reason", ""):
        code = KILLED
    if code == PictureError.exit_code:
        # Every picture that cannot be painted has a record. Without one, the program has failed:
        # Python itself, too, ends with this code.
        record = _record(request.photo, request.wish.style, resources) or Record()
        if record.error and not record.error.startswith(UNEXPECTED):
            return say.recorded(record.error), False
    if code == ConfigError.exit_code and _has_lost_style(request, resources):
        return say.text("style_lost"), False
    key, owner_has_to_act = EXIT_REASONS.get(code, ("unclear", True))
    return say.text(key), owner_has_to_act


def _facts(detail: dict[str, Any]) -> str:
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
