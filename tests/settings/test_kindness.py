"""The table of the styles that are kind to what a photo shows."""

import pytest

from painterly.settings import ready_styles
from painterly.settings.kindness import KIND_TO, Subject, subjects_of
from tools import kindness_table


@pytest.mark.parametrize("subject", Subject)
def test_each_subject_has_ready_styles_that_are_kind_to_it(subject):
    names = KIND_TO[subject]
    assert names and set(names) <= ready_styles.tables().keys()
    assert len(set(names)) == len(names)
    assert all(subject in subjects_of(name) for name in names)


def test_the_page_on_good_pictures_has_the_same_table():
    text = kindness_table.PAGE.read_text()
    assert kindness_table.with_table(text) == text, "run `python -m tools.kindness_table`"
