"""A student to begin with: the teacher, layer by layer, in fewer channels.

Each layer keeps the teacher's channels that explain the others best. Its kernel is the one that,
on what the student's layers before it give, comes nearest to those channels in the least squares
sense; so it makes up for channels and for whole layers that are left out.
"""

import numpy as np
import torch
from scipy.linalg import cholesky, qr, solve
from torch.nn import functional

from lab.training.network import Kernels, Student, centred, convolved, features, pooled

RIDGE = 1e-4  # relative to the mean square of what is regressed on
ROUNDS = 12  # rounds of each regression
MAX_PLACES = 40_000  # places for the fit of a kernel


@torch.no_grad()
def fit_to_teacher(student: Student, teacher: Kernels, images: torch.Tensor) -> None:
    """Set the student's kernels, on images [N, 3, H, W] (0…255). Its features get a root mean
    square of about 1.

    Raises ValueError if it has a layer that the teacher lacks, or a wider one.
    """
    if missing := set(student.widths) - set(teacher):
        raise ValueError(f"the teacher has no layer {min(missing)}")
    wanted, x = features(teacher, images, student.widths), centred(images)
    for name, width in student.widths.items():
        channels = wanted[name].shape[1]
        if width > channels:
            raise ValueError(f"{name} is to have {width} channels, the teacher has {channels}")
        kept = wanted[name][:, _informative_channels(_places(wanted[name]), width)]
        x = pooled(x, name)
        padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        patches = functional.unfold(padded, 3).view(len(x), -1, *x.shape[2:])
        values = kept / kept.square().mean().sqrt()
        matrix, bias = _rectified_regression(_places(patches), _places(values))
        kernel = torch.from_numpy(matrix).view(width, -1, 3, 3)
        student.set(name, kernel, torch.from_numpy(bias))
        x = functional.relu(convolved(x, student.kernel(name), student.biases[name]))


def _rectified_regression(inputs: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(matrix [out, in], bias [out]) such that ReLU(matrix · inputs + bias) is near to `wanted`
    [places, out], which is never negative. At its zeros any value below 0 fits as well, so the
    regression is repeated with those values."""
    ones = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    squares = ones.T @ ones
    squares[np.diag_indices(len(squares) - 1)] += RIDGE * np.trace(squares) / len(squares)
    target = wanted
    for _ in range(ROUNDS):
        solution = solve(squares, ones.T @ target, assume_a="pos")
        target = np.where(wanted > 0, wanted, np.minimum(ones @ solution, 0))
    return solution[:-1].T.copy(), solution[-1].copy()


def _informative_channels(values: np.ndarray, count: int) -> np.ndarray:
    """Return the channels of values [places, C] from which the others are best predicted,
    ascending: a pivoted QR decomposition of their correlation."""
    second = values.T @ values / len(values)
    deviation = np.sqrt(np.diag(second)) + 1e-6
    correlation = second / deviation[:, None] / deviation[None]
    root = cholesky(correlation + 1e-6 * np.eye(len(correlation)))
    return np.sort(qr(root, mode="r", pivoting=True)[1][:count])


def _places(feature: torch.Tensor) -> np.ndarray:
    """Some places of a feature [N, C, h, w]: float64 [places, C]."""
    step = max(1, feature[:, 0].numel() // MAX_PLACES)
    return feature.permute(0, 2, 3, 1).flatten(0, 2)[::step].double().cpu().numpy()
