"""Small pictures to decode, the colour seen in them, and the formats."""

from PIL import Image

from styletransfer.images.decode import decode
from support.pictures import gradient

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF")


def see_through():
    """The gradient, transparent on the left and opaque on the right."""
    image = gradient()
    image.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    return image


def plain(colour, mode="RGB", side=32):
    return Image.new(mode, (side, side), colour)


def centre(data, name="photo"):
    pixels = decode(data, name).pixels
    return pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]
