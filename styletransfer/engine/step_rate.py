"""The rate of steps on a device that paints several pictures at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import tensorflow as tf

from styletransfer.engine.matching import Matching
from styletransfer.engine.objective import Objective
from styletransfer.engine.optimizers import State, StepParams, initial_content_weight
from styletransfer.engine.scale_optimizer import CHECK_EVERY, program
from styletransfer.engine.style_targets import style_targets
from styletransfer.settings import Settings

MOMENT_S = 0.4


class StepRate:
    """Paints noise with one or more workers on a device for a moment.

    Args:
        objective: The pictures' objective.
        size: The pictures' (height, width) in px.
        settings: The pictures' settings.
        device: TensorFlow's name of the device.
    """

    def __init__(
        self, objective: Objective, size: tuple[int, int], settings: Settings, device: str
    ) -> None:
        self._device = device
        with tf.device(device):
            noise = tf.random.stateless_uniform([1, *size, 3], [0, 0])
            groups = style_targets([noise[0].numpy()]).groups(objective, size)
            self._image = objective.canvas(size).padded(noise)
            problem = objective.problem(noise, groups, None)
            self._problem = Matching(objective, problem, noise).matched(self._image)
            self._weight = initial_content_weight(settings)
            params = StepParams.of(settings, rate=0.0, decay=0.0, steering=0.0)
            [self._params] = StepParams.packed([params])
            self._step = program(objective, self._problem).step
            self._paint(0.0)  # TensorFlow traces the step, and chooses its kernels.

    def measure(self, workers: int) -> float:
        """Returns the steps per second of this number of workers together. Raises
        tf.errors.OpError, for example if memory runs out."""
        together = threading.Barrier(workers)

        def paint() -> float:
            with tf.device(self._device):
                together.wait()
                return self._paint(MOMENT_S)

        with ThreadPoolExecutor(workers) as pool:
            return sum(each.result() for each in [pool.submit(paint) for _ in range(workers)])

    def _paint(self, seconds: float) -> float:
        """Returns the steps per second of this thread, which waits for the device as often as a
        painting does."""
        state, steps, started = State.start(self._image, self._weight), 0, perf_counter()
        while True:
            for _ in range(CHECK_EVERY):
                state, terms = self._step(state, self._problem, self._params)
            terms.numpy()
            steps += CHECK_EVERY
            elapsed = perf_counter() - started
            if elapsed >= seconds:
                return steps / elapsed
