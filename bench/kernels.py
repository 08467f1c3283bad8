"""How many floating-point operations there are in what bench/performance.py measures.

A convolution 3 × 3 from C to C′ channels at h × w positions is 2 · 9 · C · C′ · h · w of them (each
product and each sum is one), and the gradient of what went into it is as many. A step needs both,
for each convolution of VGG19 up to conv5_1, the deepest layer compared: 36 · Σ C · C′ · h · w.
Nothing else of a step is counted, nor what tiles compute twice.
"""

from styletransfer.vgg.registry import layer_shapes

CANVAS = 16  # px; the engine lays a picture on a canvas whose sides are multiples of it
DEEPEST = "conv5_1"
CHAIN = {"cpu": 1, "gpu": 100}  # so many in a row, or asking for them would take longer
PRODUCT = 4096  # rows and columns of the matrices that are multiplied
CONVOLUTIONS = {256: 256, 512: 128}  # channels from and to: positions on each side


def step_operations(height: int, width: int) -> int:
    """Of a step of the engine's for a picture of this size in px."""
    height, width = (side + -side % CANVAS for side in (height, width))
    total = 0
    for layer, (rows, columns, before, after) in layer_shapes("vgg19").items():
        shrunk = 2 ** (int(layer[4]) - 1)
        positions = (height // shrunk) * (width // shrunk)
        total += 2 * (2 * rows * columns * before * after * positions)
        if layer == DEEPEST:
            break
    return total


def kernel_operations(kind: str, computer: str = "cpu") -> int:
    """Of a chain of `product`, or of `convolution256` or `convolution512`, on `cpu` or `gpu`."""
    if kind == "product":
        return CHAIN[computer] * 2 * PRODUCT**3
    channels = int(kind.removeprefix("convolution"))
    return CHAIN[computer] * 2 * 9 * channels**2 * CONVOLUTIONS[channels] ** 2
