"""Lambda's entry point: the webhook, the routes of updates and events, and Telegram's client."""

import asyncio
import base64
import contextlib
import hmac
import json
import logging
import time
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import contract
import httpx
from contract import Photo
from telegram import Update
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, TelegramError
from telegram.ext import (
    Application,
    ApplicationHandlerStop,
    CallbackQueryHandler,
    CommandHandler,
    ExtBot,
    MessageHandler,
    TypeHandler,
    filters,
)
from telegram.request import HTTPXRequest

from bot import commands, machines, photos, styles, users, words
from bot.context import CONTEXT, Context, Refusal, change_user, find_user, inform_owner
from bot.resources import PASSING, Resources, resources
from bot.words import PATTERNS
from painterly.errors import ConfigError, PainterlyError, StorageError
from painterly.storage.document import BusyError

# An HTTP API waits 30 s for an answer. Later ones are failures to Telegram.
WEBHOOK_S = 26.0
UNHEARD = "unheard"  # key in bot_data of the error that kept a message from the user
RESERVE_S = 2.0  # seconds of an invocation kept to end it in order

_Application = Application[ExtBot[None], Context, Any, Any, Any, None]
_PASSING = (429, 500, 502, 503, 504)  # HTTP codes of failures that pass
PAUSES_S = (0.5, 1, 2, 4, 8)
_CONNECT_S, _READ_S, _UPLOAD_S = 5.0, 30.0, 120.0

# Loading the certificate authorities takes longer than most answers: once per cold start.
HTTPX_OPTIONS: dict[str, Any] = {"verify": httpx.create_ssl_context()}

COMMANDS = {
    "start": commands.start,
    "help": commands.show_help,
    "styles": styles.choose_style,
    "style": styles.choose_style,
    "size": commands.choose_size,
    "status": commands.show_status,
    "cancel": commands.cancel,
    "forget": commands.ask_to_forget,
    "users": users.show_users,
    "limit": users.set_limit,
}
BUTTONS = {  # by the names of their patterns
    "page": styles.turn_page,
    "style": styles.pick_style,
    "size": commands.pick_size,
    "cancel": commands.cancel_one,
    "another": commands.offer_styles,
    "again": commands.repaint_in_style,
    "change": commands.repaint_with_change,
    "forget": commands.forget,
    "admit": users.admit,
    "remove": users.ask_to_remove,
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
    bot_resources = resources()
    left = context.get_remaining_time_in_millis() / 1000 if context else WEBHOOK_S
    seconds = max(left - RESERVE_S, 1.0)
    if "requestContext" in event:
        return _webhook(event, bot_resources, seconds)
    try:
        asyncio.run(_handle_event(event, bot_resources, seconds))
    except Exception:
        _log_failure(bot_resources)
        raise
    return None


def _webhook(request: dict[str, Any], resources: Resources, seconds: float) -> dict[str, Any]:
    secret = request.get("headers", {}).get("x-telegram-bot-api-secret-token", "")
    if not hmac.compare_digest(secret.encode(), contract.webhook_secret(resources.token).encode()):
        return {"statusCode": 403}
    try:
        body = request.get("body", "")
        update = json.loads(base64.b64decode(body) if request.get("isBase64Encoded") else body)
        number = Update.de_json(update).update_id
    except Exception as error:  # The exceptions of de_json are of many types.
        log.warning("a request is not a Telegram update: %r", error)
        return {"statusCode": 200}  # Telegram would only repeat it.
    key = f"{PASSING}/updates/{number}.json"
    try:
        with resources.claimed(key) as work:
            if not work.get("done"):
                asyncio.run(_handle_update(update, resources, min(seconds, WEBHOOK_S)))
                work["done"] = True
    except BusyError as error:
        log.info("%s", error)
        return {"statusCode": 503}
    except Exception:
        _log_failure(resources)
        return {"statusCode": 503}
    return {"statusCode": 200}


async def _handle_update(update: dict[str, Any], resources: Resources, seconds: float) -> None:
    """Handle an update, or raise the error that kept every message from the user."""
    async with connected(resources, seconds) as application:
        await application.initialize()
        _add_handlers(application)
        await application.process_update(Update.de_json(update, application.bot))
        if UNHEARD in application.bot_data:
            raise application.bot_data[UNHEARD]


def _add_handlers(application: _Application) -> None:
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
                await photos.send_preview(photo, resources, bot)
            else:
                await machines.send_result(key, resources, bot)
        elif event.get("source") == "aws.batch":
            await machines.handle_state(detail, event["time"], resources, bot)
        elif "Records" in event:
            for message in event["Records"]:
                await machines.handle_refusal(message, resources, bot)
        else:
            log.warning("unexpected event of %s", event.get("source"))


async def _admit(update: Update, context: Context) -> None:
    resources, user = context.resources, update.effective_user
    if user is None:
        raise ApplicationHandlerStop
    context.member = member = find_user(user.id, resources)
    if not member.allowed and user.id != resources.owner:
        await users.turn_away(context)
        raise ApplicationHandlerStop
    if update.callback_query and update.effective_message is None:
        # Under a message that is too old: Telegram hands over no more than its number.
        raise context.refusal("button_gone")
    name = member.name or (user.full_name if member.allowed else "")
    if (member.name, member.language) != (name, language := context.say.language):
        change_user(user.id, resources, lambda known: replace(known, name=name, language=language))


async def _failed(update: object, context: Context) -> None:
    """Report an exception, and stop the update: after `_admit` failed, no other handler runs."""
    if isinstance(context.error, Refusal):
        try:
            await context.refuse(context.error)
            raise ApplicationHandlerStop
        except (StorageError, TelegramError) as error:
            context.error = error
    try:
        await _report(update, context)
    except Exception:
        _log_failure(context.resources)
    raise ApplicationHandlerStop


async def _report(update: object, context: Context) -> None:
    """Log an exception, inform the user, and inform the owner of what only they can fix.

    If the user cannot be reached now, the update has to come again.
    """
    resources = context.resources
    if isinstance(context.error, Forbidden):
        log.info("no user is reached by an update: %s", context.error)
        return
    _log_failure(resources, context.error)
    if isinstance(update, Update) and update.effective_chat:
        user = update.effective_user
        say = words.speaking(user.language_code if user else None)
        try:
            await context.bot.send_message(update.effective_chat.id, say.text("broken"))
        except (BadRequest, Forbidden):  # The chat is gone, or accepts no messages.
            _log_failure(resources)
        except TelegramError as error:
            context.bot_data[UNHEARD] = error
            return
    if isinstance(context.error, PainterlyError):
        await inform_owner(context.bot, resources, f"{context.error}")


def _log_failure(resources: Resources, error: BaseException | None = None) -> None:
    """Log the traceback of an exception, or of the current one, without the token."""
    lines = traceback.format_exception(error) if error else [traceback.format_exc()]
    log.error("%s", "".join(lines).replace(resources.token, "<token>"))


class RetryingRequest(HTTPXRequest):
    """Repeats requests that Telegram defers (429) or loses (502), or that a connection loses.

    It stops at a deadline, a value of `time.monotonic`. A message may come twice, but not never.
    """

    def __init__(self, deadline: float) -> None:
        super().__init__(
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            media_write_timeout=_UPLOAD_S,
            httpx_kwargs=HTTPX_OPTIONS,
        )
        self._deadline = deadline

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        for pause in PAUSES_S:
            try:
                code, payload = await super().do_request(*args, **kwargs)
            except NetworkError as error:
                if time.monotonic() + pause > self._deadline:
                    raise
                log.info("Telegram: %s; retrying in %g s", error, pause)
            else:
                if code == 429:
                    pause = _retry_after(payload) or pause
                if code not in _PASSING or time.monotonic() + pause > self._deadline:
                    return code, payload
                log.info("Telegram answered %d; retrying in %g s", code, pause)
            await asyncio.sleep(pause)
        return await super().do_request(*args, **kwargs)


@contextlib.asynccontextmanager
async def connected(resources: Resources, seconds: float) -> AsyncIterator[_Application]:
    """Yield an application for one invocation, as its connections belong to one event loop.

    Its bot can send at once; `initialize`, which makes a request, is for handlers.

    Args:
        seconds: The time left to the invocation.

    Raises:
        ConfigError: Telegram refuses the token.
    """
    request = RetryingRequest(time.monotonic() + seconds)
    application = (
        Application.builder()
        .token(resources.token)
        .request(request)
        .get_updates_request(request)
        .context_types(CONTEXT)
        .updater(None)
        .job_queue(None)
        .build()
    )
    application.bot_data["resources"] = resources
    try:
        yield application
    except InvalidToken:  # Its message has the token in it.
        raise ConfigError(
            "Telegram refuses the bot's token; store the right one in TOKEN_PARAMETER"
        ) from None
    finally:
        await application.shutdown()
        await request.shutdown()


def _retry_after(payload: bytes) -> float:
    try:
        return float(json.loads(payload)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return 0.0
