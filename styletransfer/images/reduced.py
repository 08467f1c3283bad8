"""A small picture of a file, without decoding all of a large one where its format allows that."""

import io

from PIL import Image

from styletransfer.images import icc
from styletransfer.images.decode import separated, transposition_of
from styletransfer.images.header import errors_named, open_picture


def reduced_jpeg(data: bytes, name: str, longer: int, quality: int = 80) -> bytes:
    """A JPEG of a picture file, upright, in sRGB, over white, whose longer side has at most
    `longer` px. Raises PictureError, naming the file."""
    with errors_named(name):
        file = open_picture(data)
        profile = file.info.get("icc_profile")
        file.draft("RGB", (2 * longer, 2 * longer))
        file.load()
        transposition = transposition_of(file)
        image, alpha = separated(file)
        del file
        if alpha is not None:
            image = Image.composite(image, Image.new(image.mode, image.size, "white"), alpha)
        image.thumbnail((2 * longer, 2 * longer))
        image = icc.to_srgb(image, profile)
        image.thumbnail((longer, longer))
        if transposition is not None:
            image = image.transpose(transposition)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        return out.getvalue()
