"""aws/Makefile: what `sam build` packs for Lambda."""

import os
import shutil
import subprocess

import pytest
from support.commands import python

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
    code = """if True:
        import sys
        sys.modules.update(dict.fromkeys(("tensorflow", "scipy", "h5py")))  # Not in Lambda.
        import bot.handler, styletransfer
        assert "numpy" not in sys.modules, "a cold start would take longer"
        import numpy
        from styletransfer.engine import instant_networks
        print(bot.__file__, styletransfer.__file__)
        image = numpy.zeros((16, 16, 3))
        print(instant_networks.features_of(image, slice(0, 16)).shape)"""
    ran = python("-c", code, cwd=artifact, PYTHONPATH=str(artifact))
    assert ran.stdout.count(str(artifact)) == 2 and "(4, 4, 608)" in ran.stdout
