"""ICC colour profiles: a photo's colours into sRGB, a result's from sRGB into the photo's own.

In both directions relative colorimetric with black point compensation, by LittleCMS, in 8 bits a
channel.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from painterly.images.files import exif

_ADOBE_RGB = Path(__file__).with_name("adobe_rgb.icc")  # computed from its specification
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Its header has the time of creation: a fixed one, so that equal results are equal bytes.
SRGB = SRGB[:24] + bytes.fromhex("07e800010001000000000000") + SRGB[36:]

# In steps of 8 bits: the largest difference between two profiles of the same space, and the largest
# 95th percentile of the loss through 8 bits of a space. Adobe RGB and Display P3 lose 1, Rec. 2020
# and ProPhoto 2, linear light 4.
_SAME_SPACE = 2
_LARGEST_LOSS = 2

# The errors of LittleCMS and Pillow for damaged profiles, and for other colour models.
_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


def declared(image: Image.Image, block: bytes | None) -> bytes | None:
    """Return the profile of an opened picture, or None for sRGB.

    Args:
        image: The picture.
        block: Its EXIF, or its whole file if that is a TIFF: cameras declare Adobe RGB there alone.
    """
    if profile := image.info.get("icc_profile"):
        return bytes(profile)
    says_srgb = "srgb" in image.info  # a PNG's chunk
    return _ADOBE_RGB.read_bytes() if exif.is_adobe_rgb(block) and not says_srgb else None


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert L, RGB, CMYK or LAB to sRGB; without a profile by Pillow's default conversion.

    A profile that is damaged, or of another colour model than the image, is ignored: slightly wrong
    colours are better than no result.
    """
    if not profile:
        return image if image.mode == "RGB" else image.convert("RGB")
    try:
        if image.mode == "L" and _is_rgb(profile):
            image = image.convert("RGB")
        return _transform(profile, SRGB, image.mode).apply(image)
    except _PROFILE_ERRORS:
        return image.convert("RGB")


def from_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert sRGB to RGB in a profile that `writable` returned."""
    return _transform(SRGB, profile, "RGB").apply(image)


def writable(profile: bytes | None) -> bytes | None:
    """Return a profile if results can be written in it, or None.

    It has to be RGB, not sRGB, and able to hold every colour of sRGB in 8 bits.

    The last condition excludes the small spaces of single screens, which would clip, and linear
    light, for which 8 bits are too coarse.
    """
    stored = _in(profile)
    if stored is None or _differences(_PROBE, stored).max() <= _SAME_SPACE:
        return None
    lost = _differences(_PROBE, to_srgb(stored, profile))
    return profile if np.percentile(lost, 95) <= _LARGEST_LOSS else None


def _in(profile: bytes | None) -> Image.Image | None:
    """Return _PROBE in an RGB profile, or None for another profile, a damaged one or none."""
    try:
        return from_srgb(_PROBE, profile) if profile and _is_rgb(profile) else None
    except _PROFILE_ERRORS:
        return None


def _is_rgb(profile: bytes) -> bool:
    parsed = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return parsed.profile.xcolor_space.strip() == "RGB"


def _transform(source: bytes, target: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(source)),
        ImageCms.ImageCmsProfile(io.BytesIO(target)),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _differences(one: Image.Image, other: Image.Image) -> np.ndarray:
    """Return the absolute differences of all values, in steps of 8 bits."""
    return np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16))


# All mixtures of 16 values of each channel.
_PROBE = Image.fromarray((np.indices((16, 16, 16)).reshape(3, 64, 64).T * 17).astype(np.uint8))
