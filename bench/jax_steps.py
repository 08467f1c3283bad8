"""Steps of this engine under JAX, without TensorFlow: a worker (bench/stepping.py) of bench/gpu.py.

    python bench/jax_steps.py FOLDER HEIGHT WIDTH cpu|gpu

FOLDER/programs has what `bench/gpu.py --parts export` wrote where TensorFlow is. JAX reads the
device from its own variable, JAX_PLATFORMS. The only name is `step`.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import numpy as np
from portable_step import arguments_of, loaded
from stepping import most_memory, serve


def main() -> None:
    """Serves the step of one size."""
    programs, width = Path(sys.argv[1]) / "programs", sys.argv[3]
    device = jax.devices()[0]

    def prepare(_: str) -> Callable[[], object]:
        about = json.loads((programs / "about.json").read_text())
        with np.load(programs / "arguments.npz") as file:
            arguments = arguments_of(list(file.values()), about, width)
        program = loaded(programs, width, device)

        def step() -> object:
            # The state comes first among the arguments, and the terms last among the results.
            *state, terms = program.execute(arguments)
            arguments[: len(state)] = state
            return np.asarray(terms)

        return step

    def memory() -> int:
        known = device.memory_stats()
        return known["peak_bytes_in_use"] if known else most_memory()

    serve(prepare, memory)


if __name__ == "__main__":
    main()
