"""The warning that recipe `attention` is slow on a CPU, with what is faster."""

import os
from logging import WARNING

from painterly.attention.cost import QUICK_SIDE, QUICK_STEPS, cpu_seconds
from painterly.engine.schedule import Schedule, work_of_steps
from painterly.images.arrays import fit_size
from painterly.orders.order import Order
from painterly.words.wording import duration


def log_cpu_time(order: Order, device: str, schedule: Schedule) -> None:
    """Log how long an order takes by recipe attention on a CPU, and what takes less.

    Args:
        order: The order, of any recipe.
        device: TensorFlow's name of the device.
        schedule: The steps.
    """
    settings = order.style.settings
    if settings.traits.network != "diffusion" or not device.startswith("CPU"):
        return
    from painterly.devices.choose import chosen_precision

    machine = os.cpu_count() or 1, chosen_precision(settings.precision)
    size, steps = schedule.sizes[0], schedule.counts[0]
    work = work_of_steps(schedule, settings)
    seconds = cpu_seconds(size, steps, *machine) * sum(work) / sum(work[:steps])
    quick = cpu_seconds(fit_size(*size, QUICK_SIDE), QUICK_STEPS, *machine)
    instead = f"; size {QUICK_SIDE} with iterations {QUICK_STEPS} takes about {duration(quick)}"
    order.log(
        f"{order}: about {duration(seconds)} on this CPU, a fraction of it on a GPU"
        + (instead if quick < seconds else ""),
        level=WARNING,
        event="slow",
        seconds=round(seconds),
    )
