"""The whole way of the AWS flavour, from a message to the painting in its chat."""

import io
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image
from support import aws_events, aws_template, tiny
from support.aws_cloud import DEADLINE_S, Cloud
from support.aws_template import filled, parsed, translated
from support.bot_running import ANNA, BORIS, EN, GROUP, OWNER, STRANGER, texts
from support.folder_batches import QUICK

from styletransfer.paths import PROGRAM

pytestmark = pytest.mark.slow  # Each test runs a cloud and Telegram.

PHOTO = tiny.file(60, 80, 1)


@pytest.fixture
def cloud(world, aws, moto, start_program, monkeypatch, tmp_path):
    """The template's rules and job around the bot, with photos painted small and by a tiny VGG."""
    monkeypatch.setitem(aws_template.NAMES, "Bucket", world.bucket)
    environment = {
        **{"AWS_ENDPOINT_URL": moto.url, "AWS_ACCESS_KEY_ID": moto.key_id},
        **{"AWS_SECRET_ACCESS_KEY": moto.secret, "DEVICE": "cpu", **QUICK},
    }
    return Cloud(filled(translated(parsed())), world, start_program, environment, tmp_path)


def painting(world, update):
    """The file that came back for a photo's update, to its chat and in reply to it."""
    message = update["message"]
    files = world.telegram.sent("sendDocument", message["chat"]["id"])
    [file] = [each for each in files if each.reply_to == message["message_id"]]
    return file.files["document"][1]


def size(file):
    return Image.open(io.BytesIO(file)).size


def test_a_photo_comes_back_once_though_all_is_sent_twice_and_telegram_stumbles(world, cloud):
    cloud.repeats = 2
    update = world.photo(ANNA, PHOTO)
    for _ in range(2):
        assert world.update(update) == 200
    cloud.look_around()
    world.telegram.fail("sendPhoto", 502)
    world.telegram.fail("sendDocument", 429, retry_after=0.1)
    cloud.work(at_once=1)
    accepted, preview, file = world.telegram.sent()
    assert "Got it" in accepted.text and "monet" in preview.text
    assert [preview.method, file.method] == ["sendPhoto", "sendDocument"]
    assert world.telegram.refused == [("sendPhoto", 502), ("sendDocument", 429)]
    message = update["message"]["message_id"]
    assert [each.reply_to for each in (accepted, preview, file)] == [message] * 3
    [key] = world.keys(f"results/{ANNA}/monet/")
    painted = painting(world, update)
    assert painted == world.get(key) and size(painted) == (64, 48)
    assert size(preview.files["photo"][1]) == (64, 48)
    first, second = cloud.jobs
    assert (first.codes, second.codes) == ([0], [0])
    assert "Nothing to paint" in second.messages[-1]
    assert "None of your photos" in world.says(ANNA, "/status")[0].text


def test_everybody_gets_their_own_back_and_what_cannot_be_painted_stops_nobody(world, cloud):
    heights = (40, 48, 56, 64)  # Each result has a height of its own.
    photos = [tiny.file(height, 80, height) for height in heights]
    anna, boris = world.photo(ANNA, photos[0]), world.photo(BORIS, photos[1])
    album = [world.photo(ANNA, each, GROUP, media_group_id="7") for each in photos[2:]]
    corrupt = world.photo(BORIS, PHOTO[:500])
    large = world.file(ANNA, PHOTO, "beach.jpg", "image/jpeg", size=25 * 1024 * 1024)
    with ThreadPoolExecutor(2) as pool:
        updates = [anna, boris, large, *album, corrupt]
        assert list(pool.map(world.update, updates)) == [200] * 6
    assert EN.text("too_large") in texts(world.telegram.sent(chat=ANNA))
    [acknowledged] = world.telegram.sent(chat=GROUP)
    assert "album" in acknowledged.text
    cloud.look_around()
    cloud.work()
    assert sorted(job.codes for job in cloud.jobs) == [[0]] * 4 + [[1]]
    for update, height in zip([anna, boris, *album], heights, strict=True):
        assert size(painting(world, update)) == (64, round(height * 64 / 80))
    assert len(world.telegram.sent("sendPhoto")) == len(world.telegram.sent("sendDocument")) == 4
    [answer] = [each for each in world.telegram.sent(chat=BORIS) if "could not" in each.text]
    assert answer.reply_to == corrupt["message"]["message_id"]
    assert "damaged or incomplete" in answer.text
    assert world.telegram.sent(chat=OWNER) == []


def test_a_painting_that_spot_stops_goes_on_from_its_checkpoint(world, cloud):
    cloud.environment["STYLE_ITERATIONS"] = "150"
    update = world.photo(ANNA, PHOTO)
    world.answers(update)
    cloud.look_around()
    job = cloud.start()
    for _ in range(DEADLINE_S * 50):
        job.process.join(0.02)
        if "percent" in job.log.read_text() or job.process.exitcode is not None:
            break
    job.process.terminate()
    cloud.end(job)
    assert job.codes == [143], job.messages
    [checkpoint] = world.keys(f"results/{ANNA}/")
    assert checkpoint.startswith(f"results/{ANNA}/_checkpoints/monet/")
    assert "Waiting: 1 photo" in world.says(ANNA, "/status")[0].text
    cloud.work()
    assert job.codes == [143, 0]
    assert any("resuming from step" in message for message in job.messages)
    assert size(painting(world, update)) == (64, 48)
    assert world.keys(f"results/{ANNA}/_checkpoints/") == []


def test_with_missing_weights_the_user_gets_a_word_and_the_owner_the_reason(world, cloud):
    cloud.environment["VGG_WEIGHTS"] = "gone.h5"
    update = world.photo(ANNA, PHOTO)
    world.answers(update)
    cloud.look_around()
    cloud.work()
    [job] = cloud.jobs
    assert job.codes == [3] and "gone.h5 does not exist" in job.log.read_text()
    answer = world.telegram.sent(chat=ANNA)[-1]
    assert answer.text == EN.failed(EN.text("set_up_wrong"))
    assert answer.reply_to == update["message"]["message_id"]
    [answer] = world.telegram.sent(chat=OWNER)
    assert "exit code: 3" in answer.text and job.id in answer.text


def test_a_photo_cancelled_before_its_job_starts_is_not_painted(world, cloud):
    world.answers(world.photo(ANNA, PHOTO))
    [key] = world.photo_keys(ANNA)
    assert texts(world.says(ANNA, "/cancel")) == [EN.photos("cancelled", 1)]
    cloud.deliver(aws_events.created(key, world.bucket))
    [job] = cloud.jobs
    assert world.terminated == [job.id, job.id], "at each word of it"
    # Batch may be too late with that. The template's very command:
    image = {"PYTHONPATH": str(PROGRAM)}  # as in the Dockerfile
    done = subprocess.run(
        cloud.command(job),
        cwd=PROGRAM,
        env=cloud.environment | image,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "nothing to paint" in done.stdout, done.stderr
    cloud.end(job, done.returncode)
    assert len(world.telegram.calls) == 2 and world.keys("results/") == []


def test_strangers_and_who_does_not_know_the_secret_start_nothing(world, cloud):
    assert world.update(world.photo(ANNA, PHOTO), secret="wrong") == 403
    answer, asked = world.answers(world.photo(STRANGER, PHOTO))
    assert asked.chat == OWNER
    assert answer.text == EN.text("stranger", user=STRANGER)
    cloud.look_around()
    assert cloud.jobs == [] and world.keys("telegram/") == []
