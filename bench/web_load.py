"""How the web service bears many readers and many uploads at once, on this machine.

    python bench/web_load.py [--readers 200] [--uploads 50] [--seconds 30]

Starts the service with its worker on folders that are thrown away, opens streams of events, sends
so many photos a second, and measures `/healthz` meanwhile, each from a process of its own: what was
answered, how long /healthz took, and the memory of the web process.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import psutil

from styletransfer.paths import PROGRAM

PHOTO = PROGRAM / "samples" / "photos" / "still-life.jpg"
PORT = 8799
URL = f"http://127.0.0.1:{PORT}"
READY_S = 120.0  # within which the worker must be ready
EVENTS = b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def upload_request() -> bytes:
    """A request with a photo, as it goes over the wire."""
    form = json.dumps({"look": "mosaic", "quality": "draft"}).encode()
    part = b'--x\r\nContent-Disposition: form-data; name="'
    body = part + b'request"\r\n\r\n' + form + b"\r\n"
    body += part + b'photo"; filename="photo.jpg"\r\n\r\n' + PHOTO.read_bytes() + b"\r\n--x--\r\n"
    head = (
        "POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def readers(count: int, seconds: float) -> Counter[str]:
    """Reads so many streams at once; what was answered, and how many events came."""
    found: Counter[str] = Counter()

    async def read(until: float) -> None:
        source, target = await asyncio.open_connection("127.0.0.1", PORT, limit=1 << 20)
        target.write(EVENTS)
        found[f"stream {(await source.readline()).split()[1].decode()}"] += 1
        while (left := until - time.monotonic()) > 0:
            try:
                line = await asyncio.wait_for(source.readline(), left)
            except TimeoutError:
                break
            if not line:
                found["stream ended"] += 1
                break
            found["events"] += line.startswith(b"event:")
        target.close()

    async def read_all() -> None:
        until = time.monotonic() + seconds
        answers = await asyncio.gather(*(read(until) for _ in range(count)), return_exceptions=True)
        found.update(f"stream {type(each).__name__}" for each in answers if each)

    asyncio.run(read_all())
    return found


def uploads(rate: int, seconds: float) -> Counter[str]:
    """Sends so many photos a second; what was answered."""
    found: Counter[str] = Counter()
    request = upload_request()

    async def send() -> None:
        try:
            source, target = await asyncio.open_connection("127.0.0.1", PORT)
            target.write(request)
            await target.drain()
            found[f"upload {(await source.readline()).split()[1].decode()}"] += 1
            target.close()
        except (OSError, IndexError) as error:
            found[f"upload {type(error).__name__}"] += 1

    async def send_all() -> None:
        began, tasks = time.monotonic(), []
        while (passed := time.monotonic() - began) < seconds:
            tasks += [asyncio.create_task(send()) for _ in range(int(passed * rate) - len(tasks))]
            await asyncio.sleep(0.02)
        await asyncio.wait(tasks, timeout=60)
        found["upload without an answer"] = sum(not each.done() for each in tasks)

    asyncio.run(send_all())
    return found


def health(seconds: float) -> list[float]:
    """Asks /healthz ten times a second; how long each answer took."""
    until, times = time.monotonic() + seconds, []
    while time.monotonic() < until:
        began = time.perf_counter()
        with urllib.request.urlopen(f"{URL}/healthz", timeout=60) as answer:
            answer.read()
        times.append(time.perf_counter() - began)
        time.sleep(0.1)
    return sorted(times)


def measure(args: argparse.Namespace, process: psutil.Process) -> None:
    """Everything at once; prints what came out."""
    memory: list[int] = []
    processor = process.cpu_times()
    with ProcessPoolExecutor(3, get_context("spawn")) as pool:
        running = [
            pool.submit(readers, args.readers, args.seconds),
            pool.submit(uploads, args.uploads, args.seconds),
        ]
        asked = pool.submit(health, args.seconds)
        while not (asked.done() and all(each.done() for each in running)):
            memory.append(process.memory_info().rss)
            time.sleep(0.2)
        answers = dict(sorted(sum((each.result() for each in running), Counter()).items()))
        times = asked.result()
    spent = process.cpu_times()
    print(answers)
    print(
        f"/healthz: {len(times)} answers, median {1000 * statistics.median(times):.0f} ms, "
        f"p99 {1000 * times[int(0.99 * len(times))]:.0f} ms, longest {1000 * times[-1]:.0f} ms"
    )
    third = len(memory) // 3
    parts = [memory[:third], memory[third : 2 * third], memory[2 * third :]]
    means = ", ".join(f"{statistics.mean(part) / 1e6:.0f} MB" for part in parts)
    used = spent.user + spent.system - processor.user - processor.system
    print(f"the web process: memory in thirds of the time {means}; {used:.0f} s of processor time")


def wait_until_ready() -> None:
    """Waits for the worker."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{URL}/readyz", timeout=10).close()
            return
        except OSError:  # Also an answer of 503.
            time.sleep(0.5)
    sys.exit("the service is not ready")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--uploads", type=int, default=50, help="a second")
    parser.add_argument("--seconds", type=float, default=30)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": str(PROGRAM),
            "WEB_HOST": "127.0.0.1",
            "WEB_PORT": str(PORT),
            "BUCKET_SOURCE": f"{folder}/photos",
            "BUCKET_STYLE": str(PROGRAM / "samples" / "paintings"),
            "BUCKET_RESULT": str(Path(folder, "results")),
            "VGG_WEIGHTS": "builtin",
            "STYLE_SIZE": "128",
        }
        command = [sys.executable, "-m", "styletransfer.cli.web"]
        service = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_until_ready()
            measure(args, psutil.Process(service.pid))
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(30)


if __name__ == "__main__":
    main()
