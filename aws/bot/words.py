"""The bot's words: texts in the languages of its users, and buttons.

A button's data comes back when it is pressed, but a client can send any data. Each pattern matches
only data that this module makes, in Telegram's 64 bytes. The handlers check that a request belongs
to the user who pressed.
"""

import html
import unicodedata
from collections.abc import Sequence

from contract import LARGEST_SIDE
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from painterly.settings.settings import FIELDS
from painterly.words.texts import Texts, language_of
from painterly.words.wording import printable

SMALLEST_SIDE: int = FIELDS["size"].metadata["low"]
SIZES = (512, 1024, 2048, "full")  # offered by /size; others can be typed

_REQUEST, _STYLE = r"-?[1-9][0-9]{0,15}\.[0-9a-f]{16}", "[0-9a-f]{16}"
_PAGE, _USER = "[0-9]{1,4}", "[1-9][0-9]{0,15}"
STRENGTHS, STROKES = ("softer", "stronger"), ("finer", "larger")
_OF_REQUESTS = ("cancel", "another", "again", *STRENGTHS, *STROKES)
PATTERNS = {
    "page": rf"page:{_PAGE}",
    "style": rf"style:{_STYLE}",
    "size": rf"size:({'|'.join(map(str, SIZES))})",
    "cancel": rf"cancel:{_REQUEST}",
    "another": rf"another:{_REQUEST}:{_PAGE}",
    "again": rf"again:{_REQUEST}:{_STYLE}",
    "change": rf"({'|'.join(STRENGTHS + STROKES)}):{_REQUEST}",
    "forget": rf"(forget|keep):{_USER}",
    "admit": rf"(allow|ignore):{_USER}",
    "remove": rf"remove:{_USER}",
}


def short(name: str, most: int = 60) -> str:
    """Return a name on one line, cut in the middle if it has more than `most` characters."""
    line = printable(name)
    return line if len(line) <= most else f"{line[: most // 2]}…{line[-(most // 2 - 1) :]}"


def letters(text: str, others: str, instead: str) -> str:
    """Return a text of letters with their marks, digits and the characters `others`.

    Everything else is replaced by `instead`.
    """
    kept = ""
    for letter in text:
        # A mark belongs to the letter before it, as vowels of Hindi and Thai; a variation selector,
        # which is a mark as well, to an emoji.
        mark = unicodedata.category(letter) in ("Mn", "Mc") and not "\ufe00" <= letter <= "\ufe0f"
        follows = mark and kept and not kept.endswith(instead)
        kept += letter if letter.isalnum() or letter in others or follows else instead
    return kept


def person(user: int, name: str) -> str:
    return f"{short(name)} ({user})" if name else f"{user}"


def speaking(language: str | None) -> "Words":
    """Return the texts in the language of a code from Telegram, such as `de` or `pt-br`.

    They are English for other languages.
    """
    return Words(language_of(language))


class Words(Texts):
    """The bot's texts in one language."""

    def text(self, key: str, **values: object) -> str:
        """Return the text of a key without `bot.`, with its values."""
        return super().text(f"bot.{key}", **values)

    def help_text(self, style: str | None, size: int | str, keep_days: int) -> str:
        """Return the help, of at most 1024 characters, the limit of a caption."""
        days = self.counted("days", keep_days)
        now = {"style": self._style_now(style), "size": self.size_text(size), "days": days}
        return self.text("help", **now)

    def style(self, key: str, title: str) -> str:
        """Return a text about a style with a title."""
        return self.text(key, style=short(title))

    def style_unknown(self, name: str, similar: Sequence[str]) -> str:
        names = f" {self.text('or')} ".join(map(short, similar))
        near = [self.text("did_you_mean", names=names)] if similar else []
        return " ".join([self.style("style_unknown", name), *near, self.text("see_styles")])

    def styles_page(self, question: str, current: str | None, page: int, pages: int) -> str:
        """Return the question of a key, above a page of the styles, from 0."""
        number = self.text("page", page=page + 1, pages=pages) if pages > 1 else ""
        return f"{self.text(question)} {number}".strip() + f"\n{self._style_now(current)}".rstrip()

    def size_text(self, size: int | str) -> str:
        if size == "full":
            return self.text("size.full", largest=LARGEST_SIDE)
        return self.text("size.side", size=size)

    def pick_size(self, size: int | str) -> str:
        return self.text("size.pick", size=self.size_text(size), **_sizes())

    def size_is(self, size: int | str) -> str:
        return self.text("size.is", size=self.size_text(size))

    def size_wrong(self, text: str) -> str:
        return self.text("size.wrong", text=short(text), **_sizes())

    def size_button(self, size: int | str) -> str:
        return self.text("size.button") if size == "full" else f"{size} px"

    def kinds(self, key: str) -> str:
        """Return a text that names the kinds of files that can be painted."""
        return self.text(key, kinds=self.text("kinds"))

    def accepted(self, key: str, style: str, position: int, minutes: int | None) -> str:
        """Return a text for a photo that was accepted.

        Args:
            position: The position in the queue, from 1.
            minutes: The time left, or None if no machine is available.
        """
        place = "queue.next" if position == 1 else "queue.number"
        queue = f"{self.text(place, position=position)} {self.minutes(minutes)}"
        return self.text(key, style=short(style), queue=queue)

    def minutes(self, count: int | None) -> str:
        """Return the time that a photo will take. `count` is None if no machine is available."""
        if count is None:
            return self.text("queue.no_machine")
        return self.text("queue.minutes", minutes=self.counted("minutes", count))

    def status(
        self, waiting: Sequence[int], running: int, style: str | None, size: int | str
    ) -> str:
        """Return the state of a user's photos.

        Args:
            waiting: The positions in the queue, from 1, of the waiting ones.
            running: The number of those being painted.
            style: The title of the current style, if there is one.
        """
        lines = []
        if running:
            lines.append(self.text("status.running", photos=self.counted("photos", running)))
        if waiting:
            photos = self.counted("photos", len(waiting))
            lines.append(self.text("status.waiting", photos=photos, position=waiting[0]))
        lines = lines or [self.text("status.none")]
        wish = self.text("status.wish", style=self._style_now(style), size=self.size_text(size))
        return "\n".join([*lines, wish])

    def photos(self, key: str, count: int) -> str:
        """Return a text about a number of photos."""
        return self.text(key, photos=self.counted("photos", count))

    def linked(self, key: str, link: str) -> str:
        """Return, as HTML, the text of a key with a link to a file."""
        return self.text(key, link=html.escape(link))

    def failed(self, reason: str) -> str:
        """Return a text about a failure, for a reason that `text` or `recorded` gives."""
        return self.text("failed", reason=reason)

    def recorded(self, error: str) -> str:
        """Return an error from a record, which also names the way out."""
        return self.text("recorded", error=short(error, 500).rstrip("."))

    def for_owner(self, what: str) -> str:
        return self.text("for_owner", what=short(what, 1500))

    def size_buttons(self) -> InlineKeyboardMarkup:
        row = [button(self.size_button(size), f"size:{size}") for size in SIZES]
        return InlineKeyboardMarkup([row[:2], row[2:]])

    def cancel_button(self, request: str) -> InlineKeyboardMarkup:
        """Return the button under a waiting photo's acknowledgement, for the request's token."""
        return self._buttons([f"cancel:{request}"])

    def result_buttons(self, request: str) -> InlineKeyboardMarkup:
        """Return the buttons under a result, for the request's token."""
        changes = ([f"{change}:{request}" for change in row] for row in (STRENGTHS, STROKES))
        return self._buttons([f"another:{request}:0"], *changes)

    def forget_buttons(self, user: int) -> InlineKeyboardMarkup:
        return self._buttons([f"forget:{user}", f"keep:{user}"])

    def admit_buttons(self, user: int) -> InlineKeyboardMarkup:
        return self._buttons([f"allow:{user}", f"ignore:{user}"])

    def _buttons(self, *rows: Sequence[str]) -> InlineKeyboardMarkup:
        """Return rows of buttons with data, which begin with the names of their texts."""
        return InlineKeyboardMarkup(
            [
                [button(self.text(f"button.{data.partition(':')[0]}"), data) for data in row]
                for row in rows
            ]
        )

    def _style_now(self, style: str | None) -> str:
        return f"{self.style('style_now', style)} " if style else ""


def button(text: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=data)


def users_buttons(users: Sequence[tuple[int, str]]) -> InlineKeyboardMarkup:
    """Return a button for each user, by number and name."""
    rows = [[button(person(user, name), f"remove:{user}")] for user, name in users]
    return InlineKeyboardMarkup(rows)


def requests_of(markup: InlineKeyboardMarkup | None) -> set[str]:
    """Return the tokens of the requests that the buttons under a message name."""
    rows = markup.inline_keyboard if markup else ()
    data = [f"{pressable.callback_data}".split(":") for row in rows for pressable in row]
    return {parts[1] for parts in data if parts[0] in _OF_REQUESTS and len(parts) > 1}


def _sizes() -> dict[str, int]:
    return {"smallest": SMALLEST_SIDE, "largest": LARGEST_SIDE}
