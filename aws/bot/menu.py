"""The menu of commands that Telegram shows, in every language; the owner's has more."""

from telegram import Bot, BotCommand, BotCommandScope, BotCommandScopeChat, BotCommandScopeDefault

from bot import words

COMMANDS = ("styles", "style", "size", "status", "cancel", "forget", "help")
FOR_OWNER = ("users", "limit")


async def publish(bot: Bot, owner: int) -> None:
    """Sets the menus of all users and of the owner, who has written to the bot before. Raises
    TelegramError."""
    await _set(bot, COMMANDS, BotCommandScopeDefault())
    await _set(bot, COMMANDS + FOR_OWNER, BotCommandScopeChat(owner))


async def _set(bot: Bot, names: tuple[str, ...], scope: BotCommandScope) -> None:
    for language in words.LANGUAGES:
        say = words.speaking(language)
        commands = [BotCommand(name, say.text(f"menu.{name}")) for name in names]
        # Without a code: for all languages that have no menu of their own.
        code = None if language == words.LANGUAGES[0] else language
        await bot.set_my_commands(commands, scope=scope, language_code=code)
