"""The job of the AWS flavour, one photo of the bot's bucket, on moto's S3 server."""

import hashlib
import io
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import entrypoint
import layout
import pillow_heif
import pytest
from layout import Photo
from PIL import Image
from support import fabricated, programs, tiny
from support.folder_batches import QUICK

from styletransfer.batch.network_pool import NetworkPool
from styletransfer.vgg import download

KEY = "telegram/-100123/7-AQAD_x-9.jpg"
WISH = "wishes/-100123/7-AQAD_x-9.json"
PHOTO = tiny.file(60, 80, 1)
DONE = {
    "results/-100123/waves/7-AQAD_x-9.jpg",
    "results/-100123/_records/waves/7-AQAD_x-9.jpg.json",
}
RECORD = "results/-100123/_records/waves/7-AQAD_x-9.jpg.json"


class Bot:
    """The bucket as the bot leaves it, and the job's environment."""

    def __init__(self, server, name):
        self.name, self._bucket = name, server.open(name)
        self.environment = server.environment | QUICK
        self.write, self.read = self._bucket.write, self._bucket.read
        for seed, look in enumerate(("monet", "waves"), start=10):
            self.write(f"styles/{look}.jpg", tiny.file(50, 50, seed))

    def send(self, key=KEY, photo=PHOTO, **wish):
        """As the bot does it: first the wish, then the photo."""
        self.write(Photo.of_key(key).wish_key, json.dumps(wish).encode())
        self.write(key, photo)

    def results(self):
        return {entry.key for entry in self._bucket.list("results/")}

    def delete(self, key):
        self._bucket.delete(key)


@pytest.fixture
def bot(moto, monkeypatch):
    bot = Bot(moto, moto.new_bucket())
    for name, value in bot.environment.items():
        monkeypatch.setenv(name, value)
    return bot


@pytest.fixture
def one_vgg(monkeypatch):
    """Jobs in this process paint with the same tiny VGG."""
    monkeypatch.setattr(NetworkPool, "build", lambda *_: tiny.network())


def job(bot, key=KEY):
    """The job in this process; its exit code."""
    return entrypoint.main([bot.name, key])


def test_a_photo_and_its_wish_become_a_result_and_a_record(bot, one_vgg, capsys, tmp_path):
    bot.send(look="waves", size=48)
    assert job(bot) == 0
    assert bot.results() == DONE
    (tmp_path / "result.jpg").write_bytes(bot.read("results/-100123/waves/7-AQAD_x-9.jpg"))
    assert Image.open(tmp_path / "result.jpg").size == (48, 36)
    assert json.loads(bot.read(RECORD))["result"] == "waves/7-AQAD_x-9.jpg"
    capsys.readouterr()
    assert job(bot) == 0  # Events come twice now and then.
    assert "Nothing to paint" in capsys.readouterr().out


def test_a_wish_for_nothing_gets_the_first_look_and_the_jobs_size(bot, one_vgg):
    bot.send()
    assert job(bot) == 0
    record = json.loads(bot.read("results/-100123/_records/monet/7-AQAD_x-9.jpg.json"))
    assert record["settings"]["size"] == 64


def test_an_own_painting_is_a_look_of_its_chat(bot, one_vgg):
    bot.write("own/-100123/grandma.png", tiny.file(50, 50, 9, "PNG"))
    bot.send(style="own/-100123", look="grandma")
    assert job(bot) == 0
    assert "results/-100123/grandma/7-AQAD_x-9.jpg" in bot.results()


def test_what_the_user_chose_counts_more_than_the_look(bot, one_vgg):
    look = b'[waves]\npaintings = ["waves.jpg"]\nstrength = 0.9\nsize = 40\nstroke_size = 2.0\n'
    bot.write("styles/looks.toml", look)
    for wish, settings in (
        ({}, (0.9, 40, 2.0)),
        ({"strength": 0.35, "size": 48, "stroke_size": 0.63}, (0.35, 48, 0.63)),
    ):
        bot.send(look="waves", **wish)
        assert job(bot) == 0
        record = json.loads(bot.read(RECORD))["settings"]
        assert (record["strength"], record["size"], record["stroke_size"]) == settings


@pytest.mark.parametrize(
    ("size", "limit", "sides"), [("full", 4096, 80), ("full", 64, 64), (512, 64, 64)]
)
def test_no_result_is_larger_than_the_machine_can_paint(
    bot, one_vgg, monkeypatch, size, limit, sides
):
    monkeypatch.setattr(layout, "LARGEST_SIDE", limit)
    heic = io.BytesIO()
    pillow_heif.from_pillow(Image.open(io.BytesIO(PHOTO))).save(heic)
    key = KEY.replace(".jpg", ".heic")
    bot.send(key, heic.getvalue(), look="waves", size=size)
    assert job(bot, key) == 0
    [result] = [key for key in bot.results() if not key.endswith(".json")]
    assert max(Image.open(io.BytesIO(bot.read(result))).size) == sides


def test_style_jpg_at_the_top_is_the_look_style(bot, one_vgg):
    painting = tiny.file(50, 50, 8)
    bot.write("style.jpg", painting)
    bot.send(look="style")
    assert job(bot) == 0
    record = json.loads(bot.read("results/-100123/_records/style/7-AQAD_x-9.jpg.json"))
    assert record["paintings"][0]["etag"] == hashlib.md5(painting).hexdigest()


def test_a_corrupt_photo_fails_with_the_reason_in_its_record(bot, one_vgg):
    bot.send(photo=PHOTO[:500], look="waves")
    assert job(bot) == 1
    assert bot.results() == {RECORD}
    assert "7-AQAD_x-9.jpg: " in json.loads(bot.read(RECORD))["error"]
    assert bot.read(KEY) == PHOTO[:500]


@pytest.mark.parametrize("gone", [KEY, WISH], ids=["photo", "wish"])
def test_what_its_sender_cancelled_is_no_failure(bot, one_vgg, capsys, gone):
    bot.send(look="waves")
    bot.delete(gone)
    assert job(bot) == 0
    assert "is gone: there is nothing to paint" in capsys.readouterr().out
    assert bot.results() == set()


@pytest.mark.parametrize(
    "key, wish, message",
    [
        ("styles/monet.jpg", {}, "KEY is 'styles/monet.jpg'; expected telegram/"),
        (WISH, {}, "KEY is 'wishes/-100123/7-AQAD_x-9.json'"),
        (KEY, {"colour": "red"}, "the wish has colour"),
        (KEY, {"look": "manet"}, "LOOK is 'manet'"),
        (KEY, {"size": 7}, "size is 7"),
        (KEY, {"style": "own/5"}, "there is no painting in"),
    ],
    ids=["painting", "wish as photo", "unknown wish", "unknown look", "tiny", "no painting"],
)
def test_what_cannot_be_is_one_line_and_exit_2(bot, one_vgg, capsys, key, wish, message):
    bot.send(**wish)
    assert job(bot, key) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert bot.results() == set()


@pytest.fixture
def bare_image(monkeypatch, tmp_path):
    """An image without weights."""
    monkeypatch.delenv("VGG_WEIGHTS")
    monkeypatch.setattr(download, "CACHE", tmp_path / "none")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))


@pytest.mark.slow
def test_weights_at_the_top_of_the_bucket_are_used(bot, bare_image, monkeypatch, tmp_path):
    name = "imagenet-vgg-verydeep-19.mat"
    data = fabricated.save_mat(tmp_path / name, fabricated.weights()).read_bytes()
    bot.write(name, data)
    bot.send(look="waves", size=32)
    monkeypatch.setenv("STYLE_ITERATIONS", "1")
    assert job(bot) == 0
    assert json.loads(bot.read(RECORD))["weights"] == f"md5:{hashlib.md5(data).hexdigest()}"


@pytest.mark.slow
def test_without_weights_anywhere_the_built_in_network_paints(
    bot, bare_image, hub, published, capsys
):
    bot.send(look="waves")
    assert job(bot) == 0
    assert "painting with the built-in network\n" in capsys.readouterr().out
    record = json.loads(bot.read(RECORD))
    assert record["network"] == "the built-in network" and record["vgg_weights"] is None
    assert hub.asked == []


def test_named_weights_that_are_missing_are_one_line_and_exit_3(bot, monkeypatch, capsys):
    monkeypatch.setenv("VGG_WEIGHTS", "gone.h5")
    bot.send(look="waves")
    assert job(bot) == 3
    printed = capsys.readouterr().err
    assert "gone.h5 does not exist" in printed and printed.count("\n") == 1


@pytest.mark.slow
def test_a_spot_stop_beside_another_job_costs_nothing(
    bot, one_vgg, start_program, monkeypatch, capsys, tmp_path
):
    """The same photo twice at a time: one job is stopped and started again, one is not."""
    other = KEY.replace("/7-", "/8-")
    for key in (KEY, other):
        bot.send(key, look="waves")
    monkeypatch.setenv("STYLE_ITERATIONS", "150")
    with ThreadPoolExecutor(1) as beside:
        stopped = start_program(
            programs.aws_job, bot.name, KEY, environment=dict(os.environ), log=tmp_path / "log"
        )
        undisturbed = beside.submit(job, bot, other)
        stopped.wait_until(lambda output: "%" in output)
        code = stopped.stop(signal.SIGTERM)
    printed = stopped.output
    assert (undisturbed.result(), code) == (0, 143), printed
    assert "stopped by SIGTERM" in printed and "Traceback" not in printed
    checkpoint = "results/-100123/_checkpoints/waves/7-AQAD_x-9.jpg.npz"
    done_by_other = {key.replace("/7-", "/8-") for key in DONE}
    assert bot.results() == {checkpoint} | done_by_other
    capsys.readouterr()
    assert job(bot) == 0
    printed = capsys.readouterr().out
    assert "7-AQAD_x-9.jpg: resuming from step" in printed
    assert bot.results() == DONE | done_by_other
    first, second = (bot.read(f"results/-100123/waves/{key}-AQAD_x-9.jpg") for key in "78")
    assert first == second
