"""Muon, in float32: PyTorch's own computes in bfloat16, which most processors only emulate."""

from collections.abc import Iterable

import torch

MOMENTUM = 0.95
# The quintic of Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks": its
# iterates bring all singular values near to 1 in few steps.
ITERATIONS, COEFFICIENTS = 5, (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Steps along the orthogonalised momentum of each matrix. lr: the root mean square of a step's
    elements; each group may have its own."""

    def __init__(self, groups: Iterable[dict[str, object]]) -> None:
        super().__init__(groups, {"lr": 1e-3})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Move each matrix that has a gradient."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum"] = torch.zeros_like(matrix)
                momentum = state["momentum"].lerp_(matrix.grad, 1 - MOMENTUM)
                direction = orthogonalised(matrix.grad.lerp(momentum, MOMENTUM))
                matrix.add_(direction, alpha=-group["lr"] * max(matrix.shape) ** 0.5)


def orthogonalised(matrix: torch.Tensor) -> torch.Tensor:
    """Return a matrix [m, n] with the same singular vectors, and singular values of about 1."""
    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-12)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if len(matrix) <= matrix.shape[1] else x.T
