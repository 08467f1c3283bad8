"""The Telegram bot: what can be done with a photo that it has: again, cancel, forget; and how long
a photo will take."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from bot import requests
from contract import Photo
from support.bot_world import ANNA, BORIS, EN, GROUP, JPEG, commands_in, texts

from painterly.storage.s3 import bucket as s3

CANCEL = {"text": "/cancel"} | commands_in("/cancel")


@pytest.fixture
def painted_before(world):
    """Anna's photo has been painted; gives the data of the buttons under it."""
    world.put("styles/zorn.jpg", JPEG)
    world.created(world.result(world.send_photo(ANNA), JPEG))
    file = world.telegram.sent("sendDocument", ANNA)[0]
    assert (ANNA, "upload_document") in world.telegram.actions
    return [button["callback_data"] for button in file.buttons]


def test_a_result_is_painted_again_in_another_style(world, painted_before):
    [_, picker] = world.presses(
        ANNA, painted_before[0], document={"file_id": "d", "file_unique_id": "d"}
    )
    assert picker.method == "sendPhoto" and EN.text("pick_again") in picker.text
    data = picker.buttons[1]["callback_data"]
    for chat in (None, GROUP):
        assert texts(world.presses(BORIS, data, chat)) == [EN.text("not_yours")]
    _, edited = world.presses(ANNA, data)
    assert "in the style Zorn" in edited.text
    first, second = sorted(world.photo_keys(ANNA), key=len)
    assert world.get(second) == JPEG and world.wish(second)["style"] == "zorn"
    assert texts(world.presses(ANNA, data)) == [EN.text("again.waiting")]
    world.created(world.result(second, JPEG, "zorn"))
    last = world.telegram.sent("sendDocument", ANNA)[-1]
    assert last.reply_to == int(first.split("/")[2].partition("-")[0])


def test_a_result_is_painted_nearer_to_the_photo_or_the_painting_or_in_other_strokes(
    world, painted_before
):
    for button in painted_before[1:]:
        world.presses(ANNA, button)
    wishes = [world.wish(key) for key in world.photo_keys(ANNA)]
    assert sorted(wish.get("strength", 0.5) for wish in wishes) == [0.35, 0.5, 0.5, 0.5, 0.65]
    assert sorted(wish.get("stroke_size", 1) for wish in wishes) == [0.63, 1, 1, 1, 1.6]
    for key in world.photo_keys(ANNA):
        world.delete(key)
    assert texts(world.presses(ANNA, painted_before[1])) == [EN.text("again.gone")]


def test_a_button_pressed_twice_at_once_paints_once(world, painted_before):
    stronger = painted_before[2]
    updates = [world.press(ANNA, stronger) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(world.update, updates)) == [200] * 3
    assert len(world.photo_keys(ANNA)) == 2, "the photo, and once more"
    assert texts(world.telegram.sent(chat=ANNA))[3:] == [
        EN.accepted("again.accepted", "Monet", 1, 9)
    ]
    world.says(ANNA, "/cancel")
    assert "I will paint it again" in world.presses(ANNA, stronger)[-1].text, "it is free again"


def test_changes_start_from_the_styles_own_settings_and_end_at_their_limits(world):
    style = b'[bold]\npaintings = ["monet.jpg"]\nstrength = 0.7\nstroke_size = 3.0\n'
    world.put("styles/styles.toml", style)
    world.created(world.result(world.send_photo(ANNA), JPEG, "bold"))
    [_, softer, stronger, _, larger] = world.telegram.sent("sendDocument")[0].buttons
    for button in (softer, stronger, larger):
        world.presses(ANNA, button["callback_data"])
    wishes = {key: world.wish(key) for key in world.photo_keys(ANNA)}
    assert sorted(wish.get("strength", 0.7) for wish in wishes.values()) == [0.55, 0.7, 0.7, 0.85]
    [largest] = [key for key, wish in wishes.items() if wish.get("stroke_size") == 4.0]
    world.created(world.result(largest, JPEG, "bold"))
    larger = world.telegram.sent("sendDocument")[-1].buttons[-1]
    assert texts(world.presses(ANNA, larger["callback_data"])) == [EN.text("again.limit")]


def test_without_its_style_a_result_is_not_painted_again(world, painted_before):
    world.delete("styles/monet.jpg")
    for data in painted_before[1:]:
        assert texts(world.presses(ANNA, data)) == [EN.text("style_gone")]
    assert len(world.photo_keys(ANNA)) == 1


def test_in_a_topic_of_a_group_cancel_cancels(world):
    """There, what replies to nothing else is a reply to the topic's beginning."""
    world.answers(world.photo(ANNA, chat=GROUP))
    topic = world.message(BORIS, GROUP, forum_topic_created={"name": "Art", "icon_color": 1})
    reply = CANCEL | {"reply_to_message": topic["message"], "is_topic_message": True}
    update = world.message(ANNA, GROUP, message_thread_id=5, **reply)
    assert texts(world.answers(update)) == [EN.photos("cancelled", 1)]


def test_one_photo_is_cancelled_by_its_button_or_by_a_reply(world):
    updates = [world.photo(ANNA) for _ in range(3)]
    answers = [world.answers(update)[0] for update in updates]
    [button] = answers[0].buttons
    assert texts(world.presses(BORIS, button["callback_data"])) == [EN.text("not_yours")]
    assert world.presses(ANNA, button["callback_data"])[-1].text == EN.photos("cancelled", 1)
    assert texts(world.presses(ANNA, button["callback_data"])) == [EN.text("not_waiting")]
    reply = CANCEL | {"reply_to_message": updates[1]["message"]}
    # Each chat counts its messages itself: that one is another in the group.
    elsewhere = world.answers(world.message(ANNA, GROUP, **reply))
    assert texts(elsewhere) == [EN.text("not_waiting")]
    assert texts(world.answers(world.message(ANNA, **reply))) == [EN.photos("cancelled", 1)]
    [left] = world.photo_keys(ANNA)
    assert f"/{updates[2]['message']['message_id']}-" in left
    # To what the bot said of it, which Telegram hands over without what that replied to.
    said = world.message(BORIS, ANNA, text="Got it")["message"]
    said |= {"reply_markup": answers[2].parameters["reply_markup"]}
    reply["reply_to_message"] = said
    assert texts(world.answers(world.message(BORIS, **reply))) == [EN.text("not_yours")]
    assert texts(world.answers(world.message(ANNA, **reply))) == [EN.photos("cancelled", 1)]
    assert texts(world.answers(world.message(ANNA, **reply))) == [EN.text("not_waiting")]
    assert world.photo_keys(ANNA) == []


def test_forget_deletes_all_of_ones_data_and_nothing_of_others(world, painted_before, monkeypatch):
    write_if = s3.S3Bucket.write_if

    def watched(bucket, key, data, etag):
        # Else the updates of a moment would be treated as a stranger's.
        assert key != f"state/users/{ANNA}.json" or json.loads(data)["allowed"]
        return write_if(bucket, key, data, etag)

    monkeypatch.setattr(s3.S3Bucket, "write_if", watched)
    world.says(ANNA, "/size 700")
    world.answers(world.photo(ANNA, caption="style Mine"))
    world.answers(world.photo(ANNA, chat=GROUP))
    in_group = world.photo_keys(GROUP)[0]
    world.put(f"results/{GROUP}/_records/Mine/{in_group.rpartition('/')[2]}.json", b"{}")
    for user, chat in ((BORIS, None), (BORIS, GROUP)):
        world.answers(world.photo(user, chat=chat))
    before = set(world.keys(""))
    asked = world.says(ANNA, "/forget")[0]
    yes, no = (button["callback_data"] for button in asked.buttons)
    assert world.presses(ANNA, no)[-1].text == EN.text("forget.kept")
    assert texts(world.presses(BORIS, yes)) == [EN.text("button_gone")]
    assert before <= set(world.keys(""))
    assert world.presses(ANNA, yes)[-1].text == EN.text("forget.done")
    kept = {key for key in world.keys("") if not key.startswith(("state/passing/", "state/users/"))}
    of_boris = {key for key in before if str(BORIS) in key and not key.startswith("state/users/")}
    assert of_boris < kept, "in his chat"
    kept -= of_boris | {"styles/monet.jpg", "styles/zorn.jpg", "state/pace.json"}
    photo, request = sorted(kept, reverse=True)
    assert photo.startswith(f"telegram/{GROUP}/") and Photo.of_key(photo).request_key == request
    assert json.loads(world.get(request))["user"] == BORIS
    left = {"allowed", "id", "day", "photos", "write"}  # The photos of this day stay counted.
    user = world.user(ANNA)
    assert user["allowed"] and len(user["photos"]) == 2
    others = {name: value for name, value in user.items() if name not in left and value}
    assert others == {"wish": dict.fromkeys(user["wish"]) | {"prefix": "styles", "style": ""}}
    world.job(in_group, "RUNNING", job="job-9")
    assert world.terminated == ["job-9"]
    late = world.result(in_group, JPEG)
    world.created(late)
    assert world.telegram.sent("sendDocument", GROUP) == [] and late not in world.keys("results/")
    assert texts(world.says(ANNA, "/start")) == [EN.text("welcome")], "still allowed"


def test_the_time_is_estimated_from_the_last_photos(world):
    minutes = requests.estimate
    assert minutes(1, False, 0, ()) == 9, "6 to start an instance, 3 to paint"
    took_s = (240, 300, 5400)
    assert minutes(2, False, 0, took_s) == 16
    assert minutes(2, True, 0, took_s) == 10
    assert minutes(1, False, 3600, ()) is None
    assert minutes(1, True, 3600, ()) is not None
    assert "graphics card" in EN.accepted("accepted", "monet", 1, None)
    key = world.send_photo(ANNA)
    world.job(key, "RUNNING")
    world.created(world.result(key, JPEG))
    assert "about 7 minutes" in world.answers(world.photo(ANNA))[0].text, "painted at once"
