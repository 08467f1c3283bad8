"""Updates as they arrive, reduced to what the handlers use. Everything that goes on is of the type
and within the range that the Bot API documents; what is not is no update of Telegram's."""

import json
import re
from collections.abc import Callable
from typing import Any

LARGEST = 2**53  # Telegram's numbers have 52 significant bits.
LONGEST = 4096  # characters of a text
OTHER_CONTENT = (  # that a message may have, and that nobody here can paint
    *("animation", "audio", "checklist", "contact", "dice", "game", "location", "paid_media"),
    *("poll", "sticker", "story", "venue", "video", "video_note", "voice"),
)

Check = Callable[[Any], Any]


class MalformedError(Exception):
    """A part of an update is missing or of another type than the Bot API's."""


def reduced(update: Any) -> dict[str, Any] | None:
    """The parts of an update that the handlers use; None if it is not an update of Telegram's."""
    try:
        json.dumps(update, ensure_ascii=False).encode()  # No half of a surrogate pair.
        return _update(update)
    except (MalformedError, UnicodeEncodeError, RecursionError):
        return None


def _fields(required: dict[str, Check], optional: dict[str, Check]) -> Check:
    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise MalformedError
        found = {name: each(value.get(name)) for name, each in required.items()}
        given = (name for name in optional if value.get(name) is not None)
        return found | {name: optional[name](value[name]) for name in given}

    return check


def _number(low: int, high: int = LARGEST) -> Check:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value < high:
            raise MalformedError
        return value

    return check


def _text(pattern: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.DOTALL):
            raise MalformedError
        return value

    return check


def _list_of(each: Check, least: int = 0) -> Check:
    def check(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) < least:
            raise MalformedError
        return [each(item) for item in value]

    return check


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise MalformedError
    return value


def _chat_id(value: Any) -> int:
    number: int = _number(1 - LARGEST)(value)
    if number == 0:
        raise MalformedError
    return number


def _message(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = _MESSAGE(value)
    entities = found.get("entities", [])
    # Telegram counts in UTF-16.
    length = len(found.get("text", "").encode("utf-16-le")) // 2
    if any(each["offset"] + each["length"] > length for each in entities):
        raise MalformedError
    if not {"text", "photo", "document"} & set(found) and set(value) & set(OTHER_CONTENT):
        found["text"] = "?"  # Something that nobody understands either.
    original = value.get("reply_to_message")
    # In a topic of a group, what replies to nothing else "replies" to the topic's beginning.
    if isinstance(original, dict) and "forum_topic_created" not in original:
        found["reply_to_message"] = _MESSAGE(original)
    return found


_line, _name = _text(rf".{{0,{LONGEST}}}"), _text(r".{0,256}")
_token = _text(r"[A-Za-z0-9_-]{1,200}")
_user = _fields(
    {"id": _number(1), "is_bot": _bool, "first_name": _name},
    {"last_name": _name, "username": _name, "language_code": _text(r"[A-Za-z0-9_-]{0,35}")},
)
_chat = _fields({"id": _chat_id, "type": _text("private|group|supergroup|channel")}, {})
_entity = _fields({"type": _name, "offset": _number(0), "length": _number(1)}, {})
_size = _fields(
    {"file_id": _token, "file_unique_id": _token, "width": _number(0), "height": _number(0)}, {}
)
_document = _fields(
    {"file_id": _token, "file_unique_id": _token}, {"file_name": _line, "mime_type": _name}
)
_button = _fields({"text": _line}, {"callback_data": _text(r".{1,64}")})
_keyboard = _fields({"inline_keyboard": _list_of(_list_of(_button))}, {})
_MESSAGE = _fields(
    {"message_id": _number(1), "date": _number(0, 2**33), "chat": _chat},
    {
        **{"from": _user, "text": _line, "caption": _line, "entities": _list_of(_entity)},
        **{"photo": _list_of(_size, 1), "document": _document, "media_group_id": _token},
        **{"has_media_spoiler": _bool, "reply_markup": _keyboard},
    },
)
_query = _fields(
    {"id": _token, "from": _user, "chat_instance": _line}
    # Those of games and of inline messages lack them; the bot sends neither.
    | {"data": _text(r".{1,64}"), "message": _message},
    {},
)
_update = _fields({"update_id": _number(0)}, {"message": _message, "callback_query": _query})
