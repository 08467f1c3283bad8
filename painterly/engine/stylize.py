"""Painting a photo in the style of paintings, on arrays. TensorFlow is loaded by the recipes that
minimise a loss, and not for recipe `instant`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from painterly.devices.budget import Limits, MemoryBudget, host_budget
from painterly.engine.instant.instant import InstantTransfer
from painterly.engine.paintings import Paintings, as_paintings
from painterly.engine.transfer import Step, Transfer, TransferInputs
from painterly.settings.settings import Settings
from painterly.vgg.sources import is_built_in

if TYPE_CHECKING:
    from painterly.vgg.network import VGG


def stylize(  # noqa: PLR0913  The public signature.
    content: np.ndarray,
    styles: Sequence[np.ndarray] | Paintings,
    settings: Settings,
    vgg: "VGG | None" = None,
    shares: Sequence[float] | None = None,
    resume: Mapping[str, np.ndarray] | None = None,
    *,
    content_mask: np.ndarray | None = None,
    style_masks: Sequence[np.ndarray | None] | None = None,
    regions: Sequence[np.ndarray | None] | None = None,
    color_mask: np.ndarray | None = None,
    init: np.ndarray | None = None,
    memory_limit: int | None = None,
) -> Iterator[Step]:
    """Paint a photo in the style of paintings.

    Masks are float32 [h, w], 0…1, of any size.

    Args:
        content: The photo [H, W, 3], sRGB, float32 0…1, or full-range uint8 or uint16, which take
            less memory.
        styles: Paintings as such arrays, or `Paintings`, which can be reused for many photos.
        settings: The settings.
        vgg: The network; recipe instant has its own.
        shares: The paintings' shares of the blend, equal by default.
        resume: A step's `snapshot()` from a run with the same inputs, to continue after that step.
        content_mask: The part of the photo that is painted; the rest keeps the photo's pixels.
        style_masks: The part of each painting that is used. They are also the regions, as in
            INetwork, unless regions or a content mask are given.
        regions: The part of the picture that each painting is for. Parts that no region covers keep
            the photo's pixels.
        color_mask: The part to which `preserve_color` and `photo_color` apply.
        init: The picture to start from, of any size, instead of `settings.init_image`.
        memory_limit: The bytes that the process may use in all (on a GPU: there); by default, all
            that is free. A picture that does not fit is computed in tiles
            (`Objective.gradient`): the same picture up to rounding, in less memory and more time.
            Recipe instant paints on the CPU, in bands of bounded memory.

    Yields:
        Every step, to be read before the next one is asked for. The last step's image is the
        result, which recipes default and instant rebuild from patches in this step. Its longer side
        is `settings.size` px, or the photo's with `rescale_image`. With `paper`, it is the part of
        the photo in the centre that fills the paper.

    Raises:
        ValueError: Arrays, shares or a snapshot do not fit.
        MemoryShortError: The picture cannot be computed in the available memory.
        PictureError: The masks leave nothing to paint.
        DivergedError: The optimisation diverges.
    """
    paintings = as_paintings(styles, shares, style_masks, regions, content_mask)
    inputs = TransferInputs(content, paintings, settings, content_mask, color_mask, init)
    budget = _budget(settings, Limits(memory_limit))
    return prepared(inputs, vgg, budget).steps(resume)


def _budget(settings: Settings, limits: Limits) -> MemoryBudget:
    if not settings.traits.optimises:
        return host_budget(limits)
    from painterly.devices.memory import device_budget

    return device_budget(limits)


def prepared(
    inputs: TransferInputs,
    vgg: "VGG | None",
    budget: MemoryBudget,
) -> Transfer:
    """Return a photo prepared to be painted by its recipe within a budget of memory.

    Raises:
        ValueError: Arrays do not fit, or the network does not fit the recipe.
        PictureError: The picture is too narrow for its recipe.
        MemoryShortError: It cannot be painted in the available memory.
    """
    settings = inputs.settings
    if not settings.traits.optimises:
        if vgg is not None and not is_built_in(vgg.identity):
            raise ValueError(
                f"recipe {settings.recipe} paints with the built-in network: load_vgg()"
            )
        return InstantTransfer(inputs, budget)
    if vgg is None:
        raise ValueError(f"recipe {settings.recipe} needs a network: load_vgg()")
    from painterly.engine.style_transfer import StyleTransfer

    return StyleTransfer(inputs, vgg, budget)
