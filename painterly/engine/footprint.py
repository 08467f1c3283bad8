"""The footprint of an extractor's pictures, from its network and its losses."""

from painterly.engine.extractor import Extractor
from painterly.engine.memory_model import RGB, STATE, Footprint, PaintingInputs
from painterly.settings.settings import Settings
from painterly.vgg.network import poolings_before

LAST_GOOD = 6  # the picture to go back to, bfloat16
MASK = 5.6  # one group's mask at all style layers, float32
COMPOSITED = 16  # content mask and background, float32
CONTOURS = 3 * 4 * (1 / 16 + 1 / 64)  # the photo's at two resolutions, with weights, float32
# More maps of the widest layer in float32, untiled: oneDNN orders channels in blocks for AVX2, in
# copies of a convolution's input and output. Measured.
ORDERED_MAPS = 2
WEIGHT_COPIES = 14  # copies of weights: constant, transformed, and in oneDNN; measured
# While pictures approach a drawing: maps of the content layer, float32, in addition to the
# drawing's own.
LED_MAPS = 2
COPIES = 3  # conv1_1's copies in an untiled step, in bytes per channel; measured
MASKED_COPIES = 8  # in addition for each group with a mask: weighted, and their gradient, float32


def footprint_of(
    view: Extractor,
    settings: Settings,
    inputs: PaintingInputs | None = None,
    outside: int = 0,
    on_gpu: bool = False,
) -> Footprint:
    """Return the footprint of an extractor's pictures.

    Args:
        settings: The settings.
        inputs: The inputs; by default, one painting without masks.
        outside: Bytes outside of TensorFlow.
        on_gpu: Whether a GPU computes.
    """
    inputs = inputs or PaintingInputs((0, 0))
    vgg, number, layer = view.vgg, view.options.dtype.size, view.losses.content_layer
    needed = vgg.needed(view.layers)
    sizes = {each: number * vgg.channels(each) / 4 ** poolings_before(each) for each in needed}
    held = STATE + LAST_GOOD + number * vgg.channels(layer) / 4 ** poolings_before(layer)
    held += MASK * inputs.regions + CONTOURS * (settings.structure_weight > 0)
    held += COMPOSITED * (inputs.masked and view.recipe.composites)
    if inputs.drawn:
        held += RGB + number * vgg.channels(layer) / 4 ** poolings_before(layer)
    # All features, four more maps of the widest layer, float32 copies for sums, and what
    # TensorFlow's executor computes early; measured.
    deepest_of_blocks = {poolings_before(each): each for each in sizes}
    *pooled, _ = (sizes[each] / 4 for each in deepest_of_blocks.values())
    copies = (COPIES + MASKED_COPIES * inputs.regions) * vgg.channels("conv1_1")
    features = sum(sizes.values()) + sum(pooled) + 4 * max(sizes.values()) + RGB + copies
    if inputs.drawn:
        features += LED_MAPS * 4 * vgg.channels(layer) / 4 ** poolings_before(layer)
    in_float32_on_cpu = not on_gpu and view.options.dtype == "float32"
    # Free memory may not change the pictures of `deterministic`.
    faster = not settings.deterministic and vgg.gains_from_memory(view.layers, view.options.dtype)
    return Footprint(
        on_gpu=on_gpu,
        pads=view.recipe.pads and not view.as_given,
        grows=settings.traits.grows,
        halo=view.halo,
        number=number,
        held=held,
        features=features,
        ordered=ORDERED_MAPS * max(sizes.values()) if in_float32_on_cpu else 0.0,
        channels=view.matched_channels,
        what_fits=settings.what_fits,
        copies=WEIGHT_COPIES * vgg.weight_bytes(needed) if faster else 0,
        lbfgs=settings.optimizer == "lbfgs",
        rebuilds=settings.traits.rebuilds,
        paintings=inputs.paintings,
        regions=inputs.regions,
        blends=inputs.blends,
        outside=outside,
    )
