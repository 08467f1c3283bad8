"""The time that a step takes on a device."""

from time import perf_counter

import tensorflow as tf

from styletransfer.engine.matching import Matching
from styletransfer.engine.objective import Objective
from styletransfer.engine.optimizers import State, StepParams, initial_content_weight
from styletransfer.engine.scale_optimizer import CHECK_EVERY, program
from styletransfer.engine.style_targets import style_targets
from styletransfer.settings import Settings

MOMENT_S = 0.4


def step_seconds(
    objective: Objective, size: tuple[int, int], settings: Settings, device: str
) -> float:
    """Measures the seconds of a step for a moment, after the first few, in which TensorFlow traces
    the step and chooses its kernels.

    Args:
        objective: The objective of a picture of noise.
        size: Its (height, width) in px.
        settings: Its settings.
        device: TensorFlow's name of the device.
    """
    with tf.device(device):
        noise = tf.random.stateless_uniform([1, *size, 3], [0, 0])
        groups = style_targets([noise[0].numpy()]).groups(objective, size)
        image = objective.canvas(size).padded(noise)
        problem = objective.problem(noise, groups, None)
        problem = Matching(objective, problem, noise).matched(image)
        [params] = StepParams.packed([StepParams.of(settings, rate=0.0, decay=0.0, steering=0.0)])
        step = program(objective, problem).step
        for moment in (0.0, MOMENT_S):
            state = State.start(image, initial_content_weight(settings))
            steps, started, elapsed = 0, perf_counter(), 0.0
            while steps == 0 or elapsed < moment:
                for _ in range(CHECK_EVERY):
                    state, terms = step(state, problem, params)
                terms.numpy()  # Waits for the device, as often as a painting does.
                steps += CHECK_EVERY
                elapsed = perf_counter() - started
    return elapsed / steps
