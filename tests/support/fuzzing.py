"""Random numbers of tests, the same in every run: TEST_SEED in the environment makes others.

FUZZ_CASES makes more damaged files; with EVERY_CASE=1, `drawn` leaves out none.
"""

import os
import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

import pytest

SEED = os.environ.get("TEST_SEED", "")
CASES = int(os.environ.get("FUZZ_CASES", "300"))
EVERY_CASE = bool(os.environ.get("EVERY_CASE"))
Case = TypeVar("Case")

# The hardest values for a length, an offset or a count.
_NUMBERS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\1"]


def pytest_report_header() -> str:
    return f"TEST_SEED={SEED!r}"


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers by TEST_SEED and the name of the test, which prints the seed if it fails."""
    print(f"TEST_SEED={SEED!r}")
    return random.Random(f"{SEED}:{request.node.name}")


def drawn(*alike: Sequence[Case]) -> list[Case]:
    """Return a case of each list of similar cases, by TEST_SEED; all of them with EVERY_CASE=1, as
    in CI at night."""
    return [
        case
        for number, cases in enumerate(alike)
        for case in (cases if EVERY_CASE else [random.Random(f"{SEED}{number}").choice(cases)])
    ]


def generators(seed: int) -> Iterator[random.Random]:
    """Yield a generator for each case: a case that fails can be repeated alone."""
    for case in range(CASES):
        yield random.Random(f"{SEED}{seed}:{case}")


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A file with a few of its bytes changed, lost, repeated or inserted."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(out) + 1)
        if rng.random() < 0.5:  # Headers, where most can go wrong.
            at = min(at, rng.randrange(200))
        span = rng.choice((1, 1, 4, 64))
        match rng.randrange(6):
            case 0 | 1:
                out[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                out[at : at + 4] = rng.choice(_NUMBERS)
            case 3:
                del out[at : at + span]
            case 4:
                out[at:at] = out[at : at + span]
            case 5:
                out[at:at] = rng.randbytes(span)
    if rng.random() < 0.1:
        del out[rng.randrange(len(out) + 1) :]
    return bytes(out)
