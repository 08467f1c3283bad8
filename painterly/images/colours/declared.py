"""Colours that a picture's file declares: by an ICC profile, by EXIF, in the chunks of a PNG, or by
CICP (ITU-T H.273) in PNG, HEIC and AVIF."""

from PIL import Image

from painterly.images.colours.hdr import HLG, PQ, Hdr
from painterly.images.colours.rgb_space import (
    D65,
    SRGB_CURVE,
    SRGB_PRIMARIES,
    profile_of,
    rgb_to_xyz,
)
from painterly.images.files import exif

_ADOBE_PRIMARIES, _ADOBE_GAMMA = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 563 / 256
_C, _DCI = (0.310, 0.316), (0.314, 0.351)
# H.273, table 2: x and y of red, green and blue; white.
_CICP_PRIMARIES = {
    1: (SRGB_PRIMARIES, D65),
    4: ((0.67, 0.33, 0.21, 0.71, 0.14, 0.08), _C),
    5: ((0.64, 0.33, 0.29, 0.60, 0.15, 0.06), D65),
    6: ((0.630, 0.340, 0.310, 0.595, 0.155, 0.070), D65),
    7: ((0.630, 0.340, 0.310, 0.595, 0.155, 0.070), D65),
    9: ((0.708, 0.292, 0.170, 0.797, 0.131, 0.046), D65),
    11: ((0.680, 0.320, 0.265, 0.690, 0.150, 0.060), _DCI),
    12: ((0.680, 0.320, 0.265, 0.690, 0.150, 0.060), D65),
    22: ((0.630, 0.340, 0.295, 0.605, 0.155, 0.077), D65),
}
# H.273, table 3. All others are taken for sRGB's, as browsers take those of videos.
_CICP_CURVES = {4: (2.2,), 5: (2.8,), 8: (1.0,)}
_UNSPECIFIED = (2, 2)
_CLOSE = 0.002  # A difference of chromaticities that is rounding.
_USUAL_GAMMA = 1 / 2.2  # how a PNG says sRGB without the chunk for it
_GAMMAS = (0.1, 4.0)  # smallest and largest that is not nonsense

# A name, the chromaticities of red, green and blue, and of white, and the curve as in `profile_of`.
_Space = tuple[str, tuple[float, ...], tuple[float, ...], tuple[float, ...]]
Meaning = bytes | Hdr | None  # an ICC profile; Hdr for values beyond sRGB's white; None for sRGB


def declared(
    image: Image.Image, cicp: tuple[int, int, int, int] | None, block: bytes | None
) -> Meaning:
    """Return the declared meaning of an opened picture's values.

    Args:
        image: The picture.
        cicp: Its file's, as in `Content`.
        block: Its EXIF, or a whole TIFF file.
    """
    profile = image.info.get("icc_profile") or None
    goes_first = image.format == "PNG" or not profile  # A PNG's cICP goes before its profile.
    if cicp and cicp[:2] != _UNSPECIFIED and goes_first:
        space: _Space | Hdr | None = _of_cicp(*cicp[:2])
    elif profile:
        return bytes(profile)
    else:
        space = _of_metadata(image, block)
    if space is None or isinstance(space, Hdr):
        return space
    name, points, white, curve = space
    if points == SRGB_PRIMARIES and curve == SRGB_CURVE:
        return None
    try:
        return profile_of(name, rgb_to_xyz(points, white), curve)
    except ValueError:
        return None


def _of_cicp(primaries: int, transfer: int) -> _Space | Hdr:
    points, white = _CICP_PRIMARIES.get(primaries, _CICP_PRIMARIES[1])
    if transfer in (PQ, HLG):
        return Hdr(transfer, points, white)
    curve = _CICP_CURVES.get(transfer, SRGB_CURVE)
    return (f"CICP {primaries}/{transfer}", points, white, curve)


def _of_metadata(image: Image.Image, block: bytes | None) -> _Space | None:
    """Return the space of a picture without profile and CICP; None for sRGB."""
    if image.format == "PNG":
        gamma, chromaticity = image.info.get("gamma"), image.info.get("chromaticity")
        if "srgb" in image.info:
            return None
        if gamma or chromaticity:
            return _of_chunks(gamma, chromaticity)
    if exif.is_adobe_rgb(block):
        return ("Adobe RGB (1998)", _ADOBE_PRIMARIES, D65, (_ADOBE_GAMMA,))
    return None


def _of_chunks(gamma: float | None, chromaticity: tuple[float, ...] | None) -> _Space:
    """Return the space of a PNG's chunks gAMA and cHRM (white, red, green, blue)."""
    white: tuple[float, ...] = D65
    points: tuple[float, ...] = SRGB_PRIMARIES
    if chromaticity and not _are_close(chromaticity, (*D65, *SRGB_PRIMARIES)):
        white, points = chromaticity[:2], chromaticity[2:]
    curve: tuple[float, ...] = SRGB_CURVE
    if gamma and _GAMMAS[0] < gamma < _GAMMAS[1]:
        is_usual = abs(gamma - _USUAL_GAMMA) < _CLOSE and points == SRGB_PRIMARIES
        curve = SRGB_CURVE if is_usual else (1 / gamma,)
    return ("PNG gAMA cHRM", points, white, curve)


def _are_close(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(abs(a - b) < _CLOSE for a, b in zip(one, other, strict=True))
