"""Which weights a run uses."""

import json
from pathlib import Path

import pytest
from support.folder_batches import keys, run

from styletransfer.errors import WeightsError


def test_a_run_on_real_buckets_never_falls_back_to_random_features(folders, monkeypatch, tmp_path):
    from styletransfer.vgg import download

    monkeypatch.setattr(download, "CACHE", tmp_path / "none")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(download, "hub_problem", lambda *_: "no route to host")
    del folders["VGG_WEIGHTS"]
    with pytest.raises(WeightsError, match=r"no route to host.*three ways"):
        run(folders)
    assert keys() == set()


@pytest.mark.slow
def test_weights_can_be_in_the_style_bucket(folders, monkeypatch):
    from support import fabricated

    fabricated.save_h5(Path("paintings/vgg.h5"), fabricated.weights())
    folders["VGG_WEIGHTS"] = "bucket:vgg.h5"
    Path("photos/trip/old town é.png").unlink()
    assert run(folders, STYLE_ITERATIONS="1") == 0
    identity = json.loads(Path("out/_records/monet/beach.jpg.json").read_text())["weights"]
    assert identity.startswith("md5:")
    assert run(folders, STYLE_ITERATIONS="1") == 0
    with pytest.raises(WeightsError, match=r"bucket:other\.h5"):
        run(folders, VGG_WEIGHTS="bucket:other.h5")
