"""The first words of a newcomer: a photo, a style by its name or artist, and slips of the hand."""

import pytest

from painterly.settings import ready_styles

pytestmark = pytest.mark.usefixtures("beside_a_photo")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("HOKUSAI", "hokusai"),
        ("Katsushika Hokusai", "hokusai"),
        ("the great wave", "hokusai"),
        ("great-wave", "hokusai"),
        ("Die große Welle", "hokusai"),
        ("starry night", "van-gogh-starry-night"),
        ("La Nuit étoilée", "van-gogh-starry-night"),
        ("nuit etoilee", "van-gogh-starry-night"),
        ("Ink", "ink"),
    ],
)
def test_a_style_is_found_by_artist_or_title_or_whole_words_of_them(word, name):
    assert ready_styles.named(word) == (name,)
    assert ready_styles.named(f"monet, {word}") == ("monet", name)
