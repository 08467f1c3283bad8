"""The command that fetches Stable Diffusion 1.5's files, after their licence is accepted."""

import pytest
from attention.hub import place

from painterly.attention.diffusion import licence, sources
from painterly.cli import weights


@pytest.fixture
def environment(diffusion_hub, monkeypatch, tmp_path):
    """The command asks the local hub."""
    monkeypatch.setattr(weights.config, "environment", lambda: variables)
    variables = {"ATTENTION_MIRROR": diffusion_hub.url}
    return variables


def test_it_shows_the_licence_and_fetches_nothing_until_it_is_accepted(
    environment, diffusion_hub, capsys
):
    assert weights.main(["attention"]) == 3
    out, err = capsys.readouterr()
    assert licence.URL in err and "medical advice" in err and "by a service too" in err
    assert err.splitlines()[-1].endswith("if you accept it, set ACCEPT_OPENRAIL_M=true")
    assert out == "" and diffusion_hub.asked == []
    environment["ACCEPT_OPENRAIL_M"] = "true"
    assert weights.main(["attention"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{sources.CACHE}\n" and "0.3 MB of 0.3 MB" in err
    # It is remembered, with the files.
    environment.clear()
    assert weights.main(["attention"]) == 0
    assert capsys.readouterr().err == ""


def test_on_a_terminal_it_is_accepted_by_a_word(environment, diffusion_hub, monkeypatch, capsys):
    monkeypatch.setattr(weights, "on_terminal", lambda: True)
    for answer, code in (("yes", 3), ("accept", 0)):
        monkeypatch.setattr(weights, "ask", lambda question, answer=answer: answer)
        assert weights.main(["attention"]) == code
    assert len(diffusion_hub.asked) == 3


def test_a_mirror_with_a_secret_is_refused_and_not_shown(environment, capsys):
    for wrong in ("https://me:secret@example.com/sd15", "https://example.com/?secret", "secret"):
        environment["ATTENTION_MIRROR"] = wrong
        assert weights.main(["attention"]) == 2
        err = capsys.readouterr().err
        assert "ATTENTION_MIRROR is wrong; expected an address such as" in err
        assert "secret" not in err


def test_a_check_of_foreign_files_ends_in_one_line(environment, small_files, tmp_path, capsys):
    environment["ATTENTION_WEIGHTS"] = str(tmp_path / "mine")
    place(tmp_path / "mine", {path: b"x" * len(data) for path, data in small_files.items()})
    assert weights.main(["attention", "--check"]) == 3
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "is damaged or another file" in err
