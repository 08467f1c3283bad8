"""Streams of events: what has changed, and what was missed."""

import json
from contextlib import contextmanager
from unittest.mock import Mock

import httpx
from support.polling import until
from support.web_service import send, served, step_news

from painterly.errors import StorageError
from painterly.storage import s3_client
from painterly.web import api_jobs, gate


@contextmanager
def stream(web):
    """Reads the jobs of events."""
    with httpx.stream("GET", f"{web.base_url}/api/events", timeout=20, verify=False) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        data = (line.removeprefix("data: ") for line in answer.iter_lines() if "data: " in line)
        yield map(json.loads, data)


def test_a_stream_begins_with_the_queue_and_goes_on_with_what_changes(web, monkeypatch):
    jobs = [send(web, name=f"{number}.jpg").json() for number in range(2)]
    assert jobs[0]["links"]["preview"] is None
    monkeypatch.setattr(gate, "STALLED_S", 0.01)  # The reader of a stream sends nothing more.
    with stream(web) as found:
        assert [next(found)["photo"] for _ in range(2)] == ["0.jpg", "1.jpg"]
        monkeypatch.setattr(gate, "STALLED_S", 60.0)
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


def test_there_are_not_too_many_streams(web, monkeypatch):
    send(web)
    monkeypatch.setattr(api_jobs, "MAX_STREAMS", 1)
    with stream(web) as found:
        next(found)
        refused = web.get("/api/events")
        reason = {"detail": "too many pages are open"}
        assert (refused.status_code, refused.json()) == (429, reason)
        assert refused.headers["retry-after"] == "10"


def test_an_error_that_nobody_foresaw_does_not_end_the_news(web, monkeypatch):
    index = web.service.jobs
    with monkeypatch.context() as patches:
        patches.setattr(index, "refresh", Mock(side_effect=KeyError("unforeseen")))
        index.poll_now()
        until(lambda: web.get("/readyz").status_code == 503)
        assert "KeyError" in index.problem
    index.poll_now()
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
        index = client.service.jobs
        until(lambda: index.poll_now() or index.problem)
        assert client.get("/readyz").status_code == 503
        silent.times = 0
