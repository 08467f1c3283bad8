"""NOTIFY_URL: word of the end of a run."""

import socket
import threading
from contextlib import suppress

import pytest
from support.folder_batches import run
from support.receiver import receiving

from painterly import webhook
from painterly.errors import WeightsError


@pytest.fixture
def receiver():
    """A server for NOTIFY_URL."""
    with receiving() as running:
        yield running


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


def test_an_answer_that_never_ends_does_not_hold_up_the_end(folders, stand_in, capsys, monkeypatch):
    """Each byte of it arrives in time."""
    monkeypatch.setattr(webhook, "LONGEST_S", 0.5)
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
