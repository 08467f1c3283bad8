"""What Batch tells of the jobs that paint photos, the queue that they make, and ending them."""

import logging
from typing import Any

from botocore.exceptions import ClientError
from layout import Photo
from telegram import Bot
from telegram.error import Forbidden, TelegramError

from bot import words
from bot.resources import Resources
from bot.results import reply_to
from bot.table import CANCELLED, FAILED, OPEN, PAINTED, RUNNING, SENT, WAITING, Order
from styletransfer.batch import records
from styletransfer.errors import ConfigError, DeviceError, PictureError, StorageError, WeightsError
from styletransfer.log import printable

STATUS = {
    **dict.fromkeys(("SUBMITTED", "PENDING", "RUNNABLE", "STARTING"), WAITING),
    **{"RUNNING": RUNNING, "SUCCEEDED": PAINTED, "FAILED": FAILED},
}
KILLED, STOPPED = 137, 143  # exit codes after SIGKILL, as without memory left, and after SIGTERM

log = logging.getLogger(__name__)


async def told(
    detail: dict[str, Any], at: str, resources: Resources, bot: Bot, seconds: float
) -> None:
    """Takes in a job's new state, the `detail` of Batch's event of the time `at` (ISO 8601):
    tells the user of a failure, once, and ends the job of a photo that was cancelled.

    Raises what Telegram, Batch and the table raise; the event then has to come again.
    """
    photo = Photo.of_key(detail.get("parameters", {}).get("key", ""))
    status = STATUS.get(detail.get("status", ""))
    if photo is None or status is None:
        log.info("job %s paints no photo of a chat", detail.get("jobId"))
        return
    if status == FAILED:
        await _tell_failure(photo, detail, resources, bot, seconds)
        return
    order = resources.table.job_told(photo, detail["jobId"], status, at)
    if order and order.status == CANCELLED and status in OPEN:
        resources.terminate(detail["jobId"], "cancelled by the user")


def place(order: Order, orders: list[Order]) -> int:
    """An order's place among the open ones, from 1 on."""
    return 1 + sum(each.created < order.created for each in orders)


def cancel(user: int, resources: Resources) -> int:
    """Forgets the waiting and running photos of a user, deletes them, and ends their jobs; how
    many there were. A job that is not known yet is ended when Batch tells of it."""
    count = 0
    for order in resources.table.open_orders():
        if order.user != user or not (closed := resources.table.cancel(order.photo)):
            continue
        count += 1
        resources.bucket.delete(closed.photo.key)
        resources.bucket.delete(closed.photo.wish_key)
        if closed.job:
            try:
                resources.terminate(closed.job, "cancelled by the user")
            except ClientError as error:  # Without its photo, the job ends by itself.
                log.warning("job %s could not be ended: %s", closed.job, error)
    return count


async def _tell_failure(
    photo: Photo, detail: dict[str, Any], resources: Resources, bot: Bot, seconds: float
) -> None:
    order = resources.table.claim(photo, seconds, over=(SENT, FAILED, CANCELLED))
    if order is None:
        return
    log.warning("%s failed: %s", photo.key, _facts(detail))
    reason, for_owner = _reason(detail, _recorded(order, resources))
    try:
        told = words.failed(reason)
        await bot.send_message(photo.chat, told, reply_parameters=reply_to(photo))
    except Forbidden:
        log.info("chat %d does not take messages any more", photo.chat)
    except BaseException:
        resources.table.release(photo)
        raise
    resources.table.settle(photo, FAILED)
    if for_owner:
        try:
            await bot.send_message(resources.owner, words.owner_told(_facts(detail)))
        except TelegramError as error:  # The log has it, and the user knows.
            log.warning("the owner could not be told: %s", error)


def _recorded(order: Order, resources: Resources) -> str:
    """The error in the photo's record; empty where there is none."""
    key = order.photo.record_key(order.look)
    if not order.photo.extension or resources.bucket.find(key) is None:
        return ""
    return str(records.read(resources.bucket, key).get("error", ""))


def _reason(detail: dict[str, Any], recorded: str) -> tuple[str, bool]:
    """Why a job failed and what to do, in words for its user; and whether its owner has to act."""
    container, status = detail.get("container", {}), detail.get("statusReason", "")
    code, said = container.get("exitCode"), container.get("reason", "")
    if status.startswith("Host EC2") or code == STOPPED:
        return words.TAKEN_AWAY, False
    if "timeout" in status or "timed out" in status:
        return words.TOO_LONG, False
    if code == KILLED or "OutOfMemory" in said:
        return words.NO_MEMORY, False
    if code == PictureError.exit_code:
        return (words.recorded(recorded) if recorded else words.UNREADABLE), False
    if code == StorageError.exit_code:
        return words.NO_STORAGE, True
    if code in (ConfigError.exit_code, WeightsError.exit_code, DeviceError.exit_code):
        return words.SET_UP_WRONG, True
    return words.UNCLEAR, True


def _facts(detail: dict[str, Any]) -> str:
    """What a log or the owner needs to find the cause, on one line."""
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
