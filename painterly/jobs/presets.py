"""The presets in the web service, and the sizes of prints there."""

from collections.abc import Sequence
from importlib.util import find_spec

from painterly.jobs.schemas import Preset
from painterly.settings import paper
from painterly.settings.installation import install_command

PAPERS = ("A4", "A3", "A2", "letter", "30x40cm", "10x15cm")  # the sizes of prints on the page
LARGEST_SIZE = 5120  # px of the longer side, which suffices for A3 with 300 dpi and a bleed


def print_dpi(name: str) -> int:
    """Return the dpi of prints on a paper: the usual ones, or the most that can be ordered."""
    return min(paper.USUAL_DPI, paper.most_dpi(name, 0, LARGEST_SIZE))


def offered() -> Sequence[Preset]:
    """Return the presets that can be ordered: all but instant need TensorFlow."""
    return [*Preset] if find_spec("tensorflow") else [Preset.INSTANT]


def why_not_offered(preset: Preset) -> str:
    """Return why a preset cannot be ordered."""
    return f"preset {preset} needs TensorFlow; this installs it: {install_command('cpu')}"
