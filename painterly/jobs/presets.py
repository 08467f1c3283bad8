"""The presets in the web service, and the size of instant pictures there."""

from collections.abc import Sequence
from importlib.util import find_spec

from painterly.jobs.schemas import Preset
from painterly.settings import paper
from painterly.settings.installation import install_command
from painterly.settings.settings import Settings

# px of the longer side. Instant pictures are as large as the machine paints in a few seconds.
INSTANT_SIZES = (1280, 1024)
LONGEST_INSTANT_S = 4.0
PAPERS = ("A4", "A3", "A2", "letter", "30x40cm", "10x15cm")  # the sizes of prints on the page
LARGE_SIDE = 3840  # px of the longer side, for screens with 4K
LARGEST_SIZE = 5120  # px of the longer side, which suffices for A3 with 300 dpi and a bleed


def print_dpi(name: str) -> int:
    """Return the dpi of prints on a paper: the usual ones, or the most that can be ordered."""
    return min(paper.USUAL_DPI, paper.most_dpi(name, 0, LARGEST_SIZE))


def offered_sides() -> list[int]:
    """Return the longer sides in px of the page's sizes, apart from the presets' own."""
    prints = (max(paper.sides_px(each, 0, print_dpi(each))) for each in PAPERS)
    return sorted({LARGE_SIDE, *prints})


def sized(settings: Settings, instant_side: int) -> Settings:
    """Return settings of preset instant with its size here, one of INSTANT_SIZES, unless a size or
    a paper was given, or the recipe has its own size; and others as they are. A size that is the
    default is not named, so that it is halved if it does not fit into memory."""
    decided = not settings.has_default_size or "size" in settings.traits.defaults
    if decided or settings.preset != Preset.INSTANT or settings.size == instant_side:
        return settings
    return settings.replaced({"size": instant_side})


def offered() -> Sequence[Preset]:
    """Return the presets that can be ordered: all but instant need TensorFlow."""
    return [*Preset] if find_spec("tensorflow") else [Preset.INSTANT]


def why_not_offered(preset: Preset) -> str:
    """Return why a preset cannot be ordered."""
    return f"preset {preset} needs TensorFlow; this installs it: {install_command('cpu')}"
