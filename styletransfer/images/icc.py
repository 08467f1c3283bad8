"""ICC colour profiles: a photo's colours into sRGB, a painting's from sRGB into the photo's own.

Both ways relative colorimetric with black point compensation, by LittleCMS, in 8 bits a channel.
"""

import io

import numpy as np
from PIL import Image, ImageCms

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Its header holds the time it was made; a fixed one, so that equal paintings are equal bytes.
SRGB = SRGB[:24] + bytes.fromhex("07e800010001000000000000") + SRGB[36:]

# In levels of 255: what two profiles of the same space differ by at most, and what 95 of 100 values
# may lose on their way through 8 bits of another one. Adobe RGB and Display P3 lose 1, Rec. 2020
# and ProPhoto 2, linear light 4.
_SAME_SPACE = 2
_LOST = 2

# What LittleCMS and Pillow raise for profiles that are damaged, or of other colours than asked.
_UNFIT = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """L, RGB, CMYK or LAB as RGB in sRGB; without a profile, as such pictures are usually meant.

    A profile that is damaged, or of other colours than the picture's, is ignored: a little off is
    better than no painting.
    """
    if not profile:
        return image.convert("RGB")
    try:
        if image.mode == "L" and _is_rgb(profile):
            image = image.convert("RGB")
        return _transform(profile, SRGB, image.mode).apply(image)
    except _UNFIT:
        return image.convert("RGB")


def from_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """RGB in sRGB as RGB in `profile`, one that `own` let pass."""
    return _transform(SRGB, profile, "RGB").apply(image)


def own(profile: bytes | None) -> bytes | None:
    """The profile, where a painting can be written in it: RGB, other than sRGB, and able to hold
    every colour of sRGB in 8 bits; None for any other.

    The last leaves out the small spaces of single screens, which would clip, and linear light,
    for which 8 bits are too coarse.
    """
    try:
        if not profile or not _is_rgb(profile):
            return None
        stored = from_srgb(_PROBE, profile)
        again = to_srgb(stored, profile)
    except _UNFIT:
        return None
    other = _differences(_PROBE, stored).max() > _SAME_SPACE
    held = np.percentile(_differences(_PROBE, again), 95) <= _LOST
    return profile if other and held else None


def is_srgb(profile: bytes | None) -> bool:
    """Whether pictures with this profile can be taken as they are; so too without one."""
    if not profile:
        return True
    try:
        stored = from_srgb(_PROBE, profile) if _is_rgb(profile) else None
    except _UNFIT:
        return False
    return stored is not None and _differences(_PROBE, stored).max() <= _SAME_SPACE


def _is_rgb(profile: bytes) -> bool:
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return opened.profile.xcolor_space.strip() == "RGB"


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
    """In levels of 255, of every value."""
    return np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16))


# 16 steps of each channel, all their mixtures.
_PROBE = Image.fromarray((np.indices((16, 16, 16)).reshape(3, 64, 64).T * 17).astype(np.uint8))
