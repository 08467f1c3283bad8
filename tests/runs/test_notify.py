"""NOTIFY_URL: word of the end of a run."""

import re
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
from support.folder_batches import run

from painterly.errors import NoAccountError, WeightsError
from painterly.runs import report
from painterly.words import webhook
from painterly.words.notice import notice

pytestmark = pytest.mark.slow  # A process decodes the photos of each run.

ROOM = "/_matrix/client/v3/rooms/!r:example.org"
TEXT = "Nothing to paint: all 4 results are in ./out."
DONE = {"event": "summary", "to_paint": 0, "painted": 0, "there": 4, "failed": 0}


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    """Attempts follow each other without a pause."""
    monkeypatch.setattr(report, "PAUSES_S", (0.0, 0.0))


def test_the_end_of_a_run_sends_its_summary_in_one_request(folders, stand_in, receiver):
    folders["NOTIFY_URL"] = receiver.address.replace("://", "://me:%40home@")
    assert run(folders) == run(folders) == run(folders, DRY_RUN="1") == 0
    (path, headers, first), (_, _, second) = receiver.posts
    assert path == "/hook?token=s3cr3t" and headers["content-type"] == "application/json"
    assert headers["authorization"] == "Basic bWU6QGhvbWU="
    numbers = {"event": "summary", "to_paint": 4, "painted": 4, "there": 0, "failed": 0}
    assert numbers.items() <= first.items() and first["content"] == first["text"]
    assert first["text"].endswith(". The results are in ./out.")
    assert second["text"] == "Nothing to paint: all 4 results are in ./out."


def test_an_error_that_ends_a_run_sends_word_too(folders, stand_in, receiver):
    with pytest.raises(WeightsError) as caught:
        run(folders, NOTIFY_URL=receiver.address, VGG_WEIGHTS="./nowhere.h5")
    assert receiver.texts == [f"FAILED: {caught.value}"]


def test_a_bucket_that_cannot_be_opened_sends_word_too(folders, receiver):
    with pytest.raises(NoAccountError) as caught:
        run(folders, NOTIFY_URL=receiver.address, BUCKET_STYLE="paintings")
    assert receiver.texts == [f"FAILED: {caught.value}"]


@pytest.mark.parametrize("status", [302, 404, None])
def test_a_failure_to_send_word_only_logs_and_names_the_host_alone(
    folders, stand_in, capsys, receiver, status
):
    receiver.status = status
    address = receiver.address if status else "http://127.0.0.1:1/hook?token=s3cr3t"
    assert run(folders, NOTIFY_URL=address) == 0
    said = f"answered with the status {status}" if status else "cannot be reached (Connection"
    out = capsys.readouterr().out
    assert f"no word of the end was sent: 127.0.0.1 {said}" in out
    assert "s3cr3t" not in out and len(receiver.posts) == bool(status)


def test_word_is_sent_again_where_the_host_asks_for_it_and_no_longer_than_a_minute(
    folders, stand_in, capsys, receiver, monkeypatch
):
    receiver.first = [429, 503]
    assert run(folders, NOTIFY_URL=receiver.address) == 0
    assert len(receiver.posts) == 3
    out = capsys.readouterr().out
    assert "127.0.0.1 answered with the status 429; retrying in 0 s; see NOTIFY_URL" in out
    receiver.status = 503
    run(folders, NOTIFY_URL=receiver.address)
    assert len(receiver.posts) == 6  # Three attempts.
    later = datetime.now(UTC) + timedelta(minutes=2)
    for receiver.retry_after in ("61", format_datetime(later, usegmt=True)):
        run(folders, NOTIFY_URL=receiver.address)
        assert "answered with the status 503; see NOTIFY_URL" in capsys.readouterr().out
    assert len(receiver.posts) == 8


@pytest.mark.parametrize(
    ("asked", "pauses"),
    [
        ("0", [2, 10]),
        ("Wed, 21 Oct 2015 07:28:00 GMT", [2, 10]),
        ("7", [7, 7]),
        ("soon", [2, 10]),
    ],
)
def test_a_host_that_asks_for_no_pause_gets_no_burst_of_attempts(
    folders, stand_in, receiver, monkeypatch, asked, pauses
):
    slept = []
    clock = SimpleNamespace(monotonic=time.monotonic, time=time.time, sleep=slept.append)
    monkeypatch.setattr(webhook, "time", clock)
    monkeypatch.setattr(report, "PAUSES_S", (2.0, 10.0))
    receiver.status, receiver.retry_after = 429, asked
    run(folders, NOTIFY_URL=receiver.address)
    assert len(receiver.posts) == 3 and slept == pauses


@pytest.mark.parametrize(
    ("form", "path", "fields"),
    [
        ("google", "/hook", {"text": TEXT}),
        ("slack", "/hook", {"text": TEXT}),
        ("discord", "/hook", {"content": TEXT}),
        ("", "/gotify/message?token=s3cr3t", {"title": "painterly", "message": TEXT}),
        ("", "/notify/s3cr3t", {"title": "painterly", "body": TEXT}),
        ("matrix", f"{ROOM}/send/m.room.message", {"msgtype": "m.text", "body": TEXT}),
        ("json", "/notify/s3cr3t", {"text": TEXT, "content": TEXT} | DONE),
    ],
)
def test_each_service_gets_its_own_form_and_no_other_field(
    folders, stand_in, receiver, form, path, fields
):
    run(folders)
    address = receiver.address.replace("/hook?token=s3cr3t", path)
    assert run(folders, NOTIFY_URL=address, NOTIFY_FORMAT=form) == 0
    assert receiver.posts[0][2] == fields


def test_a_room_of_matrix_gets_each_message_under_its_own_number_and_no_token_in_the_address(
    folders, stand_in, receiver
):
    for receiver.first, number in (([429], ""), ([], "/17")):
        room = f"{ROOM}/send/m.room.message{number}?access_token=s3cr3t"
        run(folders, NOTIFY_URL=receiver.address.replace("/hook?token=s3cr3t", room))
    paths = [path for path, _, _ in receiver.posts]
    assert paths[0] == paths[1] != paths[2]  # An attempt is no other message.
    assert not paths[2].endswith("/17")  # A room takes a number once.
    assert all(re.fullmatch(rf"{ROOM}/send/m\.room\.message/\w+", path) for path in paths)
    assert {headers["authorization"] for _, headers, _ in receiver.posts} == {"Bearer s3cr3t"}


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t", "google"),
        ("https://hooks.slack.com/services/T/B/X", "slack"),
        ("https://discord.com/api/webhooks/1/x", "discord"),
        ("https://prod-1.westeurope.logic.azure.com/workflows/w/triggers/manual/run", "teams"),
        ("https://a.b.environment.api.powerplatform.com/powerautomate/workflows/w", "teams"),
        ("https://evil-chat.googleapis.com.example.org/hook", "json"),
    ],
)
def test_the_address_tells_the_form(address, form):
    sent = notice(address, None, TEXT, DONE)
    assert (sent.address, sent.method, sent.token) == (address, "POST", None)
    assert sent.content == notice(address, form, TEXT, DONE).content


def test_teams_gets_an_adaptive_card():
    content = notice("https://example.org/", "teams", TEXT, DONE).content
    assert content.keys() == {"type", "attachments"} and content["type"] == "message"
    [card] = content["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (card["content"]["type"], card["content"]["version"]) == ("AdaptiveCard", "1.4")
    assert card["content"]["body"] == [{"type": "TextBlock", "text": TEXT, "wrap": True}]


def test_an_answer_that_never_ends_does_not_hold_up_the_end(folders, stand_in, capsys, monkeypatch):
    """Each byte of it arrives in time."""
    monkeypatch.setattr(webhook, "LONGEST_S", 0.5)
    monkeypatch.setattr(report, "PAUSES_S", ())
    over = threading.Event()

    def drip(server):
        with server.accept()[0] as connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not over.wait(0.02):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        assert run(folders, NOTIFY_URL=f"http://127.0.0.1:{server.getsockname()[1]}/s3cr3t") == 0
        over.set()
        thread.join()
    assert "127.0.0.1 did not answer in time" in capsys.readouterr().out
