"""The Telegram bot in its surroundings: Lambda's handler, a fake Telegram, AWS by moto."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bot import words
from contract import Photo

from support import aws_events
from support.aws_template import GIVEN
from support.fake_telegram import Call, Telegram
from support.pictures import gradient, saved

OWNER = int(GIVEN["OwnerId"])
ANNA, BORIS, STRANGER = 2000, 3000, 987654321987
GROUP = -1001234567890  # as long as ids of supergroups are
EN = words.speaking("en")
JPEG = saved(gradient(), "JPEG")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@dataclass
class Context:
    """The context that Lambda passes with an event."""

    seconds: int = 20

    def get_remaining_time_in_millis(self) -> int:
        return self.seconds * 1000


@dataclass
class World:
    """The bot in its surroundings: sends users' updates and AWS's events, and shows the effects."""

    handler: Callable[[dict[str, Any], Context], dict[str, Any] | None]
    secret: str
    telegram: Telegram
    s3: Any
    bucket: str
    terminated: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: count(1))

    def update(self, update: dict[str, Any], secret: str | None = None) -> int:
        """Call the webhook with an update, and return the status of the answer."""
        return self.request(json.dumps(update), secret)["statusCode"]

    def request(self, body: str, secret: str | None = None, encoded: bool = False) -> Any:
        """Call the webhook as an HTTP API does, and return the answer."""
        secret = self.secret if secret is None else secret
        event = {
            "requestContext": {"http": {"method": "POST", "path": "/webhook"}},
            "headers": {"x-telegram-bot-api-secret-token": secret},
            "body": body,
            "isBase64Encoded": encoded,
        }
        return self.handler(event, Context())

    def message(self, user: int, chat: int | None = None, **content: Any) -> dict[str, Any]:
        """Return an update of a message, in the user's private chat unless said."""
        kind = "private" if chat is None else "supergroup"
        person = {"id": user, "is_bot": False, "first_name": f"Person {user}"}
        number = next(self._numbers)
        place = {"id": chat or user, "type": kind, "title": "Friends"}
        message = {"message_id": number, "date": 1, "from": person, "chat": place}
        return {"update_id": 500_000 + number, "message": message | content}

    def says(self, user: int, text: str, chat: int | None = None) -> list[Call]:
        """Send a text, and return the bot's calls of Telegram."""
        return self.answers(self.message(user, chat, text=text, **commands_in(text)))

    def press(self, user: int, data: str, chat: int | None = None, **content: Any) -> dict:
        """Return an update of a button that is pressed under a message of the bot."""
        update = self.message(user, chat, **(content or {"text": "Which style?"}))
        message = update["message"]
        query = {"id": "1", "from": message["from"], "chat_instance": "1", "data": data}
        return {"update_id": update["update_id"], "callback_query": query | {"message": message}}

    def presses(self, user: int, data: str, chat: int | None = None, **content: Any) -> list[Call]:
        """Presses a button under a message of the bot. Returns the bot's calls of Telegram."""
        return self.answers(self.press(user, data, chat, **content))

    def answers(self, update: dict[str, Any]) -> list[Call]:
        """Send an update, and return the bot's calls of Telegram."""
        before = len(self.telegram.calls)
        assert self.update(update) == 200
        return self.telegram.calls[before:]

    def photo(self, user: int, data: bytes = JPEG, chat: int | None = None, **more: Any) -> dict:
        """Return an update of a photo, in two sizes as Telegram makes them."""
        small = {**self.telegram.add_file(b"small"), "width": 9, "height": 9}
        large = {**self.telegram.add_file(data), "width": 80, "height": 60}
        return self.message(user, chat, photo=[small, large], **more)

    def send_photo(
        self, user: int, data: bytes = JPEG, chat: int | None = None, **more: Any
    ) -> str:
        """Send a photo, and return its key."""
        update = self.photo(user, data, chat, **more)
        assert self.update(update) == 200
        number = update["message"]["message_id"]
        [key] = [key for key in self.photo_keys(chat or user) if f"/{number}-" in key]
        return key

    def file(
        self, user: int, data: bytes, name: str, mime: str, size: int | None = None, **more: Any
    ) -> dict[str, Any]:
        """Return an update of a picture sent as a file."""
        document = {**self.telegram.add_file(data, size), "file_name": name, "mime_type": mime}
        return self.message(user, document=document, **more)

    def result(self, photo_key: str, data: bytes, style: str = "monet", ending: str = "") -> str:
        """Store a result as a job does, and return its key."""
        stem, dot, extension = photo_key.removeprefix("telegram/").rpartition(".")
        chat, _, name = stem.partition("/")
        key = f"results/{chat}/{style}/{name}{dot}{ending or extension}"
        self.put(key, data)
        return key

    def created(self, key: str, context: Any = None) -> None:
        """EventBridge's event of a new object."""
        self.handler(aws_events.created(key, self.bucket), context or Context())

    def job(self, key: str, status: str, second: int = 0, job: str = "job-1", **more: Any) -> None:
        """EventBridge's event of a job's state."""
        detail = {"jobId": job, "parameters": {"key": key, "bucket": self.bucket}, **more}
        time = f"2026-01-01T00:00:{second:02}Z"
        self.handler(aws_events.job_state(status, time, **detail), Context())

    def refused(self, key: str, why: str) -> None:
        """Lambda's event of a photo in the queue of those that Batch refused."""
        message = {
            "body": json.dumps(aws_events.created(key, self.bucket)),
            "messageAttributes": {
                "ERROR_CODE": {"stringValue": "CLIENT_ERROR"},
                "ERROR_MESSAGE": {"stringValue": why},
            },
        }
        self.handler({"Records": [message]}, Context())

    def put(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def get(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def keys(self, prefix: str) -> list[str]:
        entries = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return [entry["Key"] for entry in entries]

    def photo_keys(self, chat: int) -> list[str]:
        """Return the keys of a chat's photos, in the order of their messages."""
        keys = self.keys(f"telegram/{chat}/")
        return sorted(keys, key=lambda key: int(key.split("/")[2].partition("-")[0]))

    def wish(self, photo_key: str) -> dict[str, Any]:
        """Return the wish in a photo's request, as the job reads it."""
        wish = json.loads(self.get(Photo.of_key(photo_key).request_key))["wish"]
        return {name: value for name, value in wish.items() if value is not None}

    def note_terminated(self, params: dict[str, Any], **_: Any) -> None:
        self.terminated.append(params["jobId"])

    def user(self, user: int) -> dict[str, Any]:
        """Return a user, as stored."""
        return json.loads(self.get(f"state/users/{user}.json"))

    def state(self, prefix: str = "") -> dict[str, str]:
        """Return the bot's documents by key, as text."""
        return {key: self.get(key).decode() for key in self.keys(f"state/{prefix}")}


def commands_in(text: str) -> dict[str, Any]:
    """Return the part of a message that marks a command at the start of its text."""
    length = len(text.split()[0])
    command = {"type": "bot_command", "offset": 0, "length": length}
    return {"entities": [command]} if text.startswith("/") else {}


def texts(calls: list[Call]) -> list[str]:
    return [call.text for call in calls]
