"""The VGG networks of a run: identified without loading them, their weights read once, while
TensorFlow is being loaded."""

import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from logging import WARNING
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from styletransfer.config import Config
from styletransfer.errors import WeightsError
from styletransfer.log import event, printable
from styletransfer.settings import Settings
from styletransfer.storage.base import Bucket, Entry
from styletransfer.vgg import download, readers, registry

if TYPE_CHECKING:  # TensorFlow is loaded only when there is something to paint.
    from styletransfer.vgg.network import VGG

ModelAndSeed = tuple[str, int]
IN_BUCKET = "bucket:"  # before a key in the style bucket, in VGG_WEIGHTS
RANDOM_NOTE = (
    "painted with random features, not with trained VGG weights: they transfer a painting's "
    "palette and texture, but less of its brushwork"
)


class NetworkPool:
    """The networks that VGG_WEIGHTS and the looks' settings ask for."""

    def __init__(self, config: Config, style: Bucket, style_entries: Sequence[Entry]) -> None:
        self._config, self._style, self._entries = config, style, style_entries
        self._identities: dict[ModelAndSeed, str] = {}
        self._reader = ThreadPoolExecutor(1)
        self._weights: dict[ModelAndSeed, Future[registry.Weights]] = {}
        self._loaded: dict[tuple[ModelAndSeed, str], VGG] = {}
        self._lock = threading.Lock()

    def identity(self, settings: Settings) -> str:
        """What distinguishes the weights for these settings from others, for fingerprints.

        Raises WeightsError where the file that VGG_WEIGHTS names does not exist.
        """
        which = settings.model, settings.seed
        if which not in self._identities:
            self._identities[which] = self._find_identity(settings)
        return self._identities[which]

    def prefetch(self, settings: Settings) -> None:
        """Begins to read or download the weights for these settings, in a thread. Random ones are
        computed, which has to wait until the device is chosen."""
        if not _is_random(self.identity(settings)):
            self._reading(settings)

    def load(self, settings: Settings, device: str = "") -> "VGG":
        """The network for these settings; one for each device, as its tensors and what TensorFlow
        traces belong to the device. Raises WeightsError, StorageError."""
        which = (settings.model, settings.seed), device
        if which not in self._loaded:
            self._loaded[which] = self.build(settings)
        return self._loaded[which]

    def build(self, settings: Settings) -> "VGG":
        """A new network on the current device. Raises WeightsError, StorageError."""
        from styletransfer.vgg.network import VGG

        return VGG(self._reading(settings).result())

    @property
    def uses_random(self) -> bool:
        """Whether any of the networks asked for so far is a random one."""
        return any(map(_is_random, self._identities.values()))

    def _find_identity(self, settings: Settings) -> str:
        given, model = self._config.vgg_weights, settings.model
        if given == "random":
            return registry.random_identity(settings.seed)
        if given and given.startswith(IN_BUCKET):
            return f"md5:{self._entry(given).etag}"
        if given:
            return readers.file_identity(Path(given).expanduser())
        if self._config.demo and download.cached(model) is None:
            problem = download.hub_problem(model)
            if problem:
                event(
                    f"no trained weights: the hub cannot be reached ({problem}); the demo paints "
                    "with random features instead",
                    level=WARNING,
                )
                return registry.random_identity(settings.seed)
        return f"md5:{registry.architecture(model).published.md5}"

    def _entry(self, given: str) -> Entry:
        key = given.removeprefix(IN_BUCKET)
        for entry in self._entries:
            if entry.key == key:
                return entry
        raise WeightsError(
            f"VGG_WEIGHTS is {given!r}, but {self._style.name} has no {printable(key)}"
        )

    def _reading(self, settings: Settings) -> "Future[registry.Weights]":
        which, identity = (settings.model, settings.seed), self.identity(settings)
        with self._lock:
            if which not in self._weights:
                self._weights[which] = self._reader.submit(
                    _read_weights, self._config.vgg_weights, identity, settings, self._style
                )
            return self._weights[which]


def load_network(given: str | None, identity: str, settings: Settings, style: Bucket) -> "VGG":
    """The network that a value of VGG_WEIGHTS names, `bucket:KEY` being in `style`; a random one
    where `identity` is that of random weights. Raises WeightsError, StorageError."""
    from styletransfer.vgg.network import VGG

    return VGG(_read_weights(given, identity, settings, style))


def ways_to_give_weights(model: str) -> str:
    """How to give a run trained weights, as a sentence."""
    ways = download.WAYS_OUT.format(name=registry.architecture(model).published.name)
    return f"For trained weights, there are {ways}."


def _is_random(identity: str) -> bool:
    return identity.startswith("random")


def _read_weights(
    given: str | None, identity: str, settings: Settings, style: Bucket
) -> registry.Weights:
    """As load_network, the weights alone. TensorFlow is loaded only where it computes the weights
    or where Keras downloads them."""
    model = settings.model
    if _is_random(identity) and given in (None, "random"):
        from styletransfer.vgg.random_weights import random_weights

        return random_weights(model, settings.seed)
    if given and given.startswith(IN_BUCKET):
        key = given.removeprefix(IN_BUCKET)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / PurePosixPath(key).name
            style.download(key, path)
            return readers.read_weights(path, model)
    if given:
        return readers.read_weights(download.find(model, given), model)
    cached = download.cached(model)
    if cached is None:
        # Keras and TensorFlow import each other, which two threads must not do at the same time.
        import styletransfer.devices.tensorflow  # noqa: F401

        cached = download.download(model)
    return readers.read_weights(cached, model)
