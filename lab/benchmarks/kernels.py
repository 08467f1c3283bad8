"""Speed of the networks' convolutions: a worker of processor.py.

    python lab/benchmarks/kernels.py --library tensorflow|torch [--precision float32] [--size 512]

Prints a line of JSON for each convolution of the built-in network and of VGG19 that a step needs,
in the shapes of a 3:2 picture of this size: the layer's channels and shape, and floating-point
operations a second of

- forward: the convolution with constant weights, bias and ReLU, as a step computes it
- loose: the same with weights that are an argument, for which oneDNN may have slower kernels
- gradient: the gradient of its input

With torch, forward and loose are the same.
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from common import Result

SHAPES = {  # channels in, channels out, px per position
    "builtin": ((3, 32, 1), (32, 64, 2), (64, 64, 2), (64, 128, 4), (128, 128, 4), (128, 256, 8)),
    "vgg19": (
        *((3, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 2)),
        *((128, 256, 4), (256, 256, 4), (256, 512, 8)),
    ),
}
MOMENT_S = 0.5

Timed = dict[str, Callable[[], object]]


def main() -> None:
    """Measure each convolution and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--library", choices=("tensorflow", "torch"), required=True)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--size", type=int, default=512, help="longer side in px")
    args = parser.parse_args()
    kernels = {"tensorflow": in_tensorflow, "torch": in_torch}[args.library]
    random = np.random.default_rng(0)
    for network, shapes in SHAPES.items():
        for channels, outputs, side in shapes:
            height, width = args.size * 2 // 3 // side, args.size // side
            image = random.normal(size=(1, height + 2, width + 2, channels)).astype("float32")
            kernel = random.normal(size=(3, 3, channels, outputs)).astype("float32")
            bias = np.zeros(outputs, "float32")
            work = 2 * kernel.size * height * width
            result: Result = {
                "layer": f"{network} {channels} → {outputs} at {width} × {height}",
                **{
                    name: work / seconds(function)
                    for name, function in kernels(image, kernel, bias, args.precision).items()
                },
            }
            print(json.dumps(result), flush=True)


def seconds(function: Callable[[], object]) -> float:
    """Return the shortest time of a call within a moment, without the first two calls."""
    function(), function()
    times, ends = [], time.perf_counter() + MOMENT_S
    while time.perf_counter() < ends:
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


def in_tensorflow(image: np.ndarray, kernel: np.ndarray, bias: np.ndarray, precision: str) -> Timed:
    """Return the three ways in TensorFlow, as this engine uses it."""
    import tensorflow as tf

    from painterly.devices.choose import one_operation_at_a_time

    one_operation_at_a_time()
    dtype = tf.as_dtype(precision)
    weights, x = kernel.astype(dtype.as_numpy_dtype), tf.cast(image, dtype)
    shape = [1, image.shape[1] - 2, image.shape[2] - 2, kernel.shape[3]]
    upstream = tf.cast(tf.random.normal(shape), dtype)
    given, offsets = tf.constant(weights), tf.constant(bias, dtype)

    def convolved(x: tf.Tensor, weights: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        found = tf.nn.conv2d(x, weights, 1, "VALID")
        return tf.nn.relu(tf.nn.bias_add(found, bias))

    @tf.function(autograph=False)
    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d_transpose(upstream, tf.constant(weights), x.shape, 1, "VALID")

    @tf.function(autograph=False)
    def forward(x: tf.Tensor) -> tf.Tensor:
        return convolved(x, tf.constant(weights), tf.constant(bias, dtype))

    loose = tf.function(convolved, autograph=False)
    return {
        "forward": lambda: forward(x)[0, 0, 0, 0].numpy(),
        "loose": lambda: loose(x, given, offsets)[0, 0, 0, 0].numpy(),
        "gradient": lambda: gradient(upstream)[0, 0, 0, 0].numpy(),
    }


def in_torch(image: np.ndarray, kernel: np.ndarray, bias: np.ndarray, precision: str) -> Timed:
    """Return the same in PyTorch, in its usual layout."""
    import torch
    from torch.nn import functional

    dtype = getattr(torch, precision)
    x = torch.tensor(image).permute(0, 3, 1, 2).contiguous().to(dtype)
    weights = torch.tensor(kernel).permute(3, 2, 0, 1).contiguous().to(dtype)
    offsets = torch.tensor(bias).to(dtype)
    upstream = torch.ones_like(functional.conv2d(x, weights))

    def forward() -> float:
        with torch.no_grad():
            return functional.relu_(functional.conv2d(x, weights, offsets))[0, 0, 0, 0].item()

    def gradient() -> float:
        return torch.nn.grad.conv2d_input(x.shape, weights, upstream)[0, 0, 0, 0].item()

    return {"forward": forward, "loose": forward, "gradient": gradient}


if __name__ == "__main__":
    main()
