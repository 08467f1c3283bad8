"""The memory and time of a plan over a million photos.

    PYTHONPATH=tests python bench/plan.py [--photos 1000000] [--done 0]

An S3 server that knows nothing but listings and records answers in place of a bucket: a million
photos, of which so many are painted. The driver's own code asks it through boto3 and HTTP. Prints
what each step of a plan takes, and the process's largest memory until then.
"""

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from resource import RUSAGE_SELF, getrusage
from urllib.parse import parse_qs, urlsplit

PAGE = 1000


def main() -> None:
    """Starts the server, plans, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--done", type=int, default=0, help="how many have a result and a record")
    args = parser.parse_args()
    command = [sys.executable, __file__, "--serve", str(args.photos), str(args.done)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        os.environ |= {
            "CELLAR_ADDON_HOST": server.stdout.readline().strip(),
            "CELLAR_ADDON_KEY_ID": "id",
            "CELLAR_ADDON_KEY_SECRET": "secret",
            "BUCKET_SOURCE": "photos",
            "BUCKET_STYLE": "paintings",
            "BUCKET_RESULT": "results",
            "VGG_WEIGHTS": "random",
        }
        measure()
    finally:
        server.kill()


def measure() -> None:
    """The steps of a driver from listing to the last order."""
    from styletransfer import config
    from styletransfer.batch.context import Buckets
    from styletransfer.batch.listing import list_buckets, select
    from styletransfer.batch.network_pool import NetworkPool
    from styletransfer.batch.plan import make_plan
    from styletransfer.cluster.assignments import Assignments
    from styletransfer.cluster.orders import OrderBook

    loaded = config.load(os.environ)
    buckets = Buckets.open(loaded)
    print(f"{'before':24}{'':25}{memory()}")
    with timed("listing"):
        listing = list_buckets(buckets, loaded)
    with timed("photos, looks, keys"):
        selection = select(listing, buckets, loaded)
    networks = NetworkPool(loaded, buckets.style, listing.style)
    with timed("plan"):
        plan = make_plan(selection, networks, loaded.output, buckets.result, listing.results)
    print(f"{len(plan.todo)} to paint, {len(plan.done)} done")
    with timed("orders, all"):
        assignments, orders = Assignments(plan.todo), OrderBook(plan)
        assignments.join("worker")
        while attempt := assignments.take("worker"):
            orders.of(attempt.task, attempt.lost_before)
            assignments.end("worker", attempt.task)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Prints what a step has taken: seconds of the processor, and in all, with the server's."""
    started, of_cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - started, time.process_time() - of_cpu
    print(f"{what:24}{cpu:8.1f} s CPU {wall:8.1f} s{memory()}", flush=True)


def memory() -> str:
    """The largest memory of this process so far."""
    return f"{getrusage(RUSAGE_SELF).ru_maxrss / 1e6:10.2f} GB at most"


class Listings(BaseHTTPRequestHandler):
    """Answers for the buckets photos, paintings and results."""

    protocol_version = "HTTP/1.1"
    photos = done = 0

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        bucket, _, key = url.path.strip("/").partition("/")
        if key:
            self.send(record(number_of(key)))
            return
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        prefix = query.get("prefix", "")
        keys = {"photos": self.photos, "paintings": 1, "results": 2 * self.done}[bucket]
        first = int(query.get("continuation-token", 0))
        entries = [
            each
            for number in range(first, min(first + PAGE, keys))
            if (each := self.entry(bucket, number)) and f"<Key>{prefix}" in each
        ]
        more = first + PAGE < keys
        token = f"<NextContinuationToken>{first + PAGE}</NextContinuationToken>" if more else ""
        self.send(
            f"<?xml version='1.0'?><ListBucketResult><Name>{bucket}</Name><IsTruncated>"
            f"{str(more).lower()}</IsTruncated>{token}{''.join(entries)}</ListBucketResult>".encode()
        )

    def do_HEAD(self) -> None:
        key = urlsplit(self.path).path.strip("/").partition("/")[2]
        if key.startswith("_records/"):
            self.send(record(number_of(key)), with_body=False)
        else:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def entry(self, bucket: str, number: int) -> str:
        """An object in a listing, in the order of the keys."""
        if bucket == "photos":
            return listed(photo(number), f"{number:032x}")
        if bucket == "paintings":
            return listed("monet.jpg", "0" * 32)
        if number < self.done:
            body = record(number)
            key = f"_records/monet/{photo(number)}.json"
            return listed(key, hashlib.md5(body).hexdigest(), len(body))
        return listed(f"monet/{photo(number - self.done)}", "1" * 32)

    def send(self, body: bytes, with_body: bool = True) -> None:
        """The whole answer."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def photo(number: int) -> str:
    """The key of a photo: cameras number a thousand in a folder."""
    return f"2026/{number // 1000:05}/IMG_{number % 1000:04}.jpg"


def number_of(key: str) -> int:
    """The number of a photo's record."""
    folder, _, name = key.removesuffix(".jpg.json").rpartition("/")
    return 1000 * int(folder[-5:]) + int(name[-4:])


def listed(key: str, etag: str, size: int = 2_000_000) -> str:
    """An object in a listing."""
    return (
        f"<Contents><Key>{key}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size></Contents>"
    )


def record(number: int) -> bytes:
    """The record of a painted photo."""
    from styletransfer import ENGINE_VERSION
    from styletransfer.batch.looks import Look, Painting
    from styletransfer.batch.records import fingerprints
    from styletransfer.images.output import OutputFormat
    from styletransfer.record import Record
    from styletransfer.settings import Settings
    from styletransfer.storage.base import Entry
    from styletransfer.vgg.registry import random_identity

    entry, settings = Entry(photo(number), 2_000_000, f"{number:032x}"), Settings()
    look = Look("monet", (Painting(Entry("monet.jpg", 2_000_000, "0" * 32), 1.0),), settings)
    form = (None, 95, 8, False)
    assert OutputFormat(*form)
    return Record(
        photo=entry.key,
        photo_etag=entry.etag,
        look="monet",
        width=512,
        height=341,
        settings=settings.deciding(),
        engine=ENGINE_VERSION,
        weights=random_identity(0),
        losses={"content": 1.5, "style": 2.5, "total": 4.0},
        fingerprint=fingerprints(look, random_identity(0), form)(entry, None),
        result=f"monet/{entry.key}",
        result_etag="1" * 32,
        result_size=2_000_000,
    ).to_bytes()


def serve(photos: int, done: int) -> None:
    """Answers until it is killed."""
    Listings.photos, Listings.done = photos, done
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listings)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*map(int, sys.argv[2:]))
    else:
        main()
