"""`kill -9` of the worker and of the web process at random moments, on the software that Cellar
runs: no job is lost, and none is painted twice to its end.

One round, with both deaths; more: `pytest tests/web/test_web_kill.py -s --rounds 20`.
"""

import json
import random
import time
from collections import Counter

import httpx
import pytest
from support import tiny
from support.polling import DEADLINE_S, until
from support.web_service import WebProcess, send

from styletransfer.paths import PROGRAM
from styletransfer.storage import open_bucket

ROUNDS, SEED = 1, 5
# Without TensorFlow: deaths concern jobs, claims and checkpoints, not pixels.
SLEEPING = PROGRAM / "tests" / "support" / "sleeping"
SETTINGS = {
    "PYTHONPATH": f"{SLEEPING}:{PROGRAM}",
    "PAINTING_S": "2",
    "LEASE_S": "1",
    "STYLE_SIZE": "128",
    "VGG_WEIGHTS": "builtin",
}


@pytest.mark.slow
def test_jobs_survive_the_death_of_the_worker_and_of_the_web_process(rgw, tmp_path, request):
    rounds, chance = request.config.getoption("rounds") or ROUNDS, random.Random(SEED)
    style, result = rgw.new_bucket(), rgw.new_bucket()
    open_bucket(style, rgw.account).write("monet.jpg", tiny.file(50, 50, 3))
    web = WebProcess(
        {
            **rgw.environment,
            **SETTINGS,
            "BUCKET_SOURCE": rgw.new_bucket(),
            "BUCKET_STYLE": style,
            "BUCKET_RESULT": result,
            "CHECKPOINT_EVERY": "1",
        },
        tmp_path / "log",
    )
    jobs, kills = {}, Counter()
    web.start()
    try:
        until(lambda: web.client.get("/readyz").status_code == 200)
        for number in range(rounds):
            jobs[f"photo {number}"] = place(web, number)
            if chance.random() < 0.8:  # Otherwise, it has hardly begun.
                saved = checkpoints(web)
                until(lambda saved=saved: checkpoints(web) > saved or is_idle(web))
            time.sleep(chance.uniform(0.0, 1.0))  # The moment is what is tried.
            kills["worker"] += until(web.kill_worker)
            if number % 2 == 0:
                time.sleep(chance.uniform(0.0, 1.0))  # This one, too.
                web.kill()
                kills["web"] += 1
                web.start()
        states = until(lambda: ended(web, jobs.values()), deadline_s=DEADLINE_S + 15 * rounds)
    finally:
        web.process.poll() is None and web.stop()
    log = (tmp_path / "log").read_text()
    assert states == dict.fromkeys(jobs.values(), "done"), log
    painted = Counter(
        json.loads(line)["result"] for line in log.splitlines() if '"event": "done"' in line
    )
    assert set(painted.values()) <= {1}, painted
    left = [entry.key for entry in open_bucket(f"{result}/_web", rgw.account).list()]
    assert not [key for key in left if key.startswith(("queue/", "unfinished/"))]
    assert len([key for key in left if key.startswith("done/")]) == len(jobs)
    resumed = log.count("resuming from step")
    print(f"{dict(kills)} killed, {len(jobs)} jobs, {resumed} resumed from a checkpoint")


def place(web, number):
    """Send a photo until it is accepted. Return the job's id."""
    photo, key = tiny.file(60, 80, number), {"Idempotency-Key": f"photo {number}"}

    def sent():
        try:
            answer = send(web.client, photo=photo, name=f"{number}.jpg", **key)
        except httpx.TransportError:
            return None
        assert answer.status_code in (202, 503), answer.text
        return answer.json()["id"] if answer.status_code == 202 else None

    return until(sent)


def checkpoints(web):
    """Count the checkpoints that have been saved."""
    return web.log.read_text().count("checkpoint saved")


def is_idle(web):
    """Whether all was painted before it could be killed."""
    states = {job["state"] for job in web.client.get("/api/jobs").json()["jobs"]}
    return not states & {"queued", "painting"}


def ended(web, jobs):
    """The states of jobs by id, once all have ended."""
    found = {each: web.client.get(f"/api/jobs/{each}").json()["state"] for each in jobs}
    return {} if {"queued", "painting"} & {*found.values()} else found
