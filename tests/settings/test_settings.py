"""Settings: one source of defaults, and errors that say what is expected."""

import copy
import dataclasses
import pickle

import pytest

from painterly.errors import ConfigError
from painterly.settings.recipes import PRESETS, RECIPES
from painterly.settings.settings import FIELDS, Settings
from tools import settings_tables


def test_settings_that_do_not_go_together_are_refused_in_one_line():
    with pytest.raises(ConfigError, match="not in vgg16"):
        Settings(model="vgg16", content_layer="conv3_4")
    with pytest.raises(ConfigError, match=r"content_weight is 'auto'.*expects a number"):
        Settings.inetwork(content_weight="auto")
    with pytest.raises(ConfigError, match=r"precision is 'float16'.*choose float32 or bfloat16"):
        Settings.inetwork(precision="float16")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_changes_defaults_and_nothing_that_is_given(preset):
    usual = dataclasses.asdict(Settings())
    for named in (Settings(preset=preset), Settings().replaced({"preset": preset})):
        of_recipe = RECIPES[PRESETS[preset].get("recipe", "default")].defaults
        expected = usual | PRESETS[preset] | {**of_recipe, "preset": preset}
        assert dataclasses.asdict(named) == expected
    for name in PRESETS[preset]:
        # Also where the given value is a default.
        value = usual[name]
        assert getattr(Settings(**{name: value, "preset": preset}), name) == value
        before = Settings().replaced({name: value})
        assert getattr(before.replaced({"preset": preset}), name) == value
        after = Settings().replaced({"preset": preset})
        assert getattr(after.replaced({name: value}), name) == value


def test_presets_do_not_add_up():
    twice = Settings(preset="print", strength=0.3).replaced({"preset": "draft"})
    assert twice == Settings(preset="draft", strength=0.3)
    assert twice.replaced({"preset": "fine"}) == Settings(strength=0.3)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_recipes_defaults_count_more_than_those_of_a_preset(preset):
    original = Settings.inetwork(preset=preset)
    assert original == Settings.inetwork() == Settings().replaced({"recipe": "inetwork"})
    defaults = RECIPES["inetwork"].defaults
    assert {name: getattr(original, name) for name in defaults} == defaults
    plain = original.replaced({"recipe": "default"})
    assert plain == Settings(preset=preset, recipe="default")
    given = {"size": Settings().size, "model": "vgg19"}
    assert Settings().replaced(given).replaced({"recipe": "inetwork"}) == Settings.inetwork(**given)


def test_copies_know_what_was_given():
    given = Settings(size=512)
    for same in (copy.deepcopy(given), pickle.loads(pickle.dumps(given))):
        assert same.replaced({"preset": "print"}).size == 512
    assert pickle.loads(pickle.dumps(Settings())).replaced({"preset": "print"}).size != 512


def test_the_tables_of_settings_are_up_to_date_and_complete():
    text = settings_tables.PAGE.read_text()
    assert settings_tables.with_tables(text) == text, "run `python -m tools.settings_tables`"
    assert all(f"\n| `{name}` | " in text for name in FIELDS)
