"""Labels in the scripts of the world: the package's own font has Latin, Greek and Cyrillic letters,
and fonts of the system have the others."""

import shutil
import subprocess
import unicodedata
from functools import cache, lru_cache
from itertools import groupby
from logging import WARNING
from pathlib import Path
from typing import NamedTuple

from PIL import ImageDraw, ImageFont

from painterly.log import event
from painterly.words.wording import printable

# Pillow's own font has no accents.
FONT = Path(__file__).parent / "DejaVuSans.ttf"
FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"),
    *("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    *("C:/Windows/Fonts", "~/AppData/Local/Microsoft/Windows/Fonts"),
)
NO_FONT = "LastResort"  # a font of boxes for all characters
MOST_FONTS = 500  # tried without fontconfig
MOST_MATCHES = 20  # tried of those that fontconfig finds
TRIED_AT = 24  # px
NO_CHARACTER = "\U0010ffff"
INVISIBLE = ("Z", "C")  # categories of spaces and of controls, such as joiners


class Face(NamedTuple):
    """A font of a file, which may have several."""

    file: str
    number: int = 0

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """Return it at a size in px. Raises OSError."""
        return ImageFont.truetype(self.file, size, self.number)


OWN, SERIF, ITALIC = (
    Face(str(FONT.with_name(f"DejaVu{name}.ttf"))) for name in ("Sans", "Serif", "Serif-Italic")
)


def label(text: str, number: int) -> str:
    """Return a label that can be drawn here: if no font has all of its letters, with the number of
    its picture, which the log then explains."""
    # A Mac's disk stores accents apart.
    text = "\n".join(map(printable, unicodedata.normalize("NFC", text).split("\n")))
    missing = {each for each in text if each != "\n" and not _face_of(each)}
    if not missing:
        return text
    event(f"picture {number} of the sheet is {text!r}: no font here has its letters", level=WARNING)
    drawn = "".join(each for each in text if each not in missing).strip()
    return f"[{number}] {drawn}".strip()


class Lettering:
    """Draws lines of text of one size.

    Attributes:
        size: The size in px.
        ascent: The height of the letters above their baseline in px.
    """

    def __init__(self, size: int, face: Face | None = None) -> None:
        """Args:
        size: The size in px.
        face: The preferred font, or None for the package's. A text with letters that it lacks is
            drawn in others.
        """
        self.size, self._face = size, face or OWN
        self.ascent = self._face.at(size).getmetrics()[0]

    def length(self, text: str) -> float:
        """Return the length of a line in px."""
        return self._length(self._runs(text))

    def draw(
        self,
        draw: ImageDraw.ImageDraw,
        top: tuple[float, float],
        text: str,
        width: int,
        ink: tuple[int, int, int],
        centred: bool = True,
    ) -> None:
        """Draw a line around the middle of its top, or from its left. A line wider than `width` px
        loses its middle."""
        runs = self._runs(text)
        kept = len(text)
        while self._length(runs) > width and kept > 2:
            kept -= 1
            runs = self._runs(f"{text[: kept - kept // 2]}…{text[-(kept // 2) :]}")
        left, baseline = top[0], top[1] + self.ascent
        if centred:
            left -= self._length(runs) / 2
        for font, run in runs:
            draw.text((left, baseline), run, ink, font, anchor="ls")
            left += font.getlength(run)

    def _length(self, runs: list[tuple[ImageFont.FreeTypeFont, str]]) -> float:
        return sum(font.getlength(run) for font, run in runs)

    def _runs(self, text: str) -> list[tuple[ImageFont.FreeTypeFont, str]]:
        """Return the parts of a text, each with its font: one font for all of it if there is one,
        so that letters join and run in their direction."""
        if face := self._face if _has_all(self._face, text) else _face_of(text):
            return [(face.at(self.size), text)]
        faces: list[Face] = []
        for each in text:
            joins = bool(faces) and unicodedata.category(each)[0] in ("M", *INVISIBLE)
            faces.append(faces[-1] if joins else _face_of(each) or OWN)
        parts = groupby(zip(faces, text, strict=True), key=lambda pair: pair[0])
        return [(face.at(self.size), "".join(c for _, c in pairs)) for face, pairs in parts]


@lru_cache(4096)
def _face_of(text: str) -> Face | None:
    """Return a font that has all letters of a text."""
    if _has_all(OWN, text):
        return OWN
    letters = "".join(sorted({each for each in text if not _has_all(OWN, each)}))
    return next((each for each in _system_faces(letters) if _has_all(each, text)), None)


@cache
def _system_faces(letters: str) -> list[Face]:
    """Return fonts of the system that may have some letters, the best first."""
    if program := shutil.which("fc-match"):
        asked = "sans:charset=" + " ".join(f"{ord(each):x}" for each in letters)
        command = [program, "--sort", "--format", "%{file}\t%{index}\n", asked]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        except (OSError, ValueError, subprocess.SubprocessError):
            return _faces_in_folders()
        matches = (line.rpartition("\t") for line in done.stdout.splitlines()[:MOST_MATCHES])
        # A variable font's index names one of its instances, too.
        return [Face(file, int(index) & 0xFFFF) for file, _, index in matches]
    return _faces_in_folders()


@cache
def _faces_in_folders() -> list[Face]:
    found = (file for folder in FOLDERS for file in Path(folder).expanduser().rglob("*.[ot]t[fc]"))
    faces = sorted(map(str, found), key=lambda each: ("Sans" not in each, "Regular" not in each))
    return [Face(file) for file in faces[:MOST_FONTS]]


def _has_all(face: Face, text: str) -> bool:
    drawn = (each for each in text if unicodedata.category(each)[0] not in INVISIBLE)
    return all(_has(face, each) for each in drawn)


@cache
def _has(face: Face, character: str) -> bool:
    """Return whether a font has a character: others look like one that does not exist."""
    if NO_FONT in face.file:
        return False
    try:
        font = _tried(face)
        masks = (font.getmask(each) for each in (character, NO_CHARACTER))
        shown, missing = ((mask.size, bytes(mask)) for mask in masks)
    except (OSError, ValueError):  # A damaged font, or one of pictures.
        return False
    return shown != missing


@cache
def _tried(face: Face) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(
        face.file, TRIED_AT, face.number, layout_engine=ImageFont.Layout.BASIC
    )
