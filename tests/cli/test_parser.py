"""Answers to flags that a command does not have."""

import json

import pytest

from styletransfer import log
from styletransfer.cli import bucket_management, paint, sync_commands, web, weights


@pytest.mark.parametrize(
    ("main", "words", "said"),
    [
        (paint.main, ["--strenght=0.3"], "there is no flag --strenght; did you mean --strength?"),
        (web.main, ["--owners"], "unrecognized arguments: --owners"),
        (bucket_management.bucket_management, ["ls", "--dry-rnu"], "did you mean --dry-run?"),
        (weights.main, ["vgg11"], "./start.sh weights: MODEL is 'vgg11', expected vgg19 or vgg16;"),
        (paint.main, ["--hologram"], "./start.sh: unrecognized arguments: --hologram; see --help"),
        (sync_commands.cl_get_results, ["out", "--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_an_unknown_flag_is_one_line_that_names_the_one_that_was_meant(
    monkeypatch, capsys, main, words, said
):
    with pytest.raises(SystemExit) as ended:
        main(words)
    err = capsys.readouterr().err
    assert ended.value.code == 2 and said in err and err.count("\n") == 1
    monkeypatch.setattr(log.logger, "handlers", [])
    monkeypatch.setenv("LOG_FORMAT", "json")
    with pytest.raises(SystemExit) as ended:
        main(words)
    printed = capsys.readouterr()
    line = json.loads(printed.out)
    assert ended.value.code == line["exit_code"] == 2 and line["event"] == "end"
    assert said in line["message"] and not printed.err
