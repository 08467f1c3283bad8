"""S3 services that answer otherwise than Amazon's: a second run finds all done."""

import pytest
from support import tiny
from support.batch_results import painted
from support.folder_batches import QUICK
from support.fuzzing import drawn
from support.s3.other_service import other_service
from support.verbs import cl_get_results

from painterly.configuration.config import BUCKETS
from painterly.orders import record as records
from painterly.runs import run as runs

WAYS = ("shuffled",)
MORE_WAYS = drawn(
    ["no ETag", "no ETag in lists", "no ETag in heads", "no ETag in gets", "no ETag in puts"],
    ["opaque", "empty ETag", "weak ETag"],
    ["reversed", "unnamed", "capitals"],
    ["passing", "late"],
    ["timeless", "odd times"],
)
PHOTOS = ("Beach.jpg", "/lead.jpg", "trip//boat.jpg", "//two.png")


@pytest.mark.parametrize("way", [*WAYS, *MORE_WAYS])
@pytest.mark.thorough
def test_a_second_run_paints_nothing_and_all_results_are_fetched(
    s3_server, way, stand_in, monkeypatch, capsys, tmp_path
):
    read, real = [], records.read_record
    monkeypatch.setattr(runs, "MANY", 1)
    monkeypatch.setattr(records, "read_record", lambda *a: read.append(a[1]) or real(*a))
    source, style, result = buckets = [s3_server.open() for _ in BUCKETS]
    for number, key in enumerate(PHOTOS):
        source.write(key, tiny.file(60, 80, number, key.rpartition(".")[2].replace("jpg", "JPEG")))
    for number, key in enumerate(("Abstract.jpg", "both/a.jpg", "both/b.jpg", "/lead.jpg")):
        style.write(key, tiny.file(50, 50, number))
    with other_service(s3_server.url, way) as url:
        names = zip(BUCKETS, (bucket.name for bucket in buckets), strict=True)
        variables = QUICK | s3_server.environment | {"CELLAR_ADDON_HOST": url} | dict(names)
        assert painted(capsys, variables) == 12
        assert painted(capsys, variables) == 0
        assert not (read and way in WAYS), "their ETags are known from writing them"
        source.write("Beach.jpg", tiny.file(64, 80, 9))  # Of another size.
        assert painted(capsys, variables) == 3
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert cl_get_results([str(tmp_path / "out")]) == 0
        assert (tmp_path / "out/Abstract/lead.jpg").read_bytes() == result.read(
            "Abstract//lead.jpg"
        )
        capsys.readouterr()
        assert cl_get_results([str(tmp_path / "out")]) == 0
        assert capsys.readouterr().out.startswith("0 files copied")
