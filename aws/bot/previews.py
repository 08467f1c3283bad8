"""Previews: a small picture of a photo in its style, within seconds, while the photo waits.

Recipe `instant` paints it in this function, in NumPy. An event of the stored photo starts that, so
its time and its failures do not affect the order.
"""

import logging

from layout import Photo, wish_of
from telegram import Bot
from telegram.constants import ChatAction

from bot import choices, pictures
from bot.items import Order
from bot.resources import Resources
from bot.results import reply_to
from bot.updates import show_action
from bot.words import speaking
from styletransfer.engine import instant_numpy
from styletransfer.engine.instant_paintings import InstantPaintings
from styletransfer.errors import ConfigError, PictureError
from styletransfer.gallery.pictures import preview
from styletransfer.images.decode import decode
from styletransfer.log import one_line

SIDE = 384  # px of the longer side; time and memory grow with its square
# Strokes enlarge the painting: at 1.6, its places take half of the time already.
LARGEST_STROKES = 1.6

log = logging.getLogger(__name__)


async def send(photo: Photo, resources: Resources, bot: Bot) -> None:
    """Paint a photo that waits, and send the preview to its chat, once.

    A failure is logged, and the preview is not tried again: the photo is painted nevertheless.
    """
    order = resources.table.claim_preview(photo)
    if order is None:
        log.info("%s gets no preview: it has one, or waits no longer", photo.stem)
        return
    try:
        await show_action(bot, photo.chat, ChatAction.UPLOAD_PHOTO)
        await bot.send_photo(
            photo.chat,
            _painted(order, resources),
            caption=speaking(resources.table.user(order.user).language).text("preview"),
            reply_parameters=reply_to(photo),
            filename="preview.jpg",
            has_spoiler=order.spoiler,
        )
    except Exception as error:  # They are of many types.
        reason = one_line(error).replace(resources.token, "<token>")
        log.warning("no preview of %s: %s", photo.stem, reason)


def _painted(order: Order, resources: Resources) -> bytes:
    """Return a JPEG of an order's photo in the style's first painting."""
    photo, bucket = order.photo, resources.bucket
    wish = wish_of(photo, bucket)
    offered = choices.offered(resources, photo.chat, order.user)
    choice = choices.wished(offered, wish) if wish else None
    if wish is None or choice is None:
        raise ConfigError(f"the style {order.style} is gone")
    settings = choice.style.settings.replaced(wish.asked | {"size": SIDE, "recipe": "instant"})
    strokes = min(settings.stroke_size, LARGEST_STROKES)
    painting = decode(_shrunk(bucket.read(choice.painting_key)), "the painting").pixels_int
    painted = instant_numpy.paint(
        decode(_shrunk(bucket.read(photo.key)), "the photo").pixels_int,
        InstantPaintings([painting]),
        settings.replaced({"stroke_size": strokes}),
    )
    return preview(painted, SIDE)


def _shrunk(data: bytes) -> bytes:
    shown = pictures.preview(data, SIDE)
    if shown is None:
        raise PictureError("a picture is damaged, too large or too narrow")
    return shown
