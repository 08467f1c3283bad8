"""The overhead of buckets: a batch's wall time against the sum of its painting times.

    PYTHONPATH=tests python bench/batch_overhead.py [--photos 100] [--delay 0.1] [--size 128]
        [--iterations 22]

100 photos from and to buckets of an S3 server (moto's, in a process of its own) with a latency of
100 ms per request, painted with a tiny VGG for about half a second each. That is far shorter than
on any GPU, so it is the hardest case. The target is at most 5 % over the sum of the painting
times. What a process spends once, before the first painting and after the last, has lines of its
own: the clock starts with the command, in a process of its own, so that Python and TensorFlow are
loaded under it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROXY = """
import sys
from moto.server import ThreadedMotoServer
from support.s3.faultproxy import FaultProxy
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
with FaultProxy(host, port) as proxy:
    proxy.add("", "delay", times=10**9, seconds=float(sys.argv[1]))
    print(f"http://{host}:{port} {proxy.url}", flush=True)
    sys.stdin.read()
    print(len(proxy.log), flush=True)
"""


def main() -> None:
    """Fills the buckets, paints, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--delay", type=float, default=0.1, help="seconds before each request")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--iterations", type=int, default=22)
    args = parser.parse_args()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    serving = subprocess.Popen(
        [sys.executable, "-c", PROXY, str(args.delay)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        measure(args, serving)
    finally:
        serving.kill()


def measure(args: argparse.Namespace, serving: "subprocess.Popen[str]") -> None:
    """One run over the slow network, and its table."""
    from support import tiny
    from support.s3_servers import Server

    near, slow = serving.stdout.readline().split()
    server = Server("moto", near)
    source, style, result = (server.new_bucket() for _ in range(3))
    for number in range(args.photos):
        shape = (240, 320) if number % 3 else (320, 240)
        body = tiny.file(*shape, number)
        server.client.put_object(Bucket=source, Key=f"photo {number:03}.jpg", Body=body)
    server.client.put_object(Bucket=style, Key="monet.jpg", Body=tiny.file(200, 160, 999))
    environment = server.environment | {
        "CELLAR_ADDON_HOST": slow,
        "BUCKET_SOURCE": source,
        "BUCKET_STYLE": style,
        "BUCKET_RESULT": result,
        "STYLE_SIZE": str(args.size),
        "STYLE_ITERATIONS": str(args.iterations),
        "VGG_WEIGHTS": "random",
    }
    with tempfile.NamedTemporaryFile("r") as noted:
        command = [sys.executable, __file__, "--batch", noted.name]
        started = time.monotonic()
        code = subprocess.run(command, env=os.environ | environment).returncode
        ended = time.monotonic()
        times, finished = json.load(noted)
    wall, before, after = ended - started, finished[0] - times[0] - started, ended - finished[-1]
    records = len(list(server.open(result).list("_records/")))
    serving.stdin.close()
    requests = int(serving.stdout.readline())
    painting = sum(times)
    print(f"\nexit code          {code}")
    print(f"photos             {records} recorded, {args.size} px, {args.iterations} iterations")
    print(f"requests           {requests}, each {1000 * args.delay:.0f} ms late")
    print(f"waiting in all     {requests * args.delay:8.1f} s, if one came after another")
    print(f"painting           {painting:8.1f} s, {painting / len(times):.2f} s each")
    print(f"wall time          {wall:8.1f} s, from the command to the end of its process")
    print(f"before the first   {before:8.1f} s: Python, listing, TensorFlow, the first photo")
    print(f"after the last     {after:8.1f} s: its push, the gallery")
    print(f"between            {wall - painting - before - after:8.1f} s")
    print(f"overhead           {wall - painting:8.1f} s, {100 * (wall / painting - 1):.1f} %")


def batch(noted: Path) -> int:
    """The batch with a tiny VGG, as its command runs it; writes the seconds that each painting took
    and when it was finished (time.monotonic) into a file. Returns the exit code."""
    from styletransfer.batch.network_pool import NetworkPool
    from styletransfer.batch.storing import FinishedPicture
    from styletransfer.batch.workers import Stores
    from styletransfer.cli.paint import main as paint

    def tiny_network(*_: object) -> object:
        from support import tiny

        from styletransfer.vgg.network import VGG

        return VGG(tiny.weights())

    times, finished, upload = [], [], Stores.store

    def upload_noted(self: Stores, done: FinishedPicture, *others: object) -> None:
        times.append(done.seconds)  # A record has them rounded to 0.1 s.
        finished.append(time.monotonic())
        upload(self, done, *others)

    NetworkPool.build, Stores.store = tiny_network, upload_noted
    code = paint([])
    noted.write_text(json.dumps([times, finished]))
    return code


if __name__ == "__main__":
    if sys.argv[1:2] == ["--batch"]:
        sys.exit(batch(Path(sys.argv[2])))
    main()
