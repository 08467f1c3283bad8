"""The Telegram bot: previews of photos that wait."""

import io
import logging

import numpy as np
import pytest
from bot.resources import resources
from layout import Photo
from PIL import Image
from support.bot_world import ANNA, EN, GROUP, JPEG, texts
from support.pictures import gradient, saved

from styletransfer.paths import PROGRAM

LANDSCAPE, MOSAIC, INK = (
    (PROGRAM / "samples" / name).read_bytes()
    for name in ("photos/landscape.jpg", "paintings/mosaic.jpg", "paintings/ink.jpg")
)


def shown(call):
    return np.asarray(Image.open(io.BytesIO(call.files["photo"][1])), np.float32)


def colourfulness(picture):
    return (picture.max(-1) - picture.min(-1)).mean()


def previews(world, chat=ANNA):
    return world.telegram.sent("sendPhoto", chat)


def test_a_photo_is_answered_by_a_preview_in_its_style(world):
    world.put("styles/ink.jpg", INK)
    world.put("styles/mosaic.jpg", MOSAIC)
    found = {}
    for style in ("ink", "mosaic"):
        world.says(ANNA, f"/style {style}")
        update = world.photo(ANNA, LANDSCAPE)
        [accepted] = world.answers(update)
        assert "Got it" in accepted.text
        world.created(world.photo_keys(ANNA)[-1])
        call = previews(world)[-1]
        assert call.text == EN.text("preview")
        assert call.reply_to == update["message"]["message_id"]
        assert (ANNA, "upload_photo") in world.telegram.actions
        found[style] = shown(call)
        assert found[style].shape == (256, 384, 3)
    assert colourfulness(found["mosaic"]) > 2 * colourfulness(found["ink"])


def test_a_preview_comes_once_and_the_painting_follows(world):
    update = world.photo(ANNA)
    for number in (1, 2):  # Telegram repeats what it got no answer to.
        world.answers(update | {"update_id": number})
        world.created(world.photo_keys(ANNA)[0])
    assert texts(previews(world)) == [EN.text("preview")]
    world.created(world.result(world.photo_keys(ANNA)[0], JPEG))
    assert texts(previews(world)[1:]) == [EN.style("result", "monet")]
    assert len(world.telegram.sent("sendDocument")) == 1


def test_an_album_gets_one_preview(world):
    for _ in range(3):
        world.created(world.order(ANNA, media_group_id="77"))
    assert len(previews(world)) == 1
    world.created(world.order(ANNA, media_group_id="78"))
    assert len(previews(world)) == 2


def test_a_preview_is_hidden_like_its_photo_and_speaks_the_language_of_its_user(world):
    update = world.photo(ANNA, chat=GROUP, has_media_spoiler=True)
    update["message"]["from"]["language_code"] = "de"
    world.answers(update)
    world.created(world.photo_keys(GROUP)[0])
    [call] = previews(world, GROUP)
    assert call.text.startswith("Eine schnelle Vorschau")
    assert call.parameters["has_spoiler"] in (True, "true")


def test_what_no_longer_waits_gets_no_preview(world):
    cancelled, done = world.order(ANNA), world.order(ANNA)
    world.created(world.result(done, JPEG))
    world.says(ANNA, "/cancel")
    before = len(world.telegram.calls)
    for key in (cancelled, done, f"telegram/{ANNA}/99-AQAD.jpg"):
        world.created(key)
    assert len(world.telegram.calls) == before


def test_a_photo_painted_again_gets_a_preview_of_its_new_settings(world):
    world.put("styles/monet.jpg", MOSAIC)
    first = world.order(ANNA, LANDSCAPE)
    world.created(first)
    world.created(world.result(first, JPEG))
    pictures = [shown(previews(world)[0])]
    for button in ("softer", "larger"):
        world.presses(ANNA, f"{button}:{Photo.of_key(first).token}")
        [key] = [key for key in world.photo_keys(ANNA) if "-r" in key and key != first]
        world.created(key)
        pictures.append(shown(previews(world)[-1]))
        world.says(ANNA, "/cancel")
    photo = np.asarray(Image.open(io.BytesIO(LANDSCAPE)).resize((384, 256)), np.float32)
    usual, softer, larger = pictures
    assert np.abs(softer - photo).mean() < 0.9 * np.abs(usual - photo).mean()
    # Strokes that are larger have fewer edges.
    assert np.abs(np.diff(larger, axis=0)).mean() < 0.9 * np.abs(np.diff(usual, axis=0)).mean()


@pytest.mark.parametrize(
    "trouble", ["damaged photo", "no painting", "no wish", "too narrow", "Telegram", "blocked"]
)
def test_a_preview_that_fails_is_one_line_in_the_log_and_the_painting_follows(
    world, caplog, trouble
):
    data = {
        "damaged photo": JPEG[:200],
        "too narrow": saved(gradient(900, 12), "JPEG"),
    }
    key = world.order(ANNA, data.get(trouble, JPEG))
    if trouble == "no painting":
        world.delete("styles/monet.jpg")
    elif trouble == "no wish":
        world.delete(Photo.of_key(key).wish_key)
    elif trouble == "Telegram":
        world.telegram.fail("sendPhoto", 400)
    elif trouble == "blocked":
        world.telegram.blocked.add(ANNA)
    caplog.clear()
    world.created(key)
    [record] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert record.levelname == "WARNING" and "\n" not in record.getMessage()
    assert record.getMessage().startswith(f"no preview of {Photo.of_key(key).stem}: ")
    world.telegram.blocked.clear()
    world.created(key)
    assert previews(world) == [], "it is not tried again"
    assert resources().table.order(Photo.of_key(key)).status == "waiting"
    world.created(world.result(key, JPEG))
    assert len(world.telegram.sent("sendDocument")) == 1
