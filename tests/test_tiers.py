"""Limits of the tiers of tests."""

from types import SimpleNamespace

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


@pytest.mark.parametrize(
    ("fixtures", "markers", "thorough"),
    [
        (["tmp_path"], ["slow"], False),
        (["tmp_path"], ["slow", "thorough"], True),
        (["page", "running_chromium"], ["slow"], True),
        (["page", "running_chromium"], ["slow", "story"], False),
        (["page", "running_chromium"], ["story", "thorough"], True),
    ],
)
def test_of_a_browsers_tests_the_usual_ones_have_stories_alone(fixtures, markers, thorough):
    markers = {each: getattr(pytest.mark, each) for each in markers}
    item = SimpleNamespace(
        nodeid="tests/test_page.py::test_it",
        fixturenames=fixtures,
        get_closest_marker=markers.get,
    )
    assert tiers.is_thorough(item) == thorough
