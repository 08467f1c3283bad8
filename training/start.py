"""A student to begin with: the teacher, layer by layer, in fewer channels.

Each layer keeps the teacher's channels that explain the others best. Its kernel is the one that,
on what the student's layers before it give, comes nearest to those channels in the least squares
sense; so it makes up for channels and for whole layers that are left out.
"""

import numpy as np
import torch
from scipy.linalg import cholesky, qr, solve
from torch.nn import functional

from training.network import Student, Teacher

RIDGE = 1e-4  # relative to the mean square of what is regressed on
MAX_POSITIONS = 40_000  # that a kernel is fitted on


@torch.no_grad()
def fit_to_teacher(student: Student, teacher: Teacher, images: torch.Tensor) -> None:
    """Sets the student's kernels, on images [N, 3, H, W] (0…255). Raises ValueError if it has a
    layer that the teacher lacks, or a wider one."""
    if missing := set(student.widths) - set(teacher.names):
        raise ValueError(f"the teacher has no layer {min(missing)}")
    features = teacher(images, list(student.widths))
    for name, width in student.widths.items():
        wanted = features[name]
        if width > wanted.shape[1]:
            raise ValueError(
                f"{name} is to have {width} channels, the teacher has {wanted.shape[1]}"
            )
        wanted = wanted[:, torch.from_numpy(_telling_channels(wanted, width))]
        inputs = student.inputs(images, name)
        padded = functional.pad(inputs, (1, 1, 1, 1), mode="replicate")
        step = max(1, wanted[:, 0].numel() // MAX_POSITIONS)
        patches = functional.unfold(padded, 3).permute(0, 2, 1).flatten(0, 1)[::step]
        values = wanted.flatten(2).permute(0, 2, 1).flatten(0, 1)[::step]
        values = values / values.square().mean().sqrt()
        matrix, bias = _rectified_regression(_wide(patches), _wide(values))
        student.matrices[name].copy_(torch.from_numpy(matrix))
        student.biases[name].copy_(torch.from_numpy(bias))


def _rectified_regression(inputs: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(matrix [out, in], bias [out]) such that ReLU(matrix · inputs + bias) is near to `wanted`
    [positions, out], which is never negative. Where it is 0, whatever the matrix gives below 0
    serves as well: the regression is repeated towards that."""
    ones = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    squares = ones.T @ ones
    squares[np.diag_indices(len(squares) - 1)] += RIDGE * np.trace(squares) / len(squares)
    target = wanted
    for _ in range(12):
        solution = solve(squares, ones.T @ target, assume_a="pos")
        target = np.where(wanted > 0, wanted, np.minimum(ones @ solution, 0))
    return solution[:-1].T.copy(), solution[-1].copy()


def _telling_channels(feature: torch.Tensor, count: int) -> np.ndarray:
    """The channels of a feature [N, C, h, w] from which the others are best predicted, ascending:
    a pivoted QR decomposition of their correlation."""
    step = max(1, feature[:, 0].numel() // MAX_POSITIONS)
    values = _wide(feature.permute(0, 2, 3, 1).flatten(0, 2)[::step])
    second = values.T @ values / len(values)
    deviation = np.sqrt(np.diag(second)) + 1e-6
    correlation = second / deviation[:, None] / deviation[None]
    root = cholesky(correlation + 1e-6 * np.eye(len(correlation)))
    return np.sort(qr(root, mode="r", pivoting=True)[1][:count])


def _wide(tensor: torch.Tensor) -> np.ndarray:
    return tensor.double().cpu().numpy()

