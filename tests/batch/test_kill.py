"""`kill -9` at random moments, and a rerun: every result once and right, nothing left behind.

A few rounds of each kind of bucket; more of them: `pytest tests/test_kill.py -s --rounds 30`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import tiny

from styletransfer.storage import open_bucket
from styletransfer.storage.address import Account

ROUNDS, ROUNDS_ON_S3, SEED = 6, 3, 11
SETTINGS = {"STYLE_SIZE": "96", "STYLE_ITERATIONS": "25", "VGG_WEIGHTS": "random"}
PHOTOS = ("beach.jpg", "trip/old town é.png")
LOOKS = ("monet", "waves")
RESULTS = {f"{look}/{photo}" for look in LOOKS for photo in PHOTOS}
RECORDS = {f"_records/{key}.json" for key in RESULTS}
FOREIGN = {"monet/mine.jpg": b"1", "_records/mine.txt": b"2", "_checkpoints.txt": b"3"}


@pytest.fixture(params=["folder", "moto", "rgw"])
def place(request, tmp_path):
    """Buckets of one kind: their names, who opens them, and the variables that tell of both."""
    asked = request.config.getoption("rounds")
    if request.param == "folder":
        names = [str(tmp_path / name) for name in ("photos", "paintings", "results")]
        return SimpleNamespace(
            names=names, account=Account(), environment={}, rounds=asked or ROUNDS
        )
    server = request.getfixturevalue(request.param)
    return SimpleNamespace(
        names=[server.new_bucket() for _ in range(3)],
        account=server.account,
        environment=server.environment,
        rounds=asked or ROUNDS_ON_S3,
    )


def contents(place, number):
    bucket = open_bucket(f"{place.names[2]}/{number}", place.account)
    return {entry.key: bucket.read(entry.key) for entry in bucket.list()}


@pytest.mark.slow
def test_a_batch_killed_at_any_moment_and_run_again_loses_and_leaves_nothing(place):
    source, style = (open_bucket(name, place.account, new=True) for name in place.names[:2])
    for seed, key in enumerate(PHOTOS):
        kind = "PNG" if key.endswith(".png") else "JPEG"
        source.write(key, tiny.file(*((60, 80) if seed else (80, 60)), seed, kind))
    for seed, look in enumerate(LOOKS, start=10):
        style.write(f"{look}.jpg", tiny.file(50, 50, seed))
    for number in range(place.rounds + 1):
        result = open_bucket(f"{place.names[2]}/{number}", place.account, new=True)
        for key, data in FOREIGN.items():
            result.write(key, data)

    rounds = killed(place)
    assert [each["round"] for each in rounds] == list(range(place.rounds + 1))
    assert {each["code"] for each in rounds} == {0}, [
        each["out"] for each in rounds if each["code"]
    ]
    print(f"{sum(len(each['kills']) for each in rounds)} kills in {place.rounds} rounds,", end=" ")
    print(f"{sum(each['resumed'] for each in rounds)} paintings went on from a checkpoint")
    whole = contents(place, 0)
    assert whole.keys() >= RESULTS
    for number in range(1, place.rounds + 1):
        found = contents(place, number)
        ours = {key for key in found if not key.startswith("_gallery/")} - {"index.html"}
        assert ours == RESULTS | RECORDS | FOREIGN.keys(), number
        assert {key: found[key] for key in FOREIGN} == FOREIGN
        differ = {key for key in RESULTS if found[key] != whole[key]}
        assert not differ, f"round {number}: {differ} differ from an undisturbed run's"
        for key in RECORDS:
            assert f"_records/{json.loads(found[key])['result']}.json" == key
    assert sum(len(each["kills"]) for each in rounds) >= place.rounds // 2
    assert any(each["resumed"] for each in rounds), "no round went on from a checkpoint"


def killed(place):
    """What tests/support/killing.py prints of its rounds, in order."""
    names = zip(("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"), place.names, strict=True)
    buckets = dict(names)
    buckets["BUCKET_RESULT"] += "/{round}"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUCKET_", "STYLE_"))}
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).parents[1] / "support" / "killing.py",
            "1",
            str(place.rounds),
            str(SEED),
        ],
        env=clean | SETTINGS | place.environment | buckets,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60 + 20 * place.rounds,
        check=True,
    )
    return sorted(map(json.loads, done.stdout.splitlines()), key=lambda each: each["round"])
