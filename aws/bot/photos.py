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
from bot.context import Context, Refusal, beside, show_action
from bot.requests import Request
from bot.resources import Resources, album_key
from painterly.errors import ConfigError, StorageError
from painterly.images import small
from painterly.orders.styles import Painting
from painterly.storage.file_names import nfc
from painterly.words.wording import one_line

# The caption of a chat's painting: "style", "style Monet", "/style Monet", "/style@bot Monet".
PAINTING_CAPTION = re.compile(
    r"\s*(style|/style(@\w+)?)(\s+(?P<name>.*\S))?\s*", re.IGNORECASE | re.DOTALL
)
UNNAMED = "mine"  # the start of the name of a painting without one
LONGEST_NAME = 60  # characters of the name of a chat's painting
PREVIEW_SIDE = 384  # px of the longer side; time and memory grow with its square
# Strokes enlarge the painting: at 1.6, its places take half of the time already.
LARGEST_STROKES = 1.6

log = logging.getLogger(__name__)


async def receive(_: Update, context: Context) -> None:
    """Handle a picture that comes in: a photo to be painted, or a painting.

    One picture of an album has the caption, and may come before or after the others.
    """
    message, resources, say = context.message, context.resources, context.say
    if users.is_to_another(message.caption or "", context.bot.username):
        return
    album = message.media_group_id or ""
    # Telegram scales a photo to several sizes; the last is the largest.
    file = message.document or message.photo[-1]
    caption = PAINTING_CAPTION.fullmatch(message.caption or "")
    given = _plain_name(caption["name"] or "") if caption else ""
    name = given or UNNAMED if caption else ""
    if caption and album:
        key = album_key(message.chat_id, album)
        resources.change(key, lambda document: {**document, "paintings": name})
    data = await _download(file, context)
    extension = telegram_pictures.file_type(data)
    if extension is None:
        raise Refusal(say.kinds("no_picture"), private=True)
    photo = Photo(message.chat_id, message.message_id, file.file_unique_id, extension)
    name = name or _name_of_paintings(photo.chat, album, resources)
    if not name:
        await _place_request(photo, data, context)
        return
    if telegram_pictures.is_damaged(data):
        raise Refusal(say.kinds("damaged_painting"))
    name = given or _numbered(name, photo)
    _keep_painting(photo, name, data, resources)
    if not caption:
        return
    context.choose(prefix=contract.own_prefix(photo.chat), style=name)
    for request in requests.opened(requests.queue(resources, chat=photo.chat), resources):
        if album and request.album == album:  # It came before the caption.
            _keep_instead(request, resources)
    await context.reply(say.style("own_style", name))


async def _download(file: PhotoSize | Document, context: Context) -> bytes:
    """Download a file, whatever its name and type: only the content shows a picture.

    Raises Refusal if Telegram does not hand it over. Files in groups are for others.
    """
    if not isinstance(file, Document) or context.message.chat.type == Chat.PRIVATE:
        await show_action(context.bot, context.chat, ChatAction.TYPING)
    try:
        return bytes(await (await file.get_file()).download_as_bytearray())
    except BadRequest as error:
        log.warning("a file cannot be downloaded: %s", error)
        reason = "too_large" if "too big" in error.message.lower() else "broken"
        raise Refusal(context.say.text(reason), private=True) from None


async def _place_request(photo: Photo, data: bytes, context: Context) -> None:
    resources, wish = context.resources, context.member.wish
    choice = styles.chosen(styles.offered(context), wish)
    if choice is None:
        raise context.refusal("no_styles")
    users.count_photo(photo, context)
    wish = Wish(choice.prefix, choice.name, wish.size)
    album = context.message.media_group_id or ""
    request = Request(photo, context.user, wish, context.say.language, album=album)
    request = requests.place(request, data, resources)
    if _name_of_paintings(photo.chat, album, resources):
        _keep_instead(request, resources)  # The caption came while this was being stored.
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
    elif context.resources.once(album_key(context.chat, request.album), "acknowledged"):
        await context.reply(say.accepted("accepted_album", style, position, minutes))


def _name_of_paintings(chat: int, album: str, resources: Resources) -> str:
    """Return the name in an album's caption, or an empty text if it has photos to be painted."""
    document = resources.load(album_key(chat, album)) if album else None
    name: str = (document or {}).get("paintings", "")
    return name


def _numbered(name: str, photo: Photo) -> str:
    return f"{name}-{photo.message}"


def _keep_instead(request: Request, resources: Resources) -> None:
    """Cancel a request, and keep its photo as one of the paintings of an album."""
    photo = request.photo
    data = resources.bucket.read(photo.key) if resources.bucket.find(photo.key) else None
    if data and requests.cancel_request(request, resources):
        name = _name_of_paintings(photo.chat, request.album, resources)
        _keep_painting(photo, _numbered(name, photo), data, resources)


def _keep_painting(photo: Photo, name: str, data: bytes, resources: Resources) -> None:
    """Store a chat's own painting.

    Others of its name are deleted: monet.png and monet.jpg would be two styles.
    """
    style = f"{contract.own_prefix(photo.chat)}/{name}"
    key = f"{style}.{photo.extension}"
    resources.bucket.write(key, data)
    for entry in list(resources.bucket.list(f"{style}.")):
        if entry.key != key:
            resources.bucket.delete(entry.key)


def _plain_name(name: str) -> str:
    """Return a name that fits into keys: letters, digits, `_`, `-` and spaces."""
    letters = words.letters(nfc(name), "_ -", " ")
    return " ".join(letters.strip("_ ").split())[:LONGEST_NAME].strip()


# Previews: painted in this function, by preset `instant` in NumPy. An event of the stored photo
# starts that, so its time and its failures do not affect the request.


async def send_preview(photo: Photo, resources: Resources, bot: Bot) -> None:
    """Paint a photo that waits, or one of an album, and send the preview to its chat, once.

    A failure is logged, and the preview is not tried again: the photo is painted nevertheless.
    """
    request = requests.find(photo.token, resources)
    key = album_key(photo.chat, (request and request.album) or photo.stem)
    if not (request and request.is_open and resources.once(key, "previewed")):
        log.info("%s gets no preview: it has one, or waits no longer", photo.stem)
        return
    try:
        await show_action(bot, photo.chat, ChatAction.UPLOAD_PHOTO)
        await bot.send_photo(
            photo.chat,
            _preview(request, resources),
            caption=request.say.text("preview"),
            filename="preview.jpg",
            reply_parameters=beside(photo),
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
