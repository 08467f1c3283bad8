"""Defaults of an installed package, which has no samples and may have no TensorFlow."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from painterly.errors import ConfigError
from painterly.log import event
from painterly.paths import IN_CHECKOUT, command, installation

if TYPE_CHECKING:
    from painterly.config import Config


def paints_instantly(named: Iterable[str]) -> bool:
    """Return whether preset instant is the default, and log it.

    It is in an installed package without TensorFlow, which the other presets and recipes need.

    Args:
        named: The settings that the user has set.
    """
    if IN_CHECKOUT or not {"preset", "recipe"}.isdisjoint(named) or find_spec("tensorflow"):
        return False
    event(f"painting with preset instant; for the others: {installation('cpu')}")
    return True


def check_samples(config: "Config") -> None:
    """Raise ConfigError if a run would paint the samples, and they are missing."""
    if config.demo and not IN_CHECKOUT:
        raise ConfigError(
            "there is nothing to paint: set BUCKET_SOURCE, BUCKET_STYLE and BUCKET_RESULT to "
            f"folders such as ./photos, or to buckets; {command()} --help"
        )
