"""S3 services that cannot keep jobs: the log has the reason at the start of the page."""

import pytest
from support.polling import until
from support.s3.other_service import other_service
from support.web_service import send, served


@pytest.mark.parametrize(
    ("way", "lack"),
    [
        ("no conditions", "conditional writes"),
        ("bad request", "conditional writes"),
        ("ignored conditions", "conditional writes"),
        ("no ETag", "ETags"),
        ("no ETag in lists", "ETags"),
        ("shuffled", ""),
        ("capitals", ""),
        ("opaque", ""),
    ],
)
def test_a_service_without_what_jobs_need_is_named_at_the_start_and_to_those_who_order(
    moto, place, way, lack, caplog
):
    buckets = {"BUCKET_SOURCE": moto.new_bucket(), "BUCKET_RESULT": moto.new_bucket()}
    with other_service(moto.url, way) as url:
        account = moto.environment | {"CELLAR_ADDON_HOST": url}
        with served({**place, **account, **buckets}) as web:
            index = web.service.jobs
            until(lambda: index.unfit is not None and bool(index.problem) == bool(lack))
            ready, ordered = web.get("/readyz"), send(web)
    if not lack:
        assert (ready.status_code, ordered.status_code) == (200, 202)
        return
    reason = ready.json()["reason"]
    assert reason.startswith(f"the storage has no {lack}") and "the web service needs" in reason
    assert ready.status_code == ordered.status_code == 503
    assert ordered.json()["detail"] == reason
    assert caplog.messages.count(reason) == 1
