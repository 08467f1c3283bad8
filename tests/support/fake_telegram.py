"""A fake Telegram in this process: the Bot API's methods that the bot calls, with their limits.

It records the calls. A test can have it answer 429 or 502, or drop the connection.
"""

import io
import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx
from PIL import Image
from werkzeug.test import EnvironBuilder

TOKEN = "4242:AAF-not_a_real_token"
DROPPED = 0  # passed to `fail` instead of a status: the connection ends without an answer
MAX_DOWNLOAD = 20 * 1024 * 1024
MAX_UPLOAD = 50 * 1024 * 1024
MAX_PHOTO = 10 * 1024 * 1024
BOT = {"id": 4242, "is_bot": True, "first_name": "Painter", "username": "painter_bot"}
_JSON_FIELDS = ("reply_markup", "reply_parameters", "media", "commands", "scope")


class Refusal(Exception):  # noqa: N818 – an answer of the API
    def __init__(self, status: int, description: str, **parameters: float) -> None:
        self.status, self.description, self.parameters = status, description, parameters


@dataclass
class Call:
    """A successful call of a method: its parameters, and its files (name, content) by field."""

    method: str
    parameters: dict[str, Any]
    files: dict[str, tuple[str, bytes]]

    @property
    def chat(self) -> int:
        return int(self.parameters["chat_id"])

    @property
    def text(self) -> str:
        return self.parameters.get("text", self.parameters.get("caption", ""))

    @property
    def reply_to(self) -> int | None:
        return self.parameters.get("reply_parameters", {}).get("message_id")

    @property
    def topic(self) -> int:
        return int(self.parameters.get("message_thread_id", 0))

    @property
    def buttons(self) -> list[dict[str, str]]:
        rows = self.parameters.get("reply_markup", {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]


@dataclass
class Telegram:
    """The state of a fake Telegram.

    Attributes:
        calls: Successful calls, except getMe, getFile and sendChatAction.
        refused: Methods and statuses of the other calls.
        faults: Faults yet to occur: method, status, retry_after.
        blocked: Chats that block the bot.
        supergroups: New ids of groups that have become supergroups, by the old ones.
        refusals: What Telegram answers to a method in a chat, with 400.
        actions: Chats and actions of sendChatAction.
        menus: Names of the commands of setMyCommands, by scope and language.
    """

    calls: list[Call] = field(default_factory=list)
    refused: list[tuple[str, int]] = field(default_factory=list)
    faults: list[tuple[str, int, float]] = field(default_factory=list)
    blocked: set[int] = field(default_factory=set)
    supergroups: dict[int, int] = field(default_factory=dict)
    refusals: dict[tuple[str, int], str] = field(default_factory=dict)
    actions: list[tuple[int, str]] = field(default_factory=list)
    menus: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    _texts: dict[tuple[int, int], Any] = field(default_factory=dict)

    def add_file(self, data: bytes, size: int | None = None) -> dict[str, Any]:
        """Return a file that a user sent, as in a message; `size` is its claimed size."""
        number = len(self._files) + 1
        self._files[f"file{number}"] = (data, len(data) if size is None else size)
        return {"file_id": f"file{number}", "file_unique_id": f"AQAD_x-{number}"}

    def fail(self, method: str, status: int, retry_after: float = 0, times: int = 1) -> None:
        """Has the next calls of a method fail with a status, or DROPPED."""
        self.faults += [(method, status, retry_after)] * times

    def sent(self, method: str = "send", chat: int | None = None) -> list[Call]:
        """Return the calls of methods with a prefix, of one chat or of all."""
        calls = [call for call in self.calls if call.method.startswith(method)]
        return [call for call in calls if chat in (None, call.chat)]

    def transport(self) -> httpx.MockTransport:
        """Connect an httpx client to this Telegram."""
        return httpx.MockTransport(self._respond)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        *folders, token, method = request.url.path.strip("/").split("/")
        if token != f"bot{TOKEN}":
            return _response(Refusal(401, "Unauthorized"))
        if folders == ["file"]:
            return httpx.Response(200, content=self._files[method][0])
        parameters, files = _read_form(request)
        try:
            result = self._answer(method, parameters, files)
        except Refusal as refusal:
            self.refused.append((method, refusal.status))
            if refusal.status == DROPPED:
                raise httpx.RemoteProtocolError("Server disconnected", request=request) from None
            return _response(refusal)
        return httpx.Response(200, json={"ok": True, "result": result})

    def _answer(
        self, method: str, parameters: dict[str, Any], files: dict[str, tuple[str, bytes]]
    ) -> Any:
        if fault := next((each for each in self.faults if each[0] == method), None):
            self.faults.remove(fault)
            raise Refusal(fault[1], "as the test asked", retry_after=fault[2])
        chat = int(parameters.get("chat_id", 0))
        if chat in self.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        if chat in self.supergroups:
            upgraded = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refusal(400, upgraded, migrate_to_chat_id=self.supergroups[chat])
        if (method, chat) in self.refusals:
            raise Refusal(400, f"Bad Request: {self.refusals[method, chat]}")
        fields = parameters | {name: content for name, (_, content) in files.items()}
        answers = {
            "getMe": lambda _: BOT,
            "getFile": self._file,
            "sendChatAction": self._act,
            "answerCallbackQuery": lambda _: True,
            "sendMessage": self._text,
            "sendPhoto": self._photo,
            "sendDocument": self._document,
            "editMessageText": self._edit,
            "editMessageCaption": self._captioned,
            "editMessageMedia": self._edit_media,
            "setMyCommands": self._menu,
        }
        if method not in answers:
            raise Refusal(404, "Not Found")
        result = answers[method](fields)
        if method not in ("getMe", "getFile", "sendChatAction"):
            self.calls.append(Call(method, parameters, files))
        return result

    def _file(self, fields: dict[str, Any]) -> dict[str, Any]:
        file = fields["file_id"]
        _, size = self._files[file]
        if size > MAX_DOWNLOAD:
            raise Refusal(400, "Bad Request: file is too big")
        return {"file_id": file, "file_unique_id": file, "file_size": size, "file_path": file}

    def _message(self, fields: dict[str, Any], **content: Any) -> dict[str, Any]:
        number = 1_000_000 + len(self.calls)
        chat = {"id": int(fields["chat_id"]), "type": "private"}
        for row in fields.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if not 1 <= len(button["callback_data"].encode()) <= 64:
                    raise Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
        return {"message_id": number, "date": 1, "chat": chat, "from": BOT, **content}

    def _text(self, fields: dict[str, Any]) -> dict[str, Any]:
        if not fields["text"].strip():
            raise Refusal(400, "Bad Request: message text is empty")
        if len(fields["text"]) > 4096:
            raise Refusal(400, "Bad Request: message is too long")
        message = self._message(fields, text=fields["text"])
        self._texts[message["chat"]["id"], message["message_id"]] = _shown(fields)
        return message

    def _edit(self, fields: dict[str, Any]) -> dict[str, Any]:
        place = int(fields["chat_id"]), int(fields["message_id"])
        if self._texts.get(place) == _shown(fields):
            raise Refusal(400, "Bad Request: message is not modified")
        message = self._text(fields)
        self._texts[place] = _shown(fields)
        return message | {"message_id": place[1]}

    def _captioned(self, fields: dict[str, Any], **content: Any) -> dict[str, Any]:
        if len(fields.get("caption", "")) > 1024:
            raise Refusal(400, "Bad Request: message caption is too long")
        return self._message(fields, **content)

    def _photo(self, fields: dict[str, Any]) -> dict[str, Any]:
        size = len(fields["photo"])
        if size > MAX_PHOTO:
            raise Refusal(400, f"Bad Request: file of size {size} bytes is too big for a photo")
        try:
            width, height = Image.open(io.BytesIO(fields["photo"])).size
        except OSError:
            raise Refusal(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
        if width + height > 10_000 or max(width, height) > 20 * min(width, height):
            raise Refusal(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        photo = {"file_id": "p", "file_unique_id": "p", "width": width, "height": height}
        return self._captioned(fields, photo=[photo])

    def _edit_media(self, fields: dict[str, Any]) -> dict[str, Any]:
        media = fields["media"]
        attached = fields[media["media"].removeprefix("attach://")]
        return self._photo(fields | media | {"photo": attached})

    def _document(self, fields: dict[str, Any]) -> dict[str, Any]:
        if len(fields["document"]) > MAX_UPLOAD:
            raise Refusal(413, "Request Entity Too Large")
        return self._captioned(fields, document={"file_id": "d", "file_unique_id": "d"})

    def _act(self, fields: dict[str, Any]) -> bool:
        self.actions.append((int(fields["chat_id"]), fields["action"]))
        return True

    def _menu(self, fields: dict[str, Any]) -> bool:
        commands, language = fields["commands"], fields.get("language_code", "")
        for command in commands:
            if not re.fullmatch("[a-z0-9_]{1,32}", command["command"]):
                raise Refusal(400, "Bad Request: BOT_COMMAND_INVALID")
        scope = fields.get("scope", {"type": "default"})
        name = f"{scope['type']}:{scope.get('chat_id', '')}".rstrip(":")
        self.menus[name, language] = [command["command"] for command in commands]
        return True


def _read_form(request: httpx.Request) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    kind = request.headers.get("content-type")
    builder = EnvironBuilder(method="POST", data=request.content, content_type=kind)
    form = builder.get_request()
    files = {name: (file.filename or "", file.read()) for name, file in form.files.items()}
    parameters: dict[str, Any] = form.form.to_dict()
    return parameters | {
        name: json.loads(parameters[name]) for name in _JSON_FIELDS if name in parameters
    }, files


def _response(refusal: Refusal) -> httpx.Response:
    if refusal.status >= 500:
        return httpx.Response(refusal.status, html="<html>Bad Gateway</html>")
    body = {"ok": False, "error_code": refusal.status, "description": refusal.description}
    if refusal.status == 429 or "migrate_to_chat_id" in refusal.parameters:
        body["parameters"] = refusal.parameters
    return httpx.Response(refusal.status, json=body)


def _shown(fields: dict[str, Any]) -> tuple[str, str]:
    return fields["text"], json.dumps(fields.get("reply_markup"))
