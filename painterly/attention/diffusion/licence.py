"""The licence of Stable Diffusion 1.5's weights, which a user accepts before they are fetched."""

from datetime import UTC, datetime
from pathlib import Path

from painterly.attention.constants import ACCEPTS, LICENCE
from painterly.errors import WeightsError
from painterly.storage.files import replacing
from painterly.words.wording import one_line

NAME, URL = LICENCE
ACCEPTED = "licence-accepted.txt"  # in the cache folder
# A summary of Attachment A; the licence itself decides.
SUMMARY = f"""\
Stable Diffusion 1.5 (CompVis, Stability AI, Runway) has the licence {NAME}:
{URL}
It allows commercial use, and claims no rights in the pictures. It forbids these uses, for you and
for all whom you let use it, by a service too, whom you have to tell so (paragraphs 4 and 5,
Attachment A):
- to break a law, or to exploit or harm minors
- to spread false information, or personal data, that harms others
- to defame, disparage or harass
- decisions by machine alone that affect a person's legal rights
- to discriminate against people, or to harm them, for their behaviour or character, or for what the
  law protects; to exploit a group's weaknesses
- medical advice, or reading medical results
- justice, law enforcement, immigration and asylum, such as predicting that somebody will commit a
  crime
"""


def is_accepted(folder: Path) -> bool:
    """Return whether the licence was accepted in this cache folder."""
    return (folder / ACCEPTED).is_file()


def accept(folder: Path) -> None:
    """Note in a cache folder that the licence was accepted, with its summary. Raises
    WeightsError if it cannot be written."""
    if is_accepted(folder):
        return
    try:
        with replacing(folder / ACCEPTED) as note:
            note.write(f"Accepted on {datetime.now(UTC):%Y-%m-%d}.\n\n{SUMMARY}".encode())
    except OSError as error:
        raise WeightsError(f"{folder} cannot be written: {one_line(error)}") from None


def check_accepted(folder: Path) -> None:
    """Raise WeightsError if the licence was not accepted in this cache folder."""
    if not is_accepted(folder):
        raise WeightsError(
            f"the licence {NAME} of Stable Diffusion 1.5's weights, which forbids some uses "
            f"({URL}), was not accepted; if you accept it, set {ACCEPTS}=true"
        )
