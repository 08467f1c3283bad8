"""Listings by services with other pages than Amazon's: complete, or an error of one true line."""

import pytest
from botocore.exceptions import ClientError
from support.commands import fill, keys, refusal, set_variables
from support.s3.odd_pages import CUT, NUMBERED_CUT, PAGE, REFUSED, WAYS, OddPages, odd_pages
from support.s3.other_service import other_service
from support.s3_servers import SECRET
from support.verbs import bucket_management, cl_get_results, cl_send_source

from painterly.storage import open_bucket
from painterly.storage.address import Account
from painterly.storage.base import BucketRefusedError, Store
from painterly.storage.s3 import listing


@pytest.fixture
def service(request, monkeypatch):
    """A service that lists in each odd way."""
    monkeypatch.setattr(listing, "PAGE", PAGE if request.param == "full" else 1000)
    monkeypatch.setattr(listing, "MOST_EMPTY", 5)
    with odd_pages(request.param) as running:
        yield running


def bucket_of(service: OddPages, name: str = "photos") -> Store:
    return open_bucket(name, Account(service.url, "k", SECRET))


@pytest.mark.parametrize("service", WAYS, indirect=True)
def test_all_objects_are_listed_once_as_the_services_tokens_lead_to_them(service):
    assert keys(bucket_of(service)) == service.keys
    pages = -(-len(service.keys) // PAGE)
    if service.way == "amazon":
        assert len(service.asked) == pages
    assert len(service.asked) <= 2 * pages + 1
    assert keys(bucket_of(service, "photos/b")) == [key[2:] for key in service.keys if key > "b"]
    assert keys(bucket_of(service), "a/") == [key for key in service.keys if key < "b"]
    after = bucket_of(service).list("a/", "a/5.jpg")
    assert [entry.key for entry in after] == ["a/6.jpg", "a/7.jpg"]


@pytest.mark.parametrize("service", CUT, indirect=True)
def test_a_listing_that_cannot_be_completed_is_an_error(service):
    bucket = bucket_of(service)
    with pytest.raises(BucketRefusedError):  # It would not pass, so a run does not wait for it.
        next(bucket.list())
    message = refusal(lambda: next(bucket.list()))
    assert message.startswith(f"{service.url.removeprefix('http://')} ends the listing of photos")
    assert "early: more follows after " in message
    assert len(service.asked) < 40
    bucket = bucket_of(service, "photos/a")
    assert "ends the listing of photos/a early" in refusal(lambda: [*bucket.list("", "1")])


@pytest.mark.parametrize("service", [REFUSED], indirect=True)
def test_a_listing_whose_token_is_refused_is_an_error(service):
    message = refusal(lambda: next(bucket_of(service).list()))
    assert "answered InvalidArgument for photos" in message


@pytest.mark.parametrize("service", ["encoded"], indirect=True)
def test_keys_that_are_encoded_unsaid_are_refused_and_such_names_are_not(service):
    message = refusal(lambda: next(bucket_of(service).list()))
    assert "encodes the keys in the listing of photos, and does not say so" in message
    service.way, service.keys = "amazon", ["a%2Fb.jpg", "a/b.jpg"]
    assert keys(bucket_of(service)) == service.keys


@pytest.mark.parametrize("service", ["full", "silent"], indirect=True)
def test_a_listing_that_ends_and_may_have_more_is_asked_for_it_once(service):
    service.keys = service.keys[:PAGE]
    assert keys(bucket_of(service)) == service.keys
    assert len(service.asked) == 2
    service.keys = []
    assert keys(bucket_of(service)) == []


def test_a_later_page_that_is_refused_for_another_reason_ends_the_listing_with_it():
    class Refusing:
        def list_objects_v2(self, **asked):
            if "ContinuationToken" in asked:
                raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectsV2")
            return {"IsTruncated": True, "NextContinuationToken": "a", "Contents": [{"Key": "a"}]}

    with pytest.raises(ClientError, match="AccessDenied"):
        listing.all_items(Refusing(), listing.OBJECTS, "photos", "", lambda _, item: item["Key"])


@pytest.mark.parametrize("service", ["amazon"], indirect=True)
def test_all_versions_and_unfinished_uploads_are_listed_also_those_of_one_key(service):
    bucket = bucket_of(service)
    versions = bucket.versions() or ()
    assert sorted((each.key, each.number) for each in versions) == sorted(service.numbered)
    assert all(each.is_marker == each.number.startswith("m") for each in versions)
    uploads = bucket.unfinished_uploads()
    assert [(each.key, each.number) for each in uploads] == service.numbered
    assert {each.key for each in bucket_of(service, "photos/b").unfinished_uploads("3")} == {
        "3.jpg"
    }


def test_an_upload_that_begins_while_uploads_are_listed_does_not_end_the_listing():
    """Ceph sends a token with the last page of uploads, too."""

    class Ceph:
        keys = ("a",)

        def list_multipart_uploads(self, KeyMarker="", **_):
            uploads = [{"Key": key, "UploadId": "1"} for key in self.keys if key > KeyMarker]
            self.keys = ("a", "b")
            last = {"NextKeyMarker": uploads[-1]["Key"]} if uploads else {}
            return {"IsTruncated": False, "Uploads": uploads, "NextUploadIdMarker": "1", **last}

    found = listing.all_items(Ceph(), listing.UPLOADS, "photos", "", lambda _, item: item["Key"])
    assert found == ["a", "b"]


@pytest.mark.parametrize("service", NUMBERED_CUT, indirect=True)
def test_versions_and_uploads_that_are_cut_are_an_error(service):
    bucket = bucket_of(service)
    assert "ends the listing of photos early" in refusal(bucket.versions)
    assert "ends the listing of photos early" in refusal(bucket.unfinished_uploads)


def test_nothing_is_deleted_and_nothing_fetched_by_half_a_listing(
    moto, monkeypatch, capsys, tmp_path
):
    set_variables(monkeypatch, moto.environment)
    name, folder = moto.new_bucket(), tmp_path / "out"
    fill(moto.open(name), *map(str, range(8)))
    monkeypatch.setenv("BUCKET_RESULT", name)
    assert cl_get_results([str(folder)]) == 0
    monkeypatch.setenv("BUCKET_SOURCE", name)
    capsys.readouterr()
    with other_service(moto.url, "stuck") as url:
        monkeypatch.setenv("CELLAR_ADDON_HOST", url)
        for command, arguments in [
            (bucket_management, ["empty", f"s3://{name}", "--yes"]),
            (cl_get_results, [str(folder), "--delete"]),
            (cl_send_source, [str(folder), "--delete"]),
        ]:
            assert command(arguments) == 5
            printed = capsys.readouterr()
            assert printed.out == "" and "more follows after 2" in printed.err
            assert printed.err.count("\n") == 1
    assert len(keys(moto.open(name))) == 8 and len([*folder.glob("[0-9]")]) == 8
