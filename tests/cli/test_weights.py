"""The command that fetches published weights."""

import shutil

import pytest

from painterly.cli.command import verb
from painterly.vgg import sources

pytestmark = pytest.mark.usefixtures("empty_caches")


def test_the_command_fetches_into_weights_and_prints_the_path(hub, published, capsys):
    assert verb("weights", []) == 0
    assert capsys.readouterr().out == f"{sources.CACHE / 'small.h5'}\n"
    assert verb("weights", ["vgg19", "vgg19"]) == 0
    assert capsys.readouterr().out.count("small.h5\n") == 2
    assert len(hub.asked) == 1


def test_the_command_fails_in_one_line_with_exit_code_3(hub, published, capsys):
    """Without weights, and with a folder that cannot be written."""
    hub.mode = "missing"
    for said in ("no vgg19 weights: http://", "File exists: "):
        assert verb("weights", []) == 3
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and said in err
        hub.mode = "ok"
        shutil.rmtree(sources.CACHE, ignore_errors=True)
        sources.CACHE.write_bytes(b"")  # Not even root can write into a file.


def test_another_network_is_one_line(capsys):
    assert verb("weights", ["vgg11"]) == 2
    err = capsys.readouterr().err
    assert 'Invalid value "vgg11"' in err and '"vgg19", "vgg16"' in err and err.count("\n") == 1
