"""Values that a forked process cannot share with its parent. It lacks the threads of pools, and a
thread that it lacks may have held a lock."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

Value = TypeVar("Value")

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from functools import cached_property as cached_property  # noqa: TID251
else:

    class cached_property:  # noqa: N801  A function in all but name.
        """A property that is computed at its first use. Python 3.11's own holds a lock of all
        objects of a class meanwhile, which another thread may hold while a process is forked."""

        def __init__(self, compute: Callable[[Any], Value]) -> None:
            self.compute = compute
            self.__doc__ = compute.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, instance: Any, owner: type) -> Any:
            if instance is None:
                return self
            value = vars(instance)[self.name] = self.compute(instance)
            return value


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
