"""Command lines as text, in the files `*.scenario`; support.scenarios explains their words."""

from pathlib import Path

import pytest
from support.scenarios import Stage, play, scenarios

HERE = Path(__file__).parent
OF_WORDS = [*scenarios(HERE / "words.scenario"), *scenarios(HERE / "sync.scenario")]


@pytest.mark.parametrize("scenario", OF_WORDS)
def test_a_command_does_what_the_scenario_says(scenario, files, monkeypatch, capsys):
    play(scenario, Stage({}, monkeypatch, capsys))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", scenarios(HERE / "paints.scenario"))
def test_a_command_paints_what_the_scenario_says(scenario, files, monkeypatch, capsys):
    play(scenario, Stage({}, monkeypatch, capsys))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", scenarios(HERE / "inetwork.scenario"))
def test_inetwork_does_what_the_scenario_says(
    scenario, inetwork_pictures, stand_in, monkeypatch, capsys
):
    play(scenario, Stage({}, monkeypatch, capsys))


@pytest.mark.parametrize("scenario", scenarios(HERE / "init.scenario"))
def test_init_refuses_what_the_scenario_says(scenario, workspace, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    play(scenario, Stage({}, monkeypatch, capsys))
