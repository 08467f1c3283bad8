"""The program that decodes clips, with a fault after two frames of a clip that is called like it,
or with the sound of one that is called `sound`.

python -m support.failing_clips
"""

import os
import signal
import time
from pathlib import Path

from painterly.images.contained.process import answer_requests
from painterly.video import frames, writing
from painterly.video.decoding import Clip

real, real_sound = frames.decoded, writing._copied


def decoded(file, *rest):
    fault = {"crash": crash, "exhaust": exhaust, "spin": spin, "sleep": lambda: time.sleep(600)}
    for number, frame in enumerate(real(file, *rest)):
        if number == 2 and Path(file.name).stem in fault:
            with frames.errors_told():
                fault[Path(file.name).stem]()
        yield frame


def copied(original, *rest):
    if "sound.mp4" in original.name:
        crash()
    yield from real_sound(original, *rest)


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
    frames.decoded, writing._copied = decoded, copied
    answer_requests(Clip()._answer)
