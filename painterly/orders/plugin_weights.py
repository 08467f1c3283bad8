"""The weights of the networks that a plug-in brings: chosen, read, tested and fetched."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from painterly.settings.traits import Plugin
from painterly.storage.base import Entry
from painterly.vgg.sources import WeightsSource

# Before a key in the style bucket, in VGG_WEIGHTS, or before a prefix, in a plug-in's variable.
IN_BUCKET = "bucket:"

Download = Callable[[str, Path], object]  # stores an object of a bucket in a file
Progress = Callable[[int, int], None]  # takes the bytes that are here, and those of all files


class PluginWeights(ABC):
    """The source of a plug-in's weights.

    Methods raise WeightsError, in one line, for weights that are missing or cannot be used.
    """

    @abstractmethod
    def local(self, given: str | None) -> WeightsSource:
        """Return those that a user names on this machine, or else the usual ones."""

    @abstractmethod
    def chosen(self, variables: Mapping[str, Any], listed: Iterable[Entry]) -> WeightsSource:
        """Return those of a run.

        Args:
            variables: The values of the plug-in's variables.
            listed: The objects of the style bucket.
        """

    @abstractmethod
    def brought(self, variables: Mapping[str, Any], download: Download) -> Mapping[str, Any]:
        """Copy those that the variables name in a bucket, if they do, and return the variables of a
        run that needs no bucket for them. Raises StorageError."""

    @abstractmethod
    def read(self, source: WeightsSource, download: Download) -> Any:
        """Read them. Raises StorageError if they are in the style bucket and cannot be read."""

    @abstractmethod
    def test(self, weights: Any) -> None:
        """Test what was read on the current device, unless it has passed before."""

    @abstractmethod
    def fetch(
        self,
        environment: Mapping[str, str],
        ask: Callable[[str], str] | None,
        shown: AbstractContextManager[Progress],
    ) -> Path:
        """Fetch them from their publisher, and return their folder.

        Args:
            environment: The variables.
            ask: Returns the user's answer to a question; None without a terminal.
            shown: Shows the progress.

        Raises:
            ConfigError: A variable is wrong.
        """

    @abstractmethod
    def check(self, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Test those that are here, and say each finding."""


def weights_of(plugin: Plugin) -> PluginWeights:
    """Return the source of a plug-in's weights."""
    weights: PluginWeights = plugin.weights()
    return weights
