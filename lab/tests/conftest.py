"""The tests expect a CPU."""

import os

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
