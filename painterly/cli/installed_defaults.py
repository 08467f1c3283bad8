"""Defaults of an installed package, which has no samples and may have no TensorFlow."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from painterly.devices.processor import NO_AVX, has_avx
from painterly.errors import ConfigError
from painterly.log import event
from painterly.settings.installation import IN_CHECKOUT, command, install_command

if TYPE_CHECKING:
    from painterly.configuration.config import Config

# The web service keeps its photos among the results.
WEB_FOLDERS = {
    "BUCKET_SOURCE": "./photos",
    "BUCKET_STYLE": "./paintings",
    "BUCKET_RESULT": "./results",
}


def paints_instantly(named: Iterable[str]) -> bool:
    """Return whether preset instant is the default, and log it.

    It is in an installed package without TensorFlow, which the other presets and recipes need, and
    on a processor on which TensorFlow does not run.

    Args:
        named: The settings that the user has set, by name or as variables.
    """
    names = {name.removeprefix("STYLE_").lower() for name in named}
    if not {"preset", "recipe"}.isdisjoint(names):
        return False
    if not has_avx():
        event(f"painting with preset instant: {NO_AVX.partition(';')[0]}")
        return True
    if IN_CHECKOUT or find_spec("tensorflow"):
        return False
    event(f"painting with preset instant; for the others: {install_command('cpu')}")
    return True


def web_folders(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the folders of the web service of an installed package, as variables, and log them.
    Empty if the environment names buckets, and in a checkout, which has samples.

    Raises ConfigError if they cannot be made.
    """
    if IN_CHECKOUT or any(environment.get(name, "").strip() for name in WEB_FOLDERS):
        return {}
    for name in ("BUCKET_STYLE", "BUCKET_RESULT"):
        try:
            Path(WEB_FOLDERS[name]).mkdir(exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the folder {WEB_FOLDERS[name]} cannot be made here ({error.strerror}); set "
                f"{', '.join(WEB_FOLDERS)} to others, or to buckets"
            ) from None
    event("paintings in ./paintings are styles, too, and results are stored in ./results")
    return WEB_FOLDERS


def check_samples(config: "Config") -> None:
    """Raise ConfigError if a run would paint the samples, and they are missing."""
    if config.demo and not IN_CHECKOUT:
        raise ConfigError(
            "there is nothing to paint: set BUCKET_SOURCE, BUCKET_STYLE and BUCKET_RESULT to "
            f"folders such as ./photos, or to buckets; {command()} --help"
        )
