"""The overhead of buckets: a batch's wall time against the sum of its painting times.

    PYTHONPATH=tests python lab/benchmarks/batch_overhead.py [--photos 100] [--delay 0.1]
        [--size 128] [--iterations 22]

The batch reads 100 photos from an S3 server (moto's, in a separate process) and stores the results
there, with a latency of 100 ms per request. A tiny VGG paints each photo in about half a second,
far faster than any GPU, so this is the hardest case. The target is at most 5 % over the sum of the
painting times. The table lists the costs of the process, before the first painting and after the
last, separately: the clock starts with the command, so it includes Python and TensorFlow.
"""

import argparse
import os
import subprocess
import sys
from datetime import UTC, datetime

from common import run_batch, time_of

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
    """Fill the buckets, paint, and print a table."""
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

    assert serving.stdin is not None and serving.stdout is not None
    near, slow = serving.stdout.readline().split()
    server = Server("moto", near)
    source, style, result = (server.new_bucket() for _ in range(3))
    for number in range(args.photos):
        shape = (240, 320) if number % 3 else (320, 240)
        body = tiny.file(*shape, number)
        server.client.put_object(Bucket=source, Key=f"photo {number:03}.jpg", Body=body)
    server.client.put_object(Bucket=style, Key="monet.jpg", Body=tiny.file(200, 160, 999))
    server.client.put_object(Bucket=style, Key="tiny.npz", Body=tiny.trained_file())
    environment = server.environment | {
        "CELLAR_ADDON_HOST": slow,
        "BUCKET_SOURCE": source,
        "BUCKET_STYLE": style,
        "BUCKET_RESULT": result,
        "STYLE_SIZE": str(args.size),
        "STYLE_ITERATIONS": str(args.iterations),
        "VGG_WEIGHTS": "bucket:tiny.npz",
    }
    started = datetime.now(UTC)
    done, events = run_batch(environment)
    ended = datetime.now(UTC)
    print(done.stderr, file=sys.stderr)
    times = [picture["seconds"] for picture in events["done"]]
    wall = (ended - started).total_seconds()
    # A picture is logged after it has been stored, while the next is being painted.
    after = (ended - time_of(events["done"][-1])).total_seconds()
    # The first painting begins when its memory is planned.
    before = (time_of(events["memory"][0]) - started).total_seconds()
    records = len(list(server.open(result).list("_records/")))
    serving.stdin.close()
    requests = int(serving.stdout.readline())
    painting = sum(times)
    print(f"\nexit code          {done.returncode}")
    print(f"photos             {records} recorded, {args.size} px, {args.iterations} iterations")
    print(f"requests           {requests}, each {1000 * args.delay:.0f} ms late")
    print(f"waiting in all     {requests * args.delay:8.1f} s, if one came after another")
    print(f"painting           {painting:8.1f} s, {painting / len(times):.2f} s each")
    print(f"wall time          {wall:8.1f} s, from the command to the end of its process")
    print(f"before the first   {before:8.1f} s: Python, listing, TensorFlow, the first photo")
    print(f"after the last     {after:8.1f} s: the gallery, the end of the process")
    print(f"between            {wall - painting - before - after:8.1f} s")
    print(f"overhead           {wall - painting:8.1f} s, {100 * (wall / painting - 1):.1f} %")


if __name__ == "__main__":
    main()
