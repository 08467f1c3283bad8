"""A fake Telegram: the Bot API's methods that the bot calls, with their limits, in a thread.

It keeps the calls, and answers 429 or 502, or hangs up, if a test asks for that.
"""

import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from PIL import Image
from starlette.datastructures import UploadFile

TOKEN = "4242:AAF-not_a_real_token"
DROPPED = 0  # instead of a code: the connection ends before the answer does
DOWNLOAD = 20 * 1024 * 1024
UPLOAD = 50 * 1024 * 1024
PHOTO = 10 * 1024 * 1024
BOT = {"id": 4242, "is_bot": True, "first_name": "Painter", "username": "painter_bot"}


class Refusal(Exception):  # noqa: N818 – an answer of the API
    def __init__(self, code: int, description: str, **parameters: float) -> None:
        self.code, self.description, self.parameters = code, description, parameters


@dataclass
class Call:
    """One call of a method that was answered with ok: its parameters, and its files by field."""

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
    def buttons(self) -> list[dict[str, str]]:
        rows = self.parameters.get("reply_markup", {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]


@dataclass
class Telegram:
    """`calls` are those that went well, without getMe and getFile; `refused` those that did not.
    `faults` wait to happen: method, code, retry_after. `blocked` are chats that block the bot,
    `supergroups` the new ids of groups that have become one; `webhook` are the parameters of
    setWebhook, `actions` those of sendChatAction (chat, action), `menus` the names of
    setMyCommands by scope and language."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    blocked: set[int] = field(default_factory=set)
    supergroups: dict[int, int] = field(default_factory=dict)
    webhook: dict[str, Any] = field(default_factory=dict)
    refused: list[tuple[str, int]] = field(default_factory=list)
    faults: list[tuple[str, int, float]] = field(default_factory=list)
    actions: list[tuple[int, str]] = field(default_factory=list)
    menus: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    _texts: dict[tuple[int, int], Any] = field(default_factory=dict)

    def add_file(self, data: bytes, size: int | None = None) -> dict[str, Any]:
        """A file that a user sent, as in a message; it may pretend to be of another size."""
        number = len(self._files) + 1
        self._files[f"file{number}"] = (data, len(data) if size is None else size)
        return {"file_id": f"file{number}", "file_unique_id": f"AQAD_x-{number}"}

    def fail(self, method: str, code: int, retry_after: float = 0, times: int = 1) -> None:
        """The next calls of a method are answered with this code."""
        self.faults += [(method, code, retry_after)] * times

    def sent(self, method: str = "send", chat: int | None = None) -> list[Call]:
        """The calls of methods with that beginning, of one chat or of all."""
        found = [call for call in self.calls if call.method.startswith(method)]
        return [call for call in found if chat in (None, call.chat)]

    def answer(self, method: str, parameters: dict[str, Any], files: dict[str, Any]) -> Any:
        if fault := next((each for each in self.faults if each[0] == method), None):
            self.faults.remove(fault)
            raise Refusal(fault[1], "as the test asked", retry_after=fault[2])
        answers = {
            **{"getMe": lambda: BOT, "getFile": lambda: self._file(parameters["file_id"])},
            **{"getWebhookInfo": self._webhook_info, "answerCallbackQuery": lambda: True},
            **{
                "setWebhook": lambda: self._hook(parameters),
                "deleteWebhook": lambda: self._hook({}),
            },
            **{
                "sendMessage": lambda: self._text(parameters),
                "sendPhoto": lambda: self._photo(*given),
            },
            **{"sendDocument": lambda: self._document(*given)},
            **{
                "editMessageText": lambda: self._edit(parameters),
                "editMessageCaption": lambda: self._captioned(parameters),
                "editMessageMedia": lambda: self._edit_media(*given),
            },
            **{
                "sendChatAction": lambda: self._act(parameters),
                "setMyCommands": lambda: self._menu(parameters),
            },
        }
        given = (parameters, files)
        if method not in answers:
            raise Refusal(404, "Not Found")
        chat = int(parameters.get("chat_id", 0))
        if chat in self.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        if chat in self.supergroups:
            upgraded = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refusal(400, upgraded, migrate_to_chat_id=self.supergroups[chat])
        result = answers[method]()
        if method not in ("getMe", "getFile", "sendChatAction"):
            self.calls.append(Call(method, parameters, files))
        return result

    def content(self, path: str) -> bytes | None:
        return self._files[path][0] if path in self._files else None

    def _file(self, file: str) -> dict[str, Any]:
        if file not in self._files:
            wrong = "wrong file_id or the file is temporarily unavailable"
            raise Refusal(400, f"Bad Request: {wrong}")
        _, size = self._files[file]
        if size > DOWNLOAD:
            raise Refusal(400, "Bad Request: file is too big")
        return {"file_id": file, "file_unique_id": file, "file_size": size, "file_path": file}

    def _message(self, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
        number = 1_000_000 + len(self.calls)
        chat = {"id": int(parameters["chat_id"]), "type": "private"}
        for row in parameters.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if not 1 <= len(button["callback_data"].encode()) <= 64:
                    raise Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
        return {"message_id": number, "date": 1, "chat": chat, "from": BOT, **more}

    def _text(self, parameters: dict[str, Any]) -> dict[str, Any]:
        if not parameters["text"].strip():
            raise Refusal(400, "Bad Request: message text is empty")
        if len(parameters["text"]) > 4096:
            raise Refusal(400, "Bad Request: message is too long")
        message = self._message(parameters, text=parameters["text"])
        self._texts[message["chat"]["id"], message["message_id"]] = _looks_like(parameters)
        return message

    def _edit(self, parameters: dict[str, Any]) -> dict[str, Any]:
        at = int(parameters["chat_id"]), int(parameters["message_id"])
        if self._texts.get(at) == _looks_like(parameters):
            raise Refusal(400, "Bad Request: message is not modified")
        message = self._text(parameters)
        self._texts[at] = _looks_like(parameters)
        return message | {"message_id": at[1]}

    def _captioned(self, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
        if len(parameters.get("caption", "")) > 1024:
            raise Refusal(400, "Bad Request: message caption is too long")
        return self._message(parameters, **more)

    def _photo(self, parameters: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:
        _, data = files["photo"]
        if len(data) > PHOTO:
            raise Refusal(
                400, f"Bad Request: file of size {len(data)} bytes is too big for a photo"
            )
        try:
            width, height = Image.open(io.BytesIO(data)).size
        except OSError:
            raise Refusal(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
        if width + height > 10_000 or max(width, height) > 20 * min(width, height):
            raise Refusal(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        size = {"file_id": "p", "file_unique_id": "p", "width": width, "height": height}
        return self._captioned(parameters, photo=[size])

    def _edit_media(self, parameters: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:
        media = parameters["media"]
        attached = media["media"].removeprefix("attach://")
        return self._photo(parameters | media, {"photo": files[attached]})

    def _act(self, parameters: dict[str, Any]) -> bool:
        if parameters["action"] not in ("typing", "upload_photo", "upload_document"):
            raise Refusal(400, "Bad Request: wrong parameter action in request")
        self.actions.append((int(parameters["chat_id"]), parameters["action"]))
        return True

    def _menu(self, parameters: dict[str, Any]) -> bool:
        commands, language = parameters["commands"], parameters.get("language_code", "")
        if not 1 <= len(commands) <= 100:
            raise Refusal(400, "Bad Request: wrong number of commands")
        for each in commands:
            if not re.fullmatch("[a-z0-9_]{1,32}", each["command"]):
                raise Refusal(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(each["description"]) <= 256:
                raise Refusal(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        scope = parameters.get("scope", {"type": "default"})
        name = f"{scope['type']}:{scope.get('chat_id', '')}".rstrip(":")
        self.menus[name, language] = [each["command"] for each in commands]
        return True

    def _document(self, parameters: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:
        if len(files["document"][1]) > UPLOAD:
            raise Refusal(413, "Request Entity Too Large")
        return self._captioned(parameters, document={"file_id": "d", "file_unique_id": "d"})

    def _hook(self, parameters: dict[str, Any]) -> bool:
        if parameters.get("url", "https:").partition(":")[0] != "https":
            raise Refusal(
                400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
            )
        self.webhook = parameters
        return True

    def _webhook_info(self) -> dict[str, Any]:
        return {
            "url": self.webhook.get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": 0,
        }


@contextmanager
def telegram_running() -> Iterator[Telegram]:
    """A fake Telegram at a free port of this machine, until the end of the block."""
    telegram = Telegram()
    config = uvicorn.Config(_app(telegram), host="127.0.0.1", port=0, log_level="warning")
    with config.bind_socket() as socket:
        telegram.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            yield telegram
        finally:
            server.should_exit = True
            thread.join()


def _app(telegram: Telegram) -> FastAPI:
    app = FastAPI()

    @app.api_route("/bot{token}/{method}", methods=["GET", "POST"])
    async def call(token: str, method: str, request: Request) -> Response:
        if token != TOKEN:
            return _refused(Refusal(401, "Unauthorized"))
        parameters, files = await _read(request)
        try:
            result = telegram.answer(method, parameters, files)
        except Refusal as refusal:
            telegram.refused.append((method, refusal.code))
            return _refused(refusal)
        return JSONResponse({"ok": True, "result": result})

    @app.get("/file/bot{token}/{path}")
    def download(token: str, path: str) -> Response:
        data = telegram.content(path) if token == TOKEN else None
        return Response(data) if data is not None else _refused(Refusal(404, "Not Found"))

    return app


async def _read(request: Request) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    """A call's parameters, read from JSON where they are that, and its files by field."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return await request.json(), {}
    parameters, files = dict(request.query_params), {}
    async with request.form(max_part_size=UPLOAD) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files[name] = (value.filename or "", await value.read())
            else:
                parameters[name] = value
    structured = ("reply_markup", "reply_parameters", "allowed_updates")
    structured += ("media", "commands", "scope")
    return parameters | {
        name: json.loads(parameters[name]) for name in structured if name in parameters
    }, files


def _refused(refusal: Refusal) -> Response:
    body = {"ok": False, "error_code": refusal.code, "description": refusal.description}
    if refusal.code == DROPPED:  # A length that does not come: the server hangs up.
        return Response(headers={"content-length": "9"})
    if refusal.code == 429 or "migrate_to_chat_id" in refusal.parameters:
        body["parameters"] = refusal.parameters
    elif refusal.code >= 500:
        return HTMLResponse("<html>Bad Gateway</html>", refusal.code)
    return JSONResponse(body, refusal.code)


def _looks_like(parameters: dict[str, Any]) -> tuple[str, str]:
    return parameters["text"], json.dumps(parameters.get("reply_markup"))
