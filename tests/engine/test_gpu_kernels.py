"""TensorFlow computes on the CPU what has no kernel on a GPU, and copies it there and back in every
step, without a word. The package for Linux knows CUDA's kernels even without a GPU."""

from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import network, picture
from tensorflow.python.framework import kernels

from painterly import Settings
from painterly.engine.features import neighbours
from painterly.engine.groups import groups_of
from painterly.engine.optimisation.compilation import TracedFunction
from painterly.engine.optimisation.matching import Matching
from painterly.engine.optimisation.objective import Objective
from painterly.engine.optimisation.scale_optimizer import program
from painterly.engine.paintings import Paintings
from painterly.engine.recipes import default
from painterly.engine.tensors import padded
from painterly.vgg import ops

LEFT = np.tile(np.linspace(1, 0, 64, dtype=np.float32), (48, 1))
NO_KERNEL = {"Placeholder", "_Arg", "_Retval"}

pytestmark = [
    pytest.mark.skipif(
        not tf.test.is_built_with_cuda(), reason="needs a TensorFlow with CUDA's kernels"
    ),
]


@pytest.fixture(autouse=True)
def _as_on_a_gpu(monkeypatch):
    """Let the engine take the ways that it takes on a GPU."""
    for module in (ops, default):
        monkeypatch.setattr(module, "gpus_in_use", lambda: ["a GPU"])


@cache
def gpu_kernels(op):
    """Return an operation's kernels, once: TensorFlow takes a millisecond to look them up."""
    found = kernels.get_registered_kernels_for_op(op).kernel
    return [kernel for kernel in found if kernel.device_type in ("GPU", "DEFAULT")]


def runs_on_a_gpu(node):
    """Whether TensorFlow has a kernel on GPUs for an operation on its types."""
    return node.op in NO_KERNEL or any(
        all(
            node.attr[limit.name].type in limit.allowed_values.list.type
            for limit in kernel.constraint
            if limit.name in node.attr
        )
        for kernel in gpu_kernels(node.op)
    )


def not_on_a_gpu(concrete):
    """Return the operations without a kernel there, of a function and of those that it calls."""
    graph = concrete.graph.as_graph_def()
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    return {node.op for node in nodes if not runs_on_a_gpu(node)}


@pytest.mark.parametrize(
    "settings",
    [
        Settings(precision="bfloat16"),
        Settings(precision="float16"),
        Settings(precision="bfloat16", style_statistics="gram"),
        Settings(precision="bfloat16", recipe="inetwork", model="vgg19"),
    ],
    ids=lambda each: f"{each.recipe}, {each.style_statistics}, {each.precision}",
)
def test_a_gpu_computes_every_operation_of_a_step_itself(settings):
    objective = Objective.of(settings, network())
    size = 48, 64
    paintings = Paintings([picture(*size, 1), picture(*size, 2)], regions=[LEFT, 1 - LEFT])
    photo = tf.constant(picture(*size)[None])
    targets = groups_of(paintings, objective.extractor, size, LEFT)
    problem = objective.problem(photo, targets, LEFT)
    matching = Matching(objective.extractor, problem, photo, settings.strength, bare=False)
    problem = matching.matched(padded(objective.extractor.canvas(size), photo))
    # GPUs are slow at float64.
    assert tf.float64 not in {each.dtype for each in tf.nest.flatten(problem)}
    assert not_on_a_gpu(program(objective, problem).step.concrete) == set()


def test_a_gpu_compares_places_itself_and_what_has_no_kernel_there_is_noticed():
    assert not_on_a_gpu(neighbours._most_similar.get_concrete_function()) == set()
    larger = TracedFunction(
        lambda x: tf.image.resize(x, [16, 16], "bicubic"), [tf.TensorSpec([1, 8, 8, 3])]
    )
    assert not_on_a_gpu(larger.concrete) == {"ResizeBicubic"}
