"""Pictures painted from their records."""

from pathlib import Path

from support import tiny
from support.folder_batches import run


def test_a_record_makes_the_same_picture(folders, small_vgg, monkeypatch, capsys):
    from styletransfer.batch import network_pool
    from styletransfer.cli.inetwork import inetwork

    monkeypatch.setattr(network_pool, "load_network", lambda *_: tiny.network())
    run(folders)
    record = "out/_records/both/trip/old town é.png.json"
    assert inetwork(["--from-record", record, "copy/town"]) == 0
    copy, first = Path("copy/town.png"), Path("out/both/trip/old town é.png")
    assert copy.read_bytes() == first.read_bytes()
    Path("paintings/both/a.jpg").write_bytes(tiny.file(50, 40, 9))
    assert inetwork(["--from-record", record, "x"]) == 1
    assert "both/a.jpg in ./paintings has changed" in capsys.readouterr().err
    Path("paintings/both/a.jpg").unlink()
    assert inetwork(["--from-record", record, "x"]) == 1
    assert inetwork(["--from-record", "photos/beach.jpg", "x"]) == 2
    assert inetwork(["--from-record", "nowhere.json", "x"]) == 2
    assert inetwork(["--from-record", record, "x", "--memory_limit", "5"]) == 2
