"""The styles and paintings that may be chosen, and uploads."""

import io
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from unittest.mock import Mock

from PIL import Image
from support import tiny
from support.polling import until_threads_end
from support.scenarios import same_as_stored
from support.web_service import send, served

from painterly.errors import StorageError
from painterly.jobs import catalogue
from painterly.jobs.schemas import ApiError
from painterly.storage.folder import FolderBucket
from painterly.web.api import paintings as api_paintings
from painterly.web.service import MAX_SMALL


def upload(web, data, name="waves.jpg"):
    return web.post("/api/paintings", files={"file": (name, data)})


def test_styles_and_paintings_are_listed_with_what_the_form_shows_and_orders_of_each(place):
    with served(place | {"STYLES": "hokusai,mosaic"}) as web:
        own = upload(web, tiny.file(60, 60, 9), "Waves_by_Some One_1831.jpg").json()["name"]
        listed = [web.get(f"/api/{each}").json() for each in ("paintings", "styles")]
        page = web.get("/styles").text.replace(own[5:17], "DIGEST")
        for each in (*listed[0], *listed[1]):
            assert web.get(each["thumbnail"]).headers["content-type"] == "image/jpeg"
    assert page.count('class="remove"') == 1, "of the upload"
    choices = [json.loads(unescape(each)) for each in re.findall('data-choice="(.*?)"', page)]
    listed = json.loads(json.dumps(listed).replace(own[5:17], "DIGEST"))
    same_as_stored([*listed, choices], Path(__file__).with_name("choices.json"))


def test_a_painting_is_uploaded_used_and_deleted(web, worker, place):
    large, batch = tiny.file(700, 900, 8), FolderBucket(Path(place["BUCKET_STYLE"]))
    before = {entry.key for entry in batch.list()}
    added = upload(web, large)
    assert {entry.key for entry in batch.list()} == before, "a batch does not see it"
    assert added.status_code == 201, added.text
    name = added.json()["name"]
    assert added.json()["uploaded"]
    assert upload(web, large).json()["name"] == name
    thumbnail = Image.open(io.BytesIO(web.get(added.json()["thumbnail"]).content))
    assert thumbnail.size == (320, 249)
    large = web.get(f"{added.json()['thumbnail']}?large=1").content
    assert Image.open(io.BytesIO(large)).width > 320
    assert [style["name"] for style in web.get("/api/styles").json()] == ["both", "monet"]

    job = send(web, {"paintings": {name: 1}, "preset": "draft"}).json()
    assert job["style"] == "waves"
    assert web.delete(f"/api/paintings/{name}").status_code == 409
    assert worker.paint()
    web.service.jobs.refresh()
    assert web.get(job["links"]["self"]).json()["state"] == "done"
    assert web.delete(added.headers["location"]).status_code == 204
    assert web.get(added.json()["thumbnail"]).status_code == 404
    assert ">1 picture<" in web.get("/gallery/").text


def painted_with_own(web, worker):
    """Upload a painting, and paint with it; return its name."""
    name = upload(web, tiny.file(60, 60, 9)).json()["name"]
    send(web, {"paintings": {name: 1}, "preset": "draft"})
    assert worker.paint()
    web.service.jobs.refresh()
    return name


def names(web):
    return {each["name"] for each in web.get("/api/paintings").json()}


def test_a_deleted_painting_leaves_nothing_and_may_be_sent_again(web, worker, place):
    name = painted_with_own(web, worker)
    result = FolderBucket(Path(place["BUCKET_RESULT"]))
    web.get("/gallery/")
    assert name in names(web)
    assert [entry.key for entry in result.list("_gallery/") if name in entry.key]
    assert web.delete(f"/api/paintings/{name}").status_code == 204
    assert name not in names(web)
    assert not [entry.key for entry in result.list() if name in entry.key]
    assert "there is no painting" in send(web, {"paintings": {name: 1}}).json()["detail"]
    assert web.delete(f"/api/paintings/{name}").status_code == 404
    assert upload(web, tiny.file(60, 60, 9)).json()["name"] == name
    assert name in names(web) and send(web, {"paintings": {name: 1}}).status_code == 202


def test_a_painting_whose_deletion_fails_halfway_is_still_there(web, worker, monkeypatch):
    name = painted_with_own(web, worker)
    style = web.service.buckets.style
    with monkeypatch.context() as patches:
        patches.setattr(style, "delete", Mock(side_effect=StorageError("away")))
        assert web.delete(f"/api/paintings/{name}").status_code == 503
    assert name in names(web)
    assert web.delete(f"/api/paintings/{name}").status_code == 204


def test_to_show_or_delete_paintings_takes_no_listing_of_the_jobs(web, monkeypatch):
    kept = [upload(web, tiny.file(60, 60, seed)).json()["name"] for seed in (9, 10)]
    listed, result = [], web.service.buckets.result
    web.service.jobs.close()  # Its thread lists by itself.
    until_threads_end("job index")
    for bucket, which in ((result, "jobs"), (web.service.buckets.style, "paintings")):
        real = bucket.list
        monkeypatch.setattr(
            bucket, "list", lambda *key, r=real, w=which: listed.append((w, *key)) or r(*key)
        )
    web.service.catalogue.paintings()
    listed.clear()
    for _ in range(3):
        web.get("/api/paintings")
    assert not listed
    assert web.delete(f"/api/paintings/{kept[0]}").status_code == 204
    assert not [key for which, *key in listed if which == "jobs" and "_gallery" not in str(key)]
    assert kept[1] in names(web) and kept[0] not in names(web)


def test_names_are_as_long_as_a_disk_takes_in_bytes(web):
    letters = "\U00020000" * 60  # four bytes each
    names = [upload(web, tiny.file(60, 60, n), f"{letters}.jpg").json()["name"] for n in (9, 10)]
    job = send(web, {"paintings": dict.fromkeys(names, 1)}, name=f"{letters}.jpg").json()
    assert 100 < len(job["style"].encode()) <= 200
    assert job["photo"] == f"{letters}.jpg"


def test_what_another_instance_has_taken_or_ordered_is_known_soon(web, place):
    with served(place) as other:
        assert len(names(other)) == 3
        name = upload(web, tiny.file(60, 60, 9)).json()["name"]
        ordered = send(other, {"paintings": {name: 1}})
        assert ordered.status_code == 202, ordered.text
        web.service.jobs.refresh()  # As it does each second while others wait.
        assert web.delete(f"/api/paintings/{name}").status_code == 409
        assert send(web, {"paintings": {"monet.jpg": 1}}).status_code == 202
        assert web.delete("/api/paintings/monet.jpg").status_code == 403
        sent = [upload(web, tiny.file(60, 60, seed)).json()["name"] for seed in (10, 11)]
        assert other.get(f"/api/paintings/{sent[0]}/thumbnail").status_code == 200
        assert other.delete(f"/api/paintings/{sent[0]}").status_code == 204
        web.service.catalogue.forget()  # Ten seconds later.
        assert names(web) & {name, *sent} == {name, sent[1]}
        gone = send(other, {"paintings": {"_web/nothing.jpg": 1}}).json()["detail"]
        assert gone.startswith("there is no painting '_web/nothing.jpg'")


def test_only_a_few_uploads_are_in_memory_at_once(web, monkeypatch):
    now, counts, all_of_them = [], [], threading.Barrier(MAX_SMALL)

    def slow(*_):
        now.append(1)
        counts.append(len(now))
        all_of_them.wait(60)
        time.sleep(0.02)  # For a further one.
        counts.append(len(now))
        now.pop()
        raise ApiError(422, "no picture")

    monkeypatch.setattr(api_paintings, "checked_upload", slow)
    monkeypatch.setattr(web.service.uploads, "most", 100)
    many = 2 * MAX_SMALL
    with ThreadPoolExecutor(many) as pool:
        answers = [*pool.map(lambda _: upload(web, b"x").status_code, range(many))]
    assert (answers, max(counts)) == ([422] * many, MAX_SMALL)


def test_there_is_room_for_so_many_uploads(web, monkeypatch):
    monkeypatch.setattr(catalogue, "MAX_UPLOADED", 2)
    with ThreadPoolExecutor(8) as pool:
        sent = [*pool.map(lambda seed: upload(web, tiny.file(60, 60, seed)), range(8))]
    assert sorted(each.status_code for each in sent) == [201] * 2 + [429] * 6
    full = next(each for each in sent if each.status_code == 429)
    assert full.headers["retry-after"] == "60"


def test_a_painting_that_is_deleted_behind_the_services_back_is_no_error(web, place, monkeypatch):
    name = upload(web, tiny.file(60, 60, 9)).json()["name"]
    uploads = web.service.buckets.style._uploads
    listed = [*uploads.list()]
    assert web.service.catalogue.find("monet.jpg") and web.service.catalogue.find(name)
    Path(place["BUCKET_STYLE"], "monet.jpg").unlink()
    uploads.delete(name.removeprefix("_web/"))
    monkeypatch.setattr(uploads, "list", lambda: iter(listed))
    web.service.catalogue.forget()  # Ten seconds later.
    assert web.get("/api/paintings/monet.jpg/thumbnail").status_code == 404
    shown = [each["name"] for each in web.get("/api/paintings").json()]
    assert shown == ["both/a.png", "both/b.jpg"]
