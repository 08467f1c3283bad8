"""The sizes of the presets in the web service, where pictures are seen on screens."""

from painterly.paper import NONE
from painterly.settings import Settings
from painterly.web.schemas import Preset

# px of the longer side. Instant pictures are as large as the machine paints in a few seconds.
SIZES = {Preset.DRAFT: 768, Preset.FINE: 1024, Preset.PRINT: 1600}
INSTANT_SIZES = (1280, 1024)
LONGEST_INSTANT_S = 4.0


def sized(settings: Settings, instant_side: int) -> Settings:
    """Return settings with the size of their preset here, unless a size or a paper was given, or
    the recipe has its own size.

    Args:
        settings: The settings.
        instant_side: One of INSTANT_SIZES.
    """
    decided = "size" in settings.given or "size" in settings.traits.defaults
    if decided or settings.paper != NONE:
        return settings
    return settings.replaced({"size": SIZES.get(Preset(settings.preset), instant_side)})
