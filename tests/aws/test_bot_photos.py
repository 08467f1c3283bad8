"""The Telegram bot: photos, files, albums and own paintings that come in."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

from bot import requests
from support.bot_world import ANNA, BORIS, EN, GROUP, HEIC, JPEG, OWNER, texts
from support.pictures import gradient, saved


def test_a_photo_and_its_wish_go_into_the_bucket_and_its_place_is_said(world):
    update = world.photo(ANNA)
    [answer] = world.answers(update)
    message = update["message"]
    key = f"telegram/{ANNA}/{message['message_id']}-{message['photo'][1]['file_unique_id']}.jpg"
    assert world.photo_keys(ANNA) == [key] and world.get(key) == JPEG
    assert world.wish(key) == {"prefix": "styles", "style": "monet"}
    assert answer.reply_to == message["message_id"]
    assert "Monet" in answer.text and "next" in answer.text and "about 9 minutes" in answer.text
    assert world.telegram.actions == [(ANNA, "typing")]
    [second] = world.answers(world.photo(BORIS))
    assert "number 2" in second.text


def test_a_file_is_kept_in_full_quality_with_its_real_kind(world):
    for data, name, mime, extension in (
        (saved(gradient(), "PNG"), "beach.png", "image/png", "png"),
        (saved(gradient(), "WEBP"), "beach.jpg", "image/jpeg", "webp"),
        (saved(gradient(), "TIFF"), "beach.tif", "image/tiff", "tiff"),
        (HEIC, "IMG_1.HEIC", "application/octet-stream", "heic"),
        (saved(gradient(), "AVIF"), "beach.avif", "image/avif", "avif"),
        (JPEG, "beach", "application/octet-stream", "jpg"),
        (JPEG, "scan.pdf", "application/pdf", "jpg"),
        (HEIC, "IMG_1.mov", "video/quicktime", "heic"),
        (saved(gradient(), "PNG"), "photo.jpg.download", "text/plain", "png"),
    ):
        world.answers(world.file(ANNA, data, name, mime))
        key = world.photo_keys(ANNA)[-1]
        assert key.endswith(f".{extension}") and world.get(key) == data


def test_an_unusual_kind_or_size_of_file_gets_a_polite_answer(world):
    for data, name, mime in (
        (b"%PDF-1.7", "letter.pdf", "application/pdf"),
        (b"GIF89a", "cat.gif", "image/gif"),
        (b"anything", "beach.jpg", "image/jpeg"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp42", "film.mp4", "video/mp4"),
        (b"", "beach.jpg", "image/jpeg"),
    ):
        assert texts(world.answers(world.file(ANNA, data, name, mime))) == [EN.kinds("no_picture")]
    update = world.file(ANNA, JPEG, "beach.jpg", "image/jpeg", size=25 * 1024 * 1024)
    assert texts(world.answers(update)) == [EN.text("too_large")]
    assert world.keys("telegram/") == []


def test_an_album_is_painted_whole_and_acknowledged_once_and_what_need_not_stay_goes(
    world, resources
):
    for _ in range(4):
        world.answers(world.photo(ANNA, media_group_id="77"))
    assert len(world.photo_keys(ANNA)) == 4
    [answer] = world.telegram.sent(chat=ANNA)
    assert "album" in answer.text
    world.answers(world.photo(ANNA, media_group_id="78"))
    assert len(world.telegram.sent(chat=ANNA)) == 2
    rules = resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    passing = tuple(rule["Prefix"] for rule in rules if "ExpirationInDays" in rule)
    kept = [key for key in world.keys("") if not key.startswith(passing)]
    assert {key.rpartition("/")[0] for key in kept} == {"styles", "state/users"}


def test_a_user_may_send_so_many_photos_a_day_as_the_owner_says(world):
    assert texts(world.says(ANNA, "/limit 99")) == [EN.text("owner_only")]
    assert texts(world.says(OWNER, "/limit")) == [EN.photos("limit.now", 20)]
    assert texts(world.says(OWNER, "/limit many")) == [EN.text("limit.usage")]
    assert texts(world.says(OWNER, "/limit 1")) == [EN.photos("limit.is", 1)]
    first = world.photo(ANNA)
    assert "Got it" in world.answers(first)[0].text
    assert texts(world.answers(world.photo(ANNA))) == [EN.photos("limit.reached", 1)]
    assert len(world.photo_keys(ANNA)) == 1, "what was refused costs nothing"
    [answer] = world.answers(first | {"update_id": 1})
    assert "Got it" in answer.text, "the same photo counts once"
    for user in (BORIS, OWNER, OWNER):
        assert "Got it" in world.answers(world.photo(user))[0].text
    world.says(OWNER, "/limit 0")
    assert "any more for you today" in world.answers(world.photo(BORIS))[0].text


def test_what_cannot_be_painted_of_an_album_is_answered_once(world):
    world.says(OWNER, "/limit 1")
    for _ in range(4):
        world.answers(world.photo(ANNA, media_group_id="77"))
    accepted, refused = texts(world.telegram.sent(chat=ANNA))
    assert "album" in accepted and refused == EN.photos("limit.reached", 1)
    letters = (
        world.file(BORIS, b"%PDF-1.7", f"{page}.pdf", "application/pdf", media_group_id="78")
        for page in range(3)
    )
    assert sum(texts(world.answers(each)) == [EN.kinds("no_picture")] for each in letters) == 1


def test_photos_that_come_at_the_same_time_are_counted_each(world):
    world.says(OWNER, "/limit 2")
    updates = [world.photo(ANNA) for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(world.update, updates)) == [200] * 5
    assert len(world.photo_keys(ANNA)) == len(world.keys("state/queue/")) == 2
    answers = texts(world.telegram.sent(chat=ANNA))
    assert answers.count(EN.photos("limit.reached", 2)) == 3


def test_an_own_painting_becomes_ones_style(world):
    painting = saved(gradient(70, 70), "PNG")
    [answer] = world.answers(
        world.file(ANNA, painting, "p.png", "image/png", caption="Style Mein Bild / 2")
    )
    assert "Mein Bild 2" in answer.text
    assert world.get(f"own/{ANNA}/Mein Bild 2.png") == painting
    assert world.wish(world.send_photo(ANNA)) == {"prefix": f"own/{ANNA}", "style": "Mein Bild 2"}
    assert "Mein Bild 2" not in json.dumps(world.says(BORIS, "/styles")[0].parameters)
    assert "Mein Bild 2" in json.dumps(world.says(ANNA, "/styles", GROUP)[0].parameters)
    world.answers(world.photo(ANNA, caption="Style Mein Bild 2"))
    assert world.keys(f"own/{ANNA}/") == [f"own/{ANNA}/Mein Bild 2.jpg"], "in its place"


def test_each_picture_of_an_album_of_paintings_is_a_style_in_whatever_order_they_come(world):
    """Telegram sends an album's pictures one by one, and its caption with one of them."""
    captions = ({}, {"caption": "style Trio"}, {})
    updates = [world.photo(ANNA, media_group_id="55", **caption) for caption in captions]
    for update in updates:
        world.answers(update)
    first, _, third = (update["message"]["message_id"] for update in updates)
    names = {"Trio", f"Trio-{first}", f"Trio-{third}"}
    assert set(world.keys("own/")) == {f"own/{ANNA}/{name}.jpg" for name in names}
    assert world.photo_keys(ANNA) == [] == world.keys("state/queue/")
    assert EN.style("own_style", "Trio") in texts(world.telegram.sent(chat=ANNA))
    assert world.wish(world.send_photo(ANNA))["style"] == "Trio"
    world.answers(world.photo(ANNA, media_group_id="56", caption="style"))
    world.answers(world.photo(ANNA, media_group_id="56"))
    assert len([key for key in world.keys("own/") if "/mine-" in key]) == 2


def test_the_caption_of_an_album_that_comes_while_a_picture_is_stored_counts_for_it(
    world, monkeypatch
):
    place = requests.place

    def placed(*args):
        request = place(*args)
        other = Thread(target=world.answers, args=(captioned,))  # Another invocation.
        other.start()
        other.join()
        return request

    picture, captioned = (
        world.photo(ANNA, media_group_id="57", **caption)
        for caption in ({}, {"caption": "style Duo"})
    )
    monkeypatch.setattr(requests, "place", placed)
    world.answers(picture)
    assert len(world.keys("own/")) == 2 and world.photo_keys(ANNA) == []


def test_edited_messages_and_files_for_others_in_groups_are_left_alone(world):
    update = world.photo(ANNA)
    edited = {"update_id": 7, "edited_message": update["message"] | {"edit_date": 2}}
    assert world.answers(edited) == [] and world.photo_keys(ANNA) == []
    letter = {**world.telegram.add_file(b"%PDF-1.7"), "file_name": "a.pdf"}
    assert world.answers(world.message(ANNA, GROUP, document=letter)) == []
    assert texts(world.answers(world.message(ANNA, document=letter))) == [EN.kinds("no_picture")]


def test_a_photo_whose_caption_is_for_another_bot_is_left_alone(world):
    for caption in ("/style@other_bot Monet", " /paint@other_bot\nnow"):
        assert world.answers(world.photo(ANNA, chat=GROUP, caption=caption)) == []
    assert world.keys("telegram/") == [] == world.keys("own/")
    own = world.answers(world.photo(ANNA, chat=GROUP, caption="/style@Painter_Bot Monet"))
    assert texts(own) == [EN.style("own_style", "Monet")]


def test_a_painting_is_named_as_people_write_it_or_not_at_all(world):
    unnamed = world.photo(ANNA, caption="style")
    world.answers(unnamed)
    name = f"mine-{unnamed['message']['message_id']}"
    assert world.keys("own/") == [f"own/{ANNA}/{name}.jpg"]
    number = unnamed["message"]["message_id"]
    assert f"Style: Mine {number}." in world.says(ANNA, "/status")[0].text
    for caption, name in (
        ("Style Oma", "Oma"),
        ("/style@painter_bot Opa", "Opa"),
        ("STYLE หญิง น้ำ 🎨", "หญิง น้ำ"),
        ("style हिन्दी_2-b ❤\ufe0f", "हिन्दी_2-b"),
        ("style \u0301x مونيه.c", "x مونيه c"),
        ("style\nzwei Zeilen", "zwei Zeilen"),
    ):
        [answer] = world.answers(world.photo(ANNA, caption=caption))
        assert answer.text == EN.style("own_style", name)
        assert f"own/{ANNA}/{name}.jpg" in world.keys("own/")
    for caption in ("styles", "stylish", "my style", "style@home"):
        assert "Got it" in world.answers(world.photo(ANNA, caption=caption))[0].text


def test_a_painting_may_be_a_phones_but_not_damaged_and_one_from_before_leaves_help_alone(world):
    damaged = saved(gradient(), "AVIF").replace(b"iloc", b"free")
    update = world.file(ANNA, damaged, "p.avif", "image/avif", caption="style Mine")
    assert texts(world.answers(update)) == [EN.kinds("damaged_painting")]
    assert world.keys("own/") == []
    world.put("styles/a.avif", damaged)
    world.says(ANNA, "/style a")
    assert [call.method for call in world.says(ANNA, "/help")] == ["sendMessage"]
    # Brightness or depth, as many phones add it: a file that Pillow calls MPO.
    painting = saved(gradient(), "MPO", save_all=True, append_images=[gradient(40, 30)])
    update = world.file(ANNA, painting, "p.jpg", "image/jpeg", caption="style Mine")
    assert texts(world.answers(update)) == [EN.style("own_style", "Mine")]
    assert [call.method for call in world.says(ANNA, "/help")] == ["sendPhoto"]


def test_a_chosen_style_that_was_deleted_gives_way_to_the_first_if_there_is_one(world):
    world.put("styles/zorn.jpg", JPEG)
    world.says(ANNA, "/style zorn")
    world.delete("styles/zorn.jpg")
    assert world.wish(world.send_photo(ANNA))["style"] == "monet"
    world.delete("styles/monet.jpg")
    assert texts(world.answers(world.photo(BORIS))) == [EN.text("no_styles")]
    assert world.photo_keys(BORIS) == []
