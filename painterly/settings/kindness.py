"""The ready styles that are kind to a subject of photos, judged by eye (lab/RESULTS.md).

The page's wall, `painterly styles` and docs/good-pictures.md all say what is here.
"""

from collections.abc import Mapping
from enum import StrEnum


class Subject(StrEnum):
    """A subject of photos that matters for the choice of a style."""

    FACES = "faces"
    NIGHT = "night"
    STREET = "street"
    SEA = "sea"
    STILL_LIFE = "still_life"


# The names of the styles that are kind to a subject, the kindest first.
KIND_TO: Mapping[Subject, tuple[str, ...]] = {
    Subject.FACES: ("boccioni", "klimt", "kandinsky", "mucha", "chwistek"),
    Subject.NIGHT: ("van-gogh-starry-night", "hartley", "munch"),
    Subject.STREET: ("boccioni", "renoir", "dulac", "wadsworth"),
    Subject.SEA: ("van-gogh-wheat-field", "boccioni", "renoir", "hokusai"),
    Subject.STILL_LIFE: ("renoir", "dulac", "boccioni", "kandinsky"),
}


def subjects_of(name: str) -> list[Subject]:
    """Return the subjects that a style is kind to, by its name."""
    return [subject for subject, names in KIND_TO.items() if name in names]
