"""Fixtures for tests of picture files."""

import pytest

from painterly.images.contained.decoding import OpenedPicture
from painterly.images.picture_file import opening_here


@pytest.fixture
def in_place():
    """Pictures are decoded in the tests' own process."""
    with opening_here(OpenedPicture):
        yield
