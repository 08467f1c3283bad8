"""The parts of an update that are there for its handler, whatever their types say."""

from typing import TypeVar

from telegram import CallbackQuery, Message, Update

from bot import words
from bot.words import Words

Part = TypeVar("Part")


def present(part: Part | None) -> Part:
    """A part that Telegram sends with every update of this kind. Raises ValueError without it."""
    if part is None:
        raise ValueError("the update lacks a part that its handler needs")
    return part


def message_of(update: Update) -> Message:
    """The message that came in, or the one under which a button was pressed."""
    return present(update.effective_message)


def query_of(update: Update) -> CallbackQuery:
    """The button that was pressed."""
    return present(update.callback_query)


def user_of(update: Update) -> int:
    """The id of the user who sent it."""
    return present(update.effective_user).id


def chat_of(update: Update) -> int:
    """The id of the chat it came from."""
    return present(update.effective_chat).id


def words_for(update: Update) -> Words:
    """The texts in the language of the user who sent it."""
    return words.speaking(present(update.effective_user).language_code)
