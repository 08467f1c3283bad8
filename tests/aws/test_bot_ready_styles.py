"""The ready styles in the bot: together with the paintings in its bucket, by name or title."""

import io

import numpy as np
import pytest
from PIL import Image
from support.bot_world import ANNA, JPEG, commands_in, texts

SIZE = {"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}


@pytest.fixture
def ready(aws, monkeypatch):
    """The bot offers two ready styles."""
    from bot import resources

    monkeypatch.setenv("STYLES", "hokusai,klimt")
    resources.resources.cache_clear()
    yield
    resources.resources.cache_clear()


def in_language(update, code):
    update["message"]["from"]["language_code"] = code
    return update


def test_ready_styles_are_shown_and_chosen_with_their_titles(ready, world):
    asked = in_language(world.message(ANNA, text="/styles", **commands_in("/styles")), "de")
    [answer] = world.answers(asked)
    labels = [button["text"].partition(". ")[2] for button in answer.buttons]
    assert labels == ["✓ Monet", "Die große Welle, Hokusai", "Adele Bloch-Bauer I, Klimt"]
    shown = np.asarray(Image.open(io.BytesIO(answer.files["photo"][1])))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 10_000, "it has the paintings"
    [button] = [each["callback_data"] for each in answer.buttons if "Klimt" in each["text"]]
    _, edited = world.presses(ANNA, button, photo=[SIZE], caption="…")
    assert "Adele Bloch-Bauer I, Klimt, 1907" in edited.text
    assert world.wish(world.send_photo(ANNA)) | {"size": 0} == {
        **{"prefix": "styles", "style": "klimt", "size": 0}
    }
    assert "Adele Bloch-Bauer I, Klimt, 1907" in world.telegram.sent(chat=ANNA)[-1].text


def test_a_style_is_found_by_its_title_and_a_painting_of_the_bucket_wins(ready, world):
    for text in ("hokusai", "the great WAVE", "Die große Welle", "Katsushika", "grosse welle"):
        assert "The Great Wave, Hokusai, 1831" in world.says(ANNA, f"/style {text}")[0].text
        assert world.wish(world.send_photo(ANNA))["style"] == "hokusai"
    assert "hokusai?" in world.says(ANNA, "/style hokusia")[0].text
    world.put("styles/hokusai.jpg", JPEG)
    assert "the style Hokusai" in world.says(ANNA, "/style hokusai")[0].text


def test_help_shows_a_ready_styles_painting_and_no_bucket_is_needed(ready, world):
    world.delete("styles/monet.jpg")
    [answer] = world.says(ANNA, "/help")
    assert answer.method == "sendPhoto" and "The Great Wave, Hokusai, 1831" in answer.text
    assert Image.open(io.BytesIO(answer.files["photo"][1])).size[0] > 200
    assert texts(world.says(ANNA, "/styles")) != []
