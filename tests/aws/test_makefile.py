"""aws/Makefile: what `sam build` packs for Lambda."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.commands import python
from support.pictures import gradient, saved

from painterly.settings.installation import PROGRAM


@pytest.mark.skipif(not shutil.which("make"), reason="make is missing: apt-get install make")
@pytest.mark.thorough
def test_the_artifact_holds_every_module_that_the_bot_imports_also_for_a_preview(tmp_path):
    """`true` stands in for pip: the packages are this environment's."""
    artifact, bucket = tmp_path / "artifact", tmp_path / "bucket"
    artifact.mkdir()
    fill_with_pictures(bucket, "styles/monet.jpg", "telegram/5/7-AQAD.jpg")
    subprocess.run(
        ["make", "-f", PROGRAM / "aws/Makefile", "build-BotFunction"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={**os.environ, "ARTIFACTS_DIR": str(artifact), "PYTHON": "true"},
    )
    code = """if True:
        import io, sys
        sys.modules.update(dict.fromkeys(("tensorflow", "scipy", "h5py")))  # Not in Lambda.
        import bot.handler, painterly
        assert "numpy" not in sys.modules, "a cold start would take longer"
        print(bot.__file__, painterly.__file__)
        from bot import requests, photos, resources
        from contract import Photo, Wish
        from painterly.storage import open_bucket
        from painterly.storage.address import Account
        photos.PREVIEW_SIDE = 32
        request = requests.Request(Photo(5, 7, "AQAD", "jpg"), 5, Wish(style="monet"), "en")
        name = sys.argv[1]  # A folder stands in for the bucket.
        bucket = open_bucket(name, Account())
        limits = dict(keep_days=1, size=32, photos_per_day=1)
        world = resources.Resources(name, bucket, token="", owner=1, ready=(), **limits)
        preview = photos._preview(request, world)
        print(photos.Image.open(io.BytesIO(preview)).size)"""
    ran = python("-c", code, bucket, cwd=artifact, PYTHONPATH=str(artifact))
    assert ran.stdout.count(str(artifact)) == 2 and "(32, 24)" in ran.stdout, ran.stderr


def fill_with_pictures(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True)
        file.write_bytes(saved(gradient(80, 60), "JPEG"))
