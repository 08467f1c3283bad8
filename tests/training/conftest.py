"""Tests of the training load PyTorch and TensorFlow in one process."""

import sys

# PyTorch for GPUs brings Triton, which crashes next to TensorFlow when an optimiser loads it. To
# PyTorch it is missing now. The training itself loads no TensorFlow.
sys.modules["triton"] = None
