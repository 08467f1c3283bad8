"""The memory estimate follows the network's widths."""

import numpy as np
import pytest
from support.fabricated import trained_arrays

from styletransfer import Settings, load_vgg
from styletransfer.engine import memory_model
from styletransfer.engine.objective import Objective


def estimate(tmp_path, tiling, **changes):
    np.savez(tmp_path / "own.npz", **(trained_arrays((8, 8, 8, 8, 8)) | changes))
    objective = Objective.of(Settings(), load_vgg("vgg19", tmp_path / "own.npz"))
    return memory_model.bytes_needed(objective, (2000, 3000), tiling)


@pytest.mark.parametrize("tiling", [memory_model.TILINGS[0], memory_model.TILINGS[-1]])
def test_the_widest_layer_of_a_block_counts_wherever_it_is(tiling, tmp_path):
    usual = estimate(tmp_path, tiling)
    wide = {
        "conv1_2_W": np.ones((3, 3, 8, 64), np.float32),
        "conv1_2_b": np.ones(64, np.float32),
        "conv2_1_W": np.ones((3, 3, 64, 8), np.float32),
    }
    assert estimate(tmp_path, tiling, **wide) > 1.05 * usual


def test_a_narrow_network_takes_less_than_vgg19(random_vgg):
    size = 2000, 3000
    sketch, vgg19 = (
        memory_model.bytes_needed(Objective.of(Settings(), vgg), size, memory_model.UNTILED)
        for vgg in (load_vgg("sketch"), random_vgg)
    )
    assert sketch < 0.7 * vgg19
