"""Streams of events: what has changed, and what was missed."""

import asyncio
import contextlib
import json
import resource
import signal
import socket
import threading
from contextlib import contextmanager
from itertools import islice
from types import SimpleNamespace
from unittest.mock import Mock

import httpx
import pytest
from support.polling import until
from support.web_service import send, served, step_news, stored_job

from painterly.errors import StorageError
from painterly.jobs import index
from painterly.storage.s3 import client as s3_client
from painterly.web import events, transport
from painterly.web.app import create_app
from painterly.web.server import Server, server_config

pytestmark = pytest.mark.slow  # Streams are read as they come.


@contextmanager
def stream(web, asked="", headers=None):
    """Reads the data of events."""
    address = f"{web.base_url}/api/events{asked}"
    with httpx.stream("GET", address, headers=headers, timeout=20, verify=False) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        data = (line.removeprefix("data: ") for line in answer.iter_lines() if "data: " in line)
        yield map(json.loads, data)


def test_a_stream_begins_with_the_queue_and_goes_on_with_what_changes(web, monkeypatch):
    jobs = [send(web, name=f"{number}.jpg").json() for number in range(2)]
    assert jobs[0]["links"]["preview"] is None
    monkeypatch.setattr(transport, "STALLED_S", 0.01)  # The reader of a stream sends nothing more.
    with stream(web) as found:
        assert [next(found)["photo"] for _ in range(2)] == ["0.jpg", "1.jpg"]
        monkeypatch.setattr(transport, "STALLED_S", 60.0)
        web.service.jobs.progress(jobs[0]["id"], **step_news(3, 12.5))
        news = next(found)
        assert (news["id"], news["step"], news["steps"]) == (jobs[0]["id"], 3, 9)
        assert news["fraction"] == 0.5
        assert news["links"]["preview"]
        moved = next(found)
        assert (moved["id"], moved["place"]) == (jobs[1]["id"], 1)
        web.post(f"/api/jobs/{jobs[1]['id']}/cancel")
        news = next(each for each in found if each["id"] == jobs[1]["id"])
        assert (news["state"], news["place"]) == ("cancelled", None)
        web.post(f"/api/jobs/{jobs[0]['id']}/cancel")
        news = next(each for each in found if each["id"] == jobs[0]["id"])
        assert news["links"]["preview"] is None


def test_a_page_that_is_opened_later_begins_with_the_jobs_of_now(web):
    for count in (1, 2):
        ids = {each["id"] for each in web.get("/api/jobs").json()["jobs"]}
        ids.add(send(web).json()["id"])
        with stream(web) as found:
            assert {next(found)["id"] for _ in range(count)} == ids
    until(lambda: not web.service.events.streams)


def test_a_stream_has_the_addresses_of_its_own_reader(place):
    with served({**place, "WEB_PROXIES": "1"}) as web:
        job = send(web).json()["id"]
        for prefix in ("", "/pictures"):
            with stream(web, headers={"x-forwarded-prefix": prefix}) as found:
                assert next(found)["links"]["self"] == f"{prefix}/api/jobs/{job}"


def test_a_silent_stream_sends_pings_and_ends(web, monkeypatch):
    """Proxies end silent connections, and a login may have ended."""
    monkeypatch.setattr(events, "PING_S", 0.1)
    monkeypatch.setattr(events, "MAX_STREAM_S", 0.7)
    with httpx.stream("GET", f"{web.base_url}/api/events", timeout=60, verify=False) as answer:
        lines = [*islice(answer.iter_lines(), 50)]
    assert ": ping" in lines and len(lines) < 50


def test_a_reader_who_leaves_takes_no_news_from_others():
    may_end = threading.Event()

    def changes(since, apart):
        may_end.wait(60)
        return index.Changes(7, [], [], [])

    async def read_twice():
        both = events.Events(SimpleNamespace(version=7, changes=changes))
        one, other = (asyncio.create_task(both._since(None, False)) for _ in range(2))
        await asyncio.sleep(0.05)
        one.cancel()
        may_end.set()
        return await other

    assert asyncio.run(read_twice()) == (7, b"")


def test_jobs_that_only_move_up_come_together_if_a_reader_asks_for_it(web):
    ids = [send(web, name=f"{number}.jpg").json()["id"] for number in range(3)]
    with stream(web, "?places=1") as found:
        assert [next(found)["id"] for _ in ids] == ids
        web.service.jobs.progress(ids[0], **step_news(1, 4.0))
        assert (next(found)["id"], web.service.jobs.counts()) == (ids[0], (2, 1))
        assert next(found)["jobs"] == [
            {"id": ids[place], "place": place, "seconds_left": None} for place in (1, 2)
        ]
        web.post(f"/api/jobs/{ids[1]}/cancel")
        assert next(found)["state"] == "cancelled"
        assert [each["place"] for each in next(found)["jobs"]] == [1]


def received(page, text):
    """Receive whole chunks of events until a text is in them."""
    data = b""
    while text not in data or not data.endswith(b"\n\n\r\n"):
        data += page.recv(1_000_000)
    return data


@pytest.mark.parametrize("pages", [20, pytest.param(800, marks=pytest.mark.thorough)])
def test_what_one_job_costs_does_not_grow_with_the_open_pages(web, store, monkeypatch, pages):
    """Each change would otherwise keep the service from all else for seconds."""
    monkeypatch.setattr(web.service.requests, "most", 3 * pages + 9)
    shown, show = [], index.job_out
    monkeypatch.setattr(index, "job_out", lambda *about: shown.append(about) or show(*about))
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < 3 * pages:  # Both ends of each connection are here.
        resource.setrlimit(resource.RLIMIT_NOFILE, (3 * pages, most))
    jobs = [f"{number:020x}" for number in range(50)]
    for each in jobs:
        stored_job(store, each)
    web.service.jobs.refresh()
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", web.base_url.port)
        opened = [stack.enter_context(socket.create_connection(address, 30)) for _ in range(pages)]
        for page in opened:
            page.sendall(b"GET /api/events?places=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for page in opened:
            received(page, jobs[-1].encode())
        shown.clear()
        web.service.jobs.progress(jobs[0], **step_news(1, 4.0))
        news = [received(page, jobs[-1].encode()) for page in opened]
    assert len(shown) == 1, "the job that began, once for all pages"
    assert {each.count(b"event: ") for each in news} == {2}
    assert max(map(len, news)) < 100 * len(jobs) + 1000


def test_there_are_not_too_many_streams(web, monkeypatch):
    send(web)
    monkeypatch.setattr(events, "MAX_STREAMS", 1)
    with stream(web) as found:
        next(found)
        refused = web.get("/api/events")
        reason = {"detail": "too many pages are open"}
        assert (refused.status_code, refused.json()) == (429, reason)
        assert refused.headers["retry-after"] == "10"


def test_an_error_that_nobody_foresaw_does_not_end_the_news(web, monkeypatch):
    jobs = web.service.jobs
    with monkeypatch.context() as patches:
        patches.setattr(jobs, "refresh", Mock(side_effect=KeyError("unforeseen")))
        jobs.poll_now()
        until(lambda: "KeyError" in (jobs.problem or ""))
        assert web.get("/readyz").status_code == 503
    jobs.poll_now()
    until(lambda: web.get("/readyz").status_code == 200)


def test_jobs_that_are_still_being_read_are_not_listed_in_part(web, monkeypatch):
    """As after a restart."""
    monkeypatch.setattr(web.service.jobs, "complete", False)
    answer = web.get("/api/jobs")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_storage_that_is_away_is_an_answer_and_one_line_for_all(web, monkeypatch, caplog):
    away = StorageError("cannot connect to example.org")
    monkeypatch.setattr(web.service.catalogue, "styles", Mock(side_effect=away))
    answers = [web.get("/api/styles") for _ in range(3)]
    assert [(each.status_code, each.headers["retry-after"]) for each in answers] == [
        (503, "10")
    ] * 3
    assert "storage does not answer at the moment; try again" in answers[0].json()["detail"]
    assert caplog.messages == ["cannot connect to example.org"]


def test_a_storage_that_takes_requests_and_answers_none_is_soon_given_up(
    place, moto, proxy, monkeypatch
):
    monkeypatch.setattr(s3_client, "HURRIED_READ_S", 0.1)  # A batch waits sixty.
    environment = {
        **place,
        **moto.environment,
        "BUCKET_RESULT": moto.new_bucket(),
        "CELLAR_ADDON_HOST": proxy.url,
    }
    with served(environment) as client:
        until(lambda: client.get("/api/jobs").status_code == 200)
        silent = proxy.add("", "hang", times=999)
        assert send(client).status_code == 503
        jobs = client.service.jobs
        until(lambda: jobs.poll_now() or jobs.problem)
        assert client.get("/readyz").status_code == 503
        silent.times = 0


def test_a_signal_that_interrupts_the_holder_of_a_lock_ends_the_service(web):
    """Such as the handler of an earlier signal, which cannot continue before this one returns."""
    server = Server(server_config(create_app(web.service)))
    signalled = threading.Thread(target=server.handle_exit, args=(signal.SIGTERM, None))
    with web.service.jobs._asked._cond:  # The lock of an event that is being set.
        signalled.start()
        signalled.join(60)
        assert not signalled.is_alive() and server.should_exit
