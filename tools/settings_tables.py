"""Rewrites the tables in docs/settings.md: `python -m tools.settings_tables`."""

from painterly.settings.installation import PROGRAM
from painterly.settings.settings import FIELDS
from painterly.settings.values import expectation

PAGE = PROGRAM / "docs/settings.md"
# The settings that users change first.
BASIC = (
    *("size", "paper", "dpi", "bleed", "preset", "strength", "stroke_size", "faces"),
    *("preserve_color", "photo_color", "structure_weight", "total_variation_weight", "iterations"),
)
# The tables, by the text of their marks.
TABLES = {
    "settings": BASIC,
    "advanced settings": tuple(name for name in FIELDS if name not in BASIC),
}


def with_tables(text: str) -> str:
    """Return the page's text with the tables between their marks replaced."""
    for mark, names in TABLES.items():
        before, begin, rest = text.partition(f"<!-- {mark} -->\n")
        _, end, after = rest.partition(f"<!-- end of {mark} -->")
        rows = ["| setting | default | accepts | meaning |", "| --- | --- | --- | --- |"]
        for name in names:
            field = FIELDS[name]
            about = f"{expectation(field)} | {field.metadata['meaning']}"
            rows.append(f"| `{name}` | {field.default} | {about} |")
        text = before + begin + "\n".join(rows) + "\n" + end + after
    return text


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
