"""Previews: painted between jobs, refused while a job is painted, and never waited for."""

import io
import json
import pickle
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.faces import portrait
from support.pictures import saved
from support.polling import DEADLINE_S, until
from support.web_service import served, stored_job
from support.web_world import runner_of

from painterly.configuration import config
from painterly.engine import looked_at
from painterly.errors import PictureError
from painterly.images.output import OutputFormat
from painterly.jobs.catalogue import Catalogue
from painterly.jobs.schemas import JobRequest, Preset
from painterly.jobs.worker import desk, previews, worker
from painterly.jobs.worker.desk import (
    MAX_WAITING,
    MAX_WHOLE,
    PreviewQueue,
    PreviewRequest,
    Refusal,
    ResultOrder,
)
from painterly.jobs.worker.lease import JobClaimer
from painterly.jobs.worker.previews import Previews
from painterly.orders.styles import Painting
from painterly.painters import instant_painter
from painterly.painters.instant_painter import LARGEST_SIDE, InstantOrder
from painterly.settings.installation import PROGRAM
from painterly.signals import Stopped
from painterly.web.api import instant as at_once

JPEG = b"a picture"
MONET = {"request": '{"style": "monet", "settings": {"size": 48, "strength": 0.3}}'}


def photo():
    return {"photo": ("beach.jpg", tiny.file(40, 60, 7), "image/jpeg")}


def request(number, style=None):
    return PreviewRequest(number, InstantOrder(tiny.file(40, 60, 7), style))


@pytest.fixture
def answering(place):
    """A client of a service with a fake worker: the function `client.work` gets each request and
    returns the answer."""
    with served(place) as client:

        def send(kind, asked):
            if kind == "forget":
                client.forgotten.append(asked)
            if kind == "forget" or client.is_away:
                return kind == "forget"
            threading.Thread(
                target=lambda: asking.answer(asked.number, *client.work(asked))
            ).start()
            return True

        client.forgotten, client.is_away = [], False
        client.supervisor = SimpleNamespace(pid=1, send=send)
        client.service.previews = asking = Previews(client.supervisor)
        yield client
        client.is_away = True


def test_the_time_of_a_picture_may_end_after_its_next_request():
    asking = Previews(SimpleNamespace(pid=1, send=lambda *_: False))
    number, _ = asking.ask(ResultOrder("beach.jpg", "monet", b"", "jpg"))
    asking.forget(number)
    asking.forget(number, left=True)  # Its timer was waiting for the lock.


def test_a_preview_is_ordered_as_a_job_is_and_instant_whatever_the_style_says(place, answering):
    own = 'recipe = "moments"\npreset = "print"\nsize = "full"\n'
    styles = Path(place["BUCKET_STYLE"]) / "styles.toml"
    styles.write_text(f'[monet]\npaintings = ["monet.jpg"]\n{own}')
    asked = []
    answering.work = lambda each: (asked.append(each), (JPEG, None))[1]
    answer = answering.post("/api/preview", data=MONET, files=photo())
    assert (answer.status_code, answer.content) == (200, JPEG)
    assert answer.headers["content-type"] == "image/jpeg"
    blend = {"request": '{"paintings": {"monet.jpg": 1, "both/a.png": 3}}'}
    assert answering.post("/api/preview", data=blend, files=photo()).status_code == 200
    plain = {"request": '{"style": "monet"}'}
    assert answering.post("/api/preview", data=plain, files=photo()).status_code == 200
    one, two, three = (each.order.style for each in asked)
    assert one.name == "monet"
    assert (one.settings.size, one.settings.strength) == (48, 0.3)
    assert {each.order.style.settings.recipe for each in asked} == {"instant"}
    assert (three.settings.preset, three.settings.size) == ("instant", 1280)
    assert [each.share for each in two.paintings] == [1, 3]
    assert answering.get("/api/jobs").json() == {"jobs": []}


def test_a_preview_of_a_print_has_its_shape_and_at_most_the_size_asked_for(place, answering):
    printed = '[printed]\npaintings = ["monet.jpg"]\npaper = "A4"\n'
    styles = Path(place["BUCKET_STYLE"]) / "styles.toml"
    styles.write_text(f'[monet]\npaintings = ["monet.jpg"]\n{printed}')
    asked, a4 = [], {"paper": "A4", "bleed": "3mm"}
    answering.work = lambda each: (asked.append(each), (JPEG, None))[1]
    for style, settings in (
        ("monet", a4 | {"size": 100}),
        ("monet", a4 | {"size": LARGEST_SIDE}),
        ("monet", a4),
        ("printed", {"size": 100}),
    ):
        form = {"request": json.dumps({"style": style, "settings": settings})}
        assert answering.post("/api/preview", data=form, files=photo()).status_code == 200
        height, width = asked[-1].order.style.settings.sheet(9, 1)
        longest = settings.get("size", LARGEST_SIDE)
        assert 0.9 * longest < height <= longest
        assert height / width == pytest.approx(1.41, rel=0.03)


def test_the_faces_that_a_page_has_asked_about_are_not_looked_for_again(
    place, answering, hand, monkeypatch
):
    painter = runner_of(config.load(place), hand.web.buckets, hand.stop).instant_painter
    answering.work = lambda each: (painter.file(each.order), None)
    shown = {"photo": ("me.jpg", saved(portrait(), "JPEG"), "image/jpeg")}
    before = answering.post("/api/preview", data=MONET, files=shown)
    assert before.status_code == 200
    assert answering.post("/api/styles/suited", files=shown).json()["subject"] == "faces"
    painter.clear()
    monkeypatch.setattr(looked_at, "found", Mock(side_effect=AssertionError))
    assert answering.post("/api/preview", data=MONET, files=shown).content == before.content


def test_a_preview_is_painted_where_its_mask_is_white(place, answering, hand):
    buckets, configured = hand.web.buckets, config.load(place)
    runner = runner_of(configured, buckets, hand.stop)
    answering.work = lambda each: (runner.instant_painter.file(each.order), None)
    mask = Image.new("L", (32, 32))
    mask.paste(255, (0, 0, 16, 32))
    files = photo() | {"mask": ("mask.png", saved(mask, "PNG"))}
    masked, whole = (
        np.float32(
            Image.open(io.BytesIO(answering.post("/api/preview", data=MONET, files=each).content))
        )
        for each in (files, photo())
    )
    before = Image.open(io.BytesIO(photo()["photo"][1])).convert("RGB")
    before = np.float32(before.resize(masked.shape[1::-1]))
    masked, whole = (np.abs(each - before)[:, -12:].mean() for each in (masked, whole))
    assert whole > 2 * masked


@pytest.mark.parametrize(
    ("asked", "files", "status"),
    [
        ({"request": '{"style": "nobody"}'}, photo(), 422),
        ({"request": '{"style": "monet", "settings": {"size": 9000}}'}, photo(), 422),
        (MONET, {"photo": ("beach.jpg", bytes(2_000_001), "image/jpeg")}, 413),
        (MONET, {"photo": ("beach.jpg", bytes(9_000_000), "image/jpeg")}, 413),
        (MONET, {"photo": ("beach.jpg", saved(Image.new("RGB", (2400, 2000)), "JPEG"))}, 413),
        (MONET, {"photo": ("beach.jpg", b"<html>", "image/jpeg")}, 422),
        (MONET, {}, 415),
    ],
)
def test_a_preview_that_cannot_be_painted_is_refused(answering, asked, files, status):
    answering.work = lambda _: pytest.fail("the worker was asked")
    answer = answering.post("/api/preview", data=asked, files=files)
    assert answer.status_code == status and answer.json()["detail"]


def test_a_preview_that_is_said_to_be_too_large_is_not_looked_into(answering):
    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = answering.post("/api/preview", content=bytes(3_000_000), headers=kind)
    assert answer.status_code == 413


def test_while_the_worker_is_busy_or_away_or_cannot_paint_it_there_is_none(answering):
    answering.work = lambda _: (None, None)
    answer = answering.post("/api/preview", data=MONET, files=photo())
    assert (answer.status_code, answer.content) == (204, b"") and answer.headers["retry-after"]
    answering.work = lambda _: pytest.fail("the worker was asked")
    answering.is_away = True
    assert answering.post("/api/preview", data=MONET, files=photo()).status_code == 204
    answering.is_away = False
    for is_of_photo, status in ((True, 415), (False, 422)):
        refusal = Refusal("it cannot be decoded", is_of_photo)
        answering.work = lambda _, refusal=refusal: (None, refusal)
        answer = answering.post("/api/preview", data=MONET, files=photo())
        assert answer.status_code == status and "cannot be decoded" in answer.json()["detail"]


def test_a_request_whose_connection_is_closed_is_forgotten(answering):
    begun, end = threading.Event(), threading.Event()

    def work(_):
        begun.set()
        end.wait()
        return JPEG, None

    answering.work = work
    request = answering.build_request("POST", "/api/preview", data=MONET, files=photo())
    body = request.read()
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((answering.base_url.host, answering.base_url.port)) as asking:
        asking.sendall(f"POST /api/preview HTTP/1.1\r\n{head}\r\n".encode() + body)
        assert begun.wait(DEADLINE_S)
    until(lambda: answering.forgotten == [1])
    end.set()


def test_a_picture_that_takes_longer_than_a_request_is_handed_out_at_the_next_one(
    answering, monkeypatch
):
    begun, end = [], threading.Event()
    answering.work = lambda each: (begun.append(each.number), end.wait(), (JPEG, None))[-1]
    for name in ("PATIENCE_S", "WHOLE_PATIENCE_S"):
        monkeypatch.setattr(at_once, name, 0.01)
    answering.service.jobs.problem = None
    for path, asked, status in (("preview", MONET, 204), ("paint", {"style": "monet"}, 503)):
        begun.clear()
        end.clear()
        for _ in range(3):
            answer = answering.post(f"/api/{path}", data=asked, files=photo())
            assert answer.status_code == status and answer.headers["retry-after"] == "2"
        end.set()
        until(lambda: all(each.answer.done() for each in answering.service.previews.asked.values()))
        painted = answering.post(f"/api/{path}", data=asked, files=photo())
        assert painted.content == JPEG and len(begun) == 1, "painted once"
        assert not answering.forgotten
    end.clear()
    answering.post("/api/preview", data=MONET, files=photo())
    answering.supervisor.pid = 2  # Another worker knows nothing of it.
    answering.post("/api/preview", data=MONET, files=photo())
    assert len(begun) == 3
    end.set()


def test_a_picture_that_nobody_comes_back_for_is_forgotten(answering, monkeypatch):
    end = threading.Event()
    answering.work = lambda _: (end.wait(), (JPEG, None))[1]
    monkeypatch.setattr(at_once, "PATIENCE_S", 0.01)
    monkeypatch.setattr(previews, "RETURN_S", 0.01)
    answering.post("/api/preview", data=MONET, files=photo())
    until(lambda: answering.forgotten == [1])
    end.set()


@pytest.mark.parametrize(
    "ends", [lambda of: of.close(), lambda of: of.handle_worker_message(("gone",))]
)
def test_the_end_of_the_service_or_its_worker_answers_what_waits(answering, ends):
    answering.supervisor.ask_to_stop = lambda: None
    answering.service.supervisor, answering.service.jobs.problem = answering.supervisor, None
    answering.supervisor.problem = ""
    begun, end = threading.Semaphore(0), threading.Event()
    answering.work = lambda _: (begun.release(), end.wait(), (JPEG, None))[-1]
    asked = [("/api/preview", MONET), ("/api/paint", {"style": "monet"})]
    codes = []

    def ask(path, data):
        codes.append(answering.post(path, data=data, files=photo()).status_code)

    threads = [threading.Thread(target=ask, args=about) for about in asked]
    for each in threads:
        each.start()
        assert begun.acquire(timeout=DEADLINE_S)
    ends(answering.service)
    for each in threads:
        each.join(at_once.PATIENCE_S / 2)
    assert sorted(codes) == [204, 503]
    end.set()


# --- the worker -----------------------------------------------------------------------------------


def answers_of(hand):
    return [message for message in hand.said if message[0] == "preview"]


@pytest.fixture
def idle(hand, monkeypatch):
    """A function that lets the worker paint with a runner until nothing is left to do, and returns
    its answers to previews."""

    prepare = worker.WebWorker.prepare

    def prepare_or_stop(*about):
        is_busy = prepare(*about)
        if not is_busy:  # Its last act.
            hand.stop.signum = signal.SIGTERM
        return is_busy

    def serve(runner):
        monkeypatch.setattr(worker.WebWorker, "prepare", prepare_or_stop)
        instant = lambda *about: runner.instant(*about)  # noqa: E731
        threading.Thread(target=hand.desk.paint_previews, args=[instant], daemon=True).start()
        with pytest.raises(Stopped):
            hand.web.serve(runner, JobClaimer(hand.web.store, "this worker"))
        hand.stop.signum = None
        return answers_of(hand)

    return serve


def test_the_worker_paints_the_latest_preview_first_and_none_that_is_forgotten(hand):
    asked = [("preview", request(number)) for number in (2, 1, 3)]
    hand.hears(*asked, ("forget", 3))
    instant = Mock(side_effect=[JPEG, PictureError("the painting is too small")])
    threading.Thread(target=hand.desk.paint_previews, args=[instant], daemon=True).start()
    until(lambda: len(answers_of(hand)) == 2)
    assert answers_of(hand) == [
        ("preview", 1, JPEG, None),
        ("preview", 2, None, Refusal("the painting is too small", is_of_photo=False)),
    ]


@pytest.mark.thorough
def test_a_preview_goes_before_what_is_prepared_and_nothing_begins_while_it_waits(
    hand, idle, painter, monkeypatch
):
    """A picture is asked for in the middle of each preparation, which lets go and comes later."""
    happened, numbers, waited, wait = [], {}, threading.Event(), hand.web.wait

    def visited(prepare):
        def prepared(*about):
            *about, check_stop = about

            def check():
                number = numbers.setdefault(name, len(numbers) + 1)
                if happened[-1] == name and happened.count(name) == 1:
                    happened.append("asked")
                    hand.hears(("preview", request(number, "monet")))
                check_stop()

            happened.append(name)
            return prepare(*about, check)

        name = prepare.__name__
        return prepared

    def instant(*_):
        assert waited.wait(60)
        waited.clear()
        happened.append("painted")
        return JPEG

    for module in (desk, worker):
        monkeypatch.setattr(module, "QUIET_S", 0.0)
    monkeypatch.setattr(instant_painter, "MEASURED_SIDE", 64)
    monkeypatch.setattr(hand.web, "wait", lambda *how: (waited.set(), wait(*how)))
    own, painter.instant = painter.instant_painter, instant
    own.sides, hand.web.unmeasured = (64, 96), [Preset.INSTANT]
    own.prepare, own.seconds_per_work = map(visited, (own.prepare, own.seconds_per_work))
    assert [answer[1] for answer in idle(painter)] == [1, 2]
    measured, prepared = "seconds_per_work", "prepare"
    assert happened[:4] == [measured, "asked", "painted", measured]
    assert happened[4:] == [prepared, "asked", "painted", prepared, prepared], "of two styles"


def test_loading_waits_for_previews_but_not_for_ever_and_not_when_a_job_waits(hand, monkeypatch):
    monkeypatch.setattr(desk, "QUIET_S", 0.0)
    hand.hears(("preview", request(1)))
    loading = threading.Thread(target=hand.desk.give_way, daemon=True)
    loading.start()
    loading.join(0.2)
    assert loading.is_alive()
    hand.hears(("forget", 1))
    loading.join(DEADLINE_S)
    assert not loading.is_alive()
    hand.hears(("preview", request(2)))
    with monkeypatch.context() as late:
        late.setattr(desk, "LOADED_BY_S", 0.0)
        hand.desk.give_way()
    hand.hears(("job",))
    hand.desk.give_way()


@pytest.mark.parametrize("has_room", [True, False])
@pytest.mark.slow
def test_previews_are_painted_beside_a_job_that_leaves_them_the_memory(hand, idle, has_room):
    def paint(job, on_step, _):
        hand.hears(("preview", request(1)))
        until(lambda: answers_of(hand))
        raise PictureError("enough")

    stored_job(hand.web.store)
    runner = Mock(paint=paint, instant=lambda *_: JPEG, prepare_next=lambda _: False)
    runner.make_room.return_value = has_room
    assert idle(runner) == [("preview", 1, JPEG if has_room else None, None)]


def test_a_job_that_leaves_no_memory_refuses_the_previews_that_wait(hand, idle):
    def paint(job, on_step, _):
        assert len(answers_of(hand)) == 2
        raise PictureError("enough")

    stored_job(hand.web.store)
    hand.hears(*(("preview", request(number)) for number in (1, 2)))
    hand.desk._asked.clear()
    runner = Mock(paint=paint, prepare_next=lambda _: False)
    runner.make_room.return_value = False
    assert {each[1:] for each in idle(runner)} == {(1, None, None), (2, None, None)}


def test_the_oldest_of_too_many_is_refused():
    refused = []
    queue = PreviewQueue(refused.append)
    for number in range(MAX_WAITING + 2):
        queue.add(request(number))
    assert refused == [0, 1] and queue.next().number == MAX_WAITING + 1


def test_whole_pictures_come_in_their_order_before_previews_and_the_newest_of_too_many_is_refused():
    refused = []
    queue = PreviewQueue(refused.append)
    queue.add(request(0))
    for number in range(1, MAX_WHOLE + 2):
        asked = request(number)
        whole = asked.order._replace(output=OutputFormat("jpg"))
        queue.add(asked._replace(order=whole))
    assert refused == [MAX_WHOLE + 1]
    assert [queue.next().number for _ in range(MAX_WHOLE + 1)] == [*range(1, MAX_WHOLE + 1), 0]


@pytest.fixture
def painter(place, hand):
    """The runner of a worker, with the styles of `place`."""
    return runner_of(config.load(place), hand.web.buckets, hand.stop)


def in_style(painter, name, size):
    settings = {"size": size}
    asked = JobRequest(style=name, preset=Preset.INSTANT, settings=settings)
    return InstantOrder(tiny.file(40, 60, 7), painter.catalogue.style(asked))


def test_the_worker_tells_a_photo_that_cannot_be_decoded_from_all_else(hand, painter):
    asked = in_style(painter, "monet", 48)
    damaged = tiny.file(40, 60, 7)[:400]
    for number, (photo_file, mask) in enumerate(((damaged, b""), (asked.photo, damaged))):
        order = asked._replace(photo=photo_file, mask=mask)
        hand.hears(("preview", request(number)._replace(order=order)))
        hand.desk.paint_preview(painter.instant_painter.file, hand.desk.previews.next())
    [(*_, of_photo), (*_, of_mask)] = answers_of(hand)
    assert of_photo.is_of_photo and not of_mask.is_of_photo
    assert of_photo.reason.startswith("the photo") and of_mask.reason.startswith("the mask")


def test_painting_ends_as_soon_as_nobody_waits_or_a_job_needs_the_memory(hand, painter):
    def instant(order, check_stop):
        painted.append(order.style)
        if order.style == 1:
            hand.hears(("forget", 1))
        if order.style == 2:
            hand.desk.alone = True
        check_stop()
        return JPEG

    painted = []
    for number in (2, 1):
        hand.desk.alone = False
        hand.hears(("preview", request(number, style=number)))
        hand.desk.paint_preview(instant, hand.desk.previews.next())
    assert painted == [2, 1]
    assert [each[1:] for each in answers_of(hand)] == [(2, None, None), (1, None, None)]
    with pytest.raises(ZeroDivisionError):  # And the engine asks several times.
        painter.instant_painter.file(in_style(painter, "monet", 64), lambda: 1 / 0)


def test_tiles_of_the_page_have_the_side_for_which_paintings_are_kept():
    script = PROGRAM / "painterly/web/static/previews.js"
    assert f"SIDE = {instant_painter.TILE_SIDE};" in script.read_text()


@pytest.mark.thorough
def test_what_paintings_need_is_kept_for_all_styles_as_far_as_there_is_memory(
    hand, place, monkeypatch
):
    folder = Path(place["BUCKET_STYLE"])
    for number in range(4):
        (folder / f"p{number}.jpg").write_bytes(tiny.file(40, 40, number))
    read, paintings = [], hand.web.buckets.style
    real = paintings.read
    monkeypatch.setattr(paintings, "read", lambda key: read.append(key) or real(key))
    painter = runner_of(config.load(place), hand.web.buckets, hand.stop)
    painter.instant_painter.sides = 64, 96
    while painter.prepare_next(lambda: None):
        pass
    assert len(read) == len(set(read)) == 7
    for number in range(4):
        painter.instant_painter.file(in_style(painter, f"p{number}", 64))
    assert len(read) == 7, "nothing is read again"
    monkeypatch.setattr(instant_painter, "CACHE_BYTES", painter.instant_painter.cache_bytes() // 2)
    painter.instant_painter.file(in_style(painter, "p0", 64))
    assert painter.instant_painter.cache_bytes() <= instant_painter.CACHE_BYTES
    painter.instant_painter.file(in_style(painter, "p0", 64))
    assert len(read) == 7, "the latest stays"


def test_a_photo_is_decoded_once_for_all_of_its_previews(painter, monkeypatch):
    decoded, real = [], instant_painter.decode_photo

    def decode_photo(files, available):
        decoded.append(files.photo.name)
        return real(files, available)

    monkeypatch.setattr(instant_painter, "decode_photo", decode_photo)
    for name, size in (("monet", 64), ("both", 64), ("monet", 96)):
        painter.instant_painter.file(in_style(painter, name, size))
    assert decoded == ["the photo"]


def test_nothing_is_kept_of_a_whole_picture(painter):
    whole = in_style(painter, "monet", 64)._replace(output=OutputFormat("png"))
    assert Image.open(io.BytesIO(painter.instant_painter.file(whole))).format == "PNG"
    assert (
        painter.instant_painter.cache_bytes() == 0
        and not painter.instant_painter.photo.cache_info().currsize
    )


@pytest.mark.slow
def test_a_preview_shows_the_photo_in_a_style_that_was_prepared_next_to_a_damaged_one(
    place, hand, idle, monkeypatch
):
    paintings = Path(place["BUCKET_STYLE"])
    (paintings / "damaged.jpg").write_text("no picture")
    (paintings / "styles.toml").write_text(
        '[a]\npaintings = ["damaged.jpg"]\n[b]\npaintings = ["monet.jpg"]\nrecipe = "moments"\n'
        '[c]\npaintings = ["both/a.png", "both/b.jpg"]\n'
    )
    buckets, configured = hand.web.buckets, config.load(place)
    style = Catalogue(buckets.style, configured).style(JobRequest(style="c", preset=Preset.INSTANT))
    # With the built-in network, which instant pictures need.
    runner = runner_of(configured, buckets, hand.stop)
    monkeypatch.setattr(runner, "seconds_per_work", lambda preset, _: 1.0)
    runner.instant_painter.sides = 64, 96
    recipes, real = set(), runner.instant_painter.paint
    runner.instant_painter.paint = lambda photo, style, *others: (
        recipes.add(style.settings.recipe) or real(photo, style, *others)
    )
    idle(runner)
    runner.instant_painter.paint = real
    assert recipes == {"instant"}
    monkeypatch.setattr(buckets.style, "read", lambda _: pytest.fail("read again"))

    def painted(*shares):
        paintings = [
            Painting(each.entry, share) for each, share in zip(style.paintings, shares, strict=True)
        ]
        order = InstantOrder(tiny.file(40, 60, 7), replace(style, paintings=tuple(paintings)))
        return np.float32(Image.open(io.BytesIO(runner.instant_painter.file(order))))

    first = painted(0.2, 0.8)
    assert first.shape == (43, 64, 3)
    assert np.array_equal(painted(0.2, 0.8), first)
    assert np.abs(painted(0.8, 0.2) - first).mean() > 1


START = """
import pickle, sys, threading
from pathlib import Path
from types import SimpleNamespace
from painterly.cli.web_worker import paint_jobs

request, environment, loaded = pickle.loads(Path(sys.argv[1]).read_bytes())
asked = [("preview", request)]

def say(kind, *news):
    if kind == "preview":
        heavy = {"cyclopts", "fastapi", "jinja2", "pydantic", "starlette", "tensorflow"}
        print(*sorted(heavy & {*sys.modules}), bool(news[1]), flush=True)
        told.set()

told = threading.Event()
web = SimpleNamespace(send=say, receive=lambda: asked.pop() if asked else told.wait())
paint_jobs(environment, loaded, web, "this worker", None)
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_result", [False, True])
def test_a_new_worker_paints_what_is_asked_for_before_it_loads_what_jobs_need(
    place, buckets, tmp_path, is_result
):
    loaded = config.load(place)
    style = Catalogue(buckets.style, loaded).style(JobRequest(style="monet", preset=Preset.INSTANT))
    style = replace(style, settings=style.settings.replaced({"size": 48}))
    photo = tiny.file(40, 60, 7)
    buckets.source.write("beach.jpg", photo, "image/jpeg")
    result = ResultOrder("beach.jpg", style, b"", "jpg")
    order = result if is_result else InstantOrder(photo, style)
    asked = tmp_path / "asked"
    asked.write_bytes(pickle.dumps((PreviewRequest(1, order), dict(place), loaded)))
    how = [sys.executable, "-c", START, asked]
    with subprocess.Popen(how, stdout=subprocess.PIPE, text=True, cwd=PROGRAM) as process:
        said = next(line for line in process.stdout if line.strip().endswith(("True", "False")))
        process.terminate()
        process.wait()
    assert said.endswith("True\n"), "it was painted"
    if not is_result:
        assert said == "True\n", "nothing else was loaded"
