"""The Batch jobs that paint photos: their states and their failures."""

import json
import logging
from collections.abc import Callable
from typing import Any

from layout import Photo, wish_of
from telegram import Bot

from bot import choices
from bot.items import CANCELLED, FAILED, OPEN, PAINTED, RUNNING, SENT, WAITING, Order
from bot.resources import Resources
from bot.results import reply_to
from bot.updates import answer_photo, inform_owner
from bot.words import Words
from styletransfer.batch.failures import UNEXPECTED
from styletransfer.errors import ConfigError, DeviceError, PictureError, StorageError, WeightsError
from styletransfer.log import printable
from styletransfer.record import Record

STATUS = {
    **dict.fromkeys(("SUBMITTED", "PENDING", "RUNNABLE", "STARTING"), WAITING),
    **{"RUNNING": RUNNING, "SUCCEEDED": PAINTED, "FAILED": FAILED},
}
KILLED, STOPPED = 137, 143  # exit codes after SIGKILL, sent when memory runs out, and SIGTERM
ENDED = "Essential container in task exited"  # Batch's reason where the container ended by itself

log = logging.getLogger(__name__)


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
        Exception: As `answer_photo`.
    """
    photo = Photo.of_key(detail.get("parameters", {}).get("key", ""))
    status = STATUS.get(detail.get("status", ""))
    if photo is None or status is None:
        log.info("job %s does not paint a photo of a chat", detail.get("jobId"))
        return
    if status == FAILED:

        def explain(say: Words, order: Order) -> tuple[str, bool]:
            code = detail.get("container", {}).get("exitCode")
            if code == ConfigError.exit_code and _has_lost_style(order, resources):
                return say.text("style_lost"), False
            return _reason(say, detail, _recorded_error(order, resources))

        await _report_failure(photo, _facts(detail), explain, resources, bot, seconds)
        return
    order = resources.table.note_job(photo, detail["jobId"], status, at)
    if order and order.status == CANCELLED and status in OPEN:
        resources.terminate(detail["jobId"], "cancelled by the user")


async def handle_refusal(
    message: dict[str, Any], resources: Resources, bot: Bot, seconds: float
) -> None:
    """Report a photo that Batch did not accept to its user and to the owner, once.

    `message` is EventBridge's in the queue of refused photos. Raises as `answer_photo`.
    """
    event, given = json.loads(message["body"]), message.get("messageAttributes", {})
    key = event.get("detail", {}).get("object", {}).get("key", "")
    photo = Photo.of_key(key)
    if photo is None:
        log.warning("not a photo of a chat, and refused by Batch: %s", printable(key))
        return
    names = ("ERROR_CODE", "ERROR_MESSAGE")
    why = [given[name]["stringValue"] for name in names if name in given]
    facts = printable(": ".join([f"Batch did not accept {key}", *why]))

    def explain(say: Words, order: Order) -> tuple[str, bool]:
        return say.text("unclear"), True

    await _report_failure(photo, facts, explain, resources, bot, seconds)


async def _report_failure(
    photo: Photo,
    facts: str,
    explain: Callable[[Words, Order], tuple[str, bool]],
    resources: Resources,
    bot: Bot,
    seconds: float,
) -> None:
    """Report a failure to the user and, if they have to act, to the owner, once.

    `explain` returns the reason in words for the user, and whether the owner has to act.
    """
    for_owner = False

    async def report(order: Order, say: Words, chat: int) -> None:
        nonlocal for_owner
        log.warning("%s failed: %s", photo.key, facts)
        reason, for_owner = explain(say, order)
        await bot.send_message(chat, say.failed(reason), reply_parameters=reply_to(photo))

    over = (SENT, FAILED, CANCELLED)
    await answer_photo(photo, FAILED, over, report, resources, seconds)
    if for_owner:
        await inform_owner(bot, resources, facts)


def _recorded_error(order: Order, resources: Resources) -> str:
    """Return the error in the photo's record, or an empty text."""
    key = order.photo.record_key(order.style)
    if not order.photo.extension or resources.bucket.find(key) is None:
        return ""
    record = Record.from_bytes(resources.bucket.read(key))
    return (record and record.error) or ""


def _has_lost_style(order: Order, resources: Resources) -> bool:
    """Return whether the style of a photo was deleted while it waited."""
    try:
        wish = wish_of(order.photo, resources.bucket)
        if wish is None:
            return False
        offered = choices.offered(resources, order.photo.chat, order.user)
    except ConfigError:  # The wish, or styles.toml, is what is wrong.
        return False
    return choices.wished(offered, wish) is None


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
