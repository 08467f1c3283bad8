"""Colour profiles that results can keep."""

import pytest
from support.pictures import P3, gamma, profile, rgb_profile, xyz
from support.pictures import SRGB as SRGB_PRIMARIES

from styletransfer.images import icc

GREY = profile(b"GRAY", {b"wtpt": xyz(0.9642, 1.0, 0.8249), b"kTRC": gamma(2.2)})
WIDE, LINEAR = rgb_profile(P3), rgb_profile(SRGB_PRIMARIES, 1.0)
SMALL = rgb_profile((SRGB_PRIMARIES + SRGB_PRIMARIES.mean(0)) / 2)


@pytest.mark.parametrize(
    ("given", "has_own"),
    [
        (None, False),
        (b"", False),
        (icc.SRGB, False),
        (WIDE, True),
        (LINEAR, False),  # 8 bits are too coarse for it.
        (SMALL, False),
        (GREY, False),
        (b"damaged" * 30, False),
        (WIDE[:200], False),
    ],
    ids=["none", "empty", "sRGB", "P3", "linear", "small", "grey", "damaged", "cut"],
)
def test_the_profile_that_a_result_keeps(given, has_own):
    assert icc.own(given) == (given if has_own else None)
