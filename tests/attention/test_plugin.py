"""The modules of recipe attention that are loaded before a picture is painted by it."""

import pytest
from support import tiny
from support.commands import python

from painterly.settings.settings import Settings

PROGRAM = """
import sys
from painterly.cli.command import inetwork
from painterly.web import app
assert inetwork(["photo.jpg", "painting.jpg", "x.png", "--preset", "instant", "--size", "64"]) == 0
print(*(name for name in sys.modules if name.startswith(("painterly.attention", "tensorflow"))))
"""


def test_its_words_are_those_of_the_other_recipes():
    """It has the default size of the others, and its defaults whichever name chooses it."""
    by_preset, by_recipe = Settings(preset="master"), Settings(recipe="attention")
    assert by_preset == by_recipe and by_recipe.size == Settings().size
    assert (by_recipe.iterations, by_recipe.learning_rate) == (200, 0.05)


@pytest.mark.slow
def test_an_instant_picture_and_the_web_process_load_only_what_declares_it(tmp_path):
    for seed, name in enumerate(("photo.jpg", "painting.jpg")):
        (tmp_path / name).write_bytes(tiny.file(48, 64, seed))
    ran = python("-c", PROGRAM, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    package = "painterly.attention"
    declared = {package, f"{package}.plugin", f"{package}.constants"}
    assert {*ran.stdout.splitlines()[-1].split()} == declared
