"""The results of a run, and the record and result of one photo."""

from pathlib import Path

from painterly.configuration.config import BUCKETS
from painterly.log import log_to_stdout
from support import tiny
from support.folder_batches import QUICK, keys, run

ONE = {"PHOTO": "beach.jpg", "STYLE": "monet"}
RECORD = Path("out/_records/monet/beach.jpg.json")


def results():
    return {key for key in keys() if not key.startswith("_")}


def failures(capsys):
    """Returns the lines about failed photos at the end of a run's log, and drops the log."""
    lines = capsys.readouterr().out.splitlines()
    return [line for line in lines if line.startswith("FAILED: ")]


def painted(capsys, environment, **changes):
    """Returns the number of pictures that a run paints, and checks that it ends well."""
    log_to_stdout("%(message)s")
    capsys.readouterr()
    assert run(environment, **changes) == 0
    return capsys.readouterr().out.count(": done, ")


def s3_batch(server):
    """Returns a new bucket for results on an S3 server, and the variables with which a run paints
    the photo `a.png` in the style `monet` into it."""
    source, style, result = buckets = [server.open() for _ in BUCKETS]
    source.write("a.png", tiny.file(60, 80, 1, "PNG"))
    style.write("monet.jpg", tiny.file(50, 50, 2))
    names = zip(BUCKETS, (bucket.name for bucket in buckets), strict=True)
    return result, QUICK | server.environment | dict(names)
