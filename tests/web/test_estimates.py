"""How long a picture is said to take."""

import pytest

from styletransfer.web.estimates import Estimates
from styletransfer.web.job_store import StoredJob
from styletransfer.web.schemas import JobState, Quality

DRAFT = StoredJob(
    **{"id": "j", "photo": "a.jpg", "photo_key": "j/a.jpg", "size": (9, 9), "look": "monet"},
    **{"paintings": [], "named_look": True, "settings": {}, "created": "", "work": 100.0},
    **{"quality": Quality.DRAFT, "state": JobState.DONE, "seconds": 5.0, "finished": "2026"},
)


def test_a_draft_says_how_long_the_others_take():
    estimates = Estimates()
    assert estimates.seconds(200) is None
    estimates.add_measurement(DRAFT)
    assert estimates.seconds(200) == 10
    estimates.add_measurement(DRAFT.model_copy(update={"quality": Quality.FINE, "seconds": 7.0}))
    assert estimates.seconds(200) == pytest.approx(12)


def test_what_a_worker_has_measured_is_expected_until_a_job_has_shown_it():
    estimates = Estimates()
    estimates.set_calibration(0.1, "this device")
    assert estimates.seconds(100) == 10
    now = {"device": "this device", "finished": "2999"}
    estimates.add_measurement(DRAFT.model_copy(update={"seconds": 7.0, **now}))
    assert estimates.seconds(100) == pytest.approx(7)


def test_what_was_painted_on_another_device_before_counts_no_more_once_this_one_was_measured():
    estimates = Estimates()
    slow = DRAFT.model_copy(update={"device": "another device", "seconds": 900.0})
    estimates.add_measurement(slow)
    estimates.set_calibration(0.1, "this device")
    estimates.add_measurement(slow)  # Read from the bucket afterwards.
    assert estimates.seconds(100) == 10
