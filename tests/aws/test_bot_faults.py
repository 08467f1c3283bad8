"""The Telegram bot where something goes wrong: on Telegram's side, on AWS's, on its own."""

import base64
import json
import os
import time
from hashlib import md5
from unittest.mock import Mock

import boto3
import pytest
from bot import telegram_pictures
from bot.resources import PASSING, resources
from contract import Photo
from moto.s3.models import FakeKey
from support.bot_world import ANNA, BORIS, EN, JPEG, OWNER, texts
from support.fake_telegram import DROPPED, TOKEN

from painterly.storage import base
from painterly.storage.s3 import bucket as s3


def fails(monkeypatch, method, where):
    """Let a method of the bucket fail for keys with a part."""
    real = getattr(s3.S3Bucket, method)

    def broken(self, key="", *rest, **more):
        if where in key:
            raise base.UnavailableError("the bucket does not answer; try again later")
        return real(self, key, *rest, **more)

    monkeypatch.setattr(s3.S3Bucket, method, broken)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "method"),
    [(429, "sendMessage"), (502, "getFile"), *((DROPPED, each) for each in ("getMe", "getFile"))],
)
def test_what_telegram_puts_off_or_loses_is_tried_again(world, code, method, caplog):
    world.telegram.fail(method, code, retry_after=0.2, times=2)
    [answer] = world.answers(world.photo(ANNA))
    assert "Got it" in answer.text and caplog.text.count("; retrying in ") == 2
    assert world.telegram.refused == [(method, code)] * 2
    assert len(world.photo_keys(ANNA)) == 1


@pytest.mark.slow
def test_a_photo_that_could_not_be_acknowledged_is_painted_nevertheless(world):
    world.telegram.fail("sendMessage", 400)
    assert world.answers(world.photo(ANNA)) == []
    assert len(world.photo_keys(ANNA)) == 1


def test_what_a_button_asks_for_is_done_though_telegram_takes_no_answer_to_it_any_more(world):
    """`query is too old`: after an outage, Telegram repeats the presses of that time."""

    def press_late(user, button):
        world.telegram.fail("answerCallbackQuery", 400)
        calls = world.presses(user, button["callback_data"])
        assert ("answerCallbackQuery", 400) in world.telegram.refused
        return texts(calls)

    _, asked = world.says(999, "hello")
    press_late(OWNER, asked.buttons[0])
    assert world.user(999)["allowed"], "the owner let them in"

    world.created(world.result(world.send_photo(ANNA), JPEG))
    [result] = world.telegram.sent("sendDocument")
    [said] = press_late(ANNA, result.buttons[2])
    assert "I will paint it again" in said and len(world.photo_keys(ANNA)) == 2, "painted once more"
    assert press_late(ANNA, result.buttons[2]) == [EN.text("again.waiting")], "not as an alert"

    [question] = world.says(ANNA, "/forget")
    assert press_late(ANNA, question.buttons[0]) == [EN.text("forget.done")]
    assert world.photo_keys(ANNA) == []


def test_an_update_that_another_invocation_handles_comes_again(world):
    """If that invocation dies, its claim ends with its time."""
    update = world.photo(ANNA)
    claim = f"{PASSING}/updates/{update['update_id']}.json"
    with resources().claimed(claim):
        assert world.update(update) == 503
    assert world.telegram.calls == world.photo_keys(ANNA) == []
    died = time.time() - 5
    world.put(claim, json.dumps({"busy_until": died}).encode())
    assert "Got it" in world.answers(update)[0].text
    assert len(world.photo_keys(ANNA)) == 1


@pytest.mark.parametrize("methods", [("getMe",), ("getFile", "sendMessage")])
def test_a_photo_of_which_nobody_can_hear_comes_again(world, methods):
    for method in methods:
        world.telegram.fail(method, 502, times=9)
    update = world.photo(ANNA)
    assert world.update(update) == 503
    assert world.telegram.calls == world.photo_keys(ANNA) == []
    world.telegram.faults.clear()
    assert "Got it" in world.answers(update)[0].text


def test_without_its_bucket_the_bot_lets_telegram_send_again(world, monkeypatch):
    with monkeypatch.context() as patch:
        fails(patch, "write_if", "")
        assert world.update(update := world.photo(ANNA)) == 503
    assert "Got it" in world.answers(update)[0].text


def test_an_exception_is_reported_to_the_user_and_logged_and_telegram_gets_its_200(
    world, monkeypatch, caplog
):
    error = RuntimeError(f"at https://api.telegram.org/file/bot{TOKEN}/x")
    monkeypatch.setattr(telegram_pictures, "file_type", Mock(side_effect=error))
    [answer] = world.answers(world.photo(ANNA))
    assert (answer.chat, answer.text) == (ANNA, EN.text("broken"))
    assert "Traceback" in caplog.text and "RuntimeError" in caplog.text
    assert "<token>" in caplog.text


def test_a_photo_is_stored_after_its_request_and_leaves_nothing_behind_if_it_cannot_be(
    world, monkeypatch
):
    write = s3.S3Bucket.write

    def broken(self, key, *rest):
        if key.endswith(".jpg"):
            assert world.keys("state/requests/"), "it starts the job, which reads the request"
            raise base.UnavailableError("the bucket does not answer; try again later")
        write(self, key, *rest)

    monkeypatch.setattr(s3.S3Bucket, "write", broken)
    world.answers(world.photo(ANNA))
    assert texts(world.telegram.sent(chat=ANNA)) == [EN.text("broken")]
    assert "does not answer" in world.telegram.sent(chat=OWNER)[0].text
    assert world.keys("telegram/") == world.keys("state/requests/") == []
    assert world.keys("state/queue/") == []


def test_a_request_keeps_its_place_when_its_invocation_died_and_its_update_comes_again(world):
    first = world.photo(ANNA)
    world.answers(first)
    assert "number 2" in world.answers(world.photo(BORIS))[0].text
    [again] = world.answers(first | {"update_id": 1})
    assert "next" in again.text and len(world.photo_keys(ANNA)) == 1
    assert len(world.keys("state/queue/")) == 2


def test_a_message_that_comes_again_leaves_its_photo_in_work(world):
    """The invocation died after it had stored the photo, and before Telegram heard of it."""
    update = world.photo(ANNA)
    world.answers(update)
    [key] = world.photo_keys(ANNA)
    world.created(key)
    assert len(world.telegram.sent("sendPhoto")) == 1
    world.job(key, "RUNNING", job="job-7")
    stored = world.s3.head_object(Bucket=world.bucket, Key=key)["LastModified"]
    [again] = world.answers(update | {"update_id": 1})
    assert "Got it" in again.text
    assert world.s3.head_object(Bucket=world.bucket, Key=key)["LastModified"] == stored
    world.created(key)
    assert len(world.telegram.sent("sendPhoto")) == 1, "one preview"
    assert "Being painted now: 1 photo." in world.says(ANNA, "/status")[0].text
    assert texts(world.says(ANNA, "/cancel")) == [EN.photos("cancelled", 1)]
    assert world.terminated == ["job-7"]
    assert world.answers(update | {"update_id": 2}) == [] == world.photo_keys(ANNA), "cancelled"


def test_a_photo_in_work_stays_so_if_its_message_comes_again_while_the_bucket_fails(
    world, monkeypatch
):
    update = world.photo(ANNA)
    world.answers(update)
    before = world.photo_keys(ANNA), world.keys("state/requests/"), world.keys("state/queue/")
    with monkeypatch.context() as patch:
        fails(patch, "write", "/queue/")
        world.answers(update | {"update_id": 1})
    after = world.photo_keys(ANNA), world.keys("state/requests/"), world.keys("state/queue/")
    assert before == after


def test_a_request_that_cannot_be_read_stands_in_nobodys_way(world, caplog):
    """Such as one that another version of the bot has written."""
    broken = [Photo.of_key(world.send_photo(user)).request_key for user in (ANNA, ANNA, BORIS)]
    for request_key, content in zip(broken, (b"[]", b'{"user": 2000}', b"no JSON"), strict=True):
        world.put(request_key, content)
    assert "Got it" in world.answers(world.photo(BORIS))[0].text
    assert "Waiting: 1 photo" in world.says(BORIS, "/status")[0].text
    assert texts(world.says(BORIS, "/cancel")) == [EN.photos("cancelled", 1)]
    assert all(Photo.of_key(key) for key in world.photo_keys(ANNA))
    assert "cannot be read" in caplog.text


def test_what_a_later_version_stored_is_read_by_an_earlier_one(world):
    key = world.send_photo(ANNA)
    for document in (Photo.of_key(key).request_key, f"state/users/{ANNA}.json"):
        stored = json.loads(world.get(document))
        stored["wish"]["of later"] = stored["of later"] = 1
        world.put(document, json.dumps(stored).encode())
    assert "Waiting: 1 photo" in world.says(ANNA, "/status")[0].text
    world.created(world.result(key, JPEG))
    assert len(world.telegram.sent("sendDocument")) == 1


def test_the_owner_hears_of_a_failure_though_the_queue_cannot_be_changed(world, monkeypatch):
    key = world.send_photo(ANNA)
    with monkeypatch.context() as patch:
        fails(patch, "delete", "state/queue/")
        world.job(key, "FAILED", container={"exitCode": 5})
    assert texts(world.telegram.sent(chat=ANNA))[1:] == [EN.failed(EN.text("no_storage"))]
    assert len(world.telegram.sent(chat=OWNER)) == 1
    assert "None of your photos" in world.says(ANNA, "/status")[0].text
    assert world.keys("state/queue/") == [], "nobody waits for it"


def test_a_photo_is_painted_though_its_place_in_the_queue_cannot_be_told(
    world, monkeypatch, caplog
):
    fails(monkeypatch, "list", "state/queue/")
    assert world.answers(world.photo(ANNA)) == []
    assert len(world.photo_keys(ANNA)) == 1 and "could not be acknowledged" in caplog.text


@pytest.mark.slow
def test_a_long_queue_where_nothing_is_painted_is_not_read_whole(world, monkeypatch):
    """Telegram waits for half a minute, and the time of a request grows with each request read."""
    keys = [world.send_photo(user) for user in (ANNA, BORIS) for _ in range(7)]
    read, requests_read = s3.S3Bucket.read_with_entry, set()

    def counting(self, key):
        if key.startswith("state/requests/"):
            requests_read.add(key)
        return read(self, key)

    monkeypatch.setattr(s3.S3Bucket, "read_with_entry", counting)
    [answer] = world.answers(world.photo(OWNER))
    assert f"number {len(keys) + 1}" in answer.text and len(requests_read) <= 8


def test_a_request_that_a_dying_invocation_left_in_the_queue_is_waited_for_by_nobody(world):
    key = world.send_photo(ANNA)
    [left] = world.keys("state/queue/")
    world.created(world.result(key, JPEG))
    world.put(left, b"")
    assert "None of your photos" in world.says(ANNA, "/status")[0].text
    assert world.keys("state/queue/") == []
    assert "next" in world.answers(world.photo(ANNA))[0].text


def test_a_bucket_that_encrypts_by_kms_holds_the_state(world, monkeypatch):
    """There, an ETag is no MD5."""

    of_content = FakeKey.etag.fget

    def etag(key):
        return f'"{md5(of_content(key).encode()).hexdigest()}"'

    monkeypatch.setattr(FakeKey, "etag", property(etag))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    world.s3.put_bucket_encryption(
        Bucket=world.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    for size in (512, 700):
        assert texts(world.says(ANNA, f"/size {size}")) == [EN.size_is(size)]
    key = world.send_photo(ANNA)
    assert world.wish(key)["size"] == 700
    world.job(key, "RUNNING")
    world.created(world.result(key, JPEG))
    assert len(world.telegram.sent("sendDocument")) == 1
    assert "None of your photos" in world.says(ANNA, "/status")[0].text


MESSAGE = {"message_id": 7, "date": "today", "chat": {"id": ANNA, "type": "private"}}


def test_a_malformed_update_gets_its_200_too(world):
    updates = [{"update_id": 1, "message": message} for message in (5, {}, MESSAGE)]
    bodies = ["", "no JSON", "[" * 10_000, "[]", "{}", '{"update_id": 1}']
    for body in bodies + list(map(json.dumps, updates)):
        for sent, encoded in ((body, False), (base64.b64encode(body.encode()).decode(), True)):
            assert world.request(sent, encoded=encoded) == {"statusCode": 200}


def test_a_token_that_telegram_refuses_is_reported_without_it(world, caplog):
    key, wrong = world.send_photo(ANNA), "1:SECRET-part"
    boto3.client("ssm").put_parameter(
        Name=os.environ["TOKEN_PARAMETER"], Value=wrong, Type="SecureString", Overwrite=True
    )
    resources.cache_clear()  # As after a cold start.
    with pytest.raises(Exception, match="TOKEN_PARAMETER"):
        world.job(key, "FAILED")
    assert "SECRET" not in caplog.text
