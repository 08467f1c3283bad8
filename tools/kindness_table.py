"""Rewrites the table of docs/good-pictures.md: `python -m tools.kindness_table`."""

from collections import Counter

from painterly.settings import ready_styles
from painterly.settings.installation import PROGRAM
from painterly.settings.kindness import KIND_TO, Subject
from painterly.words.texts import DEFAULT

PAGE = PROGRAM / "docs/good-pictures.md"
BEGIN, END = "<!-- kind to -->\n", "<!-- end of kind to -->"
SHOWN = {
    Subject.FACES: "faces",
    Subject.NIGHT: "night, lamps, a stage",
    Subject.STREET: "a street, buildings",
    Subject.SEA: "the sea, a lake, a wide sky",
    Subject.STILL_LIFE: "flowers, fruit, a table",
}


def with_table(text: str) -> str:
    """Return the page's text with the table between its marks replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = ["| your photo | kind to it, the kindest first |", "| --- | --- |"]
    rows += [f"| {SHOWN[each]} | {', '.join(map(_called, KIND_TO[each]))} |" for each in Subject]
    return before + BEGIN + "\n".join(rows) + "\n" + END + after


def _called(name: str) -> str:
    """Return what people call a style: its artist, with its title if the artist has several."""
    artists = Counter(ready_styles.title(each).short_artist for each in ready_styles.tables())
    title = ready_styles.title(name)
    artist, painting = title.short_artist, title.title_in(DEFAULT, name)
    if artist is None:
        return painting.lower()
    return artist if artists[artist] == 1 else f"{artist} ({painting})"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
