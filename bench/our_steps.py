"""Steps of this engine, and the processor's peak, in TensorFlow: a worker (bench/stepping.py) of
bench/performance.py and bench/gpu.py.

    python bench/our_steps.py FOLDER HEIGHT WIDTH cpu|gpu

FOLDER has photo.npy, painting.npy and vgg.npz. A name is a kind and a dtype, as `whole bfloat16`:

- `whole`: an untiled step of `stylize`; `compiled`: the same by XLA; `tiled`: with all blocks in
  tiles; `tiled1-2`: with the first two blocks in tiles, the others whole.
- `builtin`: `whole` with the built-in network.
- `paintings4`: `whole` with as many paintings blended.
- `network`: VGG alone, its features and the backpropagation through them.
- `product`, `convolution256`, `convolution512`: chains of large matrix products, and of large 3 × 3
  convolutions with so many channels (bench/kernels.py).
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from contestants import BUILT_IN
from kernels import CHAIN, CONVOLUTIONS, PRODUCT
from stepping import most_memory, serve

from styletransfer import Settings, load_vgg
from styletransfer.devices import tensorflow
from styletransfer.engine import pyramid
from styletransfer.engine.canvas import Canvas
from styletransfer.engine.losses import STYLE_LAYERS
from styletransfer.engine.objective import Objective
from styletransfer.engine.optimizers import State, averaging_decay, initial_content_weight
from styletransfer.engine.program import StepParams, program
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.engine.tiled_gradient import UNTILED, Tiling
from styletransfer.vgg.network import VGG, NetworkOptions
from styletransfer.vgg.registry import Weights

TILED = {"tiled": Tiling(6, 64), "tiled1-2": Tiling(3, 128)}
SMALL = (64, 96)  # px, for tracing, which takes as long as steps of large pictures

Step = Callable[[], object]


def painting_step(
    vgg: VGG, photo: tf.Tensor, paintings: list[np.ndarray], kind: str, dtype: str
) -> Step:
    """Steps of Adam starting from photo [1, H, W, 3], with the default settings."""
    settings = Settings(precision=dtype)
    objective = Objective.of(settings, vgg)
    groups = StyleTargets(paintings).groups(objective, tuple(photo.shape[1:3]))
    problem = objective.problem(photo, groups, None)
    canvas = objective.canvas(tuple(photo.shape[1:3]))
    problem = objective.matched(problem, canvas.padded(photo), photo)
    functions = program(objective, problem, TILED.get(kind, UNTILED))
    decay = averaging_decay(settings.iterations, settings.averaging)
    numbers = StepParams.of(settings, settings.learning_rate, decay, steering=1.0)
    [params] = StepParams.packed([numbers])
    state = State.start(canvas.padded(photo), initial_content_weight(settings))
    take = functions.compiled_step if kind == "compiled" else functions.step

    def step() -> np.ndarray:
        nonlocal state
        state, terms = take(state, problem, params)
        return terms.numpy()

    return step


def network_step(vgg: VGG, photo: tf.Tensor, dtype: str) -> Step:
    """VGG up to the deepest style layer, of photo [1, H, W, 3] on the engine's canvas, and the
    gradient of that layer's sum."""

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.float32)])
    def gradient(image: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(image)
            layer = STYLE_LAYERS[-1]
            options = NetworkOptions("max", tf.as_dtype(dtype), "replicate")
            feature = vgg.forward(image, [layer], options)[layer]
        return tape.gradient(feature, image)

    canvas = Canvas.around(pyramid.picture_size(photo[0]))
    padded = canvas.padded(photo)
    return lambda: canvas.cropped(gradient(padded)).numpy()


def product(dtype: str, chain: int) -> Step:
    """Products of square matrices."""
    generator = tf.random.Generator.from_seed(0)
    left, right = (tf.cast(generator.normal([PRODUCT] * 2), dtype) for _ in range(2))
    right /= PRODUCT**0.5  # Keeps values near 1.

    @tf.function
    def multiply() -> tf.Tensor:
        x = left
        for _ in range(chain):
            x = tf.linalg.matmul(x, right)
        return x[0, 0]

    return lambda: multiply().numpy()


def convolution(channels: int, dtype: str, chain: int) -> Step:
    """Convolutions of VGG's kind."""
    generator, side = tf.random.Generator.from_seed(0), CONVOLUTIONS[channels]
    start = tf.cast(generator.normal([1, side, side, channels]), dtype)
    kernel = tf.cast(generator.normal([3, 3, channels, channels]), dtype)
    kernel /= (9 * channels) ** 0.5

    @tf.function
    def convolve() -> tf.Tensor:
        x = start
        for _ in range(chain):
            x = tf.nn.conv2d(x, kernel, 1, "SAME")
        return x[0, 0, 0, 0]

    return lambda: convolve().numpy()


def network(file: Path) -> VGG:
    """VGG19 with the shared weights."""
    with np.load(file) as arrays:
        kernels = {
            name[:-2]: (arrays[name], arrays[f"{name[:-2]}_b"])
            for name in sorted(arrays)
            if name.endswith("_W")
        }
        return VGG(Weights("vgg19", "shared", kernels, arrays["mean"]))


def main() -> None:
    """Serves all steps for one size."""
    folder, size, computer = Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])), sys.argv[4]
    tensorflow.choose_devices(computer)
    vgg = network(folder / "vgg.npz")
    photo = pyramid.resample(pyramid.to_batch(np.load(folder / "photo.npy")), size)
    painting = np.load(folder / "painting.npy")

    def prepare(name: str) -> Step:
        kind, dtype = name.split()
        if kind == "product":
            return product(dtype, CHAIN[computer])
        if kind.startswith("convolution"):
            return convolution(int(kind.removeprefix("convolution")), dtype, CHAIN[computer])
        if kind == "network":
            return network_step(vgg, photo, dtype)
        count = int(kind.removeprefix("paintings")) if kind.startswith("paintings") else 1
        paintings = [np.roll(painting, 50 * number, axis=1) for number in range(count)]
        chosen = load_vgg() if kind == BUILT_IN else vgg
        if kind != "compiled":  # For each size anew, which would be of no use here.
            painting_step(chosen, pyramid.resample(photo, SMALL), paintings, kind, dtype)()
        return painting_step(chosen, photo, paintings, kind, dtype)

    serve(prepare, gpu_memory if computer == "gpu" else most_memory)


def gpu_memory() -> int:
    """The most bytes that TensorFlow has held on the GPU so far."""
    return tf.config.experimental.get_memory_info("GPU:0")["peak"]


if __name__ == "__main__":
    main()
