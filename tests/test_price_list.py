"""The price list of the parts."""

import pytest

from tools import price_list


@pytest.mark.slow
def test_each_module_belongs_to_a_part_and_each_price_is_about_right():
    page = price_list.PAGE.read_text()
    by_part = price_list.parts(page)
    assert sorted(each for its in by_part.values() for each in its) == price_list.modules()
    now = price_list.prices(price_list.with_sizes(page))
    assert price_list.prices(page) == {
        part: pytest.approx(size, rel=0.1, abs=20) for part, size in now.items()
    }
