"""`kill -9` at random moments: the next run continues the clip, with the same bytes."""

import os
import time
from pathlib import Path

import pytest
from support import clips, programs, tiny
from support.commands import contents
from support.s3_servers import RGW

from painterly.configuration.config import BUCKETS
from painterly.storage import open_bucket
from painterly.storage.address import Account

SETTINGS = {"PRESET": "instant", "STYLE_SIZE": "64"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", RGW])
def test_a_clip_killed_at_any_moment_and_painted_again_has_the_same_bytes(
    kind, request, start_program, tmp_path, dice
):
    account, variables = Account(), {}
    names = [str(tmp_path / name) for name in ("clips", "paintings", "whole", "killed")]
    if kind != "folder":
        server = request.getfixturevalue(kind)
        account, variables = server.account, server.environment
        names = [server.new_bucket() for _ in range(4)]
    source, style, whole, killed = (open_bucket(name, account, new=True) for name in names)
    source.write("walk.mp4", clips.write(tmp_path / "walk.mp4", 12, sound="aac").read_bytes())
    style.write("monet.jpg", tiny.file(50, 50, 3))

    def start(result):
        buckets = dict(zip(BUCKETS, (source.name, style.name, result.name), strict=True))
        return start_program(
            programs.batch_without_tensorflow,
            environment=os.environ | SETTINGS | variables | buckets,
            log=tmp_path / f"{Path(result.name).name}.log",
        )

    began = time.monotonic()
    assert start(whole).wait() == 0
    took = time.monotonic() - began
    for _ in range(int(os.environ.get("KILLS", "2"))):
        program = start(killed)
        program.process.join(dice.uniform(0.3, 1) * took)
        program.process.kill()
        program.process.join()
    assert start(killed).wait() == 0
    made, expected = contents(killed), contents(whole)
    assert made["monet/walk.mp4"] == expected["monet/walk.mp4"]
    assert not [key for key in made if key.startswith("_checkpoints/")]
    assert {key for key in made if "_gallery" not in key} == {
        key for key in expected if "_gallery" not in key
    }
