"""Runs over folders as text, in the files `*.scenario`; support.scenarios explains their words."""

from pathlib import Path

import pytest
from support.scenarios import Stage, play, scenarios

FILES = sorted(Path(__file__).parent.glob("*.scenario"))


@pytest.mark.slow  # A process decodes the clips.
@pytest.mark.parametrize("scenario", [each for file in FILES for each in scenarios(file)])
def test_a_run_does_what_the_scenario_says(
    scenario, folder_with_clip, stand_in, monkeypatch, capsys
):
    play(scenario, Stage(folder_with_clip, monkeypatch, capsys))
