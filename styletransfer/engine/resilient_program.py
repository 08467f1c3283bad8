"""A picture's program at one scale, which goes on with smaller tiles when memory runs out, and
without XLA when that fails."""

import dataclasses
from time import perf_counter
from typing import Any

import tensorflow as tf

from styletransfer.engine.compilation import StepTimer, of_this_process
from styletransfer.engine.memory_model import MemoryPlan, MemoryPlanner
from styletransfer.engine.objective import Objective, Problem
from styletransfer.engine.optimizers import State
from styletransfer.engine.program import program
from styletransfer.log import logger
from styletransfer.settings import Settings


class ResilientProgram:
    """`Program` for one problem. Both of its functions raise MemoryShortError when there are no
    smaller tiles to continue with."""

    def __init__(
        self, objective: Objective, problem: Problem, planner: MemoryPlanner, plan: MemoryPlan
    ) -> None:
        self._objective, self._problem = objective, problem
        self._planner, self._plan = planner, plan
        self._program = program(objective, problem, plan.tiling)
        self._key: Any = None  # of what is compiled
        self._compiles = False
        self._timer = StepTimer()

    def solve(self, problem: Problem) -> None:
        """Goes on with another problem of the same structure."""
        self._problem = problem

    def compile_where_it_pays(self, image: tf.Tensor, steps: int, settings: Settings) -> None:
        """Chooses whether XLA compiles the next `steps` steps of a picture on a canvas as large as
        image [1, H, W, 3]."""
        self._key = self._objective, tuple(image.shape[1:3]), image.device
        self._compiles = self._program.compiled_step is not None and of_this_process.wanted(
            self._key, steps, settings
        )

    def step(self, state: State, params: tf.Tensor) -> tuple[State, tf.Tensor]:
        """The state after a step of Adam, and the weighted terms [4]. params: packed."""
        arguments = state, self._problem, params
        if self._compiles:
            assert self._program.compiled_step is not None
            started = perf_counter()
            try:
                found = self._program.compiled_step(*arguments)
            except tf.errors.OpError as error:
                of_this_process.failed(error)
                self._compiles, self._timer = False, StepTimer()
            else:
                if self._timer.first is None:
                    self._timer.first = perf_counter() - started
                return found
        return self._within_memory("step", *arguments)

    def gradient(self, image: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The unweighted terms [4] of image [1, H, W, 3], and the gradient of their sum weighted by
        `weights` [4]."""
        return self._within_memory("gradient", image, self._problem, weights)

    def done(self, number: int) -> None:
        """The device is done with step `number`: steps are timed by it."""
        self._timer.done(number)

    def ended(self) -> None:
        """There are no more steps: what compiling costs and saves is learnt from those there
        were."""
        if self._key is not None and self._program.compiled_step:
            of_this_process.took(self._key, self._timer)

    def _within_memory(self, name: str, *arguments: Any) -> tuple[Any, Any]:
        while True:
            try:
                return getattr(self._program, name)(*arguments)
            except (tf.errors.ResourceExhaustedError, MemoryError):
                self._plan = self._planner.plan_with_less(self._plan)
                logger.warning("memory ran out; continuing with less: %s", self._plan)
            except tf.errors.OpError as error:
                if not self._objective.compiled_terms:
                    raise
                of_this_process.failed(error)
                self._objective = dataclasses.replace(self._objective, compiled_terms=False)
            self._program = program(self._objective, self._problem, self._plan.tiling)
