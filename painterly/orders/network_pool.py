"""The networks of a run: identified without loading them, their weights read once, while TensorFlow
is being loaded."""

import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from painterly.errors import WeightsError
from painterly.settings.settings import Settings
from painterly.storage.base import Bucket, Entry, UnavailableError
from painterly.vgg import architectures, sources
from painterly.vgg.sources import IN_BUCKET, WeightsSource
from painterly.words.wording import printable

if TYPE_CHECKING:  # TensorFlow is loaded only when there is something to paint.
    from painterly.vgg.network import VGG

_Network = tuple[str, WeightsSource]  # model; weights


class NetworkPool:
    """The networks that VGG_WEIGHTS and the styles' settings ask for."""

    def __init__(
        self, vgg_weights: str | None, style: Bucket, style_entries: Sequence[Entry] = ()
    ) -> None:
        """Prepare the pool.

        Args:
            vgg_weights: The variable, or None for the usual weights.
            style: The style bucket.
            style_entries: The objects in it.
        """
        self._vgg_weights, self._style, self._entries = vgg_weights, style, style_entries
        # By model, seed and Traits.network: what may decide which weights.
        self._sources: dict[tuple[str, int, str], WeightsSource] = {}
        self._reader = ThreadPoolExecutor(1)
        self._weights: dict[_Network, Future[architectures.Weights]] = {}
        self._loaded: dict[tuple[_Network, str], VGG] = {}
        self._lock, self._loading = threading.Lock(), threading.Lock()

    def relist(self, style_entries: Sequence[Entry]) -> None:
        """Take a later listing of the style bucket, in which weights may have changed. Loaded
        networks stay."""
        self._entries, self._sources = style_entries, {}

    def source(self, settings: Settings) -> WeightsSource:
        """Return the weights for these settings.

        Raises WeightsError if a file that a variable names does not exist.
        """
        kind = settings.model, settings.seed, settings.traits.network
        if kind not in self._sources:
            self._sources[kind] = self._choice(settings)
        return self._sources[kind]

    def prefetch(self, settings: Settings, source: WeightsSource) -> None:
        """Begin to read the weights that were chosen for these settings, in a thread.

        Random ones are computed, which has to wait until the device is chosen.
        """
        if settings.traits.optimises and source.given != sources.RANDOM:
            self._reading(settings, source)

    def load(
        self, settings: Settings, device: str = "", source: WeightsSource | None = None
    ) -> "VGG | None":
        """Return VGG for these settings; None for recipe instant, which has a network of its own.

        There is one for each device, as its tensors and what TensorFlow traces belong to the
        device.

        Args:
            settings: The settings.
            device: TensorFlow's name of the device.
            source: The weights, if they were chosen before.

        Raises:
            WeightsError: The weights cannot be used.
            StorageError: They cannot be read from the style bucket.
        """
        if not settings.traits.optimises:
            return None
        source = source or self.source(settings)
        which = (settings.model, source), device
        with self._loading:
            if which not in self._loaded:
                self._loaded[which] = self.build(settings, source)
            return self._loaded[which]

    def build(self, settings: Settings, source: WeightsSource) -> "VGG":
        """Make a network on the current device. Raises WeightsError, StorageError."""
        from painterly.vgg.network import VGG

        weights = self._reading(settings, source).result()
        # Objects that were uploaded in parts have no MD5 to compare with.
        if "-" in source.identity or weights.identity == source.identity:
            return VGG(weights)
        if not self._is_listed(source):
            raise WeightsError(
                f"the weights {source.given} are not those that are expected: they are "
                f"{weights.identity}, not {source.identity}; have the same file on all machines, "
                "or in the style bucket (VGG_WEIGHTS=bucket:KEY)"
            )
        return VGG(replace(weights, identity=source.identity))  # As the next listing has it.

    def _is_listed(self, source: WeightsSource) -> bool:
        """Return whether the style bucket has an object with an ETag: what was read from it has
        another MD5, so that the service's ETags are none. Raises StorageError."""
        key = source.given.removeprefix(IN_BUCKET)
        listed = () if key == source.given else self._style.list(key)
        return (key, source.identity) in ((each.key, f"md5:{each.etag}") for each in listed)

    def _choice(self, settings: Settings) -> WeightsSource:
        name = self._vgg_weights
        if not name or not name.startswith(IN_BUCKET) or settings.traits.network == "builtin":
            return sources.source_for(settings, name)
        key = name.removeprefix(IN_BUCKET)
        for entry in self._entries:
            if entry.key == key:
                return WeightsSource(name, f"md5:{entry.etag}")
        raise WeightsError(
            f"VGG_WEIGHTS is {name!r}, but {self._style.name} has no {printable(key)}"
        )

    def _reading(
        self, settings: Settings, source: WeightsSource
    ) -> "Future[architectures.Weights]":
        key = settings.model, source
        with self._lock:
            known = self._weights.get(key)
            # A service's jobs outlast an outage, and so must what it keeps.
            if not known or (known.done() and isinstance(known.exception(), UnavailableError)):
                known = self._reader.submit(read_weights, source, settings, self._style)
                self._weights[key] = known
            return known


def read_weights(source: WeightsSource, settings: Settings, style: Bucket) -> architectures.Weights:
    """Return the weights of a source, which may be in the style bucket. Raises PainterlyError."""
    if source.given.startswith(IN_BUCKET):
        key = source.given.removeprefix(IN_BUCKET)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / PurePosixPath(key).name
            style.download(key, path)
            return sources.read_weights(path, settings.model)
    return sources.read_source(source, settings.model, settings.seed)
