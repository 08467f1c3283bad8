"""The API from a photo to its result, with a worker in the tests' process."""

import io
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.gallery import results_of
from support.pictures import gradient, saved
from support.polling import until
from support.scenarios import same_as_stored
from support.web_service import DRAFT, begun_upload, send, served

from painterly import ENGINE_VERSION
from painterly.devices.device import HOST, Device, Devices
from painterly.engine import style_transfer
from painterly.engine.schedule import total_work
from painterly.jobs.schemas import ApiError, JobState, Preset
from painterly.jobs.store import PREVIEWS
from painterly.jobs.worker import lease, runner
from painterly.settings.bucket_layout import record_key
from painterly.settings.settings import Settings


def state_of(web, job):
    web.service.jobs.refresh()
    return web.get(f"/api/jobs/{job['id']}").json()


def gallery(web):
    return results_of(web.get("/gallery/").text)


def test_an_upload_that_breaks_off_leaves_no_traceback(web, caplog):
    caplog.set_level("DEBUG", "painterly")
    port = web.base_url.port
    with socket.create_connection(("127.0.0.1", port)) as browser:
        browser.sendall(begun_upload(port))
    line = "/api/jobs: the client disconnected during the upload"
    until(lambda: line in caplog.messages)
    assert web.get("/healthz").status_code == 200
    assert not [each for each in caplog.records if each.levelname in ("WARNING", "ERROR")]


@pytest.mark.thorough
def test_how_long_pictures_take_is_known_before_the_first_one(web, worker, monkeypatch):
    monkeypatch.setattr(runner, "MEASURED_SIZE", (48, 64))
    monkeypatch.setattr(style_transfer, "MOMENT_S", 0.0)
    rate = 100 * worker.runner.seconds_per_work(Preset.FINE)  # Long enough for what is rounded.
    web.service.handle_worker_message(("speed", Preset.FINE, rate, "cpu"))
    work = total_work(3000, 4000, web.service.config.settings)
    assert web.get("/api/estimate").json()["fine"] == pytest.approx(rate * work, abs=0.11)


def test_the_settings_of_a_style_count_in_how_long_it_takes(web, place):
    Path(place["BUCKET_STYLE"], "styles.toml").write_text(
        '[plain]\npaintings = ["monet.jpg"]\nrecipe = "moments"\n'
        '[slow]\npaintings = ["monet.jpg"]\nrecipe = "moments"\noptimizer = "lbfgs"\nsize = 32\n',
    )
    web.service.handle_worker_message(("speed", Preset.FINE, 1.0, "cpu"))
    plain, slow = (
        send(web, {**DRAFT, **request}).json()["seconds_left"]
        for request in ({"style": "plain"}, {"style": "slow", "settings": {"size": 64}})
    )
    assert slow == (1 + 20) * plain, "it waits for the first"


def test_an_instant_picture_of_a_style_may_have_its_photos_own_size(web, worker, place):
    styles = Path(place["BUCKET_STYLE"], "styles.toml")
    styles.write_text('[whole]\npaintings = ["monet.jpg"]\nsize = "full"\n')
    job = send(web, {"style": "whole", "preset": "instant"}, tiny.file(60, 80, 1)).json()
    assert worker.paint()
    done = state_of(web, job)
    assert (done["state"], done["width"], done["height"]) == ("done", 80, 60)


def test_a_job_with_a_timelapse_has_an_animation_of_its_picture(web, worker):
    job = send(web, {**DRAFT, "settings": {"timelapse": True}}).json()
    other = send(web).json()
    assert web.get(f"/api/jobs/{job['id']}/timelapse").status_code == 404
    assert worker.paint() and worker.paint()
    assert state_of(web, other)["links"]["timelapse"] is None
    answer = web.get(state_of(web, job)["links"]["timelapse"], params={"download": 1})
    assert answer.headers["content-type"] == "image/webp"
    assert 'filename="beach - monet.timelapse.webp"' in answer.headers["content-disposition"]
    assert Image.open(io.BytesIO(answer.content)).n_frames > 1
    # The gallery's page leads to it, and to none of the other one.
    films = [each["timelapse"] for each in gallery(web)]
    assert sorted(map(bool, films)) == [False, True]
    assert web.get(f"/gallery/{max(films)}").content == answer.content


@pytest.mark.slow
def test_a_print_has_the_size_of_its_paper_and_counts_as_such_in_what_it_takes(web, worker):
    web.service.handle_worker_message(("speed", Preset.FINE, 1.0, "cpu"))
    paper = {"paper": "10x15cm", "dpi": 25, "bleed": "3mm"}
    photo = tiny.file(60, 80, 1, dpi=(72, 72))
    job = send(web, {**DRAFT, "preset": "print", "settings": paper}, photo).json()
    settings = web.service.config.settings.replaced({"preset": "print"}).replaced(paper)
    assert settings.size == 154
    assert web.service.jobs.stored(job["id"]).work == total_work(60, 80, settings)
    assert worker.paint()
    done = state_of(web, job)
    assert (done["width"], done["height"]) == (154, 104) and done["settings"] == paper
    result = Image.open(io.BytesIO(web.get(done["links"]["result"]).content))
    assert result.size == (154, 104) and result.info["dpi"] == (25, 25)


def test_a_photo_is_sent_painted_and_fetched(web, worker):
    answer = send(web)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/api/jobs/{job['id']}"
    assert web.get(f"/api/jobs/{job['id']}/result").status_code == 404
    assert worker.paint()

    done = state_of(web, job)
    assert done["finished"] and done["network"] and done["photo_etag"] and done["steps"]
    changing = ("created", "started", "finished", "network", "photo_etag", "steps", "step")
    views = [
        {name: value for name, value in each.items() if name not in changing}
        for each in json.loads(json.dumps([job, done]).replace(job["id"], "ID"))
    ]
    same_as_stored(views, Path(__file__).with_name("job.json"))
    result = web.get(done["links"]["result"], params={"download": 1})
    assert Image.open(io.BytesIO(result.content)).size == (64, 48)
    assert result.headers["content-type"] == "image/jpeg"
    assert "beach%20-%20monet.jpg" in result.headers["content-disposition"]
    assert 'filename="beach - monet.jpg"' in result.headers["content-disposition"]  # As curl reads.
    photo = web.get(done["links"]["photo"])
    assert Image.open(io.BytesIO(photo.content)).size == (80, 60)
    web.service.buckets.source.delete(f"{job['id']}/beach.jpg")
    assert web.get(done["links"]["photo"]).json()["detail"].startswith("there is no such photo")
    assert not worker.paint()
    assert {"step", "changed"} <= {kind for kind, *_ in worker.said}

    (item,) = gallery(web)
    assert (item["photo"], item["style"]) == (f"{job['id']}/beach.jpg", "monet")
    assert web.get(f"/gallery/monet/{job['id']}/beach.jpg").content == result.content
    preview = web.get(f"/gallery/_gallery/results/monet/{job['id']}/beach.jpg.jpg")
    small = web.get(done["links"]["result"], params={"small": 1})
    assert small.content == preview.content != result.content
    assert web.get("/api/estimate").json()["draft"] is None, "the first picture says little"


@pytest.mark.thorough
def test_the_log_names_the_network_that_paints_once(web, worker, capsys):
    for style in ("monet", "both"):
        send(web, {**DRAFT, "style": style})
        assert worker.paint()
    assert capsys.readouterr().out.count("painting with random features") == 1


def test_an_instant_picture_names_the_cpu_which_painted_it_beside_a_gpu_too(web, worker, store):
    worker.runner._devices = lambda: Devices((Device("GPU:0", "a GPU"),))
    job = send(web, {"style": "monet", "preset": "instant"}).json()
    assert worker.paint()
    assert store.read_ended(job["id"]).painted.device == str(HOST)


def test_a_phones_jpeg_with_a_second_picture_becomes_a_jpeg(web, worker):
    """Brightness or depth, as many phones add it: a file that Pillow calls MPO."""
    photo = saved(gradient(80, 60), "MPO", save_all=True, append_images=[gradient(40, 30)])
    job = send(web, photo=photo).json()
    assert worker.paint()
    result = web.get(state_of(web, job)["links"]["result"])
    assert result.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(result.content)).format == "JPEG"


def test_a_photo_is_called_as_its_file_is(web):
    for name in (
        'quo"te.jpg',
        "at 9.41\u202fPM.png",
        "👨\u200d👩\u200d👧.jpg",
        "100%.jpg",
        "חוף.jpg",
    ):
        # As browsers write it.
        assert send(web, name=name.replace('"', "%22")).json()["photo"] == name
    assert send(web, name="x" * 200 + ".jpeg").json()["photo"] == "x" * 94 + "….jpeg"
    assert send(web, name="a." + "z" * 99).json()["photo"] == f"a.{'z' * 87}…{'z' * 10}"


def test_a_blend_is_painted_in_its_shares_with_its_settings(web, worker):
    asked = {
        "paintings": {"monet.jpg": 3, "both/a.png": 1},
        "preset": "fine",
        "settings": {"preserve_color": True, "size": 48},
    }
    job = send(web, asked).json()
    assert [each["share"] for each in job["paintings"]] == [0.75, 0.25]
    assert job["style"] == "monet+a"
    assert worker.paint()
    done = state_of(web, job)
    assert (done["width"], done["settings"]) == (48, asked["settings"])
    (item,) = gallery(web)
    assert {"preserve_color": True, "size": "48"}.items() <= dict(item["given"]).items()


def test_a_result_that_was_stored_before_an_upgrade_is_the_jobs(web, worker):
    """The service was killed before the job could end, and upgraded."""
    job = web.service.jobs.stored(send(web).json()["id"])
    record = worker.runner.paint(job, lambda step: None)
    results = web.service.buckets.result
    key = record_key("monet", job.photo_key)
    earlier = replace(record, engine="9", fingerprint="of engine 9")
    results.write(key, earlier.to_bytes())
    assert worker.runner.paint(job, lambda step: pytest.fail("painted again")) == earlier
    again = web.post("/api/jobs", json={"again": job.id, **DRAFT}).json()
    assert worker.paint() and worker.paint()
    (painted,) = [each for each in results.list("_records/") if again["id"] in each.key]
    assert json.loads(results.read(painted.key))["engine"] == ENGINE_VERSION


def test_the_same_photo_is_painted_once_more_with_other_settings(web, worker):
    first = send(web).json()
    later = web.post("/api/jobs", json={"again": first["id"], "style": "both"})
    assert later.status_code == 202, later.text
    assert later.json()["id"] != first["id"]
    assert web.post(first["links"]["cancel"]).status_code == 202
    assert worker.paint()
    web.service.jobs.refresh()
    states = [each["state"] for each in web.get("/api/jobs").json()["jobs"]]
    assert states == ["done", "cancelled"]
    assert len(gallery(web)) == 1
    unknown = web.post("/api/jobs", json={"again": "0" * 20, "style": "both"})
    assert unknown.status_code == web.get(f"/api/jobs/{'0' * 20}").status_code == 404


def mask_of(*halves, size=(40, 30)):
    """A mask with a grey for each half, from the left."""
    mask = Image.new("L", (len(halves), 1))
    mask.putdata(halves)
    return saved(mask.resize(size, Image.Resampling.NEAREST), "PNG")


def test_a_mask_limits_the_painting_and_is_used_again_until_another_one_is_sent(web, worker):
    left, right, white = mask_of(255, 0), mask_of(0, 255, size=(600, 100)), mask_of(255, 255)
    instant = {"style": "monet", "preset": "instant"}  # It changes a small picture visibly.
    first = send(web, instant, mask=left).json()
    again = {"again": first["id"], **instant}
    inherited = web.post("/api/jobs", json=again).json()
    form = {"request": json.dumps(again)}
    other, none = (
        web.post("/api/jobs", data=form, files={"mask": ("m", each)}).json()
        for each in (right, white)
    )
    stored = [web.get(job["links"]["mask"]) for job in (first, inherited, other)]
    assert {each.headers["content-type"] for each in stored} == {"image/png"}
    painted = [np.asarray(Image.open(io.BytesIO(each.content))) > 127 for each in stored]
    assert [(each[:, 0].all(), each[:, -1].any()) for each in painted] == [
        *[(True, False)] * 2,
        (False, True),
    ]
    assert none["links"]["mask"] is None
    assert web.get(f"/api/jobs/{none['id']}/mask").status_code == 404

    photo = Image.open(io.BytesIO(web.get(first["links"]["photo"]).content)).resize((64, 48))
    for job, kept in (
        *((each, [False, True]) for each in (first, inherited)),
        *((other, [True, False]), (none, [False, False])),
    ):
        assert worker.paint()
        result = Image.open(io.BytesIO(web.get(state_of(web, job)["links"]["result"]).content))
        changed = np.abs(np.float32(result) - np.float32(photo))
        assert [changed[:, part].mean() < 9 for part in (np.s_[:24], np.s_[-24:])] == kept


def test_a_mask_that_cannot_be_used_is_refused_and_one_that_is_deleted_later_fails(web, worker):
    for mask, reason in (
        (mask_of(0, 0), "the mask: is black all over"),
        (b"no picture", "the mask"),
        (mask_of(0, 255, size=(8, 8)), "the mask"),
    ):
        refused = send(web, mask=mask)
        assert (refused.status_code, refused.json()["detail"].startswith(reason)) == (422, True)
    key = {"Idempotency-Key": "one"}
    job = send(web, mask=mask_of(0, 255), **key).json()
    assert send(web, mask=mask_of(0, 255), **key).json()["id"] == job["id"]
    assert send(web, mask=mask_of(255, 0), **key).status_code == 422, "another order"
    web.service.buckets.source.delete(f"{job['id']}/beach.mask.png")
    assert worker.paint()
    assert state_of(web, job)["error"] == "the photo's mask has been deleted"


def test_a_request_that_is_repeated_counts_once(web, store):
    key = {"Idempotency-Key": "one"}
    first, second = send(web, **key), send(web, **key)
    assert first.status_code == second.status_code == 202
    assert first.json()["id"] == second.json()["id"]
    assert len(dict(store.queued())) == 1
    later = [
        web.post("/api/jobs", json={"again": first.json()["id"], **DRAFT}, headers=two).json()
        for two in [{"Idempotency-Key": "two"}] * 2
    ]
    assert later[0]["id"] == later[1]["id"] != first.json()["id"]
    assert len(dict(store.queued())) == 2
    photos = web.service.buckets.source
    assert len([*photos.list()]) == 2, "the photo of a repeated request is stored once more"
    other = send(web, {"style": "both"}, **key)
    assert (other.status_code, "Idempotency-Key" in other.json()["detail"]) == (422, True)


def test_an_order_that_came_when_the_queue_was_full_is_taken_later_under_its_key(
    web, store, monkeypatch
):
    key = {"Idempotency-Key": "one"}
    full_by_now = Mock(side_effect=[None, ApiError(429, "the queue is full", 1)])
    with monkeypatch.context() as another_order_is_faster:
        another_order_is_faster.setattr(web.service.orders, "check_room", full_by_now)
        assert send(web, **key).status_code == 429
    assert not dict(store.queued())
    taken = [send(web, **key) for _ in range(2)]
    assert [each.status_code for each in taken] == [202, 202]
    assert dict(store.queued()).keys() == {each.json()["id"] for each in taken}


FORM = "Content-Type: multipart/form-data; boundary=b"
CLOSES, WAITS = "Connection: close", "Expect: 100-continue"


@pytest.mark.parametrize(
    ("address", "kind", "how", "status"),
    [
        ("/api/jobs", FORM, CLOSES, 429),
        ("/api/photos", FORM, CLOSES, 429),
        ("/api/paint", FORM, CLOSES, 503),
        ("/api/preview", FORM, CLOSES, 204),
        ("/api/nothing", "Content-Type: image/jpeg", CLOSES, 404),
        ("/api/photos", FORM, WAITS, 429),
    ],
)
def test_who_still_sends_or_waits_until_the_photo_is_wanted_reads_an_answer_that_is_known(
    web, monkeypatch, address, kind, how, status
):
    monkeypatch.setattr(web.service.uploads, "most", 0)
    host, port = web.base_url.host, web.base_url.port
    head = f"POST {address} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 20000000\r\n"
    body = b"" if how == WAITS else bytes(20_000_000)
    with socket.create_connection((host, port), timeout=60) as client:
        client.sendall(f"{head}{how}\r\n{kind}\r\n\r\n".encode() + body)
        assert client.recv(100).startswith(f"HTTP/1.1 {status}".encode())


@pytest.mark.parametrize("address", ["/api/jobs", "/api/photos", "/api/paintings"])
def test_more_photos_at_once_than_fit_are_refused_for_a_moment(web, monkeypatch, address):
    monkeypatch.setattr(web.service.uploads, "most", 0)
    files = {"photo": ("beach.jpg", tiny.file(60, 80, 1))}
    answer = web.post(address, data={"request": json.dumps(DRAFT)}, files=files)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


def test_jobs_wait_in_turn_and_can_be_cancelled(web, worker, store):
    jobs = [send(web, name=f"{number}.jpg").json() for number in range(3)]
    assert [job["place"] for job in jobs] == [1, 2, 3]
    cancelled = web.post(f"/api/jobs/{jobs[0]['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    assert cancelled.json()["finished"]
    assert [state_of(web, job)["place"] for job in jobs] == [None, 1, 2]
    assert web.post(f"/api/jobs/{jobs[0]['id']}/cancel").status_code == 409
    assert worker.paint()
    assert [state_of(web, job)["state"] for job in jobs] == ["cancelled", "done", "queued"]
    last, _ = store.read(jobs[2]["id"])
    assert store.end(last.changed(state=JobState.DONE))  # The service has not looked since.
    late = web.post(f"/api/jobs/{jobs[2]['id']}/cancel")
    reason = "this job has ended already: it is done"
    assert (late.status_code, late.json()["detail"]) == (409, reason)


def test_a_job_that_comes_while_the_queue_is_read_is_not_taken_for_gone(web, monkeypatch):
    index, bucket = web.service.jobs, web.service.buckets.result
    list_objects, sent = bucket.list, []

    def list_late(prefix="", after=""):
        entries = [*list_objects(prefix, after)]
        if prefix.startswith("_web/queue"):
            sent.append(send(web, name=f"{len(sent)}.jpg").json()["id"])
        return iter(entries)

    monkeypatch.setattr(bucket, "list", list_late)
    index.refresh()
    assert sent[0] in {job.id for job in index.all()}


def test_a_job_that_is_painted_is_cancelled_after_a_step(web, worker, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_S", 0.01)
    job = send(web, {**DRAFT, "settings": {"iterations": 1000}}).json()

    def send_and_cancel(kind, *about):
        if kind == "step" and about[1]["step"] > 1:
            web.post(f"/api/jobs/{job['id']}/cancel")

    monkeypatch.setattr(worker.web.pipe, "send", send_and_cancel)
    assert worker.paint()
    cancelled = state_of(web, job)
    assert cancelled["state"] == "cancelled"
    assert 0 < cancelled["step"] < cancelled["steps"]
    assert gallery(web) == []
    until(lambda: web.get(f"/api/jobs/{job['id']}/preview").status_code == 404)


def test_what_cannot_be_painted_says_why(web, worker):
    whole = tiny.file(60, 80, 1)
    job = send(web, photo=whole[: len(whole) // 2]).json()
    assert worker.paint()
    failed = state_of(web, job)
    assert failed["state"] == "failed"
    assert failed["error"].startswith("is damaged or incomplete")


@pytest.mark.thorough
def test_a_batch_leaves_the_jobs_alone(web, worker, buckets, place):
    """Its runs delete checkpoints that they have no use for, and read all that is in the bucket."""
    from painterly.cli.batch import paint_batch
    from painterly.configuration import config

    send(web)
    assert worker.paint()
    waiting = send(web, name="later.jpg").json()
    checkpoint = f"_checkpoints/monet/{waiting['id']}/later.jpg.npz"
    buckets.unfinished.write(checkpoint, b"PK\x03\x04")
    before = {entry.key for entry in buckets.result.list("_web/")}
    Path(place["BUCKET_SOURCE"], "own.jpg").write_bytes(tiny.file(60, 80, 2))
    assert paint_batch(config.load(place)) == 0
    gone = before - {entry.key for entry in buckets.result.list("_web/")}
    # A slow job has previews, which are deleted while the next request is answered.
    assert not {key for key in gone if not key.startswith(f"{PREVIEWS}/")}
    assert len(gallery(web)) == 3


REFUSED = (
    ({"style": "manet"}, 422, "no style 'manet'; did you mean monet?"),
    ({"paintings": {"../../x.jpg": 1}}, 422, "no painting '../../x.jpg'; GET /api/paintings li"),
    ({"paintings": {"mnoet.jpg": 1}}, 422, "no painting 'mnoet.jpg'; did you mean 'monet.jpg'?"),
    ({"paintings": {"monet": 1}}, 422, "no painting 'monet'; did you mean 'monet.jpg'?"),
    ({"style": "monet", "paintings": {"monet.jpg": 1}}, 422, "either"),
    ({}, 422, "either"),
    ({**DRAFT, "settings": {"strength": 9}}, 422, "strength is 9"),
    ({**DRAFT, "settings": {"model": "vgg16"}}, 422, "cannot be set"),
    ({**DRAFT, "settings": {"size": 16000}}, 422, "from 32 to 5120"),
    ({**DRAFT, "settings": {"iterations": 1001}}, 422, "the web service takes at most 1000"),
    ({**DRAFT, "settings": {"paper": "A2"}}, 422, "highest dpi that fits is 218, on paper A2"),
    ({**DRAFT, "settings": {"paper": "A9"}}, 422, "paper is 'A9'; expected none, A2"),
    ({**DRAFT, "settings": {"paper": "A4", "size": 800}}, 422, "give one of them"),
    ({"paintings": {"monet.jpg": 0}}, 422, "greater than 0"),
    ({**DRAFT, "preset": "best"}, 422, "preset"),
    ({**DRAFT, "x": 1}, 422, "x"),
    ({"paintings": {f"{n}.jpg": 1 for n in range(9)}}, 422, "paintings"),
)


def test_a_wrong_request_is_refused_in_one_line(web, store):
    for request, status, reason in REFUSED:
        answer = send(web, request)
        found = answer.status_code, reason in answer.json()["detail"]
        assert found == (status, True), f"{request}: {answer.text}"
        assert "\n" not in answer.json()["detail"]
    without = web.post("/api/jobs", data={"request": "{}"}, files={"other": ("x.jpg", b"x")})
    assert (without.status_code, without.json()["detail"]) == (422, "the form has no file `photo`")
    assert web.post("/api/jobs", json={"again": "x" * 20_000}).status_code == 413
    assert not dict(store.queued())


def test_orders_that_are_being_stored_hold_no_other_and_have_their_place_in_the_queue(
    place, monkeypatch
):
    with served({**place, "WEB_MAX_WAITING": "4"}) as web:
        source = web.service.buckets.source
        real, stored, may_end = source.write, threading.Semaphore(0), threading.Event()

        def write(*about):
            stored.release()
            may_end.wait(60)
            return real(*about)

        monkeypatch.setattr(source, "write", write)
        with ThreadPoolExecutor(4) as pool:
            slow = [pool.submit(send, web) for _ in range(4)]
            for _ in slow:  # All are at it.
                assert stored.acquire(timeout=30)
            assert send(web).status_code == 429
            may_end.set()
            assert [each.result().status_code for each in slow] == [202] * 4
        assert len(web.get("/api/jobs").json()["jobs"]) == 4


def test_a_full_queue_says_when_to_come_back_and_answers_a_request_that_has_its_job(place):
    with served({**place, "WEB_MAX_WAITING": "2"}) as web:
        key = {"Idempotency-Key": "one"}
        first = send(web, **key)
        assert (first.status_code, send(web).status_code) == (202, 202)
        full = send(web, **{"Idempotency-Key": "two"})
        assert full.status_code == 429 and int(full.headers["retry-after"]) > 0
        assert full.json()["detail"] == "the queue is full: 2 photos are waiting"
        again = send(web, **key)
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


def test_a_style_that_sets_what_is_usual_for_fine_keeps_it_in_a_draft(place):
    usual = Settings().iterations
    paintings = 'paintings = ["monet.jpg"]'
    text = f"[careful]\n{paintings}\niterations = {usual}\n[plain]\n{paintings}\n"
    Path(place["BUCKET_STYLE"], "styles.toml").write_text(text)
    with served({**place, "STYLE_ITERATIONS": ""}) as web:
        settings = {each["name"]: each["settings"] for each in web.get("/api/styles").json()}
        assert settings == {"careful": {"iterations": usual}, "plain": {}}
        orders = {"style": "careful"}, {"style": "plain", "settings": {"iterations": usual}}
        jobs = [send(web, {**DRAFT, **order}).json() for order in orders]
        work = [web.service.jobs.stored(job["id"]).work for job in jobs]
        assert work[0] == work[1]
    with served({**place, "STYLE_PRESET": "draft", "STYLE_ITERATIONS": ""}) as web:
        settings = {each["name"]: each["settings"] for each in web.get("/api/styles").json()}
        assert settings["plain"] == {}, "whatever preset is usual"
