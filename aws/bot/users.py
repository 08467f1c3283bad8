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
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, filters

from bot import buttons, words
from bot.buttons import PATTERNS
from bot.forget import forget_user
from bot.resources import Resources
from bot.updates import (
    Context,
    answer_button,
    arguments,
    edit,
    log,
    message_of,
    present,
    pressed,
    query_of,
    resources_of,
    user_of,
    words_for,
)
from bot.words import Words

COMMANDS = ("styles", "style", "size", "status", "cancel", "forget", "help")
OWNER_COMMANDS = ("users", "limit")


def add_user_handlers(application: Application) -> None:
    application.add_handler(CommandHandler("users", _users, filters.UpdateType.MESSAGE))
    application.add_handler(CommandHandler("limit", _limit, filters.UpdateType.MESSAGE))
    application.add_handler(CallbackQueryHandler(_admit, rf"{PATTERNS['admit']}\Z"))


async def turn_away(update: Update, bot: Bot, resources: Resources) -> None:
    """Answers a stranger, and asks the owner, once a day, whether to let them in. In groups,
    answers only commands to this bot."""
    query, user = update.callback_query, present(update.effective_user)
    text = words_for(update).text("stranger", user=user.id)
    if query:
        await answer_button(update, text, alert=True)
        return
    message = update.message
    if message is None:
        return
    if message.chat.type == Chat.PRIVATE:
        await message.reply_text(text)
        await _ask_owner(user, bot, resources)
    elif _is_command(message.text or "", bot.username):
        await message.reply_text(text)


def _is_command(text: str, name: str) -> bool:
    """Whether a text is a command, and not to another bot."""
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


async def _admit(update: Update, context: Context) -> None:
    """The owner has pressed a button under a stranger's name."""
    resources, query, say = resources_of(context), query_of(update), words_for(update)
    if user_of(update) != resources.owner:
        await answer_button(update, say.text("owner_only"), alert=True)
        return
    user = int(pressed(update)[0])
    await answer_button(update)
    if not present(query.data).startswith("allow"):
        await edit(update, say.text("ignored", user=user))
        return
    resources.table.allow(user)
    await edit(update, say.text("user_added", person=f"{user}"))
    try:
        await context.bot.send_message(user, words.speaking(None).text("let_in"))
    except TelegramError as error:
        log.info("%d could not be greeted: %s", user, error)


async def _users(update: Update, context: Context) -> None:
    resources, message, say = resources_of(context), message_of(update), words_for(update)
    if user_of(update) != resources.owner:
        await message.reply_text(say.text("owner_only"))
        return
    pattern = r"(list|(add|remove) +([1-9][0-9]{0,14})(?: +(.+))?)"
    found = re.fullmatch(pattern, arguments(context), re.IGNORECASE)
    if not found:
        await message.reply_text(say.text("users_usage"))
        return
    _, action, number, name = found.groups()
    action = (action or "").lower()
    for text in _change_users(say, resources, action, int(number or 0), name or ""):
        await message.reply_text(text)


def _change_users(say: Words, resources: Resources, action: str, user: int, name: str) -> list[str]:
    """Adds, removes or, with an empty action, lists users; returns the answers."""
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
        forget_user(user, resources)
        return [say.text("user_removed", user=user)]
    users = [(each.id, each.name) for each in table.users() if each.id != resources.owner]
    return say.users_list(users) if users else [say.text("users.none")]


def photos_per_day(resources: Resources) -> int:
    """The photos that each user may send per day, as the owner or else the stack says."""
    chosen = resources.table.limit()
    return resources.photos_per_day if chosen is None else chosen


def admits_photo(photo: Photo, user: int, resources: Resources) -> bool:
    """Counts a photo, once, as one of a user's photos of this day, in UTC. The owner, who pays, may
    send any number.

    Returns:
        Whether the photo may be painted; one too many is not counted.
    """
    limit = photos_per_day(resources)
    return user == resources.owner or resources.table.count_photo(photo, user, limit)


async def _limit(update: Update, context: Context) -> None:
    resources, say, given = resources_of(context), words_for(update), arguments(context)
    if user_of(update) != resources.owner:
        text = say.text("owner_only")
    elif not given:
        text = say.photos("limit.now", photos_per_day(resources))
    elif not re.fullmatch(r"[0-9]{1,4}", given):
        text = say.text("limit.usage")
    else:
        resources.table.set_limit(int(given))
        text = say.photos("limit.is", int(given))
    await message_of(update).reply_text(text)


async def publish_menus(bot: Bot, owner: int) -> None:
    """Sets the menus of all users and of the owner, who has written to the bot before. Raises
    TelegramError."""
    await _set_menu(bot, COMMANDS, BotCommandScopeDefault())
    await _set_menu(bot, COMMANDS + OWNER_COMMANDS, BotCommandScopeChat(owner))


async def _set_menu(bot: Bot, names: tuple[str, ...], scope: BotCommandScope) -> None:
    for language in words.LANGUAGES:
        say = words.speaking(language)
        commands = [BotCommand(name, say.text(f"menu.{name}")) for name in names]
        # A menu without a code is for all languages without a menu.
        code = None if language == words.LANGUAGES[0] else language
        await bot.set_my_commands(commands, scope=scope, language_code=code)
