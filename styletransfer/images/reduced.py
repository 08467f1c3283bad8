"""A small picture of a file, without decoding all of a large one where its format allows that."""

import io

from PIL import Image, ImageOps

from styletransfer.images import icc
from styletransfer.images.header import errors_named, open_picture


def reduced_jpeg(data: bytes, name: str, longer: int, quality: int = 80) -> bytes:
    """A JPEG of a picture file, upright, in sRGB, over white, whose longer side has at most
    `longer` px. Raises PictureError, naming the file."""
    with errors_named(name):
        image: Image.Image = open_picture(data)
        profile = image.info.get("icc_profile")
        image.draft("RGB", (2 * longer, 2 * longer))
        image.thumbnail((2 * longer, 2 * longer))
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
            profile = None
        elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
            image, profile = image.convert("RGB"), None
        image = icc.to_srgb(image, profile)
        image.thumbnail((longer, longer))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        return out.getvalue()
