"""The number of floating-point operations in what bench/performance.py and bench/gpu.py measure.

A 3 × 3 convolution from C to C′ channels at h × w positions takes 2 · 9 · C · C′ · h · w operations
(products and sums), and so does the gradient of its input. A step needs both, for each convolution
of VGG19 up to conv4_1, the deepest layer compared: 36 · Σ C · C′ · h · w.
Nothing else of a step is counted, nor what tiles compute twice.
"""

import repository  # noqa: F401 – it finds the package

from styletransfer.vgg.registry import layer_shapes

DEEPEST = "conv4_1"
CHAIN = {"cpu": 1, "gpu": 100}  # operations in a row, to hide the time of launching them
PRODUCT = 4096  # rows and columns of the multiplied matrices
CONVOLUTIONS = {256: 256, 512: 128}  # channels from and to: positions on each side


def step_operations(height: int, width: int) -> int:
    """Operations of a step of the engine for a picture of this size in px."""
    # As engine/canvas.py, which loads TensorFlow: margins of 8, sides that are multiples of 16.
    height, width = (-(-(side + 16) // 16) * 16 for side in (height, width))
    total = 0
    for layer, (rows, columns, before, after) in layer_shapes("vgg19").items():
        shrunk = 2 ** (int(layer[4]) - 1)
        positions = (height // shrunk) * (width // shrunk)
        total += 2 * (2 * rows * columns * before * after * positions)
        if layer == DEEPEST:
            break
    return total


def kernel_operations(kind: str) -> int:
    """Operations of `product`, `convolution256` or `convolution512`, one of its chain."""
    if kind == "product":
        return 2 * PRODUCT**3
    channels = int(kind.removeprefix("convolution"))
    return 2 * 9 * channels**2 * CONVOLUTIONS[channels] ** 2
