"""Users and their rights: strangers ask, and the owner decides who may use the bot, and how many
photos each user may send per day. The owner's menu of commands has more than the others'. Who
leaves is forgotten."""

import logging
import math
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import contract
from contract import Photo
from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeChat,
    BotCommandScopeDefault,
    Chat,
    Update,
)
from telegram.error import TelegramError

from bot import requests, words
from bot.context import USERS, Context, Refusal, User, change_user, find_user, present
from bot.resources import DAY_S, PASSING, Resources
from painterly.storage.document import Document
from painterly.words.texts import DEFAULT, LANGUAGES

COMMANDS = ("styles", "style", "size", "status", "cancel", "forget", "help")
OWNER_COMMANDS = ("users", "limit")
LIMIT = f"{contract.STATE}/limit.json"
PER_MESSAGE = 50  # users; Telegram takes 100 buttons
ASKS_A_DAY = 10  # in all; about each stranger once
# Requests: a month of photos is thousands of keys, and Telegram waits for half a minute.
AT_ONCE = 8

log = logging.getLogger(__name__)


async def turn_away(context: Context) -> None:
    """Answer a stranger, and ask the owner, once a day, whether to let them in.

    In groups, only commands to this bot are answered.
    """
    message = context.received.message
    text = context.say.text("stranger")
    if message and message.sender_chat:
        text = context.say.text("anonymous")
    if context.received.callback_query:
        await context.answer_button(text, alert=True)
    elif message and message.chat.type == Chat.PRIVATE:
        await message.reply_text(text)
        await _ask_owner(context)
    elif message and _addressed(message.text or "") in ("", context.bot.username.lower()):
        await message.reply_text(text)


def is_to_another(text: str, name: str) -> bool:
    """Return whether a text is a command to another bot than that of a name."""
    return _addressed(text) not in (None, "", name.lower())


def _addressed(text: str) -> str | None:
    """Return the name of the bot that a command is addressed to, in lower case, empty if it names
    none; None for any other text."""
    command, _, name = (text.split() or [""])[0].partition("@")
    return name.lower() if command.startswith("/") else None


async def _ask_owner(context: Context) -> None:
    resources, stranger = context.resources, present(context.received.effective_user)
    if not _may_ask(resources.pseudonym(stranger.id), resources):
        return
    say = words.speaking(find_user(resources.owner, resources).language)
    name = stranger.full_name
    name = f"{name} @{stranger.username}" if stranger.username else name
    text = say.text("asks", person=words.person(stranger.id, name))
    try:
        await context.bot.send_message(
            resources.owner, text, reply_markup=say.admit_buttons(stranger.id)
        )
    except TelegramError as error:  # The stranger has been answered.
        log.warning("the owner could not be asked: %s", error)


def _may_ask(pseudonym: str, resources: Resources) -> bool:
    def asked(document: Document) -> Document | None:
        strangers = document.get("strangers", [])
        if pseudonym in strangers or len(strangers) >= ASKS_A_DAY:
            return None
        return {"strangers": [*strangers, pseudonym]}

    key = f"{PASSING}/asks/{_today()}.json"
    return resources.change(key, asked) is not None


def _check_owner(context: Context) -> None:
    if context.user != context.resources.owner:
        raise context.refusal("owner_only")


async def admit(_: Update, context: Context) -> None:
    """Let a stranger in, or not, as the owner's button says."""
    _check_owner(context)
    say, action, user = context.say, context.pressed[0], int(context.pressed[1])
    await context.answer_button()
    if action != "allow":
        await context.edit(say.text("ignored", user=user))
        return
    change_user(user, context.resources, lambda known: replace(known, allowed=True))
    await context.edit(say.text("user_added", person=f"{user}"))
    try:
        await context.bot.send_message(user, words.speaking(None).text("let_in"))
    except TelegramError as error:
        log.info("%d could not be greeted: %s", user, error)


async def show_users(_: Update, context: Context) -> None:
    """Show the owner all users, each on a button that removes them."""
    _check_owner(context)
    say, users = context.say, _allowed_users(context.resources)
    if not users:
        await context.send(say.text("users.none"))
    for start in range(0, len(users), PER_MESSAGE):
        part = users[start : start + PER_MESSAGE]
        await context.send(say.text("users.list"), words.users_buttons(part))


async def ask_to_remove(_: Update, context: Context) -> None:
    _check_owner(context)
    user = int(context.pressed[1])
    await context.answer_button()
    person = words.person(user, find_user(user, context.resources).name)
    text = context.say.text("users.ask", person=person)
    await context.send(text, context.say.forget_buttons(user))


def disallow(user: int, resources: Resources) -> None:
    """Keep a user out."""
    change_user(user, resources, lambda known: replace(known, allowed=False))


def _allowed_users(resources: Resources) -> list[tuple[int, str]]:
    documents = [resources.load(entry.key) for entry in resources.bucket.list(f"{USERS}/")]
    users = [
        (document["id"], document.get("name", ""))
        for document in documents
        if document and document.get("allowed") and document["id"] != resources.owner
    ]
    return sorted(users)


def forget_user(user: int, resources: Resources) -> None:
    """Cancel a user's requests, and delete all of their data.

    These are choices, and the photos, results, requests and paintings of the private chat, which
    has the user's number; in groups photos, results and requests. A user who is allowed stays
    allowed, and their photos of this day stay counted. Any other user is deleted.
    """
    requests.cancel(user, resources)
    known = find_user(user, resources)
    prefixes = (contract.PHOTOS, contract.RESULTS, contract.OWN_STYLES, contract.REQUESTS)
    keys = [each.key for start in prefixes for each in resources.bucket.list(f"{start}/{user}/")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for chat in known.groups:
            keys += _keys_in_group(user, chat, resources, pool)
        # A list reads all answers, and so raises the error of a deletion.
        list(pool.map(resources.bucket.delete, keys))
    if not known.allowed:
        resources.bucket.delete(known.key)
        return

    def emptied(last: User) -> User:
        # The next /forget finds photos that another invocation has just stored.
        groups = () if last == known else last.groups
        return User(user, last.allowed, day=last.day, photos=last.photos, groups=groups)

    change_user(user, resources, emptied)


def _keys_in_group(
    user: int, chat: int, resources: Resources, pool: ThreadPoolExecutor
) -> list[str]:
    """Return the keys in a group of a user's requests, and of their photos and results."""
    bucket, keys = resources.bucket, []
    results = [entry.key for entry in bucket.list(f"{contract.result_prefix(chat)}/")]
    stored = [entry.key for entry in bucket.list(f"{contract.REQUESTS}/{chat}/")]
    for document in pool.map(resources.load, stored):
        if document and document.get("user") == user:
            photo = requests.Request.of(document).photo
            keys += [photo.request_key, photo.key]
            keys += [key for key in results if f"/{photo.stem}." in key]
    return keys


def photos_per_day(resources: Resources) -> int:
    """Return the photos that each user may send per day, as the owner or else the stack says."""
    limit = resources.load(LIMIT)
    return int(limit["photos"]) if limit else resources.photos_per_day


def count_photo(photo: Photo, context: Context) -> None:
    """Count a photo, once, as one of its user's photos of this day, in UTC.

    Raises Refusal if the user may send no more; the owner has no limit.
    """
    resources, limit = context.resources, photos_per_day(context.resources)
    most = math.inf if context.user == resources.owner else limit

    def counted(known: User) -> User | None:
        photos = known.photos if known.day == _today() else ()
        if most < 1 or (photo.token not in photos and len(photos) >= most):
            return None
        photos = tuple(dict.fromkeys((*photos, photo.token)))
        return replace(known, day=_today(), photos=photos).in_group(photo.chat)

    if change_user(context.user, resources, counted) is None:
        raise Refusal(context.say.photos("limit.reached", limit))


def _today() -> int:
    return int(time.time()) // DAY_S


async def set_limit(_: Update, context: Context) -> None:
    _check_owner(context)
    resources, say, number = context.resources, context.say, context.argument
    if not number:
        await context.send(say.photos("limit.now", photos_per_day(resources)))
        return
    if not re.fullmatch(r"[0-9]{1,4}", number):
        raise context.refusal("limit.usage")
    resources.change(LIMIT, lambda _: {"photos": int(number)})
    await context.send(say.photos("limit.is", int(number)))


async def publish_menus(bot: Bot, owner: int) -> None:
    """Set the menus of all users and of the owner, who has written to the bot before.

    Raises TelegramError.
    """
    await _set_menu(bot, COMMANDS, BotCommandScopeDefault())
    await _set_menu(bot, COMMANDS + OWNER_COMMANDS, BotCommandScopeChat(owner))


async def _set_menu(bot: Bot, names: tuple[str, ...], scope: BotCommandScope) -> None:
    for language in LANGUAGES:
        say = words.speaking(language)
        commands = [BotCommand(name, say.text(f"menu.{name}")) for name in names]
        # A menu without a code is for all languages without a menu.
        code = None if language == DEFAULT else language
        await bot.set_my_commands(commands, scope=scope, language_code=code)
