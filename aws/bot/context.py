"""The context of an update: its user, with what is stored of them, and ways to answer."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from contract import STATE, Photo, Wish, known_fields
from telegram import (
    Bot,
    CallbackQuery,
    Chat,
    InlineKeyboardMarkup,
    Message,
    ReplyParameters,
    Update,
)
from telegram.error import BadRequest, TelegramError
from telegram.ext import CallbackContext, ContextTypes

from bot.resources import Resources, album_key
from bot.words import Words, speaking
from painterly.storage.document import Document

USERS = f"{STATE}/users"
Part = TypeVar("Part")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class User:
    """A user, as stored."""

    id: int  # the number of their Telegram user
    allowed: bool = False  # whether they may use the bot
    name: str = ""  # their name, as Telegram or the owner gives it
    language: str = ""  # the language of the last answer
    wish: Wish = field(default_factory=Wish)  # their last choices
    day: int = 0  # the day, in days since 1970 in UTC, that `photos` belongs to
    photos: Sequence[str] = ()  # the tokens of the photos of that day, which is limited
    groups: Sequence[int] = ()  # the groups that they gave photos to

    @property
    def key(self) -> str:
        return f"{USERS}/{self.id}.json"

    def in_group(self, chat: int) -> "User":
        """Return the user with a chat among their groups, if it is one."""
        known = chat in (self.id, *self.groups)
        return self if known else replace(self, groups=(*self.groups, chat))

    @classmethod
    def of(cls, document: Document) -> "User":
        return cls(**known_fields(cls, document) | {"wish": Wish.of(document["wish"])})


def find_user(user: int, resources: Resources) -> User:
    """Return a user, who is not allowed if unknown."""
    document = resources.load(User(user).key)
    return User.of(document) if document else User(user)


def change_user(
    user: int, resources: Resources, decide: Callable[[User], User | None]
) -> User | None:
    """Change what is stored of a user, as `Resources.change` does."""

    def changed(document: Document) -> Document | None:
        next_user = decide(User.of(document) if document else User(user))
        return asdict(next_user) if next_user else None

    stored = resources.change(User(user).key, changed)
    return User.of(stored) if stored else None


def present(part: Part | None) -> Part:
    """Return a part that Telegram sends with every update of this kind, or raise ValueError."""
    if part is None:
        raise ValueError("the update lacks a part that its handler needs")
    return part


@dataclass(eq=False)  # Exceptions are compared by identity.
class Refusal(Exception):  # noqa: N818 – an answer
    """A wish that is not fulfilled, with the answer to its user."""

    text: str  # the answer
    private: bool = False  # whether groups get no answer


class Context(CallbackContext[Bot, dict[Any, Any], dict[Any, Any], dict[Any, Any]]):
    """The context that a handler gets with its update.

    Attributes:
        received: The update.
        member: What was stored of its user when it came.
    """

    received: Update
    member: User

    @classmethod
    def from_update(cls, update: Any, application: Any) -> "Context":
        context = super().from_update(update, application)
        context.received = update
        return context

    @property
    def resources(self) -> Resources:
        resources: Resources = self.bot_data["resources"]
        return resources

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

    @property
    def size(self) -> int | str:
        """The size that the user has chosen, or else the stack's."""
        return self.member.wish.size or self.resources.size

    def choose(self, **choices: Any) -> None:
        """Store choices of the user: fields of their wish."""

        def chosen(user: User) -> User:
            return replace(user, wish=replace(user.wish, **choices))

        change_user(self.user, self.resources, chosen)

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

    def refusal(self, key: str) -> Refusal:
        """Return the refusal with the text of a key."""
        return Refusal(self.say.text(key))

    async def refuse(self, refusal: Refusal) -> None:
        """Answer the button, until the answer is closed, or reply to the message."""
        if self.received.callback_query:
            await self.answer_button(refusal.text, alert=True)
        elif self.message.chat.type == Chat.PRIVATE or not refusal.private:
            await self.reply_once(refusal.text)

    async def reply_once(self, text: str) -> None:
        """Reply to the message. The pictures of an album come in several updates: one of them gets
        the reply of a text."""
        album = self.message.media_group_id
        if not album or self.resources.once(album_key(self.chat, album), text):
            await self.reply(text)

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


async def inform_owner(bot: Bot, resources: Resources, facts: str) -> None:
    """Send the owner facts that only they can act on. The log has them as well."""
    try:
        language = find_user(resources.owner, resources).language
    except Exception:  # The facts may be about this very error.
        language = ""
    try:
        await bot.send_message(resources.owner, speaking(language).for_owner(facts))
    except TelegramError as error:
        log.warning("no message to the owner: %s", error)


def beside(photo: Photo) -> ReplyParameters:
    """Return what makes a message a reply to a photo, or just a message if that was deleted."""
    return ReplyParameters(photo.message, allow_sending_without_reply=True)


async def show_action(bot: Bot, chat: int, action: str) -> None:
    """Show for some seconds that the bot is typing, or another action of telegram.ChatAction."""
    try:
        await bot.send_chat_action(chat, action)
    except TelegramError as error:  # The message itself matters more.
        log.info("no action shown: %s", error)
