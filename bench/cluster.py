"""A run over Ray nodes that are processes of this machine, against one machine's, and what happens
when nodes, workers or the driver are killed.

    PYTHONPATH=tests python bench/cluster.py [--nodes 1 2 4] [--photos 400] [--painting 2]
        [--kill node|worker|driver|freeze] [--poison] [--server moto|rgw] [--real]

400 photos from and to buckets of an S3 server. On few cores, painting is simulated: each picture
takes a fixed time of sleep (tests/support/sleeping), all else is as it is. --real paints with a
tiny VGG, to compare each result with that of a run on one machine.
"""

import argparse
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

SERVE = """
import sys
from contextlib import contextmanager
from support import s3_servers
fixture = {"moto": s3_servers.moto, "rgw": s3_servers.ceph}[sys.argv[1]].__wrapped__()
found = next(fixture)
server = found if sys.argv[1] == "moto" else found[0]
print(server.url, flush=True)
sys.stdin.read()
next(fixture, None)
"""
OF_THE_RUN = ("finished", "seconds", "device", "source", "style")
KILL_EVERY_S = 5.0


def main() -> None:
    """Fills the buckets, paints with each number of nodes, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--painting", type=float, default=2.0, help="seconds of each picture")
    parser.add_argument("--kill", choices=("node", "worker", "driver", "freeze"))
    parser.add_argument("--poison", action="store_true", help="one photo kills what paints it")
    parser.add_argument("--server", choices=("moto", "rgw"), default="moto")
    parser.add_argument("--real", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    from support.pictures import saved

    with serving(args.server) as server:
        source, style = fill(server, args.photos)
        variables = server.environment | {
            "BUCKET_SOURCE": source,
            "BUCKET_STYLE": style,
            "STYLE_SIZE": "64",
            "STYLE_ITERATIONS": "2",
            "STYLE_DETERMINISTIC": "1",
            "STYLE_PRECISION": "float32",
            "VGG_WEIGHTS": "bucket:tiny.npz",
            "PAINTING_S": "0" if args.real else str(args.painting),
            "TF_NUM_INTRAOP_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(python_path(args.real)),
        }
        alone = server.new_bucket()
        simulated_alone = variables | {"PAINTING_S": "0"}
        run(simulated_alone | {"BUCKET_RESULT": alone})
        expected = contents(server, alone)
        print(f"one machine: {len(expected)} results and records", flush=True)
        if args.poison:
            pixels = np.ones((24, 24, 3), np.uint8)
            body = saved(Image.fromarray(pixels), "PNG")
            server.client.put_object(Bucket=source, Key="photo 0000 poison.png", Body=body)
        for count in args.nodes:
            result = server.new_bucket()
            measure(args, variables | {"BUCKET_RESULT": result}, count)
            compare(expected, contents(server, result))


def measure(args: argparse.Namespace, variables: dict[str, str], count: int) -> None:
    """One run over so many nodes."""
    from support.ray_nodes import ray_nodes

    with tempfile.TemporaryDirectory(prefix="r") as folder, ExitStack() as stack:
        nodes = stack.enter_context(ray_nodes(Path(folder), count, variables))
        if args.kill in ("node", "worker", "freeze"):
            stack.enter_context(killing(args.kill, nodes))
        started = time.monotonic()
        code, log = 0, ""
        environment = variables | {"CLUSTER": nodes.address, "LOG_LEVEL": "debug"}
        if args.kill == "driver":
            for after_s in (25, 40):
                run(environment, kill_after_s=after_s)
                print(f"  driver killed after {after_s} s", flush=True)
        code, log = run(environment)
        wall = time.monotonic() - started
    ideal = args.photos * args.painting / count
    begun = re.search(r"^(\S+) painting on ", log, re.MULTILINE)
    done = re.findall(r"^(\S+) .*: done$", log, re.MULTILINE)
    first = seconds(begun[1]) if begun else 0.0
    between = seconds(done[-1]) - first if done else 0.0
    print(f"{count} nodes: exit code {code}, {wall:.1f} s in all, {between:.1f} s from the first")
    print("  worker to the last picture", flush=True)
    if not args.real:
        print(f"  ideal {ideal:.1f} s: {100 * ideal / between:.1f} %,", end=" ")
        print(f"with the start {100 * ideal / wall:.1f} %", flush=True)
    for line in log.splitlines():
        if re.search("lost the worker|has gone|FAILED|has ended|painted in", line):
            print(f"    {line[:150]}", flush=True)


def seconds(clock: str) -> float:
    """The log's time of day in seconds."""
    hours, minutes, rest = map(float, clock.split(":"))
    return 3600 * hours + 60 * minutes + rest


@contextmanager
def killing(what: str, nodes: object) -> object:
    """Kills a random worker every KILL_EVERY_S; or one node in the middle, for which another
    comes."""
    over = threading.Event()
    rng = random.Random(1)
    killed: Counter[str] = Counter()

    def kill() -> None:
        if what in ("node", "freeze"):
            over.wait(40)
            end = {"node": signal.SIGKILL, "freeze": signal.SIGSTOP}[what]
            nodes.nodes[0].send_signal(end)
            print(f"  {time.strftime('%H:%M:%S')} {end.name} to all of a node", flush=True)
            over.wait(20)
            nodes.add()
            return
        while not over.wait(KILL_EVERY_S):
            workers = [each for node in nodes.nodes for each in node.workers()]
            if workers:
                rng.choice(workers).kill()
                killed["worker"] += 1

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        print(f"  killed: {dict(killed)}", flush=True)


def run(environment: dict[str, str], kill_after_s: float | None = None) -> tuple[int, str]:
    """The batch in a process of its own; its exit code and what it printed."""
    from support.ray_nodes import WITHOUT_TOKEN

    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "styletransfer"],
            env={**os.environ, **WITHOUT_TOKEN, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            process.wait(kill_after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.seek(0)
        return process.returncode, log.read()


def python_path(real: bool) -> list[str]:
    """Where this checkout is, and what paints without TensorFlow."""
    from support.ray_nodes import SLEEPING

    from styletransfer.paths import PROGRAM

    return [str(PROGRAM)] if real else [str(SLEEPING), str(PROGRAM)]


@contextmanager
def serving(name: str) -> object:
    """An S3 server in a process of its own."""
    from support.s3_servers import Server

    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Server(name, process.stdout.readline().strip())
    finally:
        process.stdin.close()
        process.wait(60)


def fill(server: object, photos: int) -> tuple[str, str]:
    """A bucket of photos and one with a painting and a tiny network; their names."""
    from support import tiny

    source, style = server.new_bucket(), server.new_bucket()
    for number in range(photos):
        body = tiny.file(24 + number % 7, 32, number)
        server.client.put_object(Bucket=source, Key=f"photo {number:04}.jpg", Body=body)
    server.client.put_object(Bucket=style, Key="monet.jpg", Body=tiny.file(24, 24, 999))
    server.client.put_object(Bucket=style, Key="tiny.npz", Body=tiny.trained_file())
    return source, style


def contents(server: object, bucket: str) -> dict[str, object]:
    """What is in a bucket, but for the gallery: results by their hash, records without what differs
    from run to run."""
    place, found = server.open(bucket), {}
    for entry in place.list():
        if entry.key.startswith("_records/"):
            record = json.loads(place.read(entry.key))
            found[entry.key] = {k: v for k, v in record.items() if k not in OF_THE_RUN}
        elif not entry.key.startswith("_gallery/") and entry.key != "index.html":
            found[entry.key] = hashlib.sha256(place.read(entry.key)).hexdigest()
    return found


def compare(expected: dict[str, object], found: dict[str, object]) -> None:
    """Prints in how many objects a run over a cluster differs from one on one machine."""
    missing, more = expected.keys() - found.keys(), found.keys() - expected.keys()
    differing = [key for key in expected.keys() & found.keys() if expected[key] != found[key]]
    print(
        f"  against one machine's {len(expected)}: {len(missing)} missing, {len(more)} more, "
        f"{len(differing)} differ {sorted(missing)[:3]} {sorted(more)[:3]} {differing[:3]}",
        flush=True,
    )


if __name__ == "__main__":
    main()
