"""--help of each command: what it is for, its words, and its flags by groups."""

import re
import subprocess
from dataclasses import fields

import pytest

from painterly.cli import asked
from painterly.cli.command import VERBS, inetwork, main
from painterly.cli.options import BatchOptions, OutputOptions, PictureOptions
from painterly.settings.installation import PROGRAM
from painterly.settings.settings import FIELDS

COLUMNS = 80


@pytest.fixture
def printed(capsys, monkeypatch):
    """Return a function that asks a command for its help, and returns that."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))

    def run(*words, program=main):
        assert program([*words, "--help"]) == 0
        out, err = capsys.readouterr()
        assert not err and max(map(len, out.splitlines())) <= COLUMNS
        return out

    return run


def named_in(help_text):
    return {each.replace("-", "_") for each in re.findall(r"--([a-z][\w-]+)", help_text)}


def test_the_help_names_words_verbs_and_every_flag_in_its_group(printed):
    text = printed()
    assert "PHOTO … STYLE [-o RESULT] [flags]" in text and "beach.jpg hokusai" in text
    assert all(f"│ {verb} " in text for verb in VERBS)
    groups = re.split(r"╭─ (.*?) ─+╮", text)
    named = dict(zip(groups[1::2], map(named_in, groups[2::2]), strict=True))
    assert {*FIELDS} <= named["Settings (docs/settings.md)"]
    for title, options in (
        ("Results and device", OutputOptions),
        ("One picture", PictureOptions),
        ("Several pictures, folders and buckets", BatchOptions),
    ):
        assert {each.name.strip("_") for each in fields(options)} <= named[title]


def test_inetwork_has_the_arguments_of_the_original(printed):
    original = """style_masks content_mask color_mask image_size content_weight style_weight
        style_scale total_variation_weight num_iter model content_loss_type rescale_image
        rescale_method maintain_aspect_ratio content_layer init_image pool_type preserve_color
        min_improvement"""
    text = printed(program=inetwork)
    assert {*original.split()} <= named_in(text) and "BASE REF [REF …] PREFIX" in text


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_its_help(printed, verb):
    first = VERBS[verb].__doc__.splitlines()[0]
    text = printed(verb)
    assert first in text and "Args:" not in text and "Exit codes: " in text


def test_the_variables_of_flags_are_those_that_can_be_set():
    documented = (PROGRAM / ".env.example").read_text()
    flags = [each.name for of in (OutputOptions, BatchOptions) for each in fields(of)]
    for name in {*flags} - {"open", "include", "exclude", "sheet", "story"}:  # They have none.
        assert f"#{asked.NAMES.get(name, name.upper())}=" in documented, name


@pytest.mark.slow
def test_start_sh_shows_a_screen():
    screen = subprocess.run([PROGRAM / "start.sh", "--help"], capture_output=True, text=True)
    lines = screen.stdout.splitlines()
    assert 20 < len(lines) <= 46 and max(map(len, lines)) <= COLUMNS
