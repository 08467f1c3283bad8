"""Wrong variables as text, in wrong.scenario; support.scenarios explains its words."""

from pathlib import Path

import pytest
from support.scenarios import Stage, play, scenarios

BUCKETS = {"BUCKET_SOURCE": "photos", "BUCKET_STYLE": "paintings", "BUCKET_RESULT": "results"}


@pytest.mark.parametrize("scenario", scenarios(Path(__file__).with_name("wrong.scenario")))
def test_variables_are_refused_as_the_scenario_says(scenario, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    play(scenario, Stage(BUCKETS, monkeypatch, capsys))
