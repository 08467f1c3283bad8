"""The networks of a run: identified without loading them, their weights read once, while TensorFlow
is being loaded."""

import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from styletransfer.config import Config
from styletransfer.errors import WeightsError
from styletransfer.log import event, printable
from styletransfer.record import Record
from styletransfer.settings import Settings
from styletransfer.storage.base import Bucket, Entry, UnavailableError
from styletransfer.vgg import architectures, readers, sources
from styletransfer.vgg.sources import WeightsSource

if TYPE_CHECKING:  # TensorFlow is loaded only when there is something to paint.
    from styletransfer.vgg.network import VGG

NetworkKind = tuple[str, int, str]  # model, seed, Traits.network: what decides which weights
_Network = tuple[str, WeightsSource]  # model, weights
IN_BUCKET = "bucket:"  # before a key in the style bucket, in VGG_WEIGHTS


class NetworkPool:
    """The networks that VGG_WEIGHTS and the styles' settings ask for."""

    def __init__(
        self,
        config: Config,
        style: Bucket,
        style_entries: Sequence[Entry],
        chosen: "Mapping[NetworkKind, WeightsSource] | None" = None,
    ) -> None:
        """Prepares the pool.

        Args:
            config: The configuration.
            style: The style bucket.
            style_entries: The objects in it.
            chosen: The `choices` of another pool, which this one follows.
        """
        self._config, self._style, self._entries = config, style, style_entries
        self._sources: dict[NetworkKind, WeightsSource] = dict(chosen or {})
        self._logged: set[str] = set()
        self._reader = ThreadPoolExecutor(1)
        self._weights: dict[_Network, Future[architectures.Weights]] = {}
        self._loaded: dict[tuple[_Network, str], VGG] = {}
        self._lock, self._loading = threading.Lock(), threading.Lock()

    def identity(self, settings: Settings) -> str:
        """Returns the identity of the weights for these settings.

        Raises WeightsError if the file that VGG_WEIGHTS names does not exist.
        """
        return self._source(settings).identity

    def accepts(self, record: Record, settings: Settings) -> bool:
        """Whether a record names weights with which its result is up to date, if nothing else has
        changed. Names decide where identities are of different kinds: random weights have a seed,
        and objects that were uploaded in parts have no MD5."""
        identities = record.weights or "", self.identity(settings)
        if identities[0] == identities[1]:
            return True
        plain = all(each.startswith("md5:") and "-" not in each for each in identities)
        return not plain and record.network == self.described(settings)

    def announce(self, styles: Iterable[Settings]) -> None:
        """Says once what paints with each of these settings."""
        for settings in styles:
            identity = self.identity(settings)
            if identity not in self._logged:
                self._logged.add(identity)
                event(f"painting with {self.described(settings)}", weights=identity)

    def described(self, settings: Settings) -> str:
        """The network for these settings in half a line."""
        return sources.described(self._source(settings).identity, self._config.vgg_weights)

    def choices(self) -> dict[NetworkKind, WeightsSource]:
        """The weights chosen so far: those of all settings that `identity` was asked for."""
        return dict(self._sources)

    def prefetch(self, settings: Settings) -> None:
        """Begins to read the weights for these settings, in a thread. Random ones are computed,
        which has to wait until the device is chosen."""
        if self._source(settings).given != sources.RANDOM:
            self._reading(settings)

    def load(self, settings: Settings, device: str = "") -> "VGG":
        """The network for these settings; one for each device, as its tensors and what TensorFlow
        traces belong to the device. Raises WeightsError, StorageError."""
        which = self._network(settings), device
        with self._loading:
            if which not in self._loaded:
                self._loaded[which] = self.build(settings)
            return self._loaded[which]

    def build(self, settings: Settings) -> "VGG":
        """A new network on the current device. Raises WeightsError, StorageError."""
        from styletransfer.vgg.network import VGG

        weights, source = self._reading(settings).result(), self._source(settings)
        # Objects that were uploaded in parts have no MD5 to compare with.
        if "-" not in source.identity and weights.identity != source.identity:
            raise WeightsError(
                f"the weights {source.given} are not those that this run began with: they are "
                f"{weights.identity}, not {source.identity}; have the same file on all machines, "
                "or in the style bucket (VGG_WEIGHTS=bucket:KEY)"
            )
        return VGG(weights)

    def _source(self, settings: Settings) -> WeightsSource:
        kind = settings.model, settings.seed, settings.traits.network
        if kind not in self._sources:
            self._sources[kind] = self._choice(settings)
        return self._sources[kind]

    def _network(self, settings: Settings) -> _Network:
        return settings.model, self._source(settings)

    def _choice(self, settings: Settings) -> WeightsSource:
        given = self._config.vgg_weights
        if given and given.startswith(IN_BUCKET) and settings.traits.network != "builtin":
            return WeightsSource(given, f"md5:{self._entry(given).etag}")
        return sources.source_for(settings, given)

    def _entry(self, given: str) -> Entry:
        key = given.removeprefix(IN_BUCKET)
        for entry in self._entries:
            if entry.key == key:
                return entry
        raise WeightsError(
            f"VGG_WEIGHTS is {given!r}, but {self._style.name} has no {printable(key)}"
        )

    def _reading(self, settings: Settings) -> "Future[architectures.Weights]":
        which = self._network(settings)
        with self._lock:
            known = self._weights.get(which)
            # A service's jobs outlast an outage, and so must what it keeps.
            if not known or (known.done() and isinstance(known.exception(), UnavailableError)):
                self._weights[which] = self._reader.submit(
                    _read_weights, self._source(settings), settings, self._style
                )
            return self._weights[which]


def load_network(given: str | None, identity: str, settings: Settings, style: Bucket) -> "VGG":
    """The network that a value of VGG_WEIGHTS names, `bucket:KEY` being in `style`; for none, that
    with the identity. Raises WeightsError, StorageError."""
    from styletransfer.vgg.network import VGG

    if given is None or settings.traits.network == "builtin":
        source = sources.source_of(identity, settings.model)
    elif given.startswith(IN_BUCKET):
        source = WeightsSource(given, identity)
    else:
        source = sources.named_source(given, settings.model, settings.seed)
    return VGG(_read_weights(source, settings, style))


def _read_weights(
    source: WeightsSource, settings: Settings, style: Bucket
) -> architectures.Weights:
    if source.given.startswith(IN_BUCKET):
        key = source.given.removeprefix(IN_BUCKET)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / PurePosixPath(key).name
            style.download(key, path)
            return readers.read_weights(path, settings.model)
    return sources.read_source(source, settings.model, settings.seed)
