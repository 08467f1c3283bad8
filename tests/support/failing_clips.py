"""The program that decodes clips, with a fault after two frames of a clip that is called like it.

python -m support.failing_clips
"""

import os
import signal
import time
from pathlib import Path

from painterly.images.contained import answer_requests
from painterly.video import frames
from painterly.video.decoding import Clip

real = frames.decoded


def decoded(path, *rest):
    fault = {"crash": crash, "exhaust": exhaust, "spin": spin, "sleep": lambda: time.sleep(600)}
    for number, frame in enumerate(real(path, *rest)):
        if number == 2 and Path(path).stem in fault:
            with frames.errors_told():
                fault[Path(path).stem]()
        yield frame


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


def exhaust():
    filled = []
    while True:
        filled.append(b"1" * 10_000_000)


def spin():
    while True:
        pass


if __name__ == "__main__":
    frames.decoded = decoded
    answer_requests(Clip().answer)
