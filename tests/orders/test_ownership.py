"""The owners of keys in the result bucket: a run overwrites and deletes only its own results."""

import os
from pathlib import Path

import pytest
from support import tiny
from support.batch_results import painted, s3_batch
from support.folder_batches import run


def test_the_page_shows_a_refused_picture_also_if_all_others_are_done(folders, stand_in):
    assert run(folders) == 0
    Path("photos/new.jpg").write_bytes(tiny.file(60, 80, 9))
    for style in ("both", "monet"):
        Path("out", style, "new.jpg").write_bytes(b"mine")
    assert run(folders) == 1
    page = Path("out/index.html")
    assert "new.jpg in ./out is not the result in this photo" in page.read_text()
    os.utime(page, (0, 0))
    assert run(folders) == 1
    assert page.stat().st_mtime == 0, "nothing has changed"


@pytest.mark.slow
def test_results_stored_in_parts_or_overwritten_are_recognised_on_s3(moto, stand_in, capsys):
    bucket, environment = s3_batch(moto)
    client, at = moto.client, {"Bucket": bucket.name, "Key": "monet/a.png"}
    assert painted(capsys, environment) == 1
    body = bucket.read("monet/a.png")
    upload = client.create_multipart_upload(**at)["UploadId"]
    part = client.upload_part(**at, UploadId=upload, PartNumber=1, Body=body)["ETag"]
    parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
    client.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
    assert painted(capsys, environment) == 0  # the same bytes, copied in parts
    for other in (body[:-1] + b"x", b""):
        bucket.write("monet/a.png", other)
        assert painted(capsys, environment) == 1
    bucket.delete("_records/monet/a.png.json")
    assert run(environment) == 1
    assert bucket.read("monet/a.png") == body
