"""Tests of the training load PyTorch and TensorFlow in one process."""

import shutil
import sys
from pathlib import Path

import pytest

from painterly.settings import ready_styles

SAMPLES = Path(__file__).parents[3] / "samples"
PAINTINGS = "ink", "mosaic", "wadsworth", "signac"

# PyTorch for GPUs brings Triton, which crashes next to TensorFlow when an optimiser loads it. To
# PyTorch it is missing now. The training itself loads no TensorFlow.
sys.modules["triton"] = None


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Folders of the samples and a few ready styles: so short a training learns no more of them."""
    few = tmp_path_factory.mktemp("paintings")
    for name in PAINTINGS:
        shutil.copy(ready_styles.path(name), few)
    return [SAMPLES, few]
