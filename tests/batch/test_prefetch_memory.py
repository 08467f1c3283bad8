"""Pictures that are read before their turn stay within the memory set aside for them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from PIL import Image
from support.pictures import saved
from support.polling import until

from styletransfer.batch import prefetch_memory
from styletransfer.batch.looks import Look, Painting
from styletransfer.batch.prefetch import DEPTH, Prefetcher
from styletransfer.batch.prefetch_memory import PrefetchMemory
from styletransfer.errors import MemoryShortError
from styletransfer.images import decode
from styletransfer.images.header import bytes_to_decode
from styletransfer.settings import Settings
from styletransfer.storage.base import Entry

SMALL = saved(Image.new("RGB", (64, 64)), "PNG")
LARGE = saved(Image.new("RGB", (2000, 2000)), "PNG")  # Takes 60 MB in a file of 12 kB.


@pytest.fixture
def free(monkeypatch):
    """Sets how many bytes of memory there are."""

    def set_to(size):
        monkeypatch.setattr(prefetch_memory, "free_memory", lambda: size)

    return set_to


@pytest.fixture
def most_at_once(monkeypatch):
    """The number of large pictures that were decoded and not freed, at each decoding."""
    found, kept, lock, real = [], [], threading.Lock(), decode.decode

    def counted(data, *others):
        with lock:
            kept.append(data is LARGE)
            found.append(sum(kept))
        return real(data, *others)

    monkeypatch.setattr(decode, "decode", counted)
    return found


def prefetcher(files, memory):
    look = SimpleNamespace(paintings=[], shares=[], settings=None)
    tasks = [
        SimpleNamespace(look=look, photo=Entry(str(number), 1, ""), mask=None)
        for number in range(len(files))
    ]
    source = SimpleNamespace(read_listed=lambda entry: files[int(entry.key)])
    return Prefetcher(tasks, source, source, memory)


def test_what_does_not_fit_before_its_turn_is_read_in_its_turn(free, most_at_once):
    free(8 * 70_000_000)  # One large picture at a time.
    memory = PrefetchMemory()
    taken = 0
    for prefetched in prefetcher([LARGE] * 6, memory):
        assert prefetched.photo.result(20).picture.size == (2000, 2000)
        taken += 1
        assert most_at_once[-1] <= taken + 1
    assert taken == 6


def test_what_fits_is_read_at_once(free):
    free(10_000_000_000)
    reading = prefetcher([SMALL] * 4, PrefetchMemory())
    next(iter(reading)).photo.result(20)
    assert all(each.photo.result(20) for each in list(reading._window))
    reading.close()


def test_a_picture_that_never_fits_fails_by_name_and_the_others_are_read(free):
    free(30_000_000)
    sizes = []
    for prefetched in prefetcher([SMALL, LARGE, SMALL], PrefetchMemory()):
        if prefetched.number == 2:
            with pytest.raises(MemoryShortError, match=r"^1: decoding .* 60 MB .* 30 MB"):
                prefetched.photo.result(20)
        else:
            sizes.append(prefetched.photo.result(20).picture.size)
    assert sizes == [(64, 64)] * 2


def test_what_waits_is_admitted_when_others_free_memory_when_it_is_due_or_is_given_up(free):
    free(8000)  # 1000 of them are set aside.
    memory, pause = PrefetchMemory(), threading.Event()
    with ThreadPoolExecutor() as pool:

        def waiting(needed):
            share = memory.share()
            answer = pool.submit(memory.admit, share, needed)
            while not share.wanted:
                assert not answer.done()
                pause.wait(0.002)
            return share, answer

        first = memory.share()
        assert memory.admit(first, 800) is None
        second, answer = waiting(400)
        memory.keep(first, 600)
        assert answer.result(20) is None
        third, answer = waiting(500)
        memory.begin_turn(first)  # What is painted is no longer counted.
        assert answer.result(20) is None
        due, answer = waiting(200)
        memory.begin_turn(due)
        assert answer.result(20) == 8000
        left, answer = waiting(200)
        memory.give_up(left)
        with pytest.raises(MemoryShortError):
            answer.result(20)
        memory.begin_turn(second)
        memory.begin_turn(third)
        memory.begin_turn(third)  # As of a look that several photos share.
        assert memory.set_aside() == 1000


def test_painting_leaves_alone_what_a_waiting_picture_needs(free):
    free(5 * bytes_to_decode(LARGE))
    memory = PrefetchMemory()
    usual = memory.set_aside()
    assert usual == int(5 * bytes_to_decode(LARGE) / 8)
    reading = prefetcher([LARGE], memory)
    until(lambda: any(each.wanted for each in memory._shares), every_s=0.005)
    assert memory.set_aside() == bytes_to_decode(LARGE)
    assert reading._window[0].photo.result(20).picture.size == (2000, 2000)  # Before its turn.
    reading.close()


def test_paintings_of_looks_that_are_left_out_hold_up_no_other_look(free):
    free(8 * 50_000_000)  # Too little for a large one before its turn.
    files = {"photo": SMALL, "small": SMALL, "large": LARGE}
    looks = [
        Look(str(number), (Painting(Entry(name, 1, ""), 1.0),), Settings())
        for number, name in enumerate(["large"] * DEPTH + ["small"])
    ]
    tasks = [SimpleNamespace(look=look, photo=Entry("photo", 1, ""), mask=None) for look in looks]
    bucket = SimpleNamespace(read_listed=lambda entry: files[entry.key])
    memory = PrefetchMemory()
    reading = Prefetcher(tasks, bucket, bucket, memory)
    until(lambda: sum(each.wanted > 50_000_000 for each in memory._shares) >= DEPTH, every_s=0.005)
    reading.leave_out(tasks[:DEPTH])
    [last] = reading
    assert last.task is tasks[-1]
    assert last.photo.result(20) and last.look.result(20)


def test_memory_limit_counts(free):
    free(10_000_000_000)
    memory = PrefetchMemory(limit=1_000_000_000)
    assert memory.available() < 930_000_000
    assert memory.set_aside() <= memory.available() / 8


def test_the_end_of_a_run_ends_all_waiting(free):
    free(0)
    reading = prefetcher([LARGE] * 4, PrefetchMemory())
    photos = [each.photo for each in reading._window]
    reading.close()
    for photo in photos:
        if not photo.cancelled():
            assert isinstance(photo.exception(20), MemoryShortError)


def test_what_has_its_turn_at_the_end_of_a_run_is_read(free):
    """Whoever waits for it would take anything else for a failure of the photo."""
    free(10_000_000_000)
    begun, go_on = threading.Event(), threading.Event()

    class Files(list):
        def __getitem__(self, number):
            begun.set()
            assert go_on.wait(20)
            return SMALL

    reading = prefetcher(Files([SMALL]), PrefetchMemory())
    prefetched = next(iter(reading))
    assert begun.wait(20)
    reading.close()
    go_on.set()
    assert prefetched.photo.result(20).picture.size == (64, 64)
