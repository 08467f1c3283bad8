"""The parts of an update that are there for its handler, whatever their types say."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from telegram import Bot, CallbackQuery, Chat, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest, ChatMigrated, TelegramError
from telegram.ext import ContextTypes

from bot import words
from bot.resources import Resources
from bot.words import Words

Part = TypeVar("Part")
Context = ContextTypes.DEFAULT_TYPE

log = logging.getLogger(__name__)


def present(part: Part | None) -> Part:
    """A part that Telegram sends with every update of this kind. Raises ValueError without it."""
    if part is None:
        raise ValueError("the update lacks a part that its handler needs")
    return part


def message_of(update: Update) -> Message:
    """The message that came in, or the message of the button that was pressed."""
    return present(update.effective_message)


def query_of(update: Update) -> CallbackQuery:
    """The button that was pressed."""
    return present(update.callback_query)


def pressed(update: Update) -> list[str]:
    """The parts of the data of the button that was pressed, without what it does."""
    return present(query_of(update).data).split(":")[1:]


def user_of(update: Update) -> int:
    """The id of the user who sent it."""
    return present(update.effective_user).id


def chat_of(update: Update) -> int:
    """The id of the chat it came from."""
    return present(update.effective_chat).id


def words_for(update: Update) -> Words:
    """The texts in the language of the user who sent it."""
    return words.speaking(present(update.effective_user).language_code)


def resources_of(context: Context) -> Resources:
    resources: Resources = context.bot_data["resources"]
    return resources


def arguments(context: Context) -> str:
    """The text after a command."""
    return " ".join(context.args or ())


async def reply(message: Message, text: str, buttons: InlineKeyboardMarkup | None = None) -> None:
    """Replies to a message, unless that was deleted."""
    await message.reply_text(
        text, do_quote=True, allow_sending_without_reply=True, reply_markup=buttons
    )


async def answer_button(update: Update, text: str | None = None, *, alert: bool = False) -> None:
    """Answers the button that was pressed, so that it stops waiting.

    Telegram refuses an answer to a button that was pressed long ago, as after an outage. The
    bot acts nevertheless, and in a private chat an alert comes as a message.

    Args:
        update: The update of the button.
        text: A text to show for a moment.
        alert: Whether the text stays until it is closed.
    """
    try:
        await query_of(update).answer(text, show_alert=alert)
    except BadRequest as error:
        log.info("a button could not be answered: %s", error)
        chat = update.effective_chat
        if text and alert and chat and chat.type == Chat.PRIVATE:
            await query_of(update).get_bot().send_message(chat.id, text)


async def edit(update: Update, text: str, buttons: InlineKeyboardMarkup | None = None) -> None:
    """Edits the text or caption of the message whose button was pressed, unless it is too old,
    deleted, or has this text already."""
    message = query_of(update).message
    if not isinstance(message, Message):
        return
    try:
        if message.photo:
            await message.edit_caption(text, reply_markup=buttons)
        else:
            await message.edit_text(text, reply_markup=buttons)
    except BadRequest as error:
        log.info("a message could not be edited: %s", error)


async def deliver(chat: int, send: Callable[[int], Awaitable[None]]) -> None:
    """Calls `send` with the id of a chat; once more with the new one, if the chat is a group that
    has become a supergroup."""
    try:
        await send(chat)
    except ChatMigrated as moved:
        await send(moved.new_chat_id)


async def show_action(bot: Bot, chat: int, action: str) -> None:
    """Shows for some seconds that the bot is typing, or whatever telegram.ChatAction names."""
    try:
        await bot.send_chat_action(chat, action)
    except TelegramError as error:  # The message itself matters more.
        log.info("no action shown: %s", error)
