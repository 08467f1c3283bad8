"""Commands and buttons: help, sizes, what becomes of a photo, and its painting again.

Under a result, buttons paint its photo again: in another style, closer to itself or to the
painting, in finer or larger strokes.
"""

import hashlib
import json
import logging
from dataclasses import asdict, replace

from contract import LARGEST_SIDE, Wish
from telegram import Update
from telegram.error import TelegramError

from bot import requests, styles, users, words
from bot.context import Context, Refusal
from bot.requests import RUNNING, Request
from bot.resources import PASSING
from painterly.errors import ConfigError
from painterly.settings import settings
from painterly.settings.settings import Settings
from painterly.storage.document import BusyError

STEP, LOWEST, HIGHEST = 0.15, 0.05, 0.95  # changes and limits of `strength`
STROKE_SIZES = (0.25, 0.4, 0.63, 1.0, 1.6, 2.5, 4.0)

log = logging.getLogger(__name__)


async def start(_: Update, context: Context) -> None:
    await context.send(context.say.text("welcome"))
    if context.user == context.resources.owner:
        try:
            await users.publish_menus(context.bot, context.user)
        except TelegramError as error:  # The commands work without menus.
            log.warning("the menus could not be set: %s", error)


async def show_help(_: Update, context: Context) -> None:
    """Show the current style, with the text as its caption."""
    resources = context.resources
    choice = styles.chosen(styles.offered(context), context.member.wish)
    style = choice.label(context.say.language) if choice else None
    text = context.say.help_text(style, context.size, resources.keep_days)
    picture = styles.thumbnail(choice, resources) if choice else None
    if picture:
        await context.message.reply_photo(picture, caption=text, filename="style.jpg")
    else:
        await context.send(text)


async def choose_size(_: Update, context: Context) -> None:
    text, say = context.argument, context.say
    if not text:
        await context.send(say.pick_size(context.size), say.size_buttons())
        return
    try:
        size: int | str = settings.parse("size", text.lower().removesuffix("px").strip())
    except ConfigError:
        raise Refusal(say.size_wrong(text)) from None
    if isinstance(size, int) and size > LARGEST_SIDE:
        raise Refusal(say.size_wrong(text))
    context.choose(size=size)
    await context.send(say.size_is(size))


async def pick_size(_: Update, context: Context) -> None:
    size = settings.parse("size", context.pressed[1])
    context.choose(size=size)
    await context.answer_button()
    await context.edit(context.say.size_is(size))


async def show_status(_: Update, context: Context) -> None:
    resources, say = context.resources, context.say
    queue = requests.queue(resources)
    queued = [waiting for waiting in queue if waiting.user == context.user]
    mine = list(requests.opened(queued, resources))
    waiting = [
        requests.queue_position(request.created, queue)
        for request in mine
        if request.status != RUNNING
    ]
    choice = styles.chosen(styles.offered(context), context.member.wish)
    style = choice.label(context.say.language) if choice else None
    text = say.status(waiting, len(mine) - len(waiting), style, context.size)
    if waiting:
        text += f"\n{say.minutes(requests.minutes_left(waiting[0], queue, resources))}"
    await context.send(text)


async def cancel(_: Update, context: Context) -> None:
    """Cancel all photos, or, in reply to a photo or to a message about it, only that photo."""
    resources, message, say = context.resources, context.message, context.say
    original = message.reply_to_message
    # In a topic of a group, a message that replies to no other "replies" to the topic's creation.
    if original is None or original.forum_topic_created:
        count = requests.cancel(context.user, resources)
        nothing = "nothing_to_cancel"
    else:
        # A message of the bot comes with its buttons, but without the photo that it replies to.
        tokens, chat = words.requests_of(original.reply_markup), message.chat_id
        queue = requests.queue(resources)
        near = [queued for queued in queue if queued.chat == chat or queued.token in tokens]
        meant = [
            request
            for request in requests.opened(near, resources)
            if request.photo.token in tokens
            or (request.photo.chat, request.photo.message) == (chat, original.message_id)
        ]
        mine = [request for request in meant if request.user == context.user]
        count = sum(requests.cancel_request(request, resources) for request in mine)
        nothing = "not_yours" if meant and not mine else "not_waiting"
    await context.reply(say.photos("cancelled", count) if count else say.text(nothing))


async def cancel_one(_: Update, context: Context) -> None:
    request = requests.find(context.pressed[1], context.resources)
    if request and request.user != context.user:
        raise context.refusal("not_yours")
    if request is None or not requests.cancel_request(request, context.resources):
        raise context.refusal("not_waiting")
    await context.answer_button()
    await context.edit(context.say.photos("cancelled", 1))


async def ask_to_forget(_: Update, context: Context) -> None:
    await context.send(context.say.text("forget.ask"), context.say.forget_buttons(context.user))


async def forget(_: Update, context: Context) -> None:
    """Delete a user's data, as they ask for themselves, or the owner, who removes them."""
    say, resources = context.say, context.resources
    action, user = context.pressed[0], int(context.pressed[1])
    if context.user not in (user, resources.owner):
        raise context.refusal("button_gone")
    await context.answer_button()
    text = say.text("forget.kept")
    if action == "forget":
        text = say.text("forget.done")
        if context.user != user:
            users.disallow(user, resources)
            text = say.text("user_removed", user=user)
        users.forget_user(user, resources)
    await context.edit(text)


async def offer_styles(_: Update, context: Context) -> None:
    _action, token, page = context.pressed
    _own_request(context, token)
    await context.answer_button()
    await styles.show_page(context, int(page), token)


async def repaint_in_style(_: Update, context: Context) -> None:
    _action, token, style = context.pressed
    request = _own_request(context, token)
    picked = styles.pressed(context, styles.offered(context), style)
    wish = replace(request.wish, prefix=picked.prefix, style=picked.name)
    await _repaint(context, request, wish, picked.label(context.say.language))


async def repaint_with_change(_: Update, context: Context) -> None:
    button, token = context.pressed
    request = _own_request(context, token)
    choice = styles.wished(request.wish, context.resources)
    if choice is None:
        raise context.refusal("style_gone")
    wish = _changed(button, request.wish, choice.style.settings.replaced(request.wish.asked))
    if wish is None:
        raise context.refusal("again.limit")
    await _repaint(context, request, wish, choice.label(context.say.language))


def _changed(button: str, wish: Wish, settings: Settings) -> Wish | None:
    """Return the wish of a button under a result with these settings.

    Returns None if the value is at its limit.
    """
    if button in words.STRENGTHS:
        strength = round(settings.strength + (STEP if button == "stronger" else -STEP), 2)
        return replace(wish, strength=strength) if LOWEST <= strength <= HIGHEST else None
    size = settings.stroke_size
    larger = [other for other in STROKE_SIZES if other > size]
    finer = [other for other in STROKE_SIZES if other < size]
    next_size = larger[:1] if button == "larger" else finer[-1:]
    return replace(wish, stroke_size=next_size[0]) if next_size else None


def _own_request(context: Context, token: str) -> Request:
    """Return the user's request with a token. Raises Refusal if it or its photo is gone."""
    request = requests.find(token, context.resources)
    if request and request.user != context.user:
        raise context.refusal("not_yours")
    if request is None or context.resources.bucket.find(request.photo.key) is None:
        raise context.refusal("again.gone")
    return request


async def _repaint(context: Context, request: Request, wish: Wish, style: str) -> None:
    """Have the photo of a request painted again, unless that very wish waits already.

    The second of two quick presses finds the wish reserved by the first.
    """
    # Without the file, which has another name each time.
    wished = hashlib.sha256(json.dumps(asdict(wish)).encode()).hexdigest()[:16]
    key = f"{PASSING}/again/{request.photo.chat}/{request.photo.message}/{wished}.json"
    try:
        with context.resources.claimed(key):
            again = _placed_again(context, request, wish)
    except BusyError:
        raise context.refusal("again.waiting") from None
    position, minutes = requests.outlook(again, context.resources)
    text = context.say.accepted("again.accepted", style, position, minutes)
    await context.answer_button()
    # The message with the styles has served its purpose; a result stays.
    answer = context.edit if context.pressed[0] == "again" else context.reply
    await answer(text, context.say.cancel_button(again.photo.token))


def _placed_again(context: Context, request: Request, wish: Wish) -> Request:
    resources, photo = context.resources, request.photo
    queued = requests.queue(resources, user=request.user, chat=photo.chat)
    for other in requests.opened(queued, resources):
        if other.photo.message == photo.message and other.wish == wish:
            raise context.refusal("again.waiting")
    data = resources.bucket.read(photo.key)
    again = Request(requests.renewed(photo), request.user, wish, context.say.language)
    users.count_photo(again.photo, context)
    return requests.place(again, data, resources)


async def unknown_button(_: Update, context: Context) -> None:
    raise context.refusal("button_gone")


async def unknown(_: Update, context: Context) -> None:
    await context.send(context.say.text("unknown"))
