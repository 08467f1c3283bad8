"""Decides what XLA compiles, and launches traced functions.

TensorFlow launches a step's operations one by one, several hundred of them, and a fast GPU waits
for each. XLA joins them into few kernels. The operations from sums to losses work on matrices of
the same shapes for pictures of all sizes, so they are compiled once, at the start. A whole step is
compiled again for every size and shape, once the process has painted enough there to pay for it.
"""

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from functools import cache
from logging import WARNING
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

from painterly.devices.choose import gpus_in_use
from painterly.forks import cached_property
from painterly.log import event
from painterly.settings.settings import Settings
from painterly.vgg.ops import traced_for_xla

# Measured on an H200 with the built-in network: the seconds that it takes to compile a step, and
# those that a compiled step saves, a constant and as many for each million pixels.
COMPILING_S = 13.0
SAVED_S, SAVED_S_PER_MEGAPIXEL = 0.0035, 0.006
MAX_COUNTED = 1000  # programs; then the oldest is forgotten

failed = threading.Event()  # Nothing is compiled after a failure.
_lock = threading.Lock()
saved: defaultdict[Hashable, float] = defaultdict(float)  # seconds, by program


def compiles_steps(
    settings: Settings, program: Hashable, size: tuple[int, int], steps: int
) -> bool:
    """Return whether XLA should compile steps.

    On a GPU it does so as soon as compiling would have paid off over the steps of this process so
    far. Photos of a batch often have the same size, and then most of them are painted by a compiled
    program. `program` is equal for steps that share one.
    """
    if settings.optimizer != "adam" or settings.compile == "never" or failed.is_set():
        return False
    # XLA chooses among a GPU's algorithms by their time, so rounding may change.
    if settings.compile == "always" or settings.deterministic or not gpus_in_use():
        return settings.compile == "always"
    with _lock:
        saved[program] += steps * saved_seconds(size)
        if len(saved) > MAX_COUNTED:
            del saved[next(iter(saved))]
        return saved[program] >= COMPILING_S


def saved_seconds(size: tuple[int, int]) -> float:
    """Return the seconds that a compiled step on a canvas of `size` (height, width) saves."""
    return SAVED_S + SAVED_S_PER_MEGAPIXEL * math.prod(size) / 1e6


def compiles_terms(settings: Settings) -> bool:
    """Return whether XLA compiles the operations from sums to losses, which takes a second or two
    and always pays on a GPU."""
    if not gpus_in_use() or settings.deterministic or settings.compile == "never":
        return False
    return settings.optimizer == "adam" and not failed.is_set() and xla_works()


class TracedFunction:
    """A function of nested tensors that is traced when it is first called, and launched without a
    check of its arguments' shapes. XLA may compile it, for each size.

    `tf.function` checks them in Python, which takes 1.5 ms for the 60 tensors of a step: longer
    than a GPU takes for the step of a small picture.
    """

    def __init__(
        self, function: Callable[..., Any], specs: Sequence[Any], compiled: bool = False
    ) -> None:
        self._function, self._specs, self._compiled = function, specs, compiled
        self._options = _launch_options()
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        with self._lock:  # One painter traces, and the others wait.
            traced = self.concrete
        outputs = tf.raw_ops.StatefulPartitionedCall(
            args=[*tf.nest.flatten(arguments), *traced.captured_inputs],
            Tout=[each.dtype for each in traced.outputs],
            f=traced,
            config_proto=self._options,
        )
        return tf.nest.pack_sequence_as(traced.structured_outputs, outputs)

    @cached_property
    def concrete(self) -> Any:
        """The traced function, a tf.types.experimental.ConcreteFunction."""
        function = self._function
        if self._compiled:  # XLA compiles only a function that another one calls.
            function = tf.function(function, autograph=False, jit_compile=True)
        traced = tf.function(
            lambda *arguments: function(*arguments), autograph=False, input_signature=self._specs
        )
        with traced_for_xla() if self._compiled else nullcontext():
            return traced.get_concrete_function()


def xla_failed(error: tf.errors.OpError) -> None:
    """Log that XLA failed. From then on, nothing is compiled in this process."""
    failed.set()
    reason = " ".join(str(error.message).split())[:200]
    event(f"steps cannot be compiled here, and are slower: {reason}", level=WARNING)


@cache
def xla_works() -> bool:
    """Return whether XLA compiles here: it needs more of CUDA's libraries than TensorFlow."""
    squared = tf.function(lambda x: tf.matmul(x, x) + x, autograph=False, jit_compile=True)
    try:
        return bool((squared(tf.ones([8, 8])).numpy() == 9).all())
    except tf.errors.OpError as error:
        xla_failed(error)
        return False


def _launch_options() -> bytes:
    """Return TensorFlow's options for launching a function.

    On a CPU, its graph is optimised once instead of twice, and not by what changes nothing in the
    graph of a step: that takes 0.1 to 0.2 s each.
    """
    options = ConfigProto()
    if not gpus_in_use():
        rewriting = options.graph_options.rewrite_options
        rewriting.meta_optimizer_iterations = RewriterConfig.ONE
        rewriting.layout_optimizer = rewriting.loop_optimization = RewriterConfig.OFF
        rewriting.memory_optimization = RewriterConfig.NO_MEM_OPT
    return bytes(options.SerializeToString())
