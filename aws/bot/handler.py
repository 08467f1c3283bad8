"""Lambda's entry point: dispatches Telegram updates, new photos and results, and states of jobs."""

import asyncio
import base64
import hmac
import json
import logging
import os
import traceback
from typing import Any

import layout
from layout import Photo
from telegram import Bot, Update
from telegram.error import BadRequest, Forbidden, TelegramError
from telegram.ext import (
    Application,
    ApplicationHandlerStop,
    CallbackQueryHandler,
    CommandHandler,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot import commands, jobs, photos, repaint, results, styles, users, words
from bot.buttons import PATTERNS
from bot.client import connected
from bot.resources import Resources, resources
from bot.table import BusyError
from bot.updates import Context, inform_owner
from styletransfer.errors import StyleTransferError

# An HTTP API waits 30 s for an answer. Later ones are failures to Telegram.
WEBHOOK_S = 26.0
UNHEARD = "unheard"  # key in bot_data of the error that kept a message from the user
RESERVE_S = 2.0  # seconds of an invocation kept to end it in order

COMMANDS = {
    "start": commands.start,
    "help": commands.show_help,
    "styles": styles.show_styles,
    "style": styles.choose_style,
    "size": commands.choose_size,
    "status": commands.show_status,
    "cancel": commands.cancel,
    "forget": commands.ask_to_forget,
    "users": users.manage_users,
    "limit": users.set_limit,
}
BUTTONS = {  # by the names of their patterns
    "page": styles.turn_page,
    "style": styles.pick_style,
    "size": commands.pick_size,
    "cancel": commands.cancel_one,
    "another": repaint.offer_styles,
    "again": repaint.in_style,
    "change": repaint.with_change,
    "forget": commands.forget,
    "admit": users.admit,
}

logging.getLogger("bot").setLevel(logging.INFO)
logging.getLogger("httpx").setLevel(logging.WARNING)  # Lower, it logs URLs with the token.
log = logging.getLogger(__name__)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any] | None:
    """Handle one invocation.

    Args:
        event: A request of an HTTP API (payload 2.0), an event of EventBridge, or messages of the
            queue of refused photos.
        context: Lambda's, with the time left.

    Returns:
        The answer to a request: 200 once the update is handled, or failed and its user was
        informed; 503 if no message reached the user, so that Telegram repeats it.

    Raises:
        Exception: From an event or a message, so that Lambda retries it.
    """
    found = resources()
    left = context.get_remaining_time_in_millis() / 1000 if context else WEBHOOK_S
    seconds = max(left - RESERVE_S, 1.0)
    if "requestContext" in event:
        return _webhook(event, found, seconds)
    try:
        asyncio.run(_handle_event(event, found, seconds))
    except Exception:
        _log_failure(found)
        raise
    return None


def _webhook(request: dict[str, Any], resources: Resources, seconds: float) -> dict[str, Any]:
    secret = request.get("headers", {}).get("x-telegram-bot-api-secret-token", "")
    if not hmac.compare_digest(secret.encode(), layout.webhook_secret(resources.token).encode()):
        return {"statusCode": 403}
    try:
        body = request.get("body", "")
        update = json.loads(base64.b64decode(body) if request.get("isBase64Encoded") else body)
        number = Update.de_json(update).update_id
    except Exception as error:  # The exceptions of de_json are of many types.
        log.warning("a request is not a Telegram update: %r", error)
        return {"statusCode": 200}  # Telegram would only repeat it.
    try:
        # This invocation may last longer than Telegram waits for it.
        if resources.table.claim_update(number, seconds + RESERVE_S):
            _handle_claimed(number, update, resources, min(seconds, WEBHOOK_S))
    except BusyError as error:
        log.info("%s", error)
        return {"statusCode": 503}
    except Exception:
        _log_failure(resources)
        return {"statusCode": 503}
    return {"statusCode": 200}


def _handle_claimed(
    number: int, update: dict[str, Any], resources: Resources, seconds: float
) -> None:
    try:
        asyncio.run(_handle_update(update, resources, seconds))
    except BaseException:
        resources.table.release_update(number)
        raise
    resources.table.finish_update(number)


async def _handle_update(update: dict[str, Any], resources: Resources, seconds: float) -> None:
    """Handle an update, or raise the error that kept every message from the user."""
    async with connected(resources, seconds) as application:
        await application.initialize()
        _add_handlers(application)
        await application.process_update(Update.de_json(update, application.bot))
        if UNHEARD in application.bot_data:
            raise application.bot_data[UNHEARD]


def _add_handlers(application: Application) -> None:
    """Add what answers messages and buttons. Edited messages are ignored, and so are other messages
    in groups, and Telegram's service messages, such as a pinned message."""
    new = filters.UpdateType.MESSAGE
    application.add_handler(TypeHandler(Update, _admit), group=-1)
    pictured = new & (filters.PHOTO | filters.Document.ALL)
    application.add_handler(MessageHandler(pictured, photos.receive))
    for name, answer in COMMANDS.items():
        application.add_handler(CommandHandler(name, answer, new))
    for name, answer in BUTTONS.items():
        application.add_handler(CallbackQueryHandler(answer, rf"{PATTERNS[name]}\Z"))
    application.add_handler(CallbackQueryHandler(commands.unknown_button))
    rest = new & filters.ChatType.PRIVATE & ~filters.StatusUpdate.ALL
    application.add_handler(MessageHandler(rest, commands.unknown))
    application.add_error_handler(_failed)


async def _handle_event(event: dict[str, Any], resources: Resources, seconds: float) -> None:
    detail = event.get("detail", {})
    async with connected(resources, seconds) as application:
        bot = application.bot
        if event.get("source") == "aws.s3":
            key = detail["object"]["key"]
            if photo := Photo.of_key(key):
                await _send_preview(photo, resources, bot)
            else:
                await results.send(key, resources, bot, seconds)
        elif event.get("source") == "aws.batch":
            await jobs.handle_state(detail, event["time"], resources, bot, seconds)
        elif "Records" in event:
            for message in event["Records"]:
                await jobs.handle_refusal(message, resources, bot, seconds)
        else:
            log.warning("unexpected event of %s", event.get("source"))


async def _send_preview(photo: Photo, resources: Resources, bot: Bot) -> None:
    # It would start a thread for each processor that it sees, and they would wait for each other:
    # the function has the time of one.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from bot import previews  # Loads NumPy, which other events need not wait for.

    await previews.send(photo, resources, bot)


async def _admit(update: Update, context: Context) -> None:
    """Stop updates of users who are not allowed."""
    found, user = context.resources, update.effective_user
    if user is None:
        raise ApplicationHandlerStop
    known = found.table.user(user.id)
    if not known.allowed and user.id != found.owner:
        await users.turn_away(context)
        raise ApplicationHandlerStop
    if update.callback_query and update.effective_message is None:
        # Under a message that is too old: Telegram hands over no more than its number.
        await context.refuse_button("button_gone")
        raise ApplicationHandlerStop
    if known.allowed and not known.name:
        found.table.rename(user.id, user.full_name)
    if known.language != (language := context.say.language):
        found.table.note_language(user.id, language)


async def _failed(update: object, context: Context) -> None:
    """Log an exception, inform the user, and inform the owner of what only they can fix.

    If the user cannot be reached now, the update has to come again.
    """
    found = context.resources
    if isinstance(context.error, Forbidden):
        log.info("no user is reached by an update: %s", context.error)
        raise ApplicationHandlerStop
    _log_failure(found, context.error)
    if isinstance(update, Update) and update.effective_chat:
        user = update.effective_user
        say = words.speaking(user.language_code if user else None)
        try:
            await context.bot.send_message(update.effective_chat.id, say.text("broken"))
        except (BadRequest, Forbidden):  # The chat is gone, or accepts no messages.
            _log_failure(found)
        except TelegramError as error:
            context.bot_data[UNHEARD] = error
            raise ApplicationHandlerStop from None
    if isinstance(context.error, StyleTransferError):
        await inform_owner(context.bot, found, f"{context.error}")
    raise ApplicationHandlerStop  # After _admit has failed, no other handler runs.


def _log_failure(resources: Resources, error: BaseException | None = None) -> None:
    """Log the traceback of an exception, or of the current one, without the token."""
    lines = traceback.format_exception(error) if error else [traceback.format_exc()]
    log.error("%s", "".join(lines).replace(resources.token, "<token>"))
