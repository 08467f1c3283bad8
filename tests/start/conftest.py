"""The machine on which start.sh is tested."""

import pytest
from support.start_machine import Machine


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)
