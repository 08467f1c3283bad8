"""The buttons under messages: their texts, and the data that comes back when one is pressed.

A client can send any data for a button. Each pattern matches only data that this module makes, in
Telegram's 64 bytes. The handlers check that an order belongs to the user who pressed.
"""

from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot import words
from bot.choices import Choice
from bot.words import Words

STYLES_PER_PAGE = 10
NAME_ON_BUTTON = 30  # characters

_ORDER, _STYLE, _PAGE, _USER = "[0-9a-f]{16}", "[0-9a-f]{16}", "[0-9]{1,4}", "[1-9][0-9]{0,15}"
_SIZES = "|".join(map(str, words.SIZES))
STRENGTHS, STROKES = ("softer", "stronger"), ("finer", "larger")
_OF_ORDERS = ("cancel", "another", "again", *STRENGTHS, *STROKES)
PATTERNS = {
    "page": rf"page:{_PAGE}",
    "style": rf"(?:style|look):{_STYLE}",  # The second is under older messages.
    "size": rf"size:({_SIZES})",
    "cancel": rf"cancel:{_ORDER}",
    "another": rf"another:{_ORDER}:{_PAGE}",
    "again": rf"again:{_ORDER}:{_STYLE}",
    "change": rf"({'|'.join(STRENGTHS + STROKES)}):{_ORDER}",
    "forget": rf"(forget|keep):{_USER}",
    "admit": rf"(allow|ignore):{_USER}",
}


def sizes(say: Words) -> InlineKeyboardMarkup:
    row = [_button(say.size_button(size), f"size:{size}") for size in words.SIZES]
    return InlineKeyboardMarkup([row[:2], row[2:]])


def cancel(say: Words, order: str) -> InlineKeyboardMarkup:
    """Return the button under a waiting photo's acknowledgement. `order` is the order's token."""
    return InlineKeyboardMarkup([[_button(say.text("button.cancel"), f"cancel:{order}")]])


def under_result(say: Words, order: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [
            [_button(say.text("button.another"), f"another:{order}:0")],
            [
                _button(say.text("button.softer"), f"softer:{order}"),
                _button(say.text("button.stronger"), f"stronger:{order}"),
            ],
            [
                _button(say.text("button.finer"), f"finer:{order}"),
                _button(say.text("button.larger"), f"larger:{order}"),
            ],
        ]
    )


def forget(say: Words, user: int) -> InlineKeyboardMarkup:
    yes = _button(say.text("button.forget"), f"forget:{user}")
    return InlineKeyboardMarkup([[yes, _button(say.text("button.keep"), f"keep:{user}")]])


def admit(say: Words, user: int) -> InlineKeyboardMarkup:
    allow = _button(say.text("button.allow"), f"allow:{user}")
    return InlineKeyboardMarkup([[allow, _button(say.text("button.ignore"), f"ignore:{user}")]])


def styles(
    offered: Sequence[Choice], current: Choice | None, page: int, order: str = ""
) -> InlineKeyboardMarkup:
    """Return a page of the styles, two in a row, numbered, with a tick at the current one.

    Args:
        offered: All styles.
        current: The current style.
        page: The number of the page, from 0.
        order: The token of an order: the style that is pressed then repaints its photo.
    """
    first, last = page * STYLES_PER_PAGE, (page + 1) * STYLES_PER_PAGE
    row = [
        _button(
            f"{number}. {'✓ ' if each == current else ''}{words.short(each.name, NAME_ON_BUTTON)}",
            f"again:{order}:{each.token}" if order else f"style:{each.token}",
        )
        for number, each in enumerate(offered[first:last], first + 1)
    ]
    rows = [row[start : start + 2] for start in range(0, len(row), 2)]
    turns = [("‹", page - 1)] * (page > 0) + [("›", page + 1)] * (last < len(offered))
    if turns:
        start = f"another:{order}" if order else "page"
        rows.append([_button(sign, f"{start}:{to}") for sign, to in turns])
    return InlineKeyboardMarkup(rows)


def orders_of(markup: InlineKeyboardMarkup | None) -> set[str]:
    """Return the tokens of the orders that the buttons under a message name."""
    rows = markup.inline_keyboard if markup else ()
    data = [f"{button.callback_data}".split(":") for row in rows for button in row]
    return {parts[1] for parts in data if parts[0] in _OF_ORDERS and len(parts) > 1}


def _button(text: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=data)
