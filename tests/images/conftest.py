"""Fixtures for tests of picture files."""

import pytest

from painterly.images import picture_file


@pytest.fixture
def in_place(monkeypatch):
    """Pictures are decoded in the tests' own process, as on Windows."""
    monkeypatch.setattr(picture_file, "is_possible", lambda: False)
