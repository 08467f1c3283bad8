"""Every text that users read. Short and plain; a look's name may be long, and is cut."""

import html
from collections.abc import Sequence

from styletransfer.log import printable
from styletransfer.settings import FIELDS

SMALLEST, LARGEST = (FIELDS["size"].metadata[end] for end in ("low", "high"))
SIZES = (512, 1024, 2048, "full")  # offered by /size; others can be written
KINDS = "JPEG, PNG, WebP, TIFF or HEIC"

WELCOME = "Hello! Send me a photo, and it comes back as a painting. /help tells what else I can do."
BROKEN = "Sorry, something went wrong on my side. Please try again in a few minutes."
UNKNOWN = "I don't know that one. Send me a photo, or see /help for what I can do."
NO_PICTURE = f"I cannot paint this file. Please send a photo, or a picture as {KINDS}."
TOO_LARGE = (
    "This file is larger than 20 MB, which is all that Telegram hands on to me. Please make it "
    "smaller, or send it as a photo instead of a file."
)
NO_STYLES = (
    "There is no style to paint in yet. Send me a picture of a painting with the caption "
    "“style”, and then your photo again."
)
FULL_QUALITY = "In full quality"
PICK_STYLE = "Which style shall I paint in?"
STYLE_GONE = "That style is not there any more. See /styles for those that are."
NOTHING_TO_CANCEL = "There is nothing to cancel: none of your photos is waiting."
OWNER_ONLY = "Only my owner can change who may use me."
USERS_USAGE = "Like this:\n/users list\n/users add 12345678 Anna\n/users remove 12345678"
NO_USERS = "Nobody but you may use me so far. /users add NUMBER lets somebody in."
OWNER_STAYS = "You are my owner: you can always use me."

# Why a photo failed, and what to do; they follow on "Sorry, I could not paint this photo: ".
TAKEN_AWAY = "the machine that I paint on was taken away too often. Please send it again later."
TOO_LONG = "it took too long. Please choose a smaller /size, and send it again."
NO_MEMORY = "it is too large for the machine. Please choose a smaller /size, and send it again."
UNREADABLE = f"it may be damaged. Please send another copy of it, as {KINDS}."
NO_STORAGE = "I could not get at my files. Please send it again later."
SET_UP_WRONG = "something on my side is not set up rightly. I have told my owner."
UNCLEAR = "something broke on my side. I have told my owner; please send it again later."


def short(name: str, most: int = 60) -> str:
    """A name on one line, cut in its middle where it has more characters than `most`."""
    line = printable(name)
    return line if len(line) <= most else f"{line[: most // 2]}…{line[-(most // 2 - 1) :]}"


def stranger(user: int) -> str:
    return (
        "Hello! Sorry, I paint for a few people only, and you are not among them yet. My owner can "
        f"let you in. Your number, which they need for it, is {user}."
    )


def help_text(style: str | None, size: int | str | None, keep_days: int) -> str:
    """Fits a picture's caption: below 1024 characters."""
    return (
        f"Send me a photo, and I paint it. {_style_now(style)}Size: {size_told(size)}.\n\n"
        "Send it as a file to keep its full quality. Several at once are fine, too.\n"
        "A painting of your own: send its picture with the caption “style NAME”, and I paint in "
        "its manner from then on.\n\n"
        "/styles – see and choose styles\n"
        "/style NAME – choose one by name\n"
        "/size – how large the results are\n"
        "/status – how far your photos are\n"
        "/cancel – forget the photos that are not done\n\n"
        f"I keep pictures for {_count(keep_days, 'day')}."
    )


def style_is(name: str) -> str:
    return f"From now on I paint in the style {short(name)}."


def style_unknown(name: str, similar: Sequence[str]) -> str:
    near = f" Did you mean {' or '.join(map(short, similar))}?" if similar else ""
    return f"There is no style {short(name)}.{near} /styles shows all of them."


def styles_page(current: str, page: int, pages: int) -> str:
    number = f" (page {page + 1} of {pages})" if pages > 1 else ""
    return f"{PICK_STYLE}{number}\n{_style_now(current)}".strip()


def own_style(name: str) -> str:
    return f"Thank you! I keep this as your style {short(name)}, and paint in it from now on."


def size_told(size: int | str | None) -> str:
    if size is None:
        return "the usual one"
    return "as large as your photo" if size == "full" else f"longer side {size} px"


def pick_size(size: int | str | None) -> str:
    return (
        f"How large shall results be? Now: {size_told(size)}. Larger takes longer. You can also "
        f"write a number of pixels, as /size 1600, from {SMALLEST} to {LARGEST}."
    )


def size_is(size: int | str) -> str:
    return f"From now on results are: {size_told(size)}."


def size_wrong(text: str) -> str:
    return f"{short(text)} is no size. A number from {SMALLEST} to {LARGEST}, or full, please."


def size_button(size: int | str) -> str:
    return "as the photo" if size == "full" else f"{size} px"


def accepted(style: str, place: int) -> str:
    return f"Got it. I paint it in the style {short(style)}. {_place(place)}"


def accepted_album(style: str, place: int) -> str:
    return (
        f"Got your album. I paint each of its pictures in the style {short(style)}. {_place(place)}"
    )


def status(places: Sequence[int], running: int, style: str | None, size: int | str | None) -> str:
    """`places` are those of one's waiting photos in the queue, from 1 on."""
    lines = []
    if running:
        lines.append(f"Being painted now: {_count(running, 'photo')}.")
    if places:
        first = f"the next of them is number {places[0]} in the queue"
        lines.append(f"Waiting: {_count(len(places), 'photo')}; {first}.")
    lines = lines or ["None of your photos is waiting."]
    return "\n".join([*lines, f"{_style_now(style)}Size: {size_told(size)}."])


def cancelled(count: int) -> str:
    return f"Done. I have forgotten {_count(count, 'photo')}."


def result_caption(style: str) -> str:
    return f"In the style {short(style)}"


def file_too_large(link: str) -> str:
    """As HTML."""
    return (
        "The full file is larger than 50 MB, which is all that I can send. "
        f'<a href="{html.escape(link)}">Fetch it here</a>; the link works for an hour.'
    )


def failed(reason: str) -> str:
    return f"Sorry, I could not paint this photo: {reason}"


def recorded(error: str) -> str:
    """An error as the job's record tells it, which names the way out, too."""
    return f"{short(error, 500).rstrip('.')}."


def owner_told(what: str) -> str:
    """Only its owner can mend it, so this may be technical."""
    return f"For you as my owner: {short(what, 1500)}"


def user_added(user: int, name: str) -> str:
    return f"{_person(user, name)} can use me now."


def user_removed(user: int) -> str:
    return f"{user} cannot use me any more."


def user_unknown(user: int) -> str:
    return f"{user} is none of those who may use me. /users list shows them."


def users_list(users: Sequence[tuple[int, str]]) -> list[str]:
    """As many messages as they need: one holds 4096 characters."""
    lines = [_person(user, name) for user, name in users]
    told = [lines[start : start + 40] for start in range(0, len(lines), 40)]
    return ["They may use me, besides you:\n" + "\n".join(part) for part in told]


def _person(user: int, name: str) -> str:
    return f"{short(name)} ({user})" if name else f"{user}"


def _style_now(style: str | None) -> str:
    return f"Style: {short(style)}. " if style else ""


def _place(place: int) -> str:
    return "It is the next one." if place == 1 else f"It is number {place} in the queue."


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
