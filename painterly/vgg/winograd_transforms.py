"""The transforms of Winograd's convolution F(4 × 4, 3 × 3) (Lavin & Gray 2016, "Fast Algorithms for
Convolutional Neural Networks").

It computes a block of 4 × 4 results from 6 × 6 inputs with a quarter of a direct convolution's
multiplications. The points are 0, ±1, ½ and −2 (Barabasz et al. 2020, "Error Analysis and Improving
the Accuracy of Winograd Convolution"): with 0, ±1 and ±2 the error is 1.6 times as large.
"""

import numpy as np

BLOCK, TILE = 4, 6  # positions of a side of the results and of the inputs
# The matrices that transform one dimension of inputs, kernels and products.
_INPUT = np.array(
    [
        [1, -3 / 2, -2, 3 / 2, 1, 0],
        [0, -1, 1 / 2, 5 / 2, 1, 0],
        [0, 1, -5 / 2, 1 / 2, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 1 / 2, -1, -1 / 2, 1, 0],
        [0, 1, -3 / 2, -2, 3 / 2, 1],
    ]
)
_KERNEL = np.array(
    [
        [1, 0, 0],
        [1 / 3, 1 / 3, 1 / 3],
        [-1 / 3, 1 / 3, -1 / 3],
        [-16 / 15, -8 / 15, -4 / 15],
        [1 / 15, -2 / 15, 4 / 15],
        [0, 0, 1],
    ]
)
_OUTPUT = np.array(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 1 / 2, -2, 0],
        [0, 1, 1, 1 / 4, 4, 0],
        [0, 1, -1, 1 / 8, -8, 1],
    ]
)
# The transforms of both dimensions: one product is faster than two along different axes. bfloat16
# holds the elements of INPUTS and OUTPUTS exactly.
INPUTS, KERNELS, OUTPUTS = (np.kron(each, each) for each in (_INPUT, _KERNEL, _OUTPUT))


def transformed(kernel: np.ndarray) -> np.ndarray:
    """Return a kernel [3, 3, C, C′] as the products need it, float64 [36, C, C′]."""
    blocks = KERNELS @ kernel.reshape(9, -1).astype(np.float64)
    return blocks.reshape(TILE**2, *kernel.shape[2:])
