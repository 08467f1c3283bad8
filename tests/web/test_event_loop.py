"""Requests that must not keep the event loop from answering others."""

import contextlib
import json
import threading

import httpx
import numpy as np
from PIL import Image
from support import workers
from support.pictures import saved
from support.polling import until

from painterly.jobs.previews import Previews
from painterly.jobs.supervisor import Supervisor


def test_a_worker_that_reads_nothing_keeps_nobody_from_an_answer(web):
    """It may be paused, or wait for memory, while a photo is sent that no pipe holds."""
    service = web.service
    supervisor = Supervisor(workers.hangs_once, service.handle_worker_message)
    service.supervisor, service.previews = supervisor, Previews(supervisor)
    supervisor.start()
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), np.uint8)
    photo = {"photo": ("a.jpg", saved(Image.fromarray(noise), "JPEG", quality=95))}
    asked = {"request": json.dumps({"style": "monet"})}

    def ask():
        with contextlib.suppress(httpx.TimeoutException):  # The client leaves.
            web.post("/api/preview", data=asked, files=photo, timeout=2)

    asking = threading.Thread(target=ask, daemon=True)
    try:
        until(lambda: supervisor.device, every_s=0.005)
        asking.start()
        until(lambda: service.previews._waiting, every_s=0.005)
        assert httpx.get(f"{web.base_url}/healthz", timeout=8, verify=False).status_code == 200
        asking.join()
        until(lambda: not service.previews._waiting, every_s=0.005)
    finally:
        supervisor.stop()
