"""Every text that users read: short and plain. Long names of looks are cut."""

import html
from collections.abc import Sequence

from layout import LARGEST_SIDE

from styletransfer.log import printable
from styletransfer.settings import FIELDS

SMALLEST_SIZE: int = FIELDS["size"].metadata["low"]
SIZES = (512, 1024, 2048, "full")  # offered by /size; others can be typed
KINDS = "JPEG, PNG, WebP, TIFF or HEIC"

WELCOME = "Hello! Send me a photo, and it comes back as a painting. /help shows what else I can do."
BROKEN = "Sorry, something went wrong on my side. Please try again in a few minutes."
UNKNOWN = "I don't understand that. Send me a photo, or see /help for what I can do."
NO_PICTURE = f"I cannot paint this file. Please send a photo, or a picture as {KINDS}."
DAMAGED_PAINTING = f"This painting may be damaged. Please send another copy of it, as {KINDS}."
TOO_LARGE = (
    "This file is larger than 20 MB, the most that Telegram passes on to me. Please make it "
    "smaller, or send it as a photo instead of a file."
)
NO_STYLES = (
    "There is no style to paint in yet. Send me a picture of a painting with the caption "
    "“style”, and then your photo again."
)
FULL_QUALITY = "In full quality"
BUTTON_GONE = "This button does nothing any more. See /help for what I can do."
PICK_STYLE = "Which style should I paint in?"
STYLE_GONE = "That style no longer exists. See /styles for those that do."
NOTHING_TO_CANCEL = "There is nothing to cancel: none of your photos is waiting."
OWNER_ONLY = "Only my owner can decide who may use me."
USERS_USAGE = (
    "Please write it like this:\n/users list\n/users add 12345678 Anna\n/users remove 12345678"
)
NO_USERS = "Nobody else may use me so far. /users add NUMBER lets somebody in."
OWNER_STAYS = "You are my owner, so you can always use me."

# Why a photo failed, and what to do: the end of "Sorry, I could not paint this photo: …".
TAKEN_AWAY = "the machine I paint on was interrupted too often. Please send it again later."
TOO_LONG = "it took too long. Please choose a smaller /size and send it again."
NO_MEMORY = "it is too large for the machine. Please choose a smaller /size and send it again."
UNREADABLE = f"it may be damaged. Please send another copy of it, as {KINDS}."
NO_STORAGE = "I could not reach my files. Please send it again later."
SET_UP_WRONG = "I am not set up correctly. My owner knows about it."
UNCLEAR = "something broke on my side. My owner knows about it; please send it again later."


def short(name: str, most: int = 60) -> str:
    """A name on one line, cut in the middle if it has more than `most` characters."""
    line = printable(name)
    return line if len(line) <= most else f"{line[: most // 2]}…{line[-(most // 2 - 1) :]}"


def stranger(user: int) -> str:
    return (
        "Hello! Sorry, I paint for a few people only, and you are not one of them yet. My owner "
        f"can let you in and needs your number for that: {user}."
    )


def help_text(style: str | None, size: int | str | None, keep_days: int) -> str:
    """At most 1024 characters, the limit of a caption."""
    return (
        f"Send me a photo and I paint it. {_style_now(style)}Size: {size_text(size)}.\n\n"
        "Send it as a file to keep its full quality. You can send several at once.\n"
        "To use a painting of your own, send a picture of it with the caption “style NAME”. "
        "I paint in its style from then on.\n\n"
        "/styles – see the styles and choose one\n"
        "/style NAME – choose a style by name\n"
        "/size – choose how large the results are\n"
        "/status – see how far your photos are\n"
        "/cancel – forget your photos that are not done\n\n"
        f"I keep pictures for {_count(keep_days, 'day')}."
    )


def style_is(name: str) -> str:
    return f"From now on I paint in the style {short(name)}."


def style_unknown(name: str, similar: Sequence[str]) -> str:
    near = f" Did you mean {' or '.join(map(short, similar))}?" if similar else ""
    return f"There is no style {short(name)}.{near} /styles shows them all."


def styles_page(current: str, page: int, pages: int) -> str:
    number = f" (page {page + 1} of {pages})" if pages > 1 else ""
    return f"{PICK_STYLE}{number}\n{_style_now(current)}".strip()


def own_style(name: str) -> str:
    return f"Thank you! This is now your style {short(name)}. From now on I paint in it."


def size_text(size: int | str | None) -> str:
    if size is None:
        return "the usual one"
    return (
        f"as large as your photo, up to {LARGEST_SIDE} px"
        if size == "full"
        else f"longer side {size} px"
    )


def pick_size(size: int | str | None) -> str:
    return (
        f"How large should results be? Now: {size_text(size)}. Larger ones take longer. You can "
        f"also type a number of pixels from {SMALLEST_SIZE} to {LARGEST_SIDE}, such as /size 1600."
    )


def size_is(size: int | str) -> str:
    return f"From now on results are: {size_text(size)}."


def size_wrong(text: str) -> str:
    sizes = f"a number from {SMALLEST_SIZE} to {LARGEST_SIDE}, or full"
    return f"{short(text)} is not a size. Please give {sizes}."


def size_button(size: int | str) -> str:
    return "as the photo" if size == "full" else f"{size} px"


def accepted(style: str, position: int) -> str:
    return f"Got it. I will paint it in the style {short(style)}. {_in_queue(position)}"


def accepted_album(style: str, position: int) -> str:
    return (
        f"Got your album. I will paint each of its pictures in the style {short(style)}. "
        f"{_in_queue(position)}"
    )


def status(waiting: Sequence[int], running: int, style: str | None, size: int | str | None) -> str:
    """`waiting` are the positions in the queue, from 1, of the user's waiting photos."""
    lines = []
    if running:
        lines.append(f"Being painted now: {_count(running, 'photo')}.")
    if waiting:
        first = f"the next of them is number {waiting[0]} in the queue"
        lines.append(f"Waiting: {_count(len(waiting), 'photo')}; {first}.")
    lines = lines or ["None of your photos is waiting."]
    return "\n".join([*lines, f"{_style_now(style)}Size: {size_text(size)}."])


def cancelled(count: int) -> str:
    return f"Done. I have forgotten {_count(count, 'photo')}."


def result_caption(style: str) -> str:
    return f"In the style {short(style)}"


def file_too_large(link: str) -> str:
    """As HTML."""
    return (
        "The full file is larger than 50 MB, the most that I can send. "
        f'<a href="{html.escape(link)}">Download it here</a>; the link works for an hour.'
    )


def failed(reason: str) -> str:
    return f"Sorry, I could not paint this photo: {reason}"


def recorded(error: str) -> str:
    """An error from a record, which also names the way out."""
    return f"{short(error, 500).rstrip('.')}."


def for_owner(what: str) -> str:
    """May be technical: only the owner can fix it."""
    return f"For you as my owner: {short(what, 1500)}"


def user_added(user: int, name: str) -> str:
    return f"{_person(user, name)} can use me now."


def user_removed(user: int) -> str:
    return f"{user} cannot use me any more."


def user_unknown(user: int) -> str:
    return f"{user} is not one of those who may use me. /users list shows them."


def users_list(users: Sequence[tuple[int, str]]) -> list[str]:
    """The users in as many messages as necessary: one holds 4096 characters."""
    lines = [_person(user, name) for user, name in users]
    parts = [lines[start : start + 40] for start in range(0, len(lines), 40)]
    return ["These people may use me, apart from you:\n" + "\n".join(part) for part in parts]


def _person(user: int, name: str) -> str:
    return f"{short(name)} ({user})" if name else f"{user}"


def _style_now(style: str | None) -> str:
    return f"Style: {short(style)}. " if style else ""


def _in_queue(position: int) -> str:
    return "It is next." if position == 1 else f"It is number {position} in the queue."


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
