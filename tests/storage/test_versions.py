"""Buckets with versioning and locks, and objects that are refused for what they are."""

from datetime import UTC, datetime, timedelta

import pytest
from support.commands import fill, refusal, set_variables
from support.s3_servers import RGW
from support.verbs import bucket_management

from painterly.storage.base import ObjectError


@pytest.fixture
def versioned(s3_server, monkeypatch):
    """A bucket with an object of two versions, and one that is deleted."""
    set_variables(monkeypatch, s3_server.environment)
    name = s3_server.new_bucket()
    versioning = {"Status": "Enabled"}
    s3_server.client.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    bucket = s3_server.open(name)
    fill(bucket, "a.jpg", "b.jpg", "trip/c.jpg")
    bucket.write("a.jpg", b"new")
    bucket.delete("b.jpg")
    return name


def left(s3_server, name):
    """The keys of all versions and delete markers in a bucket."""
    page = s3_server.client.list_object_versions(Bucket=name)
    return sorted(
        each["Key"] for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, ())
    )


def test_emptying_a_bucket_with_versioning_leaves_nothing_that_is_billed(
    versioned, s3_server, capsys
):
    current = [each.key for each in s3_server.open(versioned).versions() if each.is_current]
    assert sorted(current) == ["a.jpg", "trip/c.jpg"]
    assert bucket_management(["list", f"s3://{versioned}"]) == 0
    assert "in 2 older versions and 1 delete marker, which are billed" in capsys.readouterr().out
    assert bucket_management(["empty", f"s3://{versioned}/trip", "--yes"]) == 0
    assert left(s3_server, versioned) == ["a.jpg", "a.jpg", "b.jpg", "b.jpg"]
    assert bucket_management(["empty", f"s3://{versioned}", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "1 object (0.0 kB): a.jpg; and 2 older versions and 1 delete marker" in out
    assert "1 object and 2 older versions and 1 delete marker deleted" in out
    assert left(s3_server, versioned) == []


# moto fails to delete a marker that is a key's last version.
@pytest.mark.parametrize("s3_server", [RGW], indirect=True)
def test_a_bucket_that_only_looks_empty_says_so_and_is_emptied(versioned, s3_server, capsys):
    bucket = s3_server.open(versioned)
    for key in ("a.jpg", "trip/c.jpg"):
        bucket.delete(key)
    suspended = {"Status": "Suspended"}
    s3_server.client.put_bucket_versioning(Bucket=versioned, VersioningConfiguration=suspended)
    assert bucket_management(["empty", f"s3://{versioned}", "--yes", "--dry-run"]) == 0
    assert (
        "0 objects (0.0 kB); and 4 older versions and 3 delete markers" in capsys.readouterr().out
    )
    assert bucket_management(["empty", f"s3://{versioned}", "--yes"]) == 0
    assert left(s3_server, versioned) == []


# moto does not answer for how long a version is locked.
@pytest.mark.parametrize("s3_server", [RGW], indirect=True)
def test_a_locked_version_stays_and_is_named_with_the_day_it_is_free(
    s3_server, monkeypatch, capsys
):
    set_variables(monkeypatch, s3_server.environment)
    name = s3_server.new_bucket() + "-l"
    s3_server.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC) + timedelta(days=2)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    s3_server.client.put_object(
        Bucket=name, Key="a.jpg", Body=b"x", ContentMD5="ndTkYSaMgDT1yFZOFVxnpg==", **lock
    )
    s3_server.open(name).write("b.jpg", b"x")
    assert bucket_management(["empty", f"s3://{name}", "--yes"]) == 1
    printed = capsys.readouterr()
    assert "1 of 2 objects deleted, 1 failed:" in printed.out
    assert f"{name}/a.jpg is locked until {until:%Y-%m-%d} (COMPLIANCE); its version" in printed.err
    assert "stays, stored and billed" in printed.err
    assert left(s3_server, name) == ["a.jpg"]


def test_checking_a_bucket_with_versioning_leaves_no_version(versioned, s3_server, monkeypatch):
    before = left(s3_server, versioned)
    others = {"BUCKET_SOURCE": s3_server.new_bucket(), "BUCKET_STYLE": s3_server.new_bucket()}
    set_variables(monkeypatch, {**others, "BUCKET_RESULT": versioned})
    assert bucket_management(["check"]) == 0
    assert left(s3_server, versioned) == before


def test_an_object_of_another_account_is_refused_as_such(rgw, other_account):
    """Its bucket is ours, so we list it, but may not read it: Ceph's default, and once Amazon's."""
    name = rgw.new_bucket()
    rgw.client.put_bucket_acl(Bucket=name, ACL="public-read-write")
    other_account.client.put_object(Bucket=name, Key="theirs.jpg", Body=b"x")
    other_account.client.put_object_acl(Bucket=name, Key="theirs.jpg", ACL="private")
    bucket = rgw.open(name)
    for action in (lambda: bucket.read("theirs.jpg"), lambda: bucket.read_part("theirs.jpg", 0, 9)):
        message = refusal(action)
        assert f"answered AccessDenied for {name}/theirs.jpg" in message
        assert "who owns the object" in message
        with pytest.raises(ObjectError):
            action()


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_says_that_it_has_to_be_restored(moto, storage_class):
    name = moto.new_bucket()
    moto.client.put_object(Bucket=name, Key="a.jpg", Body=b"x", StorageClass=storage_class)
    bucket = moto.open(name)
    assert [entry.key for entry in bucket.list()] == ["a.jpg"]
    message = refusal(lambda: bucket.read("a.jpg"))
    assert f"InvalidObjectState for {name}/a.jpg: The operation is not valid" in message
    assert message.endswith("; it is archived: restore it first, which takes hours")
