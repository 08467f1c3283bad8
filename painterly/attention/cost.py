"""The time that recipe `attention` takes on a CPU, from counted multiplications."""

import math
import os

from painterly.engine.schedule import Schedule, work_of_steps
from painterly.images.arrays import fit_size
from painterly.settings.settings import Settings
from painterly.words.wording import duration

# Multiplications and additions of a pass of the UNet up to its last self-attention with 512 × 512
# px: those of layers, which grow with the pixels, and of attention maps, with their square.
OF_LAYERS, OF_MAPS = 334e9, 61e9
NATIVE = 512 * 512
PASSES = 5  # in a step, by time: the picture, the photo, the painting, and backwards
ENCODER, DECODER = 0.56e12, 1.3e12  # the same for a picture's latent, and for a latent's picture
DECODED_EVERY = 10  # steps
# Operations per second of processor time of a core with AVX-512, measured.
PER_CORE = {"float32": 110e9, "bfloat16": 200e9}
QUICK_SIDE, QUICK_STEPS = 256, 100  # a picture that a CPU paints in minutes


def cpu_seconds(size: tuple[int, int], steps: int, cores: int, precision: str) -> float:
    """Estimate the seconds of steps at a (height, width) in px on a CPU."""
    share = math.prod(size) / NATIVE
    of_step = PASSES * (OF_LAYERS * share + OF_MAPS * share**2)
    decoded = 2 + steps / DECODED_EVERY
    operations = 2 * (steps * of_step + (2 * ENCODER + decoded * DECODER) * share)
    return operations / (cores * PER_CORE.get(precision, PER_CORE["float32"]))


def cpu_time(settings: Settings, schedule: Schedule) -> tuple[float, str]:
    """Return the seconds that a picture takes on this CPU, and a warning that names them, and what
    is faster."""
    from painterly.devices.choose import chosen_precision

    machine = os.cpu_count() or 1, chosen_precision(settings.precision)
    size, steps = schedule.sizes[0], schedule.counts[0]
    work = work_of_steps(schedule, settings)
    seconds = cpu_seconds(size, steps, *machine) * sum(work) / sum(work[:steps])
    quick = cpu_seconds(fit_size(*size, QUICK_SIDE), QUICK_STEPS, *machine)
    instead = f"; size {QUICK_SIDE} with iterations {QUICK_STEPS} takes about {duration(quick)}"
    warning = f"about {duration(seconds)} on this CPU, a fraction of it on a GPU"
    return seconds, warning + (instead if quick < seconds else "")
