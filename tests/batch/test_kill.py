"""`kill -9` at random moments, and two runners at once: the next run makes or finds every result,
and leaves nothing else behind.

A round of each kind of bucket; more: `pytest tests/batch/test_kill.py -s --rounds 30`.
"""

import hashlib
import json
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from support import programs, tiny

from styletransfer.storage import open_bucket
from styletransfer.storage.address import Account

ROUNDS, SEED = 1, 11
AT_ONCE = 2
CHECKPOINT_EVERY = "0.03"
DEADLINE_S = 120
SETTINGS = {"STYLE_SIZE": "64", "VGG_WEIGHTS": "random", "PAINTING_S": "0.15"}
LARGE = {"STYLE_SIZE": "1536", "PAINTING_S": "10"}
VARIABLES = ("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT")
PHOTOS = ("beach.jpg", "trip/old town é.png")
STYLES = ("monet", "waves")
RESULTS = {f"{style}/{photo}" for style in STYLES for photo in PHOTOS}
RECORDS = {f"_records/{key}.json" for key in RESULTS}
FOREIGN = {"monet/mine.jpg": b"1", "_records/mine.txt": b"2", "_checkpoints.txt": b"3"}


@pytest.fixture(params=["folder", "moto", "rgw"])
def place(request, tmp_path):
    """Buckets of one kind with photos and paintings. `results` opens a part of the bucket of
    results, with foreign objects in it; `environment` has the variables for this part."""
    if request.param == "folder":
        account, variables = Account(), {}
        names = [str(tmp_path / name) for name in ("photos", "paintings", "results")]
    else:
        server = request.getfixturevalue(request.param)
        account, variables = server.account, server.environment
        names = [server.new_bucket() for _ in VARIABLES]
    source, style = (open_bucket(name, account, new=True) for name in names[:2])
    for seed, key in enumerate(PHOTOS):
        kind = "PNG" if key.endswith(".png") else "JPEG"
        source.write(key, tiny.file(*((60, 80) if seed else (80, 60)), seed, kind))
    for seed, name in enumerate(STYLES, start=10):
        style.write(f"{name}.jpg", tiny.file(50, 50, seed))

    def results(number):
        bucket = open_bucket(f"{names[2]}/{number}", account, new=True)
        for key, data in FOREIGN.items():
            bucket.write(key, data)
        return bucket

    def environment(number):
        buckets = zip(VARIABLES, [*names[:2], f"{names[2]}/{number}"], strict=True)
        return os.environ | SETTINGS | variables | dict(buckets)

    rounds = request.config.getoption("rounds") or ROUNDS
    return SimpleNamespace(results=results, environment=environment, rounds=rounds)


def contents(bucket):
    return {entry.key: bucket.read(entry.key) for entry in bucket.list()}


@pytest.mark.slow
def test_a_batch_killed_at_any_moment_and_run_again_loses_and_leaves_nothing(
    place, start_program, tmp_path
):
    buckets = [place.results(number) for number in range(place.rounds + 1)]
    rounds = run_rounds(place, start_program, tmp_path)
    assert [each.code for each in rounds] == [0] * (place.rounds + 1), [
        each.output for each in rounds if each.code
    ]
    kills = sum(each.kills for each in rounds)
    resumed = sum(each.output.count("resuming from step") for each in rounds)
    print(f"{kills} kills in {place.rounds} rounds, {resumed} paintings resumed from a checkpoint")
    whole = contents(buckets[0])
    assert whole.keys() >= RESULTS
    for number in range(1, place.rounds + 1):
        found = contents(buckets[number])
        ours = {key for key in found if not key.startswith("_gallery/")} - {"index.html"}
        assert ours == RESULTS | RECORDS | FOREIGN.keys(), number
        assert {key: found[key] for key in FOREIGN} == FOREIGN
        differ = {key for key in RESULTS if found[key] != whole[key]}
        assert not differ, f"round {number}: {differ} differ from an undisturbed run's"
        for key in RECORDS:
            assert f"_records/{json.loads(found[key])['result']}.json" == key
    assert kills >= max(1, place.rounds // 2)
    assert resumed, "no round went on from a checkpoint"


@pytest.mark.slow
def test_kills_while_a_large_checkpoint_goes_up_leave_no_unfinished_upload(
    rgw, start_program, tmp_path, request
):
    """Pictures of 1.5 megapixels and more have checkpoints that go up in parts."""
    rounds, log = request.config.getoption("rounds") or 1, tmp_path / "log"
    source, style, result = (rgw.open() for _ in range(3))
    source.write("beach.jpg", tiny.file(1024, 1536, 1))
    style.write("monet.jpg", tiny.file(64, 64, 2))
    result.write("monet/mine.jpg", b"1")
    rgw.client.create_multipart_upload(Bucket=result.name, Key="monet/mine.tiff")
    environment = os.environ | rgw.environment | SETTINGS | LARGE
    for variable, bucket in zip(VARIABLES, (source, style, result), strict=True):
        environment[variable] = bucket.name

    def start(**variables):
        return start_program(
            programs.batch_without_tensorflow,
            CHECKPOINT_EVERY,
            environment=environment | variables,
            log=log,
        )

    def unfinished():
        return {*result.unfinished_uploads("_checkpoints/")}

    chance, left = random.Random(SEED), 0
    for number in range(rounds):
        before, program = unfinished(), start()
        program.wait_until(lambda _, before=before: unfinished() - before)
        program.process.join(chance.uniform(0, 0.5) if number else 0)
        program.process.kill()
        program.process.join()
        left += len(unfinished())
    last = start(STYLE_SIZE="64", PAINTING_S="0")  # Painted in no time, under the same keys.
    assert last.wait() == 0, last.output
    print(f"{rounds} kills left {left} unfinished uploads before the next run")
    assert left
    assert [each.key for each in result.unfinished_uploads()] == ["monet/mine.tiff"]
    found = {entry.key for entry in result.list()}
    assert {"monet/beach.jpg", "monet/mine.jpg", "_records/monet/beach.jpg.json"} <= found
    assert not [key for key in found if key.startswith("_checkpoints/")]


def run_rounds(place, start_program, folder):
    """Runs round 0 undisturbed. Every other round is killed once or twice at random moments (the
    first, also right after a checkpoint) before its last batch, which may end."""
    started = time.monotonic()
    whole = run_round(place, start_program, folder, 0, [])
    longest = 1.3 * (time.monotonic() - started)  # Two at a time are slower.

    def disturbed(number):
        chance = random.Random(f"{SEED} {number}")
        moments = [chance.uniform(0.1, longest) for _ in range(chance.randint(1, 2))]
        moments = [None, *moments] if number == 1 else moments
        return run_round(place, start_program, folder, number, moments)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [whole, *pool.map(disturbed, range(1, place.rounds + 1))]


def run_round(place, start_program, folder, number, moments):
    """Runs batches, and kills each except the last after some seconds. A moment that is None means
    after a checkpoint, and makes painting take long. Returns the output, the number of kills, and
    the last exit code."""
    environment, log, kills = place.environment(number), folder / f"round {number}.log", 0
    for seconds in [*moments, DEADLINE_S]:
        program = start_program(
            programs.batch_without_tensorflow,
            CHECKPOINT_EVERY,
            environment=environment | ({"PAINTING_S": "10"} if seconds is None else {}),
            log=log,
        )
        if seconds is None:
            before = saves(program)
            program.wait_until(lambda _, program=program, n=before: saves(program) > n)
        else:
            program.process.join(seconds)
        code = program.process.exitcode
        if code is None:
            program.process.kill()
            program.process.join()
            kills += 1
        elif code:
            break
    return SimpleNamespace(output=program.output, kills=kills, code=code)


def saves(program):
    """Counts the saved checkpoints in the log of a round."""
    return program.output.count("checkpoint saved")


# --- two runners ------------------------------------------------------------------------------

OTHER_SETTINGS = (
    {"STYLE_SEED": "1", "STYLE_INIT_IMAGE": "noise"},
    {"OUTPUT_QUALITY": "60", "STYLE_ITERATIONS": "1"},
    {"OUTPUT_FORMAT": "tiff"},
)


@pytest.mark.slow
def test_records_and_results_agree_whichever_of_two_runners_wrote_last(
    place, start_program, tmp_path
):
    """After each round, one runner alone finds the results that do not match, and only those."""
    result, stale = place.results("both"), 0

    def start(settings, name):
        return start_program(
            programs.batch_without_tensorflow,
            "0.05",
            environment=place.environment("both") | {"PAINTING_S": "0"} | settings,
            log=tmp_path / name,
        )

    def end(program):
        assert program.wait() == 0, program.output

    for number in range(place.rounds):
        two = [OTHER_SETTINGS[(number + each) % 3] for each in range(2)]
        for each in [start(two[index], f"{number} {index}") for index in range(2)]:
            end(each)
        stale += len(disagreeing(result))
        end(start(two[number % 2], f"{number} alone"))
        assert disagreeing(result) == []
        assert FOREIGN.items() <= contents(result).items()
        assert not [*result.list("_checkpoints/")]
    print(f"{stale} records did not describe their result before a run alone")


def disagreeing(result):
    """Returns the results that are missing, or differ from their records."""
    records = [json.loads(result.read(key)) for key in RECORDS]
    found = []
    for record in records:
        key = record["result"]
        data = b"" if result.find(key) is None else result.read(key)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if (etag, len(data)) != (record["result_etag"], record["result_size"]):
            found.append(key)
    return found
