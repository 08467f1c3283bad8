"""The trial of all GPUs, or of one: `python -m painterly.devices.try_gpu [NUMBER]`.

It ends with 0 if they work, and otherwise prints the flaw and ends with 1, unless TensorFlow aborts
it.
"""

import contextlib
import signal
import sys
from collections.abc import Callable

import tensorflow as tf

from painterly.devices.choose import fastest_precision
from painterly.words.wording import one_line

LIFETIME_S = 600  # if the process that waits for it is killed, and the GPU does not answer


def main() -> None:
    """Try all GPUs, or the one that the command line names, by CUDA's number."""
    signal.alarm(LIFETIME_S)
    gpus = tf.config.list_physical_devices("GPU")
    if sys.argv[1:]:
        gpus = gpus[int(sys.argv[1]) :][:1]
        tf.config.set_visible_devices(gpus, "GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    flaws = [flaw_of(f"GPU:{number}") for number in range(len(gpus))] or ["it lists no GPU"]
    if flaw := next(filter(None, flaws), None):
        print(flaw)
        sys.exit(1)


def flaw_of(name: str) -> str | None:
    """Return the flaw of a device such as `GPU:0` in one line.

    The answer is None if all operations ran there, and nowhere else, with the right results.
    """
    kind = fastest_precision()
    operations: dict[str, tuple[Callable[[], tf.Tensor], float]] = {
        "a convolution": (lambda: _convolution(kind), 3 * 3 * 16),
        "an elementwise product": (lambda: tf.fill([64], 2.0) * tf.fill([64], 3.0), 6),
        "a cast": (lambda: tf.cast(tf.cast(tf.fill([64], 2.0), kind), tf.float32), 2),
        f"a reduction in {kind}": (lambda: tf.reduce_sum(tf.ones([8, 8], kind), 0), 8),
    }
    soft = tf.config.get_soft_device_placement()
    tf.config.set_soft_device_placement(False)  # Otherwise TensorFlow falls back to the CPU.
    try:
        with tf.device(name):
            for what, (compute, expected) in operations.items():
                if flaw := _flaw_of_operation(name, compute, expected):
                    return f"{what} {flaw}"
            # The engine does without XLA if it only fails.
            with contextlib.suppress(tf.errors.OpError):
                _compiled_gradient(tf.ones([8, 8]), kind).numpy()
    finally:
        tf.config.set_soft_device_placement(soft)
    if name.startswith("GPU") and not tf.config.experimental.get_memory_info(name)["peak"]:
        return "took none of its memory"
    return None


def _flaw_of_operation(name: str, compute: Callable[[], tf.Tensor], expected: float) -> str | None:
    try:
        result = compute()
        right = bool((tf.cast(result, tf.float32).numpy() == expected).all())
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        return f"failed: {one_line(error)[:200]}"
    if not result.device.endswith(name):
        return f"for {name} ran on {result.device}"
    return None if right else "gave a wrong result"


def _convolution(kind: str) -> tf.Tensor:
    return tf.nn.conv2d(tf.ones([1, 8, 8, 16], kind), tf.ones([3, 3, 16, 16], kind), 1, "VALID")


@tf.function(autograph=False, jit_compile=True)
def _compiled_gradient(x: tf.Tensor, kind: str) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(tf.cast(tf.cast(x, kind) ** 2, tf.float32))
    return tape.gradient(loss, x)


if __name__ == "__main__":
    main()
