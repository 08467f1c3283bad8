"""Pictures that come in: photos to be painted, previewed while they wait, and paintings."""

import logging
import os
import re
from dataclasses import replace

import contract
from contract import Photo, Wish
from PIL import Image
from telegram import Bot, Chat, Document, PhotoSize, Update
from telegram.constants import ChatAction
from telegram.error import BadRequest, TelegramError

from bot import requests, styles, telegram_pictures, users, words
from bot.context import Context, send_beside, show_action
from bot.requests import Request
from bot.resources import Resources
from bot.words import speaking
from painterly.errors import ConfigError, StorageError
from painterly.images import small
from painterly.orders.styles import Painting
from painterly.settings import bucket_layout
from painterly.storage.file_names import nfc
from painterly.words.wording import one_line

# The caption of a chat's painting: "style", "style Monet", "/style Monet", "/style@bot Monet".
PAINTING_CAPTION = re.compile(
    r"\s*(style|/style(@\w+)?)(\s+(?P<name>.*\S))?\s*", re.IGNORECASE | re.DOTALL
)
LONGEST_NAME = 60  # characters of the name of a chat's painting
PREVIEW_SIDE = 384  # px of the longer side; time and memory grow with its square
# Strokes enlarge the painting: at 1.6, its places take half of the time already.
LARGEST_STROKES = 1.6

log = logging.getLogger(__name__)


async def receive(_: Update, context: Context) -> None:
    """Handle a picture that comes in."""
    message, resources, say = context.message, context.resources, context.say
    if users.is_to_another(message.caption or "", context.bot.username):
        return
    album = message.media_group_id or ""
    # Telegram scales a photo to several sizes; the last is the largest.
    file = message.document or message.photo[-1]
    caption = PAINTING_CAPTION.fullmatch(message.caption or "")
    name = _plain_name(caption["name"] or "") if caption else ""
    if caption and album:  # Its other pictures have no caption, and may come before or after this.
        name = name or f"mine-{album}"
        key = requests.album_key(message.chat_id, album)
        resources.change(key, lambda document: {**document, "style": name}, likely_new=True)
    data = await _download(file, context)
    if data is None:
        return
    extension = telegram_pictures.file_type(data)
    if extension is None:
        await _refuse(context, "no_picture", say.kinds("no_picture"))
        return
    photo = Photo(message.chat_id, message.message_id, file.file_unique_id, extension)
    name = name or _album_style(photo.chat, album, resources)
    if not caption and not name:
        await _place_request(photo, data, context)
        return
    if telegram_pictures.is_damaged(data):
        await _reply_once(context, "damaged_painting", say.kinds("damaged_painting"))
        return
    name = name or f"mine-{photo.message}"
    _keep_painting(photo, context.user, album, name, data, resources)
    if caption:
        context.choose(prefix=contract.own_prefix(photo.chat), style=name)
        for request in requests.opened(requests.queue(resources, chat=photo.chat), resources):
            if album and request.album == album:  # It came before the caption.
                _adopt(request, name, resources)
        await context.reply(say.style("own_style", name))


async def _download(file: PhotoSize | Document, context: Context) -> bytes | None:
    """Download a file, whatever its name and type: only the content shows a picture. Return None,
    after a reply, if Telegram does not hand it over."""
    is_likely = not isinstance(file, Document) or _names_picture(file)
    if is_likely or context.message.chat.type == Chat.PRIVATE:
        await show_action(context.bot, context.chat, ChatAction.TYPING, context.topic)
    try:
        return bytes(await (await file.get_file()).download_as_bytearray())
    except BadRequest as error:
        log.warning("a file cannot be downloaded: %s", error)
        if not is_likely:
            await _refuse(context, "no_picture", context.say.kinds("no_picture"))
            return None
        reason = "too_large" if "too big" in error.message.lower() else "broken"
        await _refuse(context, reason, context.say.text(reason))
        return None


async def _refuse(context: Context, reason: str, text: str) -> None:
    """Answer a file that cannot be painted. Files in groups are for others, and get no answer."""
    if context.message.chat.type == Chat.PRIVATE:
        await _reply_once(context, reason, text)


async def _reply_once(context: Context, reason: str, text: str) -> None:
    """Reply to a picture. The pictures of an album come in several updates: one of them gets the
    reply for a reason."""
    album = context.message.media_group_id
    if not album or context.resources.once(requests.album_key(context.chat, album), reason):
        await context.reply(text)


def _names_picture(file: Document) -> bool:
    """Return whether a file's name or type is a picture's. Either may be wrong."""
    extension = f".{(file.file_name or '').rpartition('.')[2].lower()}"
    is_picture = extension in bucket_layout.PICTURE_EXTENSIONS
    return is_picture or (file.mime_type or "").startswith("image/")


async def _place_request(photo: Photo, data: bytes, context: Context) -> None:
    """Store a photo to be painted in its user's style, and acknowledge it."""
    user, message, resources = context.user, context.message, context.resources
    wish = context.member.wish
    choice = styles.chosen(styles.offered(context), wish)
    if choice is None:
        await _reply_once(context, "no_styles", context.say.text("no_styles"))
        return
    if not users.admits_photo(photo, user, resources):
        limit = users.photos_per_day(resources)
        await _reply_once(context, "limit", context.say.photos("limit.reached", limit))
        return
    wish = Wish(choice.prefix, choice.name, wish.size)
    album, spoiler = message.media_group_id or "", bool(message.has_media_spoiler)
    request = Request(
        photo,
        user,
        wish,
        context.say.language,
        album=album,
        spoiler=spoiler,
        topic=context.topic,
    )
    request = requests.place(request, data, resources)
    if name := _album_style(photo.chat, album, resources):
        _adopt(request, name, resources)  # The caption came while this was being stored.
        return
    if not request.is_open:
        log.info("%s came again, and waits no longer", photo.key)
        return
    try:
        await _acknowledge(request, choice.label(context.say.language), context)
    except (StorageError, TelegramError) as error:  # The photo is painted nevertheless.
        log.warning("%s could not be acknowledged: %s", photo.key, error)


async def _acknowledge(request: Request, style: str, context: Context) -> None:
    say = context.say
    position, minutes = requests.outlook(request, context.resources)
    if not request.album:
        text = say.accepted("accepted", style, position, minutes)
        await context.reply(text, say.cancel_button(request.photo.token))
    else:
        text = say.accepted("accepted_album", style, position, minutes)
        await _reply_once(context, "acknowledged", text)


def _album_style(chat: int, album: str, resources: Resources) -> str:
    """Return the name of the style that an album's pictures make, or an empty text for photos."""
    document = resources.load(requests.album_key(chat, album)) if album else None
    return (document or {}).get("style", "")


def _adopt(request: Request, name: str, resources: Resources) -> None:
    """Turn the photo of a request into one of the paintings of a chat's style."""
    photo = request.photo
    data = resources.bucket.read(photo.key) if resources.bucket.find(photo.key) else None
    if data and requests.cancel_request(request, resources):
        _keep_painting(photo, request.user, request.album, name, data, resources)


def _keep_painting(
    photo: Photo, user: int, album: str, name: str, data: bytes, resources: Resources
) -> None:
    """Store a chat's own painting, or one of several of a style that came as an album.

    Others of its name are deleted: monet.png and monet.jpg would be two styles.
    """
    style = f"{contract.own_prefix(photo.chat)}/{name}"
    stem = f"{style}/{album}-{photo.message}" if album else style
    key = f"{stem}.{photo.extension}"
    if photo.chat != user:  # For /forget, which finds one's private chat by its number.
        users.note_giver(key, photo.chat, user, resources)
    resources.bucket.write(key, data)
    same_album = f"{style}/{album}-" if album else key
    for prefix in (f"{style}.", f"{style}/"):
        for entry in list(resources.bucket.list(prefix)):
            if not entry.key.startswith(same_album):
                resources.bucket.delete(entry.key)


def _plain_name(name: str) -> str:
    """Return a name that fits into keys: letters, digits, `_`, `-` and spaces."""
    letters = words.letters(nfc(name), "_ -", " ")
    return " ".join(letters.strip("_ ").split())[:LONGEST_NAME].strip()


# Previews: painted in this function, by preset `instant` in NumPy. An event of the stored photo
# starts that, so its time and its failures do not affect the request.


async def send_preview(photo: Photo, resources: Resources, bot: Bot) -> None:
    """Paint a photo that waits, and send the preview to its chat, once.

    A failure is logged, and the preview is not tried again: the photo is painted nevertheless.
    """
    request = requests.claim_preview(photo, resources)
    if request is None:
        log.info("%s gets no preview: it has one, or waits no longer", photo.stem)
        return
    try:
        await show_action(bot, photo.chat, ChatAction.UPLOAD_PHOTO, request.topic)
        await send_beside(
            photo,
            request.topic,
            bot.send_photo,
            photo.chat,
            _preview(request, resources),
            caption=speaking(request.language).text("preview"),
            filename="preview.jpg",
            has_spoiler=request.spoiler,
        )
    except Exception as error:  # They are of many types.
        reason = one_line(error).replace(resources.token, "<token>")
        log.warning("no preview of %s: %s", photo.stem, reason)


def _preview(request: Request, resources: Resources) -> bytes:
    """Return a JPEG of a request's photo in the style's first painting."""
    # Threads for each processor that is there would wait for each other: the function has the time
    # of one.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Late: other events need not wait for NumPy.
    from painterly.images.arrays import to_integers
    from painterly.painters.instant_painter import NOW, InstantPainter

    choice = styles.wished(request.wish, resources)
    if choice is None:
        raise ConfigError(f"the style {request.wish.style} is gone")
    settings = choice.style.settings.replaced({**request.wish.asked, **NOW, "size": PREVIEW_SIDE})
    strokes = min(settings.stroke_size, LARGEST_STROKES)
    painting = Painting(choice.style.paintings[0].entry, 1.0)
    style = replace(
        choice.style, paintings=(painting,), settings=settings.replaced({"stroke_size": strokes})
    )
    instant_painter = InstantPainter(
        lambda key: resources.paintings.read(f"{choice.prefix}/{key}"), None, draft=PREVIEW_SIDE
    )
    photo = instant_painter.photo(resources.bucket.read(request.photo.key)).picture
    image = to_integers(instant_painter.paint(photo.pixels_int, style), 8)
    return small.jpeg(Image.fromarray(image), telegram_pictures.QUALITY)
