"""Users and their rights: strangers ask, and the owner decides who may use the bot, and how many
photos each user may send per day. The owner's menu of commands has more than the others'."""

import re

from layout import Photo
from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeChat,
    BotCommandScopeDefault,
    Chat,
    Update,
    User,
)
from telegram.error import TelegramError

from bot import buttons, orders, words
from bot.resources import Resources
from bot.updates import Context, log, present
from bot.words import Words

COMMANDS = ("styles", "style", "size", "status", "cancel", "forget", "help")
OWNER_COMMANDS = ("users", "limit")


async def turn_away(context: Context) -> None:
    """Answer a stranger, and ask the owner, once a day, whether to let them in.

    In groups, only commands to this bot are answered.
    """
    text, message = context.say.text("stranger", user=context.user), context.received.message
    if context.received.callback_query:
        await context.answer_button(text, alert=True)
    elif message and message.chat.type == Chat.PRIVATE:
        await message.reply_text(text)
        await _ask_owner(present(context.received.effective_user), context.bot, context.resources)
    elif message and _is_command(message.text or "", context.bot.username):
        await message.reply_text(text)


def _is_command(text: str, name: str) -> bool:
    """Return whether a text is a command, and not to another bot."""
    command, _, addressed = text.partition(" ")[0].partition("@")
    return command.startswith("/") and addressed.lower() in ("", name.lower())


async def _ask_owner(user: User, bot: Bot, resources: Resources) -> None:
    if not resources.table.may_ask(resources.pseudonym(user.id)):
        return
    say = words.speaking(resources.table.user(resources.owner).language)
    name = f"{user.full_name} @{user.username}" if user.username else user.full_name
    text = say.text("asks", person=words.person(user.id, name))
    try:
        await bot.send_message(resources.owner, text, reply_markup=buttons.admit(say, user.id))
    except TelegramError as error:  # The stranger has been answered; the number is in the answer.
        log.warning("the owner could not be asked: %s", error)


async def admit(_: Update, context: Context) -> None:
    """Let a stranger in, or not, as the owner's button says."""
    say = context.say
    if context.user != context.resources.owner:
        await context.refuse_button("owner_only")
        return
    action, user = context.pressed[0], int(context.pressed[1])
    await context.answer_button()
    if action != "allow":
        await context.edit(say.text("ignored", user=user))
        return
    context.resources.table.allow(user)
    await context.edit(say.text("user_added", person=f"{user}"))
    try:
        await context.bot.send_message(user, words.speaking(None).text("let_in"))
    except TelegramError as error:
        log.info("%d could not be greeted: %s", user, error)


async def manage_users(_: Update, context: Context) -> None:
    say = context.say
    pattern = r"(list|(add|remove) +([1-9][0-9]{0,14})(?: +(.+))?)"
    found = re.fullmatch(pattern, context.argument, re.IGNORECASE)
    if context.user != context.resources.owner:
        await context.send(say.text("owner_only"))
    elif not found:
        await context.send(say.text("users_usage"))
    else:
        _list, action, number, name = found.groups()
        action, user = (action or "").lower(), int(number or 0)
        for text in _change_users(say, context.resources, action, user, name or ""):
            await context.send(text)


def _change_users(say: Words, resources: Resources, action: str, user: int, name: str) -> list[str]:
    """Add, remove or, with an empty action, list users, and return the answers."""
    table = resources.table
    if action and user == resources.owner:
        return [say.text("owner_stays")]
    if action == "add":
        table.allow(user, name)
        return [say.text("user_added", person=words.person(user, name))]
    if action == "remove":
        if not table.user(user).allowed:
            return [say.text("user_unknown", user=user)]
        table.forget(user)  # First, so that nothing new comes in.
        orders.forget_user(user, resources)
        return [say.text("user_removed", user=user)]
    users = [(known.id, known.name) for known in table.users() if known.id != resources.owner]
    return say.users_list(users) if users else [say.text("users.none")]


def photos_per_day(resources: Resources) -> int:
    """Return the photos that each user may send per day, as the owner or else the stack says."""
    chosen = resources.table.limit()
    return resources.photos_per_day if chosen is None else chosen


def admits_photo(photo: Photo, user: int, resources: Resources) -> bool:
    """Count a photo, once, as one of a user's photos of this day, in UTC.

    Returns:
        Whether the photo may be painted; one too many is not counted. The owner has no limit.
    """
    limit = photos_per_day(resources)
    return user == resources.owner or resources.table.count_photo(photo, user, limit)


async def set_limit(_: Update, context: Context) -> None:
    resources, say, given = context.resources, context.say, context.argument
    if context.user != resources.owner:
        text = say.text("owner_only")
    elif not given:
        text = say.photos("limit.now", photos_per_day(resources))
    elif not re.fullmatch(r"[0-9]{1,4}", given):
        text = say.text("limit.usage")
    else:
        resources.table.set_limit(int(given))
        text = say.photos("limit.is", int(given))
    await context.send(text)


async def publish_menus(bot: Bot, owner: int) -> None:
    """Set the menus of all users and of the owner, who has written to the bot before.

    Raises TelegramError.
    """
    await _set_menu(bot, COMMANDS, BotCommandScopeDefault())
    await _set_menu(bot, COMMANDS + OWNER_COMMANDS, BotCommandScopeChat(owner))


async def _set_menu(bot: Bot, names: tuple[str, ...], scope: BotCommandScope) -> None:
    for language in words.LANGUAGES:
        say = words.speaking(language)
        commands = [BotCommand(name, say.text(f"menu.{name}")) for name in names]
        # A menu without a code is for all languages without a menu.
        code = None if language == words.LANGUAGES[0] else language
        await bot.set_my_commands(commands, scope=scope, language_code=code)
