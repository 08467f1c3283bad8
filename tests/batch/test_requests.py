"""The number of requests that a picture takes: each costs time and, on Amazon S3, money."""

import re

import pytest
from support import tiny
from support.folder_batches import QUICK, run

MAX_REQUESTS = 9  # of one picture with its record and its pictures in the gallery


@pytest.mark.slow
def test_a_picture_takes_few_requests(moto, proxy, small_vgg):
    """Its photo is read once, and its record and its result are written once."""
    source, style, result = (moto.new_bucket() for _ in range(3))
    for seed in range(2):
        moto.client.put_object(Bucket=source, Key=f"{seed}.jpg", Body=tiny.file(60, 80, seed))
    moto.client.put_object(Bucket=style, Key="monet.jpg", Body=tiny.file(50, 50, 9))
    buckets = {"BUCKET_SOURCE": source, "BUCKET_STYLE": style, "BUCKET_RESULT": result}
    environment = QUICK | moto.environment | {"CELLAR_ADDON_HOST": proxy.url} | buckets
    assert run(environment) == 0
    of_one = [line for line, _ in proxy.log if re.search(r"[/a-z]1(-[0-9a-f]+)?\.jpg", line)]
    shown = "\n".join(line for line, _ in proxy.log)
    assert sum(line.startswith(f"PUT /{result}/_records/monet/1.jpg") for line in of_one) == 1, (
        shown
    )
    assert sum(line.startswith(f"PUT /{result}/monet/1.jpg") for line in of_one) == 1
    assert len(of_one) <= MAX_REQUESTS, "\n".join(of_one)
