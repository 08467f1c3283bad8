"""The networks of a run: identified without loading them, their weights read once, while TensorFlow
is being loaded."""

import tempfile
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from painterly.attention.diffusion import licence
from painterly.attention.diffusion import sources as diffusion
from painterly.attention.diffusion.weights import DiffusionWeights
from painterly.configuration.config import Config
from painterly.errors import WeightsError
from painterly.settings.settings import Settings
from painterly.storage.base import Bucket, Entry, UnavailableError
from painterly.vgg import architectures, sources
from painterly.vgg.sources import WeightsSource
from painterly.words.wording import printable

if TYPE_CHECKING:  # TensorFlow is loaded only when there is something to paint.
    from painterly.vgg.network import VGG

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")
_Network = tuple[str, WeightsSource]  # model, weights
# Before a key in the style bucket, in VGG_WEIGHTS, or before a prefix, in ATTENTION_WEIGHTS.
IN_BUCKET = "bucket:"


class OtherWeightsError(WeightsError):
    """Weights that have another identity than the one that was expected."""

    def __init__(self, message: str, identity: str) -> None:
        super().__init__(message)
        self.identity = identity


class NetworkPool:
    """The networks that VGG_WEIGHTS, ATTENTION_WEIGHTS and the styles' settings ask for."""

    def __init__(
        self,
        vgg_weights: str | None,
        style: Bucket,
        style_entries: Sequence[Entry] = (),
        attention_weights: str | None = None,
        accepts_openrail_m: bool = False,
    ) -> None:
        """Prepare the pool.

        Args:
            vgg_weights: The variable, or None for the usual weights.
            style: The style bucket.
            style_entries: The objects in it.
            attention_weights, accepts_openrail_m: As in Config.
        """
        self._attention_weights, self._accepts = attention_weights, accepts_openrail_m
        self._vgg_weights, self._style, self._entries = vgg_weights, style, style_entries
        # By model, seed and Traits.network: what may decide which weights.
        self._sources: dict[tuple[str, int, str], WeightsSource] = {}
        self._reader = ThreadPoolExecutor(1)
        self._weights: dict[_Network, Future[architectures.Weights]] = {}
        self._diffusion: dict[WeightsSource, Future[DiffusionWeights]] = {}
        self._loaded: dict[tuple[_Network, str], VGG] = {}
        self._lock, self._loading = threading.Lock(), threading.Lock()

    @classmethod
    def of(
        cls, config: Config, style: Bucket, style_entries: Sequence[Entry] = ()
    ) -> "NetworkPool":
        """Return the pool of a run with this configuration."""
        return cls(
            config.vgg_weights,
            style,
            style_entries,
            config.attention_weights,
            config.accepts_openrail_m,
        )

    def relist(self, style_entries: Sequence[Entry]) -> None:
        """Take a later listing of the style bucket, in which weights may have changed. Loaded
        networks stay."""
        self._entries, self._sources = style_entries, {}

    def source(self, settings: Settings) -> WeightsSource:
        """Return the weights for these settings.

        Raises WeightsError if a file that VGG_WEIGHTS or ATTENTION_WEIGHTS names does not exist.
        """
        kind, known = (settings.model, settings.seed, settings.traits.network), self._sources
        source = known.get(kind)
        if source is None:
            source = known[kind] = self._choice(settings)
        return source

    def prefetch(self, settings: Settings, source: WeightsSource | None = None) -> None:
        """Begin to read the weights for these settings, or those chosen before, in a thread.

        Random ones are computed, which has to wait until the device is chosen.
        """
        source = source or self.source(settings)
        if settings.traits.network == "diffusion":
            self._reading_diffusion(source)
        elif settings.traits.optimises and source.given != sources.RANDOM:
            self._reading(settings, source)

    def load(
        self, settings: Settings, device: str = "", source: WeightsSource | None = None
    ) -> "VGG | None":
        """Return the VGG for these settings, or None for recipe instant, which has its own. For
        recipe attention, it is the built-in one.

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
        if settings.traits.network == "diffusion":
            source = sources.named_source(sources.BUILT_IN, settings.model)
        source = source or self.source(settings)
        which = (settings.model, source), device
        with self._loading:
            if which not in self._loaded:
                self._loaded[which] = self.build(settings, source)
            return self._loaded[which]

    def load_diffusion(
        self, settings: Settings, source: WeightsSource | None = None
    ) -> DiffusionWeights | None:
        """Return Stable Diffusion's weights, tested on the current device, if the recipe needs
        them. Arguments and errors as in `load`."""
        if settings.traits.network != "diffusion":
            return None
        weights = self._reading_diffusion(source or self.source(settings)).result()
        from painterly.attention.diffusion.self_test import check_once

        with self._loading:
            check_once(weights)
        return weights

    def build(self, settings: Settings, source: WeightsSource) -> "VGG":
        """Make a network on the current device. Raises WeightsError, StorageError."""
        from painterly.vgg.network import VGG

        weights = self._reading(settings, source).result()
        # Objects that were uploaded in parts have no MD5 to compare with.
        if "-" in source.identity or weights.identity == source.identity:
            return VGG(weights)
        if not self._is_listed(source):
            raise OtherWeightsError(
                f"the weights {source.given} are not those that are expected: they are "
                f"{weights.identity}, not {source.identity}; have the same file on all machines, "
                "or in the style bucket (VGG_WEIGHTS=bucket:KEY)",
                weights.identity,
            )
        return VGG(replace(weights, identity=source.identity))  # As the next listing has it.

    def _is_listed(self, source: WeightsSource) -> bool:
        """Return whether the style bucket has an object with an ETag: what was read from it has
        another MD5, so that the service's ETags are none. Raises StorageError."""
        key = source.given.removeprefix(IN_BUCKET)
        listed = () if key == source.given else self._style.list(key)
        return (key, source.identity) in ((each.key, f"md5:{each.etag}") for each in listed)

    def _choice(self, settings: Settings) -> WeightsSource:
        if settings.traits.network == "diffusion":
            return self._diffusion_source()
        name = self._vgg_weights
        if name and name.startswith(IN_BUCKET) and settings.traits.network != "builtin":
            return WeightsSource(name, f"md5:{self._entry(name).etag}")
        return sources.source_for(settings, name)

    def _diffusion_source(self) -> WeightsSource:
        """Return the source of Stable Diffusion's files. Raises WeightsError if one is missing."""
        name = self._attention_weights
        if name and name.startswith(IN_BUCKET):
            prefix = _prefix(name)
            diffusion.check_listed(
                {
                    entry.key.removeprefix(prefix): entry.size
                    for entry in self._entries
                    if entry.key.startswith(prefix)
                }
            )
            if self._accepts:
                licence.accept(diffusion.CACHE)
            licence.check_accepted(diffusion.CACHE)
            return WeightsSource(name, diffusion.identity())
        return diffusion.source_for(name)

    def _entry(self, name: str) -> Entry:
        key = name.removeprefix(IN_BUCKET)
        for entry in self._entries:
            if entry.key == key:
                return entry
        raise WeightsError(
            f"VGG_WEIGHTS is {name!r}, but {self._style.name} has no {printable(key)}"
        )

    def _reading(
        self, settings: Settings, source: WeightsSource
    ) -> "Future[architectures.Weights]":
        return self._begun(
            self._weights,
            (settings.model, source),
            partial(_read_weights, source, settings, self._style),
        )

    def _reading_diffusion(self, source: WeightsSource) -> "Future[DiffusionWeights]":
        return self._begun(self._diffusion, source, partial(_read_diffusion, source, self._style))

    def _begun(
        self, kept: "dict[_Key, Future[_Value]]", key: _Key, read: Callable[[], _Value]
    ) -> "Future[_Value]":
        """Return what is kept under a key, or else begin to read it."""
        with self._lock:
            known = kept.get(key)
            # A service's jobs outlast an outage, and so must what it keeps.
            if not known or (known.done() and isinstance(known.exception(), UnavailableError)):
                kept[key] = self._reader.submit(read)
            return kept[key]


def _read_weights(
    source: WeightsSource, settings: Settings, style: Bucket
) -> architectures.Weights:
    if source.given.startswith(IN_BUCKET):
        key = source.given.removeprefix(IN_BUCKET)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / PurePosixPath(key).name
            style.download(key, path)
            return sources.read_weights(path, settings.model)
    return sources.read_source(source, settings.model, settings.seed)


def _read_diffusion(source: WeightsSource, style: Bucket) -> DiffusionWeights:
    if not source.given.startswith(IN_BUCKET):
        return diffusion.read(Path(source.given))
    prefix = _prefix(source.given)
    diffusion.copy(lambda path, target: style.download(f"{prefix}{path}", target))
    return diffusion.read(diffusion.CACHE)


def _prefix(name: str) -> str:
    return name.removeprefix(IN_BUCKET).strip("/") + "/"
