"""The sizes of recipe `attention`, and its memory; without TensorFlow.

A picture, and each painting, is seen on a canvas whose sides are multiples of 64 px, since the UNet
halves a latent three times. Memory is counted from the tensors that must be in memory at the same
time.
"""

import math
from dataclasses import dataclass

from painterly.attention.constants import NATIVE
from painterly.attention.diffusion.weights import Architecture, DiffusionWeights
from painterly.devices.budget import MemoryBudget
from painterly.engine.memory_model import MemoryNeeds, MemoryPlan, PaintingInputs
from painterly.engine.picture import Canvas, postprocess_bytes
from painterly.engine.schedule import painting_size
from painterly.errors import MemoryShortError
from painterly.settings.settings import Settings
from painterly.words.wording import memory_size

MULTIPLE = 64  # px, of a canvas' sides
PLACE = 8  # px, of a latent's places
HEADS = 8
WIDTHS = 320, 128  # Stable Diffusion 1.5's first channels, which these numbers are of
AHEAD = 2  # steps for which the photo and the paintings are looked at together
PARAMETERS = 860e6, 84e6  # the UNet's and the autoencoder's
# Bytes per place of a latent and channel of a step: temporary ones in float32, and what gradients
# keep in 16 bits. Measured on a CPU, as are the others.
WIDE, KEPT = 900, 300
# Bytes per number of an attention's map: float32 before and after the softmax, copies in 16 bits,
# and gradients. A plain H200 took 12.6 without gradients, and 4.7 with what XLA joins.
MAP, SEEN_MAP, COPIES_OF_MAP = 12, 8, 4
DECODING = 2_000  # bytes per px while the autoencoder decodes, in 16 bits
TRACED = 300_000_000  # bytes of TensorFlow's graphs


def canvas_of(size: tuple[int, int]) -> Canvas:
    """Return the canvas of a picture of this (height, width)."""
    more = [-side % MULTIPLE for side in size]
    before = more[0] // 2, more[1] // 2
    return Canvas(size, before, (more[0] - before[0], more[1] - before[1]))


def seen_size(
    painting: tuple[int, int], picture: tuple[int, int], settings: Settings
) -> tuple[int, int]:
    """Return the (height, width) at which a painting is compared with a picture."""
    size, native = painting_size(*painting, max(picture), settings.stroke_size), NATIVE.largest
    return size if max(size) <= native else painting_size(*painting, native, 1)


@dataclass(frozen=True, kw_only=True)
class AttentionFootprint(MemoryNeeds):
    """The properties of a painting by recipe `attention`. `outside` is for postprocessing.

    Attributes:
        number: The bytes of a number in features.
        architecture: The networks' sizes.
        paintings: Their number.
        loaded: Whether the networks are in memory already.
    """

    number: int
    architecture: Architecture
    paintings: int
    loaded: bool

    @property
    def weights(self) -> float:
        """The bytes of the weights of UNet and autoencoder."""
        unet, autoencoder = PARAMETERS
        unet *= (self.architecture.unet[0] / WIDTHS[0]) ** 2
        autoencoder *= (self.architecture.autoencoder[0] / WIDTHS[1]) ** 2
        return self.number * (unet + autoencoder)

    def bytes_needed(self, size: tuple[int, int], side: int | None, fast: bool = False) -> int:
        """Return the bytes that painting takes in addition to those in use.

        Args:
            size: The picture's (height, width).
            side, fast: Of no meaning here: there are no tiles, and one way to paint.
        """
        pixels, halves = math.prod(canvas_of(size).size), self.number / 2
        places, channels = pixels / PLACE**2, self.architecture.unet[0]
        copies = COPIES_OF_MAP * (self.number == 2)
        step = places * channels * (WIDE + KEPT * halves) + HEADS * places**2 * (MAP + copies)
        looking = AHEAD * HEADS * places**2 * (SEEN_MAP + copies)
        compared = 6 * AHEAD * places * channels * self.number * (1 + 2 * self.paintings)
        decoding = pixels * DECODING * halves * self.architecture.autoencoder[0] / WIDTHS[1]
        weights = 0 if self.loaded else self.weights
        return int(TRACED + weights + compared + max(step, looking, decoding) + self.outside)


def latent_plan(
    size: tuple[int, int],
    settings: Settings,
    footprint: AttentionFootprint,
    budget: MemoryBudget,
) -> MemoryPlan:
    """Return the memory plan of steps on a latent. Raises MemoryShortError if it does not fit."""
    needed = footprint.bytes_needed(size, None)
    if needed <= budget.bytes:
        return MemoryPlan(size, None, needed, budget.in_use, False, footprint, budget)
    raise MemoryShortError(
        f"painting {size[1]} × {size[0]} px by recipe {settings.recipe} needs "
        f"{memory_size(needed)} of memory, and {memory_size(budget.bytes)} are available; choose a "
        "smaller size, or another recipe (MEMORY_LIMIT is the upper bound)"
    )


def footprint_of(
    inputs: PaintingInputs,
    size: tuple[int, int],
    settings: Settings,
    weights: DiffusionWeights,
    number: int,
    loaded: bool,
) -> AttentionFootprint:
    """Return the footprint of a painting; `number` and `loaded` as in AttentionFootprint."""
    return AttentionFootprint(
        what_fits=settings.what_fits,
        outside=postprocess_bytes(inputs.size, size, settings, inputs.masked),
        number=number,
        architecture=weights.architecture,
        paintings=inputs.paintings,
        loaded=loaded,
    )
