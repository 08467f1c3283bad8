"""The pictures of jobs, and the gallery, which is the page that a batch writes."""

import asyncio
import io
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image
from starlette.requests import Request
from support.gallery import HOSTILE, published, record, results_of
from support.pictures import saved
from support.web_service import stored_job

from painterly.gallery import page as gallery_page
from painterly.gallery.thumbnails import picture_key, thumbnail_key
from painterly.jobs.schemas import ApiError
from painterly.jobs.store import JobStore
from painterly.orders.record import Record
from painterly.storage.folder import FolderBucket
from painterly.web import stored_pictures
from painterly.web.made import Made
from painterly.web.picture_answers import Asked
from painterly.web.stored_pictures import JobPictures, Results

JOB = "0123456789abcdef0123"
ALL = Asked(Request({"type": "http", "headers": []}))


def test_the_service_shows_photographers_no_weights_and_no_engine(web, place):
    published(Path(place["BUCKET_RESULT"]), [record()])
    shown = web.get("/gallery/").text
    (result,) = results_of(shown)
    assert [name for name, _ in result["origin"]] == ["gallery.device", "gallery.network"]
    assert "md5:1" not in shown


def job(buckets, photo="beach.jpg", **about):
    return stored_job(JobStore(buckets.result), "j", photo=photo, size=(900, 2000), **about)


def picture(kind, colour="red", size=(2000, 900)):
    return saved(Image.new("RGB", size, colour), kind)


def seen(data):
    image = Image.open(io.BytesIO(data))
    red, _, blue = image.convert("RGB").getpixel((0, 0))
    return image.format, image.size, "red" if red > blue else "blue"


@pytest.fixture
def pictures(buckets):
    """The pictures of jobs, as the service sends them."""
    return JobPictures(buckets, None, Made())


def sent(answer):
    """The body of an answer, as a client gets it."""
    parts = []

    async def send(message):
        parts.append(message.get("body", b""))

    asyncio.run(answer({"type": "http", "method": "GET"}, None, send))
    return b"".join(parts)


def test_a_photo_is_whole_or_small_and_one_that_no_browser_shows_is_a_jpeg(buckets, pictures):
    small = ("JPEG", (1280, 576), "red")
    for photo, kind, whole in (
        ("a.png", "PNG", ("PNG", (2000, 900), "red")),
        ("b.tiff", "TIFF", small),
    ):
        buckets.source.write(f"j/{photo}", picture(kind))
        assert seen(sent(pictures.photo(ALL, job(buckets, photo)))) == whole
        answer = pictures.photo(ALL, job(buckets, photo), small=True)
        assert seen(sent(answer)) == small and answer.media_type == "image/jpeg"


def test_the_gallery_has_the_small_photo_of_a_painted_job_whoever_stored_it(buckets, pictures):
    buckets.source.write("other/beach.jpg", picture("JPEG"))
    buckets.result.write(picture_key("photos", "j/beach.jpg"), picture("JPEG", "blue", (8, 8)))
    shared = job(buckets).model_copy(update={"photo_key": "other/beach.jpg"})
    assert seen(sent(pictures.photo(ALL, shared)))[2] == "red"
    assert seen(sent(pictures.photo(ALL, shared, small=True))) == ("JPEG", (8, 8), "blue")


def test_there_is_a_preview_before_the_first_step_and_after_the_last(buckets, pictures):
    buckets.source.write("j/beach.jpg", picture("JPEG"))
    assert seen(sent(pictures.preview(ALL, job(buckets)))) == ("JPEG", (1280, 576), "red")
    buckets.result.write("_web/previews/j.jpg", picture("JPEG", "blue", (8, 8)))
    assert seen(sent(pictures.preview(ALL, job(buckets))))[1:] == ((8, 8), "blue")
    buckets.result.delete("_web/previews/j.jpg")
    buckets.result.write("monet/j/beach.jpg", picture("JPEG", "blue"))
    done = job(buckets, painted=Record(result="monet/j/beach.jpg"))
    assert seen(sent(pictures.preview(ALL, done)))[2] == "blue"


def test_of_a_damaged_photo_what_is_there_is_shown(buckets, pictures):
    half = picture("JPEG")[:4000]
    for key in ("j/beach.jpg", "j/beach.tiff"):
        buckets.source.write(key, half)
    assert sent(pictures.photo(ALL, job(buckets), small=True)) == half
    for photo in ("beach.tiff", "gone.jpg"):
        with pytest.raises(ApiError):
            sent(pictures.photo(ALL, job(buckets, photo), small=True))


@pytest.fixture
def bucket(tmp_path):
    """A new, empty folder."""
    return FolderBucket(tmp_path)


def store(bucket, photo, **about):
    """Store a record of a photo in the style `monet`, and its result."""
    found = record(photo, "monet", **about)
    bucket.write(found.result, b"painted")
    bucket.write(f"_records/monet/{photo}.json", found.to_bytes())


def photos(found):
    _, render = found.page(False, lambda variables: json.dumps(variables).encode())
    return [name for name, *_ in json.loads(render())["data"]["photos"]]


def test_only_records_whose_result_is_there_are_shown(bucket, monkeypatch):
    store(bucket, "a.jpg")
    store(bucket, "b.jpg")
    bucket.write("_records/monet/failed.jpg.json", Record(photo="failed.jpg").to_bytes())
    bucket.write("_records/monet/torn.jpg.json", b"{")
    found = Results(bucket)
    assert photos(found) == ["a.jpg", "b.jpg"]
    bucket.delete("monet/b.jpg")
    assert photos(found) == ["a.jpg"]
    listed = [*bucket.list()]
    bucket.delete("_records/monet/a.jpg.json")
    assert photos(found) == []
    monkeypatch.setattr(bucket, "list", lambda: listed)
    assert photos(Results(bucket)) == [], "it was deleted after the listing"


def test_only_changed_records_are_read_again(bucket, monkeypatch):
    for photo in ("a.jpg", "b.jpg"):
        store(bucket, photo)
    found, read, reads = Results(bucket), bucket.read, []
    monkeypatch.setattr(bucket, "read", lambda key: reads.append(key) or read(key))
    assert photos(found) == photos(found) == ["a.jpg", "b.jpg"]
    assert sorted(reads) == ["_records/monet/a.jpg.json", "_records/monet/b.jpg.json"]
    store(bucket, "b.jpg", device="a GPU")
    assert photos(found) and reads[2:] == ["_records/monet/b.jpg.json"]
    monkeypatch.setattr(stored_pictures, "FRESH_S", 100.0)
    found = Results(bucket)
    assert photos(found) == ["a.jpg", "b.jpg"]
    monkeypatch.setattr(bucket, "list", lambda: pytest.fail("listed again at once"))
    assert photos(found) == ["a.jpg", "b.jpg"]


def test_the_gallery_is_rendered_again_only_after_a_change_and_in_each_language(
    web, place, monkeypatch
):
    bucket, rendered = FolderBucket(Path(place["BUCKET_RESULT"])), []
    real = stored_pictures.page_context
    monkeypatch.setattr(
        stored_pictures, "page_context", lambda *a, **b: rendered.append(1) or real(*a, **b)
    )
    store(bucket, "a.jpg")
    pages = [web.get("/gallery/") for _ in range(3)]
    assert len(rendered) == 1 and len({page.text for page in pages}) == 1
    assert pages[0].headers["content-encoding"] == "gzip"
    plain = web.get("/gallery/", headers={"accept-encoding": "identity"})
    assert plain.text == pages[0].text and "content-encoding" not in plain.headers
    german = web.get("/gallery/", headers={"accept-language": "de"})
    assert 'lang="de"' in german.text and len(rendered) == 2
    store(bucket, "b.jpg")
    assert [each["photo"] for each in results_of(web.get("/gallery/").text)] == ["a.jpg", "b.jpg"]
    assert len(rendered) == 3
    bucket.delete("monet/a.jpg")
    assert [each["photo"] for each in results_of(web.get("/gallery/").text)] == ["b.jpg"]


def test_a_gallery_of_too_many_results_shows_the_newest_and_says_so(web, place, monkeypatch):
    monkeypatch.setattr(gallery_page, "MAX_SHOWN", 2)
    bucket = FolderBucket(Path(place["BUCKET_RESULT"]))
    for day, photo in enumerate(("new.jpg", "old.jpg", "newest.jpg")):
        finished = f"2026-01-0{(5, 2, 9)[day]}T00:00:00+00:00"
        store(bucket, photo, finished=finished)
    shown = web.get("/gallery/").text
    assert [each["photo"] for each in results_of(shown)] == ["newest.jpg", "new.jpg"]
    assert "Older, and not on this page: 1 result." in shown


def test_the_page_and_its_pictures_are_those_of_the_bucket(web, place):
    given = record(f"{JOB}/beach.jpg", HOSTILE.replace("\n", ""))
    bucket = published(Path(place["BUCKET_RESULT"]), [given])
    secrets = ("_web/secret.txt", "_gallery/records.gz", "_gallery/ended.txt")
    for key in secrets:
        bucket.write(key, b"secret")
    page = web.get("/gallery", follow_redirects=True)
    own, batch = (results_of(text)[0] for text in (page.text, bucket.read("index.html").decode()))
    assert own["thumb"] == 1 and batch["thumb"].startswith("data:")
    assert own | {"thumb": 0, "origin": 0} == batch | {"thumb": 0, "origin": 0}
    assert "<nav" in page.text and "<style>" not in page.text
    assert len(re.findall("<script", page.text)) == 3, "markup in a name is only a name"
    for key in (given.result, thumbnail_key("results", given.result)):
        answer = web.get(f"/gallery/{quote(key)}")
        assert (answer.content, answer.headers["content-type"]) == (bucket.read(key), "image/jpeg")
    for key in (*secrets, "monet/none.jpg", "index.html", "_gallery/%2e%2e/index.html"):
        assert web.get(f"/gallery/{key}").status_code == 404, key
    bucket.delete(given.result)
    assert web.get(f"/gallery/{quote(given.result)}").status_code == 404
