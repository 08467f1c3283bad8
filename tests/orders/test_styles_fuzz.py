"""Any styles.toml gives styles that can be painted, or an error in one clear line."""

import itertools
import math

import pytest
from support.fuzzing import generators, mutated

from painterly.errors import ConfigError
from painterly.orders.styles import styles_from_toml
from painterly.settings.settings import Settings
from painterly.storage.base import Entry

pytestmark = pytest.mark.thorough

STYLES = """
[both]
paintings = { "monet.jpg" = 0.7, "b.png" = 3e-1 }
regions = { "monet.jpg" = "b.mask.png" }
size = 1_600
strength = 0x1
preserve_color = true

["with a name".a]
paintings = ["monet.jpg"]
content_weight = 1e3
preset = "print"
"""
PIECES = [
    "9" * 400,
    "1e308",
    "nan",
    "[" * 400,
    "{a=" * 300,
    "\\u202e",
    "\0",
    "\x1b[31m",
    '"""',
    "''",
]
PIECES += ["-", "inf", "[[x]]", "=", "\n[both]\n", "0x" + "f" * 5000, "paintings", "1979-05-27"]
ENTRIES = [Entry(key, 1, "e") for key in ("monet.jpg", "b.png", "b.mask.png")]


def test_a_damaged_styles_toml_is_one_clear_line():
    refused = 0
    for number, rng in zip(itertools.count(), generators(seed=1), strict=False):
        text = mutated(STYLES.encode(), rng).decode(errors="replace")
        for _ in range(rng.randrange(3)):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(PIECES) + text[at:]
        try:
            styles = styles_from_toml(text, ENTRIES, Settings())
        except ConfigError as error:
            refused += 1
            assert str(error).isprintable() and len(str(error)) < 1500, (number, error)
        else:
            for style in styles:
                assert style.name.isprintable()
                assert math.isclose(sum(style.shares), 1, rel_tol=1e-6), number
    assert refused > 100
