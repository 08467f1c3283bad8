"""The Telegram bot: previews of photos that wait. test_aws_flow shows that each comes once."""

import io
import logging

import numpy as np
import pytest
from bot import photos
from contract import Photo
from PIL import Image
from support.bot_world import ANNA, GROUP, JPEG
from support.pictures import sample_bytes, saved

SIDE = photos.PREVIEW_SIDE


def sample(name, longer):
    return saved(Image.fromarray(sample_bytes(name, longer)), "JPEG", quality=95)


def shown(call):
    return np.asarray(Image.open(io.BytesIO(call.files["photo"][1])), np.float32)


def colourfulness(picture):
    return (picture.max(-1) - picture.min(-1)).mean()


@pytest.mark.slow
def test_a_photo_is_answered_by_a_preview_in_its_style(world, monkeypatch):
    """It speaks the language of its user."""
    previews = {}
    photo = sample("photos/landscape.jpg", 800)
    for style, side in (("ink", SIDE), ("mosaic", 192)):
        monkeypatch.setattr(photos, "PREVIEW_SIDE", side)
        world.put(f"styles/{style}.jpg", sample(f"styles/{style}.jpg", 256))
        world.says(ANNA, f"/style {style}")
        update = world.photo(ANNA, photo, GROUP)
        update["message"]["from"]["language_code"] = "de"
        world.answers(update)
        world.created(world.photo_keys(GROUP)[-1])
        call = world.telegram.sent("sendPhoto", GROUP)[-1]
        assert call.text.startswith("Eine schnelle Vorschau")
        assert call.reply_to == update["message"]["message_id"]
        assert (GROUP, "upload_photo") in world.telegram.actions
        previews[style] = shown(call)
    assert previews["ink"].shape == (256, 384, 3)
    assert colourfulness(previews["mosaic"]) > 2 * colourfulness(previews["ink"])


def test_what_no_longer_waits_gets_no_preview(world):
    cancelled, done = world.send_photo(ANNA), world.send_photo(ANNA)
    world.created(world.result(done, JPEG))
    world.says(ANNA, "/cancel")
    before = len(world.telegram.calls)
    for key in (cancelled, done, f"telegram/{ANNA}/99-AQAD.jpg"):
        world.created(key)
    assert len(world.telegram.calls) == before


@pytest.mark.thorough
def test_a_photo_painted_again_gets_a_preview_of_its_new_settings(world, monkeypatch):
    monkeypatch.setattr(photos, "PREVIEW_SIDE", 192)
    world.put("styles/monet.jpg", sample("styles/mosaic.jpg", 192))
    photo = sample("photos/landscape.jpg", 192)
    first = world.send_photo(ANNA, photo)
    world.created(first)
    world.created(world.result(first, JPEG))
    pictures = [shown(world.telegram.sent("sendPhoto")[0])]
    for button in ("softer", "larger"):
        world.presses(ANNA, f"{button}:{Photo.of_key(first).token}")
        [key] = [key for key in world.photo_keys(ANNA) if "-r" in key and key != first]
        world.created(key)
        pictures.append(shown(world.telegram.sent("sendPhoto")[-1]))
        world.says(ANNA, "/cancel")
    usual, softer, larger = pictures
    plain = np.asarray(Image.open(io.BytesIO(photo)), np.float32)
    assert np.abs(softer - plain).mean() < 0.9 * np.abs(usual - plain).mean()
    # Strokes that are larger have fewer edges.
    assert np.abs(np.diff(larger, axis=0)).mean() < 0.9 * np.abs(np.diff(usual, axis=0)).mean()


@pytest.mark.parametrize("trouble", ["damaged photo", "no painting", "Telegram", "blocked"])
def test_a_preview_that_fails_is_one_line_in_the_log_and_the_painting_follows(
    world, caplog, trouble
):
    key = world.send_photo(ANNA, JPEG[:200] if trouble == "damaged photo" else JPEG)
    if trouble == "no painting":
        world.delete("styles/monet.jpg")
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
    assert world.telegram.sent("sendPhoto") == [], "it is not tried again"
    assert "Waiting: 1 photo" in world.says(ANNA, "/status")[0].text
    world.created(world.result(key, JPEG))
    assert len(world.telegram.sent("sendDocument")) == 1
