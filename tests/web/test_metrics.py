"""/metrics, as Prometheus reads it."""

import shutil
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.commands import python
from support.polling import until
from support.web_service import WebProcess, send, served

from painterly.settings.installation import PROGRAM

SCRAPER = ("prometheus", "a scraper's password")
LOGIN = {"WEB_METRICS_USER": SCRAPER[0], "WEB_METRICS_PASSWORD": SCRAPER[1]}
TOKEN = {"authorization": "Bearer a long password"}
SLEEPING = PROGRAM / "tests" / "support" / "sleeping"


def samples(answer) -> dict[tuple[str, ...], float]:
    """The value of each sample, by its name and the values of its labels."""
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {
        (each.name, *each.labels.values()): each.value
        for family in families
        for each in family.samples
    }


@pytest.mark.thorough
def test_a_scrape_of_the_service_counts_what_it_has_done(place, tmp_path):
    own = {"PYTHONPATH": f"{SLEEPING}:{PROGRAM}", "PAINTING_S": "1.2", "VGG_WEIGHTS": "builtin"}
    web = WebProcess({**place, **own, **LOGIN, "WEB_PASSWORD": "a long password"}, tmp_path / "log")
    web.start()
    try:

        def scraped():
            return samples(web.client.get("/metrics", auth=SCRAPER))

        assert scraped()[("painterly_jobs_ended_total", "done")] == 0
        until(lambda: scraped()[("painterly_ready",)])
        for _ in range(3):
            assert send(web.client, **TOKEN).status_code == 202
        last = web.client.get("/api/jobs", headers=TOKEN).json()["jobs"][0]["links"]["cancel"]
        assert web.client.post(last, headers=TOKEN).status_code == 202
        assert scraped()[("painterly_jobs_ended_total", "cancelled")] == 1
        until(lambda: scraped()[("painterly_queue_jobs", "painting")] == 1)
        until(lambda: scraped()[("painterly_jobs_ended_total", "done")] == 2)
        found = scraped()
        assert found[("painterly_queue_jobs", "queued")] == 0
        assert found[("painterly_job_seconds_count", "draft")] == 2
        assert 2.4 <= found[("painterly_job_seconds_sum", "draft")] < 240
        assert found[("painterly_job_seconds_count", "fine")] == 0
        assert found[("painterly_device_info", "a sleeping device")] == 1
        for process in ("web", "worker"):
            assert found[("painterly_memory_bytes", process)] > 2e7
    finally:
        web.stop()


def test_failures_of_the_storage_are_counted(place):
    with served(place) as web:
        assert samples(web.get("/metrics"))[("painterly_storage_errors_total",)] == 0
        shutil.rmtree(place["BUCKET_STYLE"])
        assert web.get("/api/styles").status_code == 503
        assert samples(web.get("/metrics"))[("painterly_storage_errors_total",)] == 1


def test_metrics_take_their_own_login_or_the_token_and_their_login_opens_nothing_else(place):
    with served({**place, **LOGIN, "WEB_PASSWORD": "a long password"}) as web:
        assert web.get("/metrics").status_code == 401
        assert web.get("/metrics", auth=SCRAPER).status_code == 200
        assert web.get("/metrics", headers=TOKEN).status_code == 200
        assert web.get("/api/jobs", auth=SCRAPER).status_code == 401
        for wrong in (("prometheus", "another"), ("prometheus", ""), ("other", SCRAPER[1])):
            refused = web.get("/metrics", auth=wrong)
            assert (refused.status_code, "Basic" in refused.headers["www-authenticate"]) == (
                401,
                True,
            )
        assert web.get("/metrics", headers={"authorization": b"Basic \xe9"}).status_code == 401
        assert web.get("/metrics", auth=("prometheus", "guess")).status_code == 401
        assert web.get("/metrics", auth=("prometheus", "one more")).status_code == 429
        assert web.get("/metrics", auth=SCRAPER).status_code == 200, "others share the address"


def test_the_metrics_of_a_public_service_may_have_a_login(place):
    with served({**place, **LOGIN, "WEB_PUBLIC": "1"}) as web:
        assert web.get("/api/jobs").status_code == 200
        for headers in ({}, {"authorization": "Bearer anything"}):
            refused = web.get("/metrics", headers=headers)
            assert refused.status_code == 401 and "Basic" in refused.headers["www-authenticate"]
        assert web.get("/metrics", auth=SCRAPER).status_code == 200
    with served(place) as web:
        assert web.get("/metrics").status_code == 200


@pytest.mark.slow
def test_the_start_of_the_service_does_not_wait_for_the_library(tmp_path):
    code = "import sys, painterly.web.app; sys.exit('prometheus_client' in sys.modules)"
    assert python("-c", code, cwd=Path(tmp_path)).returncode == 0
