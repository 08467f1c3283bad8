"""The presets in the web service, and the size of instant pictures there."""

from collections.abc import Sequence

from painterly.attention.diffusion import sources
from painterly.configuration.config import Config
from painterly.errors import WeightsError
from painterly.jobs.schemas import Preset
from painterly.orders.network_pool import IN_BUCKET
from painterly.settings.settings import Settings

# px of the longer side. Instant pictures are as large as the machine paints in a few seconds.
INSTANT_SIZES = (1280, 1024)
LONGEST_INSTANT_S = 4.0


def sized(settings: Settings, instant_side: int) -> Settings:
    """Return settings of preset instant with its size here, unless a size or a paper was given, or
    the recipe has its own size; and others as they are. A size that is the default is not named, so
    that it is halved if it does not fit into memory.

    Args:
        settings: The settings.
        instant_side: One of INSTANT_SIZES.
    """
    decided = not settings.has_default_size or "size" in settings.traits.defaults
    if decided or settings.preset != Preset.INSTANT or settings.size == instant_side:
        return settings
    return settings.replaced({"size": instant_side})


def offered(config: Config, device: str | None) -> Sequence[Preset]:
    """Return the presets that can be ordered: `master` only where a GPU paints and its weights are.

    Args:
        config: The configuration.
        device: The worker's device in half a line; None while it is not known.
    """
    others = [preset for preset in Preset if preset != Preset.MASTER]
    if device is None or "CPU" in device or not _has_weights(config.attention_weights):
        return others
    return [*others, Preset.MASTER]


def _has_weights(given: str | None) -> bool:
    if given and given.startswith(IN_BUCKET):
        return True  # The worker finds out, or fails its jobs.
    try:
        sources.source_for(given)
    except WeightsError:
        return False
    return True
