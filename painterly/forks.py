"""Values that a forked process cannot share with its parent. It lacks the threads of pools, and a
thread that it lacks may have held a lock."""

import os
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def per_process(make: Callable[[], Value]) -> Callable[[], Value]:
    """Return a function that makes a value once in each process, and then returns it.

    A fork leaves its parent's value alone, because the end of a pool would wait for its threads.
    """
    made: dict[int, Value] = {}

    def value() -> Value:
        process = os.getpid()
        if process not in made:
            made.setdefault(process, make())  # Another thread may have been faster.
        return made[process]

    return value
