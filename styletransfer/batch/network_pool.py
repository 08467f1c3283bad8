"""The networks of a run: identified without loading them, their weights read once, while TensorFlow
is being loaded."""

import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from logging import WARNING
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from styletransfer.config import Config
from styletransfer.errors import WeightsError
from styletransfer.log import event, plural, printable
from styletransfer.record import Record
from styletransfer.settings import Settings
from styletransfer.storage.base import Bucket, Entry, UnavailableError
from styletransfer.vgg import readers, registry, sources
from styletransfer.vgg.sources import WeightsSource

if TYPE_CHECKING:  # TensorFlow is loaded only when there is something to paint.
    from styletransfer.vgg.network import VGG

NetworkKind = tuple[str, int, bool]  # model, seed, whether for drafts
_Network = tuple[str, WeightsSource]  # model, weights
IN_BUCKET = "bucket:"  # before a key in the style bucket, in VGG_WEIGHTS
RANDOM_NOTE = (
    "painted with random features, not with a trained network: they transfer a painting's "
    "palette and texture, but less of its brushwork"
)


class NetworkPool:
    """The networks that VGG_WEIGHTS and the looks' settings ask for.

    Where VGG_WEIGHTS is unset, whether a hub answers must neither outdate what is painted nor mix
    networks in a batch. So results of either network count as done, and the run goes on with the
    network that painted most of them.
    """

    def __init__(
        self,
        config: Config,
        style: Bucket,
        style_entries: Sequence[Entry],
        chosen: "Mapping[NetworkKind, WeightsSource] | None" = None,
    ) -> None:
        """chosen: what `choices` of another pool gave, which this one keeps to."""
        self._config, self._style, self._entries = config, style, style_entries
        self._painted: Mapping[str, int] = {}
        self._accepted: dict[NetworkKind, tuple[str, ...]] = {}
        self._sources: dict[NetworkKind, WeightsSource] = dict(chosen or {})
        self._logged: set[str] = set()
        self._reader = ThreadPoolExecutor(1)
        self._weights: dict[_Network, Future[registry.Weights]] = {}
        self._loaded: dict[tuple[_Network, str], VGG] = {}
        self._lock, self._loading = threading.Lock(), threading.Lock()

    def accepted(self, settings: Settings) -> tuple[str, ...]:
        """The identities of weights with which a result with these settings is up to date.

        Raises WeightsError where the file that VGG_WEIGHTS names does not exist.
        """
        kind = _kind(settings)
        if kind not in self._accepted:
            named = self._config.vgg_weights is not None
            accepted = (self._source(settings),) if named else _unnamed(settings)
            self._accepted[kind] = tuple(each.identity for each in accepted)
        return self._accepted[kind]

    def accepts(self, record: Record, settings: Settings) -> bool:
        """Whether a record names weights with which its result is up to date, if nothing else has
        changed. Names decide where identities are of different kinds: random weights have a seed,
        and objects that were uploaded in parts have no MD5."""
        for identity in self.accepted(settings):
            identities = record.weights or "", identity
            if identities[0] == identity:
                return True
            plain = all(each.startswith("md5:") and "-" not in each for each in identities)
            name = sources.described(identity, self._config.vgg_weights)
            if not plain and record.network == name:
                return True
        return False

    def continue_with(self, painted: Mapping[str, int]) -> None:
        """Before `identity`: how many results are there, by the identities that `accepted` gave."""
        self._painted = painted

    def identity(self, settings: Settings) -> str:
        """What distinguishes the weights for these settings from others, for fingerprints of
        results to be painted. With VGG_WEIGHTS unset it may download the published ones.

        Raises WeightsError as `accepted`.
        """
        identity = self._source(settings).identity
        if identity not in self._logged:
            self._logged.add(identity)
            event(f"painting with {self.described(settings)}", weights=identity)
        return identity

    def described(self, settings: Settings) -> str:
        """The network for these settings in half a line."""
        return sources.described(self._source(settings).identity, self._config.vgg_weights)

    def is_random(self, settings: Settings) -> bool:
        """Whether the network for these settings is a random one."""
        return self._source(settings).given == sources.RANDOM

    def choices(self) -> dict[NetworkKind, WeightsSource]:
        """The weights chosen so far: those of all settings that `identity` was asked for."""
        return dict(self._sources)

    def prefetch(self, settings: Settings) -> None:
        """Begins to read the weights for these settings, in a thread. Random ones are computed,
        which has to wait until the device is chosen."""
        if not self.is_random(settings):
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
        kind = _kind(settings)
        if kind not in self._sources:
            self._sources[kind] = self._choice(settings)
        return self._sources[kind]

    def _network(self, settings: Settings) -> _Network:
        return settings.model, self._source(settings)

    def _choice(self, settings: Settings) -> WeightsSource:
        given = self._config.vgg_weights
        if given and given.startswith(IN_BUCKET):
            return WeightsSource(given, f"md5:{self._entry(given).etag}")
        if given:
            return sources.named_source(given, *_kind(settings))
        builtin, published = _unnamed(settings)
        own, other = (self._painted.get(each.identity, 0) for each in (builtin, published))
        if own > other:
            event(
                f"{plural(own, 'result')} there: painted with "
                f"{sources.described(builtin.identity)}, and so will be the others; "
                f"VGG_WEIGHTS={sources.PUBLISHED} paints all with VGG's published weights"
            )
            return builtin
        source = sources.default_source(
            settings.model, may_download=not self._config.demo, draft=settings.is_draft
        )
        if other and source == builtin:
            event(
                f"{plural(other, 'result')} there: painted with "
                f"{sources.described(published.identity)}, unlike those of this run",
                level=WARNING,
            )
        return source

    def _entry(self, given: str) -> Entry:
        key = given.removeprefix(IN_BUCKET)
        for entry in self._entries:
            if entry.key == key:
                return entry
        raise WeightsError(
            f"VGG_WEIGHTS is {given!r}, but {self._style.name} has no {printable(key)}"
        )

    def _reading(self, settings: Settings) -> "Future[registry.Weights]":
        which = self._network(settings)
        with self._lock:
            known = self._weights.get(which)
            # A service's jobs outlast an outage, and so must what it keeps.
            if known is None or (known.done() and _was_away(known)):
                self._weights[which] = self._reader.submit(
                    _read_weights, self._source(settings), settings, self._style
                )
            return self._weights[which]


def load_network(given: str | None, identity: str, settings: Settings, style: Bucket) -> "VGG":
    """The network that a value of VGG_WEIGHTS names, `bucket:KEY` being in `style`; for none, or
    `builtin`, which depends on the quality, that with the identity. Raises WeightsError,
    StorageError."""
    from styletransfer.vgg.network import VGG

    if given in (None, sources.ANY_BUILTIN):
        source = sources.source_of(identity, settings.model)
    elif given.startswith(IN_BUCKET):
        source = WeightsSource(given, identity)
    else:
        source = sources.named_source(given, settings.model, settings.seed)
    return VGG(_read_weights(source, settings, style))


def _kind(settings: Settings) -> NetworkKind:
    return settings.model, settings.seed, settings.is_draft


def _unnamed(settings: Settings) -> tuple[WeightsSource, WeightsSource]:
    """Those that VGG_WEIGHTS need not name: the built-in network, and the published weights."""
    builtin, published = (
        sources.named_source(name, *_kind(settings))
        for name in (sources.ANY_BUILTIN, sources.PUBLISHED)
    )
    return builtin, published


def _was_away(reading: "Future[registry.Weights]") -> bool:
    """Whether the weights could not be read because the storage was away."""
    return isinstance(reading.exception(), UnavailableError)


def _read_weights(source: WeightsSource, settings: Settings, style: Bucket) -> registry.Weights:
    if source.given.startswith(IN_BUCKET):
        key = source.given.removeprefix(IN_BUCKET)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / PurePosixPath(key).name
            style.download(key, path)
            return readers.read_weights(path, settings.model)
    return sources.read_source(source, settings.model, settings.seed)
