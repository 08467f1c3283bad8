"""The memory that a painting may take, from what is free and what limits it."""

import pytest

from painterly.devices.budget import FREE_SHARE, Limits, MemoryBudget
from painterly.devices.system_memory import LIMIT_SHARE
from painterly.errors import MemoryShortError

GB = 10**9
FREE = 100 * GB


def test_a_limit_is_for_the_whole_process_and_what_is_set_aside():
    budget = MemoryBudget(in_use=GB, free=FREE, limits=Limits(process=8 * GB, set_aside=2 * GB))
    assert budget.bytes == pytest.approx(LIMIT_SHARE * 8 * GB - GB - 2 * GB)
    full = MemoryBudget(in_use=9 * GB, free=FREE, limits=Limits(process=8 * GB))
    assert full.bytes == 0


def test_what_others_will_take_is_not_free():
    assert MemoryBudget(0, FREE, Limits(set_aside=90 * GB)).bytes == pytest.approx(
        FREE_SHARE * 10 * GB
    )
    assert MemoryBudget(0, FREE).with_more_in_use(GB).bytes == pytest.approx(FREE_SHARE * FREE - GB)


def test_what_the_host_holds_takes_nothing_of_a_gpus_memory():
    budget = MemoryBudget(0, FREE, Limits(set_aside=50 * GB), on_gpu=True)
    assert budget.bytes == budget.with_more_in_use(30 * GB).bytes == FREE_SHARE * FREE


def test_a_limit_does_not_count_what_is_needed_only_briefly():
    budget = MemoryBudget(0, FREE, Limits(process=GB))
    budget.check(FREE, "scaling")
    with pytest.raises(MemoryShortError, match=r"^scaling needs .* smaller$"):
        budget.check(FREE + 1, "scaling")


def test_what_ran_out_of_memory_is_not_tried_again():
    budget = MemoryBudget(0, FREE)
    budget.lower(10 * GB)
    assert 0 < budget.bytes < 10 * GB
