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
