"""bucket_management.py: check, create, list and empty, on folders and on real servers."""

import sys
import uuid

import pytest
from support.commands import fill, keys, on_a_terminal, set_variables
from support.verbs import bucket_management

from painterly.configuration.config import BUCKETS
from painterly.settings.installation import PROGRAM
from painterly.storage import open_bucket
from painterly.storage.base import ObjectError
from painterly.storage.folder import FolderBucket


def configure(monkeypatch, s3_server, values) -> None:
    buckets = dict(zip(BUCKETS, values, strict=True))
    set_variables(monkeypatch, {**s3_server.environment, **buckets})


@pytest.fixture
def three(s3_server, monkeypatch):
    """The names of three new buckets, those of the configuration."""
    values = [s3_server.new_bucket() for _ in BUCKETS]
    configure(monkeypatch, s3_server, values)
    return values


def names(count: int) -> list[str]:
    return [f"test-{uuid.uuid4().hex}" for _ in range(count)]


# check


def test_an_account_that_may_not_read_or_only_read_is_told_what_works(
    rgw, other_account, monkeypatch, capsys
):
    values = [rgw.new_bucket() for _ in BUCKETS]
    configure(monkeypatch, other_account, values)
    assert bucket_management(["check"]) == 5
    printed = capsys.readouterr().out
    assert printed.count("reachable, not readable") == 3 and printed.count("AccessDenied") == 3
    for name in values:
        rgw.client.put_bucket_acl(Bucket=name, ACL="authenticated-read")
    assert bucket_management(["check"]) == 5
    source, style, result = capsys.readouterr().out.splitlines()
    assert (
        "reachable, readable, not writable · painting works, but uploading photos does not"
        in source
    )
    assert "uploading paintings does not" in style
    assert "reachable, readable, not writable · results cannot be stored" in result
    assert "AccessDenied" in result and "a test object" in result
    monkeypatch.setenv("BUCKET_RESULT", mine := other_account.new_bucket())
    assert bucket_management(["check"]) == 0
    assert f"BUCKET_RESULT {mine}: reachable, readable, writable\n" in capsys.readouterr().out


# create


def test_what_is_missing_is_created_and_what_is_there_left_alone(s3_server, monkeypatch, capsys):
    values = [s3_server.new_bucket(), *names(2)]
    fill(s3_server.open(values[0]), "a.jpg")
    named = [values[0], f"{values[1]}/prefix", values[2]]
    configure(monkeypatch, s3_server, named)
    assert bucket_management(["check"]) == 5
    there, _, missing = capsys.readouterr().out.splitlines()
    assert there.endswith("writable") and missing == (
        f"BUCKET_RESULT {values[2]}: not reachable · does not exist; "
        "create it: ./bucket_management.py create"
    )
    assert bucket_management(["create"]) == 0
    assert capsys.readouterr().out == (
        f"{values[0]}: exists already\n{values[1]}/prefix: created\n{values[2]}: created\n"
    )
    assert bucket_management(["check"]) == 0
    assert capsys.readouterr().out == "".join(
        f"{variable} {name}: reachable, readable, writable\n"
        for variable, name in zip(BUCKETS, named, strict=True)
    )
    assert [keys(open_bucket(name, s3_server.account)) for name in values] == [["a.jpg"], [], []]
    [other] = names(1)
    assert bucket_management(["create", f"s3://{other}", f"s3://{values[0]}"]) == 0
    assert open_bucket(other, s3_server.account).exists()


def test_the_name_of_somebody_else_s_bucket_cannot_be_taken(
    rgw, other_account, monkeypatch, capsys
):
    taken = rgw.new_bucket()
    [free] = names(1)
    configure(monkeypatch, other_account, [taken, "b-x", "c-x"])
    assert bucket_management(["create", f"s3://{taken}", f"s3://{free}"]) == 5
    printed = capsys.readouterr()
    assert f"{free}: created" in printed.out and printed.err.count("\n") == 1
    assert f"BucketAlreadyExists for {taken}" in printed.err and "choose another" in printed.err
    assert "bucket names are shared by all customers" in printed.err


# empty


def test_emptying_names_what_it_deletes_and_deletes_all(three, s3_server, capsys):
    name = three[2]
    many = [f"monet/{number}.jpg" for number in range(30)]
    fill(s3_server.open(name), *many, ".hidden/a.jpg", "../hostile.jpg", "a?b&c#d.jpg")
    s3_server.client.put_object(Bucket=name, Key="marker/", Body=b"")
    s3_server.client.create_multipart_upload(Bucket=name, Key="half.jpg")
    fill(s3_server.open(three[0]), "photo.jpg")
    assert bucket_management(["empty", f"s3://{name}", "--yes", "--dry-run"]) == 0
    assert len(keys(s3_server.open(name))) == 33
    fill(s3_server.open(name), "monet/1/a.jpg")
    assert bucket_management(["empty", f"s3://{name}/monet/1", "--yes"]) == 0, (
        "monet/1.jpg is another"
    )
    assert len(keys(s3_server.open(name))) == 33
    capsys.readouterr()
    assert bucket_management(["empty", f"s3://{name}", "--yes"]) == 0
    out = capsys.readouterr().out
    assert f"To be deleted in {name}, with unfinished uploads: 34 objects (0.4 kB): " in out
    assert ".hidden/a.jpg" in out and ", …" in out
    assert "34 objects deleted, 1 unfinished upload aborted\n" in out
    assert list(s3_server.open(name).list_with_folder_markers()) == []
    assert "Uploads" not in s3_server.client.list_multipart_uploads(Bucket=name)
    assert keys(s3_server.open(three[0])) == ["photo.jpg"]


@pytest.mark.slow
@pytest.mark.parametrize("right", [True, False])
def test_a_terminal_is_asked_for_the_bucket_s_name(in_folders, right):
    folder = in_folders["BUCKET_SOURCE"]
    fill(folder, "a.jpg", "b/c.jpg")
    command = [sys.executable, str(PROGRAM / "bucket_management.py"), "empty", folder.name]
    typed = f"{folder.name if right else 'y'}\n"
    code, seen = on_a_terminal(command, [("Type the bucket's name", typed)])
    assert "2 objects (0.0 kB): a.jpg, b/c.jpg" in seen
    assert code == (0 if right else 2)
    assert keys(folder) == ([] if right else ["a.jpg", "b/c.jpg"])


def test_what_cannot_be_deleted_is_reported_and_the_rest_goes_on(in_folders, monkeypatch, capsys):
    bucket = in_folders["BUCKET_SOURCE"]
    fill(bucket, "a.jpg", "b.jpg")
    delete = FolderBucket.delete

    def refusing(self, key):
        if key == "a.jpg":
            raise ObjectError("a.jpg is kept")
        delete(self, key)

    monkeypatch.setattr(FolderBucket, "delete", refusing)
    assert bucket_management(["empty", bucket.name, "--yes"]) == 1
    printed = capsys.readouterr()
    assert "1 of 2 objects deleted, 1 failed:" in printed.out and "a.jpg is kept" in printed.err
    assert bucket_management(["empty", bucket.name, "--yes"]) == 5
