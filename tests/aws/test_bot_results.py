"""The Telegram bot: results that it sends, and what it makes of jobs."""

import io
import json
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import boto3
import numpy as np
import pytest
from bot import telegram_pictures
from bot.resources import PASSING, resources
from contract import Photo
from PIL import Image
from support.bot_world import ANNA, BORIS, EN, GROUP, JPEG, OWNER, Context, commands_in, texts
from support.pictures import SRGB, decode, gradient, rgb_profile, saved

from painterly.painters.failures import reason_of
from painterly.storage.document import BusyError

TIMEOUT = "Job attempt duration exceeded timeout"
ENDED = "Essential container in task exited"
START = {"text": "/start"} | commands_in("/start")
IN_VAIN = "Canceled by JobStateTimeLimit action due to reason: "  # by the queue's time limits

# Results


@pytest.mark.slow
def test_a_result_comes_as_preview_and_full_file_in_reply_to_its_photo(world):
    update = world.photo(ANNA)
    update["message"]["from"]["language_code"] = "de-AT"
    [answer] = world.answers(update)
    assert answer.text.startswith("Angekommen. Ich male es im Stil Monet.")
    painted = saved(gradient(2100, 1400), "PNG", compress_level=1)
    world.created(world.result(world.photo_keys(ANNA)[0], painted, ending="png"))
    preview, file = world.telegram.sent(chat=ANNA)[1:]
    assert (preview.method, file.method) == ("sendPhoto", "sendDocument")
    assert texts([preview, file]) == ["Im Stil Monet", "In voller Qualität"]
    shown = Image.open(io.BytesIO(preview.files["photo"][1]))
    assert shown.format == "JPEG" and shown.size == (2048, 1365)
    assert file.files["document"][1] == painted and file.files["document"][0].endswith(".png")
    assert preview.reply_to == file.reply_to == update["message"]["message_id"]
    assert "None of your photos" in world.says(ANNA, "/status")[0].text


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
@pytest.mark.parametrize(
    ("status", "wait", "error"), [(502, 0, "Bad Gateway"), (429, 300, "Flood control")]
)
def test_what_could_not_be_sent_is_sent_when_the_event_comes_again(world, status, wait, error):
    """If Telegram fails, or asks to wait, for longer than the invocation lasts."""
    key = world.result(world.send_photo(ANNA), JPEG)
    world.telegram.fail("sendDocument", status, retry_after=wait, times=99)
    with pytest.raises(Exception, match=error):
        world.created(key, Context(3))
    world.telegram.faults.clear()
    world.created(key)
    assert len(world.telegram.sent("sendDocument")) == 1
    assert len(world.telegram.sent("sendPhoto")) == 1, "the preview had gone out before"


def test_a_result_that_another_invocation_is_sending_comes_again(world):
    key = world.result(world.send_photo(ANNA), JPEG)
    photo = Photo.of_result(key)[0]
    claim = f"{PASSING}/answers/{photo.token}.json"
    with resources().claimed(claim), pytest.raises(BusyError):
        world.created(key)
    world.created(key)
    assert len(world.telegram.sent("sendDocument")) == 1
    before = len(world.telegram.calls)
    world.job(photo.key, "FAILED", container={"exitCode": 5})
    assert len(world.telegram.calls) == before, "a failure after the result is nobody's business"


def test_events_that_come_at_the_same_time_answer_once(world):
    """Lambda repeats those that another invocation was busy with."""
    key = world.send_photo(ANNA)
    result = world.result(key, JPEG)

    def invoke(event):
        try:
            event()
        except BusyError:
            return "again"

    events = [partial(world.created, result)] * 4 + [partial(world.created, key)] * 4
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(invoke, events)) <= {None, "again"}
    assert [call.method for call in world.telegram.sent(chat=ANNA)].count("sendDocument") == 1
    assert texts(world.telegram.sent("sendPhoto")).count(EN.style("result", "Monet")) == 1
    assert texts(world.telegram.sent("sendPhoto")).count(EN.text("preview")) <= 1
    key = world.send_photo(BORIS)
    failure = partial(world.job, key, "FAILED", container={"exitCode": 5})
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(invoke, [failure] * 4)) <= {None, "again"}
    assert texts(world.telegram.sent(chat=BORIS))[1:] == [EN.failed(EN.text("no_storage"))]
    assert len(world.telegram.sent(chat=OWNER)) == 1


@pytest.mark.thorough
def test_a_file_above_50_mb_comes_as_a_link(world):
    key = world.result(world.send_photo(ANNA), JPEG + bytes(51_000_000))
    world.created(key)
    preview, message = world.telegram.sent(chat=ANNA)[1:]
    assert preview.method == "sendPhoto" and "50 MB" in message.text and len(message.text) < 4096
    link = message.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert urllib.parse.urlsplit(link).path == f"/{key}"


def test_a_link_is_signed_for_the_bucket_and_the_region(world, monkeypatch):
    """Signatures of version 2 are refused for encrypted objects and in newer regions, and S3's
    global address redirects, which the signature does not survive."""
    warm = resources()
    for region in ("us-east-1", "eu-central-1"):
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        as_after_a_cold_start = replace(warm)
        address = urllib.parse.urlsplit(as_after_a_cold_start.link("results/5/monet/7-A.png"))
        assert address.netloc == f"painter-bucket.s3.{region}.amazonaws.com"
        query = urllib.parse.parse_qs(address.query)
        assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert query["X-Amz-Expires"] == ["3600"]
        assert f"/{region}/s3/" in query["X-Amz-Credential"][0]


def test_a_result_that_cannot_be_a_photo_or_is_refused_as_one_comes_as_a_file(world):
    world.created(world.result(world.send_photo(ANNA), saved(gradient(4000, 100), "JPEG")))
    assert world.telegram.refused == []
    key = world.send_photo(BORIS)
    world.telegram.fail("sendPhoto", 400)
    world.created(world.result(key, JPEG))
    for user in (ANNA, BORIS):
        assert [call.method for call in world.telegram.sent(chat=user)[1:]] == ["sendDocument"]


def test_a_chat_that_blocked_the_bot_is_left_alone_and_no_error_in_the_log(world, caplog):
    world.answers(world.photo(ANNA))
    world.telegram.blocked.add(ANNA)
    assert world.says(ANNA, "/status") == []
    assert world.telegram.refused == [("sendMessage", 403)], "nor is it tried again"
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []
    key = world.result(world.photo_keys(ANNA)[0], JPEG)
    world.created(key)
    world.telegram.blocked.clear()
    world.created(key)
    assert world.telegram.sent("sendDocument") == []


def test_where_no_files_are_allowed_a_result_comes_as_a_link(world):
    key = world.send_photo(ANNA, chat=GROUP)
    refused = "not enough rights to send documents to the chat"
    world.telegram.refusals["sendDocument", GROUP] = refused
    result = world.result(key, JPEG)
    world.created(result)
    _, preview, link = world.telegram.sent(chat=GROUP)
    assert preview.method == "sendPhoto" and link.method == "sendMessage"
    assert "href=" in link.text and link.reply_to and link.buttons
    world.created(result)
    assert len(world.telegram.sent(chat=GROUP)) == 3, "it is sent once"


@pytest.mark.parametrize("status", ["SENT", "FAILED"])
def test_of_a_chat_that_takes_no_answer_the_owner_hears_once(world, status):
    key = world.send_photo(ANNA, chat=GROUP)
    for method in ("sendMessage", "sendPhoto", "sendDocument"):
        world.telegram.refusals[method, GROUP] = "have no rights to send a message"
    for _ in range(2):
        if status == "SENT":
            world.created(world.result(key, JPEG))
        else:
            world.job(key, "FAILED", statusReason=TIMEOUT)
    [told] = world.telegram.sent(chat=OWNER)
    assert "takes no answer" in told.text and "have no rights" in told.text.lower()
    assert world.keys("state/queue") == []


def test_answers_to_a_photo_of_a_topic_stay_in_it(world):
    """Telegram puts a reply where the message is that it replies to."""
    of_topic = {"message_thread_id": 5, "is_topic_message": True}
    updates = [world.photo(ANNA, chat=GROUP, **of_topic) for _ in range(2)]
    said = [call for update in updates for call in world.answers(update)]
    said += world.answers(world.message(ANNA, GROUP, **of_topic, **START))
    assert [call.topic for call in said] == [5, 5, 5]
    before = len(world.telegram.calls)
    painted, failed = world.photo_keys(GROUP)
    world.created(world.result(painted, JPEG))
    world.job(failed, "FAILED", statusReason=TIMEOUT)
    sent = world.telegram.calls[before:]
    assert [call.method for call in sent] == ["sendPhoto", "sendDocument", "sendMessage"]
    first, second = (update["message"]["message_id"] for update in updates)
    assert [call.reply_to for call in sent] == [first, first, second]
    places = [call.parameters["reply_parameters"] for call in sent]
    assert all(place["allow_sending_without_reply"] for place in places), "it may be deleted"


def test_results_and_failures_follow_a_group_that_became_a_supergroup(world):
    supergroup = -1009999
    world.answers(world.photo(ANNA, chat=GROUP))
    world.answers(world.photo(BORIS, chat=GROUP))
    painted, failed = world.photo_keys(GROUP)
    world.telegram.supergroups[GROUP] = supergroup
    world.created(world.result(painted, JPEG))
    sent = [call.method for call in world.telegram.sent(chat=supergroup)]
    assert sent == ["sendPhoto", "sendDocument"]
    world.job(failed, "FAILED", statusReason=TIMEOUT)
    assert world.telegram.sent(chat=supergroup)[-1].text == EN.failed(EN.text("too_long"))


def test_a_preview_is_made_of_every_kind_of_picture_that_fits_into_memory(monkeypatch):
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        image, clear = Image.new(mode, (300, 200), 0), mode in ("RGBA", "LA")
        if clear:  # A picture without anything to see is refused.
            image.paste(Image.new("L", (20, 20), 255).convert(mode), (280, 180))
        shown = Image.open(io.BytesIO(telegram_pictures.preview(saved(image, "PNG"))))
        assert (shown.mode, shown.format, shown.size) == ("RGB", "JPEG", (300, 200))
        assert shown.getpixel((9, 9)) == ((255, 255, 255) if clear else (0, 0, 0))
    for kind, order in (("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", ">u2")):
        image = Image.fromarray(np.full((30, 40), 257 * 100, order))
        assert image.mode.startswith("I;16")
        shown = Image.open(io.BytesIO(telegram_pictures.preview(saved(image, kind))))
        assert shown.getpixel((9, 9)) == (100, 100, 100), "not white"
    file = saved(Image.new("RGB", (1000, 1000)), "PNG")
    assert telegram_pictures.preview(file)
    monkeypatch.setattr(telegram_pictures, "MAX_BYTES_TO_DECODE", 29_000_000)
    assert telegram_pictures.preview(file) is None


def test_a_preview_has_the_colours_of_the_result():
    colour = (120, 80, 40)
    linear_light = rgb_profile(SRGB, power=1.0)
    data = saved(Image.new("RGB", (60, 40), colour), "PNG", icc_profile=linear_light)
    shown = np.asarray(Image.open(io.BytesIO(telegram_pictures.preview(data))))[20, 30] / 255
    assert np.abs(shown - decode(data).pixels[20, 30]).max() < 0.02
    assert np.abs(shown - np.array(colour) / 255).max() > 0.05


# Jobs


def test_status_says_how_far_photos_are(world):
    for user in (BORIS, ANNA, ANNA):
        world.answers(world.photo(user))
    first = world.photo_keys(ANNA)[0]
    world.job(first, "RUNNING", 5)
    world.job(first, "RUNNABLE", 3)  # Late: it happened before.
    [answer] = world.says(ANNA, "/status")
    assert "Being painted now: 1 photo." in answer.text
    assert "Waiting: 1 photo; the next of them is number 3" in answer.text


def test_what_is_painted_and_not_sent_yet_waits_no_longer(world):
    """Its result may take long to send: the machine is free."""
    key = world.send_photo(ANNA)
    for second, status in enumerate(("RUNNING", "SUCCEEDED")):
        world.job(key, status, second)
    [answer] = world.answers(world.photo(BORIS))
    assert "next" in answer.text
    world.created(world.result(key, JPEG))
    assert len(world.telegram.sent("sendDocument")) == 1


def test_cancel_forgets_what_is_not_done_and_ends_the_jobs(world):
    for user in (ANNA, ANNA, BORIS):
        world.answers(world.photo(user))
    running, unknown = world.photo_keys(ANNA)
    world.job(running, "RUNNING", job="job-7")
    assert texts(world.says(ANNA, "/cancel")) == [EN.photos("cancelled", 2)]
    assert world.keys(f"telegram/{ANNA}/") == []
    assert len(world.photo_keys(BORIS)) == 1
    assert world.terminated == ["job-7"]
    world.job(unknown, "RUNNABLE", job="job-8")
    assert world.terminated == ["job-7", "job-8"]
    world.job(unknown, "FAILED", job="job-8", statusReason="cancelled by the user")
    world.created(world.result(running, JPEG))
    assert world.telegram.sent("sendDocument") == []
    assert texts(world.says(ANNA, "/cancel")) == [EN.text("nothing_to_cancel")]


def test_what_nobody_foresaw_is_for_the_owner_and_no_fault_of_the_photo(world):
    key = world.send_photo(ANNA)
    error = reason_of(RuntimeError("the GPU has fallen off the bus"))
    name = key.rpartition("/")[2]
    world.put(f"results/{ANNA}/_records/monet/{name}.json", json.dumps({"error": error}).encode())
    world.job(key, "FAILED", container={"exitCode": 1}, statusReason=ENDED)
    assert texts(world.telegram.sent(chat=ANNA))[1:] == [EN.failed(EN.text("unclear"))]
    assert len(world.telegram.sent(chat=OWNER)) == 1


def test_a_failed_job_is_reported_in_plain_words_and_to_whom_can_mend_it(world):
    for number, (code, status, container, reason, owner) in enumerate(
        [
            (1, "", "", "unclear", True),
            (2, "", "", "set_up_wrong", True),
            (3, "", "", "set_up_wrong", True),
            (4, "", "", "set_up_wrong", True),
            (5, "", "", "no_storage", True),
            (143, "", "", "taken_away", False),
            (143, ENDED, "", "taken_away", False),
            (143, TIMEOUT, "", "too_long", False),
            (137, TIMEOUT, "", "too_long", False),
            (143, "ended by hand", "", "unclear", True),
            (None, "Host EC2 (instance i-0abc) terminated.", "", "taken_away", False),
            (None, TIMEOUT, "", "too_long", False),
            (None, f"{IN_VAIN}CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", "", "no_machine", True),
            (None, f"{IN_VAIN}MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "", "set_up_wrong", True),
            (137, "", "OutOfMemoryError: Container killed", "no_memory", False),
            (1, "", "OutOfMemoryError: Container killed", "no_memory", False),
            (None, "", "CannotPullContainerError: no such image", "unclear", True),
            (None, "", "", "unclear", True),
        ]
    ):
        details = {"reason": container} | ({} if code is None else {"exitCode": code})
        key, job = world.send_photo(ANNA), f"job-{number}."
        before = len(world.telegram.sent(chat=ANNA))
        world.job(key, "FAILED", job=job, statusReason=status, container=details)
        answers = world.telegram.sent(chat=ANNA)[before:]
        assert texts(answers) == [EN.failed(EN.text(reason))], (code, status, container)
        for_owner = [text for text in texts(world.telegram.sent(chat=OWNER)) if job in text]
        assert len(for_owner) == owner, (code, status, container)
        reasons = (
            f", {name}: {said}"
            for name, said in (("reason", status), ("container", container))
            if said
        )
        facts = f"job: {job}, photo: {key}{''.join(reasons)}" + (
            f", exit code: {code}" if code else ""
        )
        assert all(f"{facts}, attempts: 0" in text for text in for_owner), for_owner


def test_a_style_deleted_while_its_photo_waits_is_named(world):
    world.put("styles/zorn.jpg", JPEG)
    first, third = (world.send_photo(ANNA) for _ in range(2))
    for key, deleted, reason, owner in (
        (first, "styles/monet.jpg", "style_lost", 0),
        (third, "", "set_up_wrong", 1),
    ):
        if deleted:
            world.delete(deleted)
        else:
            world.put("styles/styles.toml", b"[monet")
        world.job(key, "FAILED", container={"exitCode": 2}, statusReason=ENDED)
        assert world.telegram.sent(chat=ANNA)[-1].text == EN.failed(EN.text(reason))
        assert len(world.telegram.sent(chat=OWNER)) == owner


def test_a_photo_that_batch_refuses_is_reported_once_and_waits_no_longer(world):
    update = world.photo(ANNA)
    world.answers(update)
    for _ in range(2):
        world.refused(world.photo_keys(ANNA)[0], "JobDefinition painter-paint is not active")
    answer = world.telegram.sent(chat=ANNA)[-1]
    assert answer.text == EN.failed(EN.text("unclear"))
    assert answer.reply_to == update["message"]["message_id"]
    [for_owner] = world.telegram.sent(chat=OWNER)
    assert "CLIENT_ERROR: JobDefinition painter-paint is not active" in for_owner.text
    assert "None of your photos" in world.says(ANNA, "/status")[0].text
