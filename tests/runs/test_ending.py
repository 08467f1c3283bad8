"""The end of a run, as its result bucket describes it."""

from pathlib import Path

import pytest
from support.folder_batches import run

from painterly.errors import WeightsError
from painterly.runs import workers
from painterly.settings.bucket_layout import ENDED
from painterly.signals import Stopped

FILE = Path("out", ENDED)


def test_a_run_that_fails_says_why_and_one_that_is_stopped_has_no_ending(
    folders, stand_in, monkeypatch
):
    with pytest.raises(WeightsError) as caught:
        run(folders, VGG_WEIGHTS="./nowhere.h5")
    assert f" UTC: FAILED: {caught.value}\nRun " in FILE.read_text()

    def stopped(*_):
        assert not FILE.exists()
        raise Stopped(15)

    monkeypatch.setattr(workers, "paint_all", stopped)
    with pytest.raises(Stopped):
        run(folders)
    assert not FILE.exists()
