"""The update that a handler answers: its parts, and ways to answer it."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from layout import Photo
from telegram import Bot, CallbackQuery, Chat, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError
from telegram.ext import CallbackContext, ContextTypes

from bot.items import Order
from bot.resources import Resources
from bot.words import Words, speaking

Part = TypeVar("Part")

log = logging.getLogger(__name__)


def present(part: Part | None) -> Part:
    """Return a part that Telegram sends with every update of this kind, or raise ValueError."""
    if part is None:
        raise ValueError("the update lacks a part that its handler needs")
    return part


class Context(CallbackContext[Bot, dict[Any, Any], dict[Any, Any], dict[Any, Any]]):
    """The context that a handler gets with its update."""

    received: Update

    @classmethod
    def from_update(cls, update: Any, application: Any) -> "Context":
        context = super().from_update(update, application)
        context.received = update
        return context

    @property
    def resources(self) -> Resources:
        found: Resources = self.bot_data["resources"]
        return found

    @property
    def message(self) -> Message:
        """The message that came in, or the message of the button that was pressed."""
        return present(self.received.effective_message)

    @property
    def user(self) -> int:
        """The id of the user who sent the update."""
        return present(self.received.effective_user).id

    @property
    def chat(self) -> int:
        """The id of the chat that the update comes from."""
        return present(self.received.effective_chat).id

    @property
    def say(self) -> Words:
        """The texts in the user's language."""
        return speaking(present(self.received.effective_user).language_code)

    @property
    def query(self) -> CallbackQuery:
        """The button that was pressed."""
        return present(self.received.callback_query)

    @property
    def pressed(self) -> list[str]:
        """The parts of the button's data: its action, and what the action is for."""
        return present(self.query.data).split(":")

    @property
    def argument(self) -> str:
        """The text after a command."""
        return " ".join(self.args or ())

    async def send(self, text: str, buttons: InlineKeyboardMarkup | None = None) -> None:
        """Send a message to the chat."""
        await self.message.reply_text(text, reply_markup=buttons)

    async def reply(self, text: str, buttons: InlineKeyboardMarkup | None = None) -> None:
        """Reply to the message, or only send the text if the message was deleted."""
        await self.message.reply_text(
            text, do_quote=True, allow_sending_without_reply=True, reply_markup=buttons
        )

    async def answer_button(self, text: str | None = None, *, alert: bool = False) -> None:
        """Answer the button that was pressed, so that it stops waiting.

        Telegram refuses an answer to a button that was pressed long ago, for example after an
        outage. The bot acts nevertheless, and in a private chat an alert comes as a message.

        Args:
            text: A text to show for a moment.
            alert: Whether the text stays until it is closed.
        """
        try:
            await self.query.answer(text, show_alert=alert)
        except BadRequest as error:
            log.info("a button could not be answered: %s", error)
            chat = self.received.effective_chat
            if text and alert and chat and chat.type == Chat.PRIVATE:
                await self.bot.send_message(chat.id, text)

    async def refuse_button(self, key: str) -> None:
        """Answer the button with the text of a key, which stays until it is closed."""
        await self.answer_button(self.say.text(key), alert=True)

    async def edit(self, text: str, buttons: InlineKeyboardMarkup | None = None) -> None:
        """Edit the text or caption of the button's message.

        Does nothing if the message is too old, deleted, or has this text already.
        """
        message = self.query.message
        if not isinstance(message, Message):
            return
        change = message.edit_caption if message.photo else message.edit_text
        try:
            await change(text, reply_markup=buttons)
        except BadRequest as error:
            log.info("a message could not be edited: %s", error)


CONTEXT = ContextTypes(Context, dict[Any, Any], dict[Any, Any], dict[Any, Any])


async def answer_photo(
    photo: Photo,
    status: str,
    over: Sequence[str],
    send: Callable[[Order, Words, int], Awaitable[None]],
    resources: Resources,
    seconds: float,
) -> Order | None:
    """Answer a photo in its chat, once.

    Args:
        photo: The photo.
        status: Its status after the answer.
        over: The statuses in which it gets no answer.
        send: Sends the answer to an order, in a language, to a chat. It is called again with the
            new chat if a group has become a supergroup.
        resources: The bot's.
        seconds: The time left to this invocation.

    Returns:
        The order, or None if its status is one of `over`.

    Raises:
        Exception: Telegram, Batch, storage or the table failed. The event has to come again.
    """
    order = resources.table.claim(photo, seconds, over=over)
    if order is None:
        return None
    try:
        say = speaking(resources.table.user(order.user).language)
        try:
            await send(order, say, photo.chat)
        except ChatMigrated as moved:
            await send(order, say, moved.new_chat_id)
    except Forbidden:
        log.info("chat %d no longer accepts messages", photo.chat)
    except BaseException:
        resources.table.release(photo)
        raise
    resources.table.close(photo, status)
    return order


async def inform_owner(bot: Bot, resources: Resources, facts: str) -> None:
    """Send the owner facts that only they can act on. The log has them as well."""
    try:
        say = speaking(resources.table.user(resources.owner).language)
        await bot.send_message(resources.owner, say.for_owner(facts))
    except TelegramError as error:
        log.warning("no message to the owner: %s", error)


async def show_action(bot: Bot, chat: int, action: str) -> None:
    """Show for some seconds that the bot is typing, or another action of telegram.ChatAction."""
    try:
        await bot.send_chat_action(chat, action)
    except TelegramError as error:  # The message itself matters more.
        log.info("no action shown: %s", error)
