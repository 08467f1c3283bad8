"""Answers to flags that a command does not have."""

import json

import pytest

from styletransfer import log
from styletransfer.cli import (
    bucket_management,
    inetwork_arguments,
    paint,
    sync_commands,
    web,
    weights,
)
from styletransfer.errors import ConfigError


@pytest.mark.parametrize(
    ("main", "words", "meant"),
    [
        (paint.main, ["--strenght=0.3"], "there is no flag --strenght; did you mean --strength?"),
        (web.main, ["--owners"], "unrecognized arguments: --owners"),
        (
            bucket_management.bucket_management,
            ["empty", "x", "--dry-rnu"],
            "did you mean --dry-run?",
        ),
        (weights.main, ["vgg11"], "./start.sh weights: MODEL is 'vgg11', expected vgg19 or vgg16;"),
        (
            paint.main,
            ["--hologram"],
            "./start.sh: unrecognized arguments: --hologram; see --help\n",
        ),
    ],
)
def test_an_unknown_flag_is_named_with_the_one_that_was_meant(capsys, main, words, meant):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert meant in err and err.count("\n") == 1


def test_inetwork_says_it_in_its_own_way():
    with pytest.raises(
        ConfigError, match=r"no flag --stlye_weight; did you mean --style_weight\?$"
    ):
        inetwork_arguments.parse_arguments(["a.jpg", "b.jpg", "c", "--stlye_weight", "1"])
    with pytest.raises(ConfigError, match="unrecognized arguments: --hologram; see --help"):
        inetwork_arguments.parse_arguments(["a.jpg", "b.jpg", "c", "--hologram"])


@pytest.mark.parametrize(
    "command",
    [
        sync_commands.cl_get_results,
        bucket_management.bucket_management,
        paint.main,
        weights.main,
    ],
)
def test_a_wrong_command_line_is_one_line_of_a_log_in_json(monkeypatch, capsys, command):
    monkeypatch.setenv("LOG_FORMAT", "json")
    monkeypatch.setattr(log.logger, "handlers", [])
    with pytest.raises(SystemExit) as ended:
        command(["--bogus"])
    printed = capsys.readouterr()
    line = json.loads(printed.out)
    assert ended.value.code == line["exit_code"] == 2 and line["event"] == "end"
    assert not printed.err
