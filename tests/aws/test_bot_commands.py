"""The Telegram bot: who may come in, and what it answers to commands and buttons."""

import io
import json

from PIL import Image
from support.bot_world import ANNA, BORIS, EN, GROUP, JPEG, OWNER, STRANGER, commands_in, texts

from painterly.storage.base import UnavailableError
from painterly.storage.s3 import bucket as s3

CONTACT = {"phone_number": "1", "first_name": "Eva"}
SIZE = {"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}


# Who may come in


def test_a_wrong_secret_is_refused_and_nothing_happens(world):
    for secret in ("", "wrong", "größer"):
        assert world.update(world.message(ANNA, text="/start"), secret) == 403
    assert world.telegram.calls == []


def test_a_stranger_gets_a_polite_no_and_nothing_of_them_is_stored(world):
    for update in (world.message(STRANGER, text="hello"), world.photo(STRANGER)):
        answer = world.answers(update)[0]
        assert (answer.chat, answer.text) == (STRANGER, EN.text("stranger"))
    assert world.keys("telegram/") == []
    kept = [key for key in world.state() if not key.startswith("state/passing/")]
    assert kept == [f"state/users/{ANNA}.json", f"state/users/{BORIS}.json"]
    assert str(STRANGER) not in json.dumps(world.state())


def test_the_owner_is_asked_once_and_ten_times_a_day_and_lets_a_stranger_in_by_a_button(world):
    for text in ("hello", "please"):
        world.says(STRANGER, text)
    [asked] = world.telegram.sent(chat=OWNER)
    assert f"Person {STRANGER}" in asked.text
    allow, ignore = (button["callback_data"] for button in asked.buttons)
    assert texts(world.presses(ANNA, allow)) == [EN.text("owner_only")]
    assert world.presses(OWNER, ignore)[-1].text == EN.text("ignored", user=STRANGER)
    assert world.says(STRANGER, "/start")[0].text == EN.text("stranger")
    world.presses(OWNER, allow)
    assert world.telegram.sent(chat=STRANGER)[-1].text == EN.text("let_in")
    assert texts(world.says(STRANGER, "/start")) == [EN.text("welcome")]
    for other in range(STRANGER + 1, STRANGER + 12):
        assert world.says(other, "hello")[0].chat == other
    assert len([call for call in world.telegram.sent(chat=OWNER) if call.buttons]) == 10


def test_a_stranger_in_a_group_is_answered_only_when_speaking_to_the_bot(world):
    assert world.answers(world.photo(STRANGER, chat=GROUP)) == []
    assert len(world.says(STRANGER, "/start", GROUP)) == 1
    assert len(world.says(STRANGER, "/start@painter_bot", GROUP)) == 1
    assert world.says(STRANGER, "/start@other_bot", GROUP) == []


def test_who_posts_as_a_group_or_channel_is_nobody(world):
    """All who do so have the same number, in all groups."""
    anonymous = 1087968824
    group = {"sender_chat": {"id": GROUP, "type": "supergroup", "title": "Friends"}}
    assert world.answers(world.photo(anonymous, chat=GROUP, **group)) == []
    assert world.keys("telegram/") == []
    command = {"text": "/styles", **commands_in("/styles")}
    told = world.answers(world.message(anonymous, GROUP, **group, **command))
    assert texts(told) == [EN.text("anonymous")]
    assert world.telegram.sent(chat=OWNER) == [], "there is nobody to ask about"


def test_a_stranger_stays_outside_when_the_users_cannot_be_read(world, monkeypatch):
    read = s3.S3Bucket.read_with_entry

    def refused(bucket, key):
        if key.startswith("state/users/"):
            raise UnavailableError("the bucket does not answer")
        return read(bucket, key)

    monkeypatch.setattr(s3.S3Bucket, "read_with_entry", refused)
    for update in (world.photo(STRANGER), world.message(STRANGER, text="/status")):
        to_stranger = [call for call in world.answers(update) if call.chat == STRANGER]
        assert texts(to_stranger) == [EN.text("broken")]
    assert "does not answer" in world.telegram.sent(chat=OWNER)[0].text
    assert world.keys("telegram/") == []


def let_in(world, user):
    """Let a stranger who writes to the bot in, by the owner's button."""
    world.says(user, "hello")
    world.presses(OWNER, world.telegram.sent(chat=OWNER)[-1].buttons[0]["callback_data"])


def test_the_owner_sees_all_users_and_removes_one_by_a_button(world):
    let_in(world, STRANGER)
    assert texts(world.says(STRANGER, "/start")) == [EN.text("welcome")]
    [listed] = world.says(OWNER, "/users")
    shown = {button["text"]: button["callback_data"] for button in listed.buttons}
    assert set(shown) == {f"Person {user} ({user})" for user in (ANNA, BORIS, STRANGER)}
    world.job(world.send_photo(STRANGER), "RUNNING", job="job-7")
    remove = shown[f"Person {STRANGER} ({STRANGER})"]
    asked = world.presses(OWNER, remove)[-1]
    assert asked.text == EN.text("users.ask", person=f"Person {STRANGER} ({STRANGER})")
    yes, no = (button["callback_data"] for button in asked.buttons)
    assert world.presses(OWNER, no)[-1].text == EN.text("forget.kept")
    assert world.user(STRANGER)["allowed"]
    assert world.presses(OWNER, yes)[-1].text == EN.text("user_removed", user=STRANGER)
    assert world.terminated == ["job-7"] and world.keys(f"telegram/{STRANGER}/") == []
    assert world.says(STRANGER, "/start")[0].text == EN.text("stranger")
    assert len(world.says(OWNER, "/users")[0].buttons) == 2
    assert texts(world.presses(OWNER, remove))[-1] == EN.text("users.ask", person=str(STRANGER))


def test_only_the_owner_decides_about_users(world):
    assert texts(world.says(ANNA, "/users")) == [EN.text("owner_only")]
    assert texts(world.presses(ANNA, f"remove:{BORIS}")) == [EN.text("owner_only")]
    assert texts(world.presses(ANNA, f"forget:{BORIS}")) == [EN.text("button_gone")]
    assert world.user(BORIS)["allowed"]
    for user in (ANNA, BORIS):
        world.presses(OWNER, f"forget:{user}")
    assert texts(world.says(OWNER, "/users")) == [EN.text("users.none")]


def test_many_users_come_in_as_many_messages_as_telegram_takes(world):
    for user in range(5000, 5120):
        world.put(f"state/users/{user}.json", json.dumps({**world.user(ANNA), "id": user}).encode())
    assert [len(call.buttons) for call in world.says(OWNER, "/users")] == [50, 50, 22]


# Commands


def test_the_owners_start_sets_the_menus_of_commands(world):
    world.says(ANNA, "/start")
    assert world.telegram.menus == {}
    world.says(OWNER, "/start")
    scopes = ("default", f"chat:{OWNER}")
    assert set(world.telegram.menus) == {
        (scope, code) for scope in scopes for code in ("", "de", "fr", "es")
    }
    everybody, owner = (set(world.telegram.menus[scope, "de"]) for scope in scopes)
    assert {"styles", "forget"} <= everybody and owner - everybody == {"users", "limit"}


def test_start_says_hello_and_other_words_get_a_hint(world):
    assert texts(world.says(ANNA, "/start")) == [EN.text("welcome")]
    assert texts(world.says(ANNA, "what?")) == [EN.text("unknown")]
    for other in ({"dice": {"emoji": "🎲", "value": 1}}, {"contact": CONTACT}):
        assert texts(world.answers(world.message(ANNA, **other))) == [EN.text("unknown")]
    pinned = world.message(ANNA)
    pinned["message"]["pinned_message"] = {"message_id": 1, "date": 0, "chat": {"id": ANNA}}
    assert world.answers(pinned) == [], "nobody said anything"
    assert world.says(ANNA, "what?", GROUP) == []


def test_help_comes_with_the_current_styles_picture(world):
    [answer] = world.says(ANNA, "/help")
    assert answer.method == "sendPhoto" and "Monet" in answer.text and "/cancel" in answer.text
    assert "longer side 1024 px" in answer.text, "that of the stack, as nobody chose another"
    assert Image.open(io.BytesIO(answer.files["photo"][1])).size == (90, 50)


def test_styles_are_chosen_by_a_button(world):
    long = "zarte große Welle vor Kanagawa – " * 8
    world.put(f"styles/{long}.jpg", JPEG)
    [answer] = world.says(ANNA, "/styles")
    assert [button["text"] for button in answer.buttons if "✓" in button["text"]]
    assert answer.method == "sendPhoto" and (ANNA, "upload_photo") in world.telegram.actions
    shown = Image.open(io.BytesIO(answer.files["photo"][1]))
    assert shown.size == (700, 433), "two thumbnails side by side"
    [data] = [each["callback_data"] for each in answer.buttons if "Zarte" in each["text"]]
    answered, edited = world.presses(ANNA, data, photo=[SIZE], caption="…")
    assert (answered.method, edited.method) == ("answerCallbackQuery", "editMessageCaption")
    assert "✓ Zarte" in str(edited.buttons)
    assert world.wish(world.send_photo(ANNA))["style"] == long
    twice = world.press(ANNA, data)
    for number in (1, 2):
        world.update(twice | {"update_id": number})
    assert ("editMessageText", 400) in world.telegram.refused
    assert EN.text("broken") not in texts(world.telegram.sent())
    first = answer.buttons[0]["callback_data"]
    world.presses(ANNA, first, photo=[SIZE], caption="…")
    assert world.wish(world.send_photo(ANNA))["style"] == "monet"
    world.delete("styles/monet.jpg")
    assert texts(world.presses(ANNA, first)) == [EN.text("style_gone")]


def test_many_styles_come_in_pages(world):
    for number in range(23):
        world.put(f"styles/style {number:02}.jpg", JPEG)
    [first] = world.says(ANNA, "/styles")
    assert len(first.buttons) == 11 and first.buttons[-1]["text"] == "›"
    page = first
    labels = [button["text"] for button in page.buttons[:-1]]
    for turns in (2, 1):
        page = world.presses(ANNA, page.buttons[-1]["callback_data"], photo=[SIZE])[-1]
        assert page.method == "editMessageMedia"
        labels += [button["text"] for button in page.buttons[:-turns]]
    assert [text.partition(". ")[0] for text in labels] == [str(n + 1) for n in range(24)]
    assert sorted(text.partition(". ")[2].removeprefix("✓ ") for text in labels) == sorted(
        ["Monet", *(f"Style {number:02}" for number in range(23))]
    )


def test_forged_buttons_get_an_answer_and_bother_nobody(world):
    """A client can send any data for a button."""
    for data in ("size:99999", "size:7", "page:-1", "page:²", "style:../x", "size:512\n", "x"):
        [answer] = world.presses(ANNA, data)
        assert (answer.method, answer.text) == ("answerCallbackQuery", EN.text("button_gone"))
    assert world.user(ANNA)["wish"]["size"] is None


def test_a_style_is_chosen_by_name_in_whatever_case(world):
    world.put("styles/Great Wave/a.jpg", JPEG)
    assert texts(world.says(ANNA, "/style great wave")) == [EN.style("style_is", "Great Wave")]
    assert world.wish(world.send_photo(ANNA))["style"] == "Great Wave"
    [answer] = world.says(ANNA, "/style monnet")
    assert "monnet" in answer.text and "Did you mean monet?" in answer.text
    world.put("styles/Small Wave/a.jpg", JPEG)
    [answer] = world.says(ANNA, "/style wave")
    assert "Did you mean Great Wave or Small Wave?" in answer.text
    for name in ("Monet", "MONET"):
        world.put(f"styles/{name}.jpg", JPEG)
    world.says(ANNA, "/style Monet")
    assert world.user(ANNA)["wish"]["style"] == "Monet", "of three, the one that is written so"


def test_a_size_can_be_pressed_or_written(world):
    [answer] = world.says(ANNA, "/size")
    data = [button["callback_data"] for button in answer.buttons]
    assert data == ["size:512", "size:1024", "size:2048", "size:full"]
    for text in ("7", "4097", "99999", "huge", "-1"):
        assert texts(world.says(ANNA, f"/size {text}")) == [EN.size_wrong(text)]
    assert world.user(ANNA)["wish"]["size"] is None
    world.presses(ANNA, "size:full")
    assert "as large as your photo" in world.says(ANNA, "/status")[0].text
    for text, size in (("full", "full"), ("800 px", 800)):
        assert texts(world.says(ANNA, f"/size {text}")) == [EN.size_is(size)]
        world.answers(world.photo(ANNA))
        assert world.wish(world.photo_keys(ANNA)[-1])["size"] == size
