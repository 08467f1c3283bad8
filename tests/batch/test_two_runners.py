"""Two runners with different settings on one result bucket, at the same time.

More than the usual rounds: `pytest tests/batch/test_two_runners.py -s --rounds 12`.
"""

import hashlib
import json

import pytest
from support import programs, tiny
from support.folder_batches import QUICK

from styletransfer.storage import open_bucket
from styletransfer.storage.address import Account

ROUNDS = 1
PHOTOS = ("beach.jpg", "trip/old town é.png")
SETTINGS = (
    {"STYLE_SEED": "1", "STYLE_INIT_IMAGE": "noise"},
    {"OUTPUT_QUALITY": "60", "STYLE_ITERATIONS": "1"},
    {"OUTPUT_FORMAT": "tiff"},
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "moto"])
def test_records_and_results_agree_whoever_wrote_last(request, start_program, tmp_path, kind):
    """After each round, one runner alone finds what does not match, and only that."""
    names, account, environment = [str(tmp_path / each) for each in "abc"], Account(), {}
    if kind == "moto":
        moto = request.getfixturevalue("moto")
        names, account = [moto.new_bucket() for _ in range(3)], moto.account
        environment = moto.environment
    source, style, result = (open_bucket(name, account, new=True) for name in names)
    for seed, key in enumerate(PHOTOS):
        source.write(key, tiny.file(60, 80, seed, "PNG" if key.endswith("png") else "JPEG"))
    for seed, key in enumerate(("monet.jpg", "waves.jpg")):
        style.write(key, tiny.file(50, 50, 9 + seed))
    result.write("monet/mine.jpg", b"mine")
    buckets = dict(zip(("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"), names, strict=True))
    stale = 0
    for number in range(request.config.getoption("rounds") or ROUNDS):
        two = [SETTINGS[(number + each) % 3] for each in range(2)]
        both = [
            start_program(
                programs.batch_without_tensorflow,
                "0.05",
                environment=environment | QUICK | buckets | settings,
                log=tmp_path / f"{number} {index}.log",
            )
            for index, settings in enumerate(two)
        ]
        for each in both:
            each.process.join(120)
            assert each.process.exitcode == 0, each.output
        stale += len(disagreeing(result))
        alone = start_program(
            programs.batch_without_tensorflow,
            "0.05",
            environment=environment | QUICK | buckets | two[number % 2],
            log=tmp_path / f"{number} alone.log",
        )
        alone.process.join(120)
        assert alone.process.exitcode == 0, alone.output
        assert disagreeing(result) == []
        assert result.read("monet/mine.jpg") == b"mine"
        checkpoints = [each.key for each in result.list("_checkpoints/")]
        assert not checkpoints
    print(f"{stale} records did not describe their result before a run alone")


def disagreeing(result):
    """The results that are gone, or are not what their records say."""
    records = [json.loads(result.read(each.key)) for each in result.list("_records/")]
    assert len(records) == 4
    found = []
    for record in records:
        key = record["result"]
        data = b"" if result.find(key) is None else result.read(key)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if (etag, len(data)) != (record["result_etag"], record["result_size"]):
            found.append(key)
    return found
