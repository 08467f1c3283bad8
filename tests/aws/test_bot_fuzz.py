"""The Telegram bot, and requests that no Telegram would send: nothing raises, and nobody who did
not write hears anything."""

import json
import logging
import random
from pathlib import Path

import pytest
from bot import choices, client, handler, incoming
from bot.resources import Resources
from bot.table import Table
from layout import webhook_secret
from support.bot_running import ANNA, EN, GROUP, JPEG, OWNER, STRANGER, Context
from support.fuzzing import generators
from support.memory_table import MemoryTable
from support.telegram_server import TOKEN, Refusal, Telegram
from telegram.request import BaseRequest

from styletransfer.storage import open_bucket
from styletransfer.storage.address import Account

BASE = {"message_id": 7, "date": 1, "chat": {"id": ANNA, "type": "private"}}
WORDS = (
    *("/start", "/help", "/styles", "/style monet", "/size 512", "/size 9e99", "/status"),
    *("/cancel", "/forget", "/users list", "/users remove 2000", "/limit 3", "hello", "\0", "/"),
)
NUMBERS = (0, -1, 1, 2**31, 2**53, -(2**63), 10**40, 1.5, True, ANNA, GROUP, STRANGER)
STRINGS = (
    *("", "\ud800", "ü" * 5000, "../../x", "a\nb", "{0}", "%s", "null", "style", "/style x"),
    *("size:512", "size:full\n", "page:9999", "look:0123456789abcdef", f"forget:{ANNA}"),
    *(f"allow:{STRANGER}", "cancel:0123456789abcdef", "another:0123456789abcdef:0"),
)
ODD = (*NUMBERS, *STRINGS, None, [], {}, [[]], [None], {"id": ANNA})


class InProcess(BaseRequest):
    """Telegram without a connection."""

    def __init__(self, telegram):
        self.telegram = telegram

    read_timeout = 1.0

    async def initialize(self):
        pass

    async def shutdown(self):
        pass

    async def do_request(self, url, method, request_data=None, **_):
        if "/file/" in url:
            return 200, self.telegram.content(url.rpartition("/")[2])
        parameters = dict(request_data.parameters) if request_data else {}
        files = {}
        for name, (file_name, data, _) in (request_data.multipart_data or {}).items():
            files[name] = (file_name, data)
        try:
            result = self.telegram.answer(url.rpartition("/")[2], parameters, files)
        except Refusal as refusal:
            answer = {"ok": False, "error_code": refusal.code, "description": refusal.description}
            return refusal.code, json.dumps(answer).encode()
        return 200, json.dumps({"ok": True, "result": result}).encode()


@pytest.fixture
def bot(tmp_path, monkeypatch):
    """The bot over a folder, a table in memory and a Telegram in this process."""
    telegram, table = Telegram(), object.__new__(Table)
    table._table, table._keep_s = MemoryTable(), 86400
    table.allow(ANNA, "Anna")
    bucket = open_bucket(str(tmp_path), Account())
    bucket.write("styles/monet.jpg", JPEG)

    def prefix(address, account):
        Path(address).mkdir(parents=True, exist_ok=True)  # S3 knows no folders that are missing.
        return open_bucket(address, account)

    monkeypatch.setattr(choices, "open_bucket", prefix)
    made = Resources(str(tmp_path), bucket, table, TOKEN, OWNER, 30, 512, 5, "http://telegram")
    monkeypatch.setattr(Resources, "terminate", lambda *_: None)
    monkeypatch.setattr(handler, "resources", lambda: made)
    monkeypatch.setattr(client, "RetryingRequest", lambda *_: InProcess(telegram))
    return telegram


def seeds(telegram):
    person = {"id": ANNA, "is_bot": False, "first_name": "Anna", "language_code": "de"}
    stranger = person | {"id": STRANGER}
    entity = [{"type": "bot_command", "offset": 0, "length": 6}]
    sent = telegram.add_file(JPEG)
    photo = {"photo": [sent | {"width": 80, "height": 60}], "media_group_id": "5"}
    file = {"document": sent | {"file_name": "a.jpg", "mime_type": "image/jpeg"}}
    chats = (BASE["chat"], {"id": GROUP, "type": "supergroup"})
    for chat in chats:
        for sender in (person, stranger, person | {"id": OWNER}):
            start = BASE | {"chat": chat, "from": sender}
            if chat is chats[0]:
                start["chat"] = {"id": sender["id"], "type": "private"}
            yield {"message": start | {"text": "/start", "entities": entity}}
            yield {"message": start | photo | {"caption": "style"}}
            yield {"message": start | file | {"has_media_spoiler": True}}
            query = {"id": "1", "from": sender, "chat_instance": "1", "data": "page:0"}
            yield {"callback_query": query | {"message": start | {"text": "?"}}}
            yield {"edited_message": start | {"text": "/forget", "entities": entity}}


def places(node):
    """Every place in JSON, as the container and the key in it."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


def mutated_update(seed, rng: random.Random):
    update = json.loads(json.dumps(seed))
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        if not (found := list(places(update))):
            break
        container, key = rng.choice(found)
        match rng.randrange(5):
            case 0:
                del container[key]
            case 1 if isinstance(container, dict):
                container[rng.choice(("text", "photo", "data", "reply_to_message"))] = rng.choice(
                    ODD
                )
            case _:
                container[key] = rng.choice(ODD)
    message = update.get("message")
    if isinstance(message, dict) and "entities" in message and rng.random() < 0.7:
        message["text"] = rng.choice(WORDS)
        length = max(len(message["text"].split(" ")[0]), 1)
        message["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
    return update


def ids(node):
    if isinstance(node, dict):
        return {node.get("id")} | set().union(*map(ids, node.values()))
    return set().union(*map(ids, node)) if isinstance(node, list) else set()


def test_no_body_raises_or_has_the_bot_write_to_anybody_else(bot, caplog):
    caplog.set_level(logging.WARNING)
    starts = list(seeds(bot))
    answered = 0
    for number, rng in enumerate(generators(16)):
        update = {"update_id": number} | mutated_update(rng.choice(starts), rng)
        body = json.dumps(update)
        if rng.random() < 0.05:
            body = body[: rng.randrange(len(body))]
        event = {
            "requestContext": {},
            "headers": {"x-telegram-bot-api-secret-token": webhook_secret(TOKEN)},
            "body": body,
        }
        bot.calls.clear()
        assert handler.handler(event, Context()) == {"statusCode": 200}, body
        assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [], body
        for call in bot.calls:
            if call.method in ("answerCallbackQuery", "setMyCommands"):
                continue
            asked = call.chat == OWNER and "allow:" in str(call.buttons)
            admitted = OWNER in ids(update) and call.text == EN.text("let_in")
            assert asked or admitted or call.chat in ids(update), body
        answered += bool(bot.calls)
        caplog.clear()
    assert answered > number / 6, "many of the requests are harmless"


def test_what_is_no_update_is_refused_and_what_is_one_is_reduced():
    for given in (None, [], 5, {}, {"update_id": "1"}, {"update_id": 1, "message": {}}):
        assert incoming.reduced(given) is None
    kept = {"update_id": 1, "message": BASE | {"text": "hi"}}
    noisy = json.loads(json.dumps(kept))
    noisy["message"]["forward_origin"] = noisy["edited_message"] = {"type": 5}
    assert incoming.reduced(noisy) == kept
    for kind in ("sticker", "checklist"):
        other = {"update_id": 1, "message": BASE | {kind: {}}}
        assert incoming.reduced(other)["message"]["text"] == "?"
