"""State machines: any sequence of steps, compared with a model of what they should do.

A machine that passes proves only what it has reached, so each counts that:

    class Shelf(Machine):
        @rule(book=some.sampled_from("abc"))
        def put(self, book): ...
            self.reach("a book twice")

    play(Shelf, examples=20, steps=15, reaches={"a book twice"})
"""

from collections import Counter
from typing import ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from support.fuzzing import SEED


class Machine(RuleBasedStateMachine):
    """A state machine that counts what its steps reach."""

    reached: ClassVar[Counter[str]] = Counter()

    def reach(self, what: str, holds: object = True) -> None:
        """Count something if it holds."""
        self.reached[what] += bool(holds)


def play(machine: type[Machine], examples: int, steps: int, reaches: set[str]) -> None:
    """Run a machine, with the same steps in every run without TEST_SEED.

    Args:
        machine: The machine; pytest prints the steps of a run that fails.
        examples: The number of runs.
        steps: The most steps of a run.
        reaches: What at least one of the runs must reach.
    """
    machine.reached = Counter()
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=not SEED,
        database=None,
        phases=[Phase.generate],  # Making the steps of a failure fewer takes minutes.
        suppress_health_check=[*HealthCheck],
    )
    run_state_machine_as_test(machine, settings=how)
    assert reaches <= {what for what, count in machine.reached.items() if count}, machine.reached
