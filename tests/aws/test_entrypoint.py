"""The job of the AWS flavour: one photo of the bot's bucket, which is a folder here."""

import io
import json
import signal
from pathlib import Path

import contract
import entrypoint
import pytest
from contract import Photo
from PIL import Image
from support import stand_in as stand_in_engine
from support import tiny
from support.commands import python
from support.folder_batches import QUICK

from painterly.storage import open_bucket
from painterly.storage.address import Account

KEY = "telegram/-100123/7-AQAD_x-9.jpg"
REQUEST = Photo.of_key(KEY).request_key
PHOTO = tiny.file(60, 80, 1)
RESULT = "results/-100123/waves/7-AQAD_x-9.jpg"
RECORD = "results/-100123/_records/waves/7-AQAD_x-9.jpg.json"


class Bot:
    """The bucket as the bot leaves it, and the job's environment."""

    def __init__(self, folder):
        folder.mkdir()
        self.name, self.bucket = str(folder), open_bucket(str(folder), Account())
        for seed, style in enumerate(("monet", "waves"), start=10):
            self.bucket.write(f"styles/{style}.jpg", tiny.file(50, 50, seed))

    def send(self, key=KEY, photo=PHOTO, **wish):
        """As the bot does it: first the request with the wish, then the photo."""
        self.bucket.write(Photo.of_key(key).request_key, json.dumps({"wish": wish}).encode())
        self.bucket.write(key, photo)

    def results(self):
        return {entry.key for entry in self.bucket.list("results/")}


@pytest.fixture
def bot(monkeypatch, tmp_path):
    """The variables of the bot and of a quick painting."""
    for name in ("CELLAR_ADDON_HOST", "BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    return Bot(tmp_path / "bucket")


def job(bot, key=KEY):
    """Run the job in this process, and return its exit code."""
    return entrypoint.main([bot.name, key])


def record_of(bot, style="waves"):
    return json.loads(bot.bucket.read(RECORD.replace("waves", style)))


def test_a_photo_and_its_wish_become_a_result_and_a_record(bot, stand_in, capsys):
    bot.send(style="waves", size=48)
    assert job(bot) == 0
    assert bot.results() == {RESULT, RECORD}
    assert Image.open(io.BytesIO(bot.bucket.read(RESULT))).size == (48, 36)
    assert record_of(bot)["result"] == "waves/7-AQAD_x-9.jpg"
    capsys.readouterr()
    assert job(bot) == 0  # EventBridge may deliver an event twice.
    assert "Nothing to paint" in capsys.readouterr().out
    bot.send(style="monet")
    assert job(bot) == 0
    assert record_of(bot, "monet")["settings"]["size"] == 64, "the job's"


def test_a_result_of_an_earlier_engine_is_sent_as_it_is(bot, stand_in, capsys):
    bot.send(style="waves")
    assert job(bot) == 0
    before = bot.bucket.read(RESULT)
    earlier = record_of(bot) | {"engine": "9", "fingerprint": "of engine 9"}
    bot.bucket.write(RECORD, json.dumps(earlier).encode())
    capsys.readouterr()
    assert job(bot) == 0
    assert "Nothing to paint" in capsys.readouterr().out
    assert bot.bucket.read(RESULT) == before and record_of(bot) == earlier


def test_ready_styles_are_among_the_shared_ones_alone(bot, stand_in, capsys, monkeypatch):
    bot.send(style="hokusai")
    assert job(bot) == 0
    record = record_of(bot, "hokusai")
    assert record["paintings"][0]["key"] == "_ready/hokusai.jpg"
    assert record["style_title"]["artist"] == "Katsushika Hokusai"
    bot.bucket.write("own/5/mine.jpg", tiny.file(50, 50, 3))
    bot.send(style="hokusai", prefix="own/5")
    assert job(bot) == 2
    assert "STYLE is 'hokusai'" in capsys.readouterr().err
    monkeypatch.setenv("STYLES", "klimt")
    bot.send(style="munch")
    assert job(bot) == 2


def test_the_users_choices_override_the_style(bot, stand_in):
    style = b'[waves]\npaintings = ["waves.jpg"]\nstrength = 0.9\nsize = 64\nstroke_size = 2.0\n'
    bot.bucket.write("styles/styles.toml", style)
    for wish, settings in (
        ({}, (0.9, 64, 2.0)),
        ({"strength": 0.35, "size": 48, "stroke_size": 0.63}, (0.35, 48, 0.63)),
    ):
        bot.send(style="waves", **wish)
        assert job(bot) == 0
        record = record_of(bot)["settings"]
        assert (record["strength"], record["size"], record["stroke_size"]) == settings


def test_a_job_ignores_what_a_later_bot_writes_as_the_bot_does(bot, stand_in):
    bot.send(style="waves", colour="red")
    assert job(bot) == 0
    assert bot.results() == {RESULT, RECORD}


def test_no_result_is_larger_than_the_machine_can_paint(bot, stand_in, monkeypatch):
    """A HEIC stands for photos that Pillow does not open by itself."""
    key = KEY.replace(".jpg", ".heic")
    photo = tiny.file(60, 80, 1, "HEIF")
    for size, limit, side in (("full", 4096, 80), ("full", 64, 64), (512, 64, 64)):
        monkeypatch.setattr(contract, "LARGEST_SIDE", limit)
        bot.send(key, photo, style="waves", size=size)
        assert job(bot, key) == 0
        [result] = [key for key in bot.results() if not key.endswith(".json")]
        assert max(Image.open(io.BytesIO(bot.bucket.read(result))).size) == side


def test_a_cancelled_photo_is_not_a_failure(bot, capsys):
    for gone in (KEY, REQUEST):
        bot.send(style="waves")
        bot.bucket.delete(gone)
        assert job(bot) == 0
        assert "is gone: there is nothing to paint" in capsys.readouterr().out
    assert bot.results() == set()


@pytest.mark.slow
def test_the_templates_command_runs_the_job(bot):
    """With the Dockerfile's PYTHONPATH."""
    done = python("aws/entrypoint.py", bot.name, KEY)
    assert done.returncode == 0 and "there is nothing to paint" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "key, wish, message",
    [
        ("styles/monet.jpg", {}, "KEY is 'styles/monet.jpg'; expected telegram/"),
        (REQUEST, {}, "KEY is 'state/requests/-100123/"),
        (KEY, {"style": "manet"}, "STYLE is 'manet'"),
        (KEY, {"size": 7}, "size is 7"),
        (KEY, {"size": "large"}, "size is 'large'"),
        (KEY, {"stroke_size": 9}, "stroke_size is 9"),
        (KEY, {"prefix": "own/5", "style": "mine"}, "STYLE is 'mine'"),
        (KEY, {}, "the request names no style"),
        (KEY, {"prefix": "own/../styles"}, "prefix is 'own/../styles'"),
        (KEY, {"prefix": "results"}, "prefix is 'results'"),
        (KEY, {"style": 1}, "style is 1"),
        (KEY, [], "the request names no style"),
    ],
    ids=str,
)
def test_an_impossible_wish_is_one_line_and_exit_2(bot, capsys, key, wish, message):
    bot.bucket.write("own/5/note.txt", b"")
    bot.send()
    bot.bucket.write(REQUEST, json.dumps({"wish": wish}).encode())
    assert job(bot, key) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert bot.results() == set()


def test_the_painting_at_the_top_becomes_a_style_once(bot):
    for painting in (b"first", b"second"):
        bot.bucket.write("style.jpg", painting)
        contract.adopt_first_style(bot.bucket)
        assert bot.bucket.read("styles/style.jpg") == b"first"


def test_weights_at_the_top_of_the_bucket_are_used(bot, monkeypatch):
    bot.send(style="waves")
    monkeypatch.delenv("VGG_WEIGHTS")
    used = []

    def run(config):
        used.append(Path(config.vgg_weights).read_bytes())
        return 0

    monkeypatch.setattr(entrypoint.batch, "paint_batch", run)
    for name in contract.WEIGHT_FILES:
        bot.bucket.write(name, name.encode())
        assert job(bot) == 0 and used.pop() == name.encode()
        bot.bucket.delete(name)


def test_a_job_that_spot_stops_resumes_from_its_checkpoint(bot, stand_in, monkeypatch, capsys):
    bot.send(style="waves")
    with monkeypatch.context() as spot:
        steps = stand_in_engine.StyleTransfer.steps

        def stopped(*arguments):
            for step in steps(*arguments):
                if step.iteration == 3:
                    signal.raise_signal(signal.SIGTERM)
                yield step

        spot.setattr(stand_in_engine.StyleTransfer, "steps", stopped)
        assert job(bot) == 143
    assert "stopped by SIGTERM" in capsys.readouterr().err
    assert bot.results() == {"results/-100123/_checkpoints/waves/7-AQAD_x-9.jpg.npz"}
    assert job(bot) == 0
    assert "7-AQAD_x-9.jpg: resuming from step 3" in capsys.readouterr().out
    assert bot.results() == {RESULT, RECORD}
