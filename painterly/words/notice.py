"""The message about a run, in the form of the service at an address: most services refuse fields
that they do not know, or drop messages without their own fields."""

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

TITLE = "painterly"
LONGEST = 2000  # characters that Discord takes
_Fields = Mapping[str, Any]


def _card(text: str) -> _Fields:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": text, "wrap": True}],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


# The values of NOTIFY_FORMAT, each with the body for a text and the fields of the log's last line.
FORMS: Mapping[str, Callable[[str, _Fields], _Fields]] = {
    "json": lambda text, fields: {**fields, "text": text, "content": text[:LONGEST]},
    "slack": lambda text, _: {"text": text},
    "google": lambda text, _: {"text": text},
    "discord": lambda text, _: {"content": text[:LONGEST]},
    "teams": lambda text, _: _card(text),
    "gotify": lambda text, _: {"title": TITLE, "message": text},
    "apprise": lambda text, _: {"title": TITLE, "body": text},
    "matrix": lambda text, _: {"msgtype": "m.text", "body": text},
}
# The form for an address, by its host, or by its path and query. Others get `json`.
_HOSTS = {
    "slack": ("hooks.slack.com", "api.telegram.org"),
    "google": ("chat.googleapis.com",),
    "discord": ("discord.com", "discordapp.com"),
    "teams": ("logic.azure.com", "logic.azure.us", "api.powerplatform.com", "webhook.office.com"),
}
_PATHS = {
    "gotify": re.compile(r"/message\?(.*&)?token="),
    "apprise": re.compile(r"/notify/[\w-]+/?\?"),
    "matrix": re.compile("/_matrix/client/"),
}
_OF_ROOM = "/send/m.room.message"  # in the path of a Matrix room, before a message's number


class Notice(NamedTuple):
    """A message, and the request that sends it, with a bearer's token if there is one."""

    address: str
    content: _Fields
    method: str = "POST"
    token: str | None = None


def notice(address: str, form: str | None, text: str, fields: _Fields) -> Notice:
    """Return the message for NOTIFY_URL in one of FORMS, or else that of the address: a sentence,
    and further fields, as in the log."""
    form = form or _form_of(address)
    content = FORMS[form](text, fields)
    if form != "matrix":
        return Notice(address, content)
    parts = urlsplit(address)
    path, query = parts.path.rstrip("/"), dict(parse_qsl(parts.query))
    token = query.pop("access_token", None)
    room, sends, _ = path.partition(_OF_ROOM)
    if sends:  # Matrix takes two requests with the same number for one message.
        path = f"{room}{sends}/{secrets.token_hex(8)}"
    address = parts._replace(path=path, query=urlencode(query)).geturl()
    return Notice(address, content, "PUT", token)


def _form_of(address: str) -> str:
    parts = urlsplit(address)
    host = f".{parts.hostname}"
    for form, hosts in _HOSTS.items():
        if any(host.endswith(f".{each}") for each in hosts):
            return form
    where = f"{parts.path}?{parts.query}"
    return next((form for form, path in _PATHS.items() if path.search(where)), "json")
