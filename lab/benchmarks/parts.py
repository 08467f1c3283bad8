"""The parts of a picture's time: `python lab/benchmarks/parts.py --sizes 512 1024`.

Paints a photo at each size, and prints a table in Markdown: seconds of the steps at each scale,
and, over all scales, of matching, of targets (the statistics and candidates of the painting, and
what is compared with the photo), and of the rebuild. "Tracing" is what the first step takes longer
than the second, "rest" what none of these has. With --processor-time, it is the time of all cores,
which other programs change little; without, seconds of the clock.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any

from common import PAINTING, PHOTO, pixels, process_age, table

from painterly import Settings, load_vgg
from painterly.devices import choose
from painterly.devices.budget import Limits
from painterly.devices.memory import device_budget
from painterly.engine.optimisation.matching import Matching
from painterly.engine.optimisation.scale_optimizer import ScaleOptimizer
from painterly.engine.paintings import as_paintings
from painterly.engine.style_transfer import StyleTransfer
from painterly.engine.stylize import prepared
from painterly.engine.transfer import TransferInputs
from painterly.vgg.network import VGG

PARTS = ("matching", "targets", "rebuild")


class Stopwatch:
    """The seconds that methods take, without those of other measured methods in them.

    Attributes:
        clock: Returns seconds.
        spent: The seconds, by part.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.spent: defaultdict[str | int, float] = defaultdict(float)
        self._within = 0.0  # taken by measured calls in the present one

    def measure(self, owner: type, name: str, part: Callable[[Any], str | int]) -> None:
        """Add the seconds of a method's calls to `part` of the object that has it."""
        method = getattr(owner, name)

        @wraps(method)
        def measured(this: Any, *arguments: Any, **named: Any) -> Any:
            to, within, begun = part(this), self._within, self.clock()
            self._within = 0.0
            try:
                return method(this, *arguments, **named)
            finally:
                elapsed = self.clock() - begun
                self.spent[to] += elapsed - self._within
                self._within = within + elapsed

        setattr(owner, name, measured)


def main() -> None:
    """Paint at each size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", required=True, help="longer sides in px")
    parser.add_argument("--presets", nargs="+", default=["fine", "draft"])
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--processor-time", action="store_true")
    args = parser.parse_args()
    watch = Stopwatch(time.process_time if args.processor_time else time.perf_counter)
    watch.measure(Matching, "matched", lambda _: "matching")
    watch.measure(Matching, "__init__", lambda _: "targets")
    watch.measure(StyleTransfer, "_problem", lambda _: "targets")
    watch.measure(StyleTransfer, "_rebuilt", lambda _: "rebuild")
    watch.measure(ScaleOptimizer, "step", lambda scale: int(max(scale.state.image.shape[1:3])))
    device = choose.choose_devices("cpu").first
    vgg = load_vgg("vgg19", "builtin")
    start = time.process_time() if args.processor_time else process_age()
    rows = []
    for preset in args.presets:
        for size in args.sizes:
            settings = Settings(preset=preset, size=size, precision=args.precision)
            rows.append(row(settings, vgg, watch))
    print(f"{device}; {start:.1f} s before the first picture\n")
    print(table(["picture", "steps", *PARTS, "tracing", "rest", "all"], rows))


def row(settings: Settings, vgg: VGG, watch: Stopwatch) -> list[str]:
    """Paint a picture. Returns its row of the table."""
    watch.spent.clear()
    begun = watch.clock()
    inputs = TransferInputs(pixels(PHOTO), as_paintings([pixels(PAINTING)]), settings)
    transfer = prepared(inputs, vgg, device_budget(Limits(None)))
    after = [0.0]  # the seconds of the steps so far
    for step in transfer.steps():
        if step.iteration <= 2:
            after.append(next(each for part, each in watch.spent.items() if isinstance(part, int)))
        if step.iteration == step.total:
            step.image  # noqa: B018  Computed when it is read.
    whole = watch.clock() - begun
    tracing = max(0.0, 2 * after[1] - after[2])
    of_scales = [each for part, each in watch.spent.items() if isinstance(part, int)]
    of_scales[0] -= tracing
    steps = ", ".join(
        f"{max(size)} px: {count} in {seconds:.1f}"
        for size, count, seconds in zip(
            transfer.schedule.sizes, transfer.schedule.counts, of_scales, strict=True
        )
    )
    seconds = [*(watch.spent[part] for part in PARTS), tracing]
    rest = whole - sum(watch.spent.values())
    numbers = [f"{each:.2f}" for each in (*seconds, rest)]
    return [f"{settings.size} px, {settings.preset}", steps, *numbers, f"{whole:.1f}"]


if __name__ == "__main__":
    main()
