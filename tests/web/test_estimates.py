"""How long a picture is said to take."""

import pytest

from styletransfer.web.estimates import Estimates
from styletransfer.web.schemas import JobState, Quality
from styletransfer.web.stored import StoredJob

DRAFT = StoredJob(
    **{"id": "j", "photo": "a.jpg", "photo_key": "j/a.jpg", "size": (9, 9), "look": "monet"},
    **{"paintings": [], "named_look": True, "settings": {}, "created": "", "work": 100.0},
    **{"quality": Quality.DRAFT, "state": JobState.DONE, "seconds": 5.0, "finished": "2026"},
)


def test_where_one_network_paints_all_a_draft_says_how_long_the_others_take():
    one, two = Estimates(one_network=True), Estimates()
    for each in (one, two):
        assert each.seconds(Quality.FINE, 200) is None
        each.learn(DRAFT)
        assert each.seconds(Quality.DRAFT, 200) == 10
    assert one.seconds(Quality.FINE, 200) == 10 and two.seconds(Quality.FINE, 200) is None
    one.learn(DRAFT.model_copy(update={"quality": Quality.FINE, "seconds": 7.0}))
    assert one.seconds(Quality.PRINT, 200) == pytest.approx(14)


def test_what_a_worker_has_measured_is_expected_until_a_job_has_shown_it():
    estimates = Estimates()
    estimates.expect(Quality.FINE, 0.2, "this device")
    assert estimates.seconds(Quality.FINE, 100) == estimates.seconds(Quality.PRINT, 100) == 20
    assert estimates.seconds(Quality.DRAFT, 100) is None
    estimates.expect(Quality.DRAFT, 0.1, "this device")
    assert estimates.seconds(Quality.DRAFT, 100) == 10
    now = {"device": "this device", "finished": "2999"}
    estimates.learn(DRAFT.model_copy(update={"seconds": 7.0, **now}))
    assert estimates.seconds(Quality.DRAFT, 100) == pytest.approx(7)


def test_what_was_painted_on_another_device_before_counts_no_more_once_this_one_was_measured():
    estimates = Estimates()
    slow = DRAFT.model_copy(update={"device": "another device", "seconds": 900.0})
    estimates.learn(slow)
    estimates.expect(Quality.DRAFT, 0.1, "this device")
    estimates.learn(slow)  # Read from the bucket afterwards.
    assert estimates.seconds(Quality.DRAFT, 100) == 10


def test_where_one_network_paints_all_one_measurement_is_enough():
    estimates = Estimates(one_network=True)
    estimates.expect(Quality.FINE, 0.2, "this device")
    assert estimates.seconds(Quality.DRAFT, 100) == 20
