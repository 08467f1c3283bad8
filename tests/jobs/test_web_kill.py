"""`kill -9` of the worker and of the web process at random moments, on the software that Cellar
runs: no job is lost, and none is painted twice to its end."""

import io
import time

import pytest
from PIL import Image
from support import tiny
from support.polling import until
from support.stand_in import STEPS
from support.web_service import WebProcess, send

from painterly.settings.installation import PROGRAM
from painterly.storage import open_bucket

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
def test_jobs_survive_the_death_of_the_worker_and_of_the_web_process(rgw, tmp_path, dice):
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
    web.start()
    try:
        until(lambda: web.client.get("/readyz").status_code == 200)
        asked = {"style": "monet", "preset": "draft", "settings": {"timelapse": True}}
        job = send(web.client, asked).json()["links"]["self"]
        until(lambda: "checkpoint saved" in web.log.read_text())
        time.sleep(dice.uniform(0.0, 1.0))  # The moment is what is tried.
        until(web.kill_worker)
        time.sleep(dice.uniform(0.0, 1.0))  # This one, too.
        web.process.kill()
        web.process.wait()
        web.start()
        until(lambda: web.client.get(job).json()["state"] not in ("queued", "painting"))
        state = web.client.get(job).json()["state"]
        film = web.client.get(f"{job}/timelapse").content
    finally:
        web.process.poll() is None and web.stop()
    log = (tmp_path / "log").read_text()
    assert state == "done", log
    assert 1 <= Image.open(io.BytesIO(film)).n_frames <= STEPS, "those since the last death"
    assert log.count('"event": "done"') <= 1, log
    left = [entry.key for entry in open_bucket(f"{result}/_web", rgw.account).list()]
    assert not [key for key in left if key.startswith(("queue/", "unfinished/"))]
    assert len([key for key in left if key.startswith("done/")]) == 1
