"""How many photos each user may send per day: /limit, by which the owner says so, and the count."""

import re

from layout import Photo
from telegram import Update
from telegram.ext import Application, CommandHandler, filters

from bot.resources import Resources
from bot.updates import Context, arguments, message_of, resources_of, user_of, words_for


def add_limit_command(application: Application) -> None:
    application.add_handler(CommandHandler("limit", _limit, filters.UpdateType.MESSAGE))


def per_day(resources: Resources) -> int:
    """The photos a day that each user may send: the owner's last choice, or the stack's."""
    chosen = resources.table.limit()
    return resources.photos_per_day if chosen is None else chosen


def admits(photo: Photo, user: int, resources: Resources) -> bool:
    """Counts a photo, once, as one of its user's of this day, in UTC; False, and not counted, if
    there have been too many. The owner, who pays, may send any number."""
    return user == resources.owner or resources.table.count_photo(photo, user, per_day(resources))


async def _limit(update: Update, context: Context) -> None:
    resources, say, given = resources_of(context), words_for(update), arguments(context)
    if user_of(update) != resources.owner:
        text = say.text("owner_only")
    elif not given:
        text = say.photos("limit.now", per_day(resources))
    elif not re.fullmatch(r"[0-9]{1,4}", given):
        text = say.text("limit.usage")
    else:
        resources.table.set_limit(int(given))
        text = say.photos("limit.is", int(given))
    await message_of(update).reply_text(text)
