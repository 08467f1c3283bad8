"""aws/Makefile: what `sam build` packs for Lambda."""

import os
import shutil
import subprocess
import sys

import pytest

from styletransfer.paths import PROGRAM


@pytest.mark.skipif(not shutil.which("make"), reason="make is missing: apt-get install make")
def test_the_artifact_holds_every_module_that_the_bot_imports(tmp_path):
    """`true` stands in for pip: the packages are this environment's."""
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    subprocess.run(
        ["make", "-f", PROGRAM / "aws/Makefile", "build-BotFunction"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={**os.environ, "ARTIFACTS_DIR": str(artifact), "PYTHON": "true"},
    )
    code = "import bot.handler, styletransfer; print(bot.__file__, styletransfer.__file__)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=artifact,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(artifact)},
    )
    assert ran.stdout.count(str(artifact)) == 2
