"""Limits of the quick tests."""

import pytest
from support import tiers


@pytest.mark.parametrize(
    ("event", "name", "refused"),
    [
        ("subprocess.Popen", "curl", True),
        ("import", "tensorflow", True),
        ("import", "numpy", False),
        # Python itself asks this one for the processor, once, at whatever test comes first.
        ("subprocess.Popen", "uname", False),
    ],
)
def test_a_quick_test_starts_no_process_and_loads_no_tensorflow(event, name, refused):
    with tiers.raising(ImportError):
        if refused:
            with pytest.raises(ImportError, match="give it the marker slow"):
                tiers.refuse(event, (name,))
        else:
            tiers.refuse(event, (name,))
