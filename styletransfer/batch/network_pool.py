"""Which VGG a run uses: told without loading it, and its weights read once, while TensorFlow is
being loaded."""

import logging
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from styletransfer.config import Config
from styletransfer.errors import WeightsError
from styletransfer.log import printable
from styletransfer.settings import Settings
from styletransfer.storage.base import Bucket, Entry
from styletransfer.vgg import download, readers, registry

if TYPE_CHECKING:  # TensorFlow is loaded when there is something to paint.
    from styletransfer.vgg.network import VGG

Which = tuple[str, int]  # model and seed
logger = logging.getLogger("styletransfer")
RANDOM_NOTE = (
    "painted with random features, not with trained VGG weights: palette and texture of the "
    "painting, less of its manner"
)


class NetworkPool:
    """The networks that VGG_WEIGHTS and the looks' settings ask for."""

    def __init__(self, config: Config, style: Bucket, style_entries: Sequence[Entry]) -> None:
        self._config, self._style, self._entries = config, style, style_entries
        self._given = config.vgg_weights
        self._identities: dict[Which, str] = {}
        self._reader = ThreadPoolExecutor(1)
        self._weights: dict[Which, Future[registry.Weights]] = {}
        self._loaded: dict[tuple[Which, str], VGG] = {}
        self._lock = threading.Lock()

    def identity(self, settings: Settings) -> str:
        """What tells the weights for these settings apart from others, for fingerprints.

        Raises WeightsError where the file named is not there.
        """
        which = settings.model, settings.seed
        if which not in self._identities:
            self._identities[which] = self._find_identity(settings)
        return self._identities[which]

    def read_ahead(self, settings: Settings) -> None:
        """Begins to read the weights for these settings, or to download them, in a thread. Random
        ones are computed, which has to wait until the device is chosen."""
        if not self.identity(settings).startswith("random"):
            self._reading(settings)

    def load(self, settings: Settings, device: str = "") -> "VGG":
        """The network for these settings, one for each device: kernels lie on it, and what
        TensorFlow traces belongs to it. Raises WeightsError, StorageError."""
        which = (settings.model, settings.seed), device
        if which not in self._loaded:
            self._loaded[which] = self._load(settings)
        return self._loaded[which]

    @property
    def random(self) -> bool:
        """Whether any of the networks asked for so far is a random one."""
        return any(identity.startswith("random") for identity in self._identities.values())

    def _find_identity(self, settings: Settings) -> str:
        given, model = self._given, settings.model
        if given == "random":
            return registry.random_identity(settings.seed)
        if given and given.startswith("bucket:"):
            return f"md5:{self._entry(given).etag}"
        if given:
            return readers.file_identity(Path(given).expanduser())
        if self._config.demo and download.cached(model) is None:
            problem = download.hub_problem(model)
            if problem:
                logger.warning(
                    "no trained weights: the hub cannot be reached (%s); the demo paints with "
                    "random features instead",
                    problem,
                )
                return registry.random_identity(settings.seed)
        return f"md5:{registry.architecture(model).published.md5}"

    def _entry(self, given: str) -> Entry:
        key = given.removeprefix("bucket:")
        for entry in self._entries:
            if entry.key == key:
                return entry
        raise WeightsError(
            f"VGG_WEIGHTS is {given!r}, but {self._style.name} has no {printable(key)}"
        )

    def _load(self, settings: Settings) -> "VGG":
        from styletransfer.vgg.network import VGG

        return VGG(self._reading(settings).result())

    def _reading(self, settings: Settings) -> "Future[registry.Weights]":
        which = settings.model, settings.seed
        with self._lock:
            if which not in self._weights:
                told = self._given, self.identity(settings), settings, self._style
                self._weights[which] = self._reader.submit(_weights_given, *told)
            return self._weights[which]


def load_given(given: str | None, identity: str, settings: Settings, style: Bucket) -> "VGG":
    """The network that a value of VGG_WEIGHTS names, `bucket:KEY` being one in `style`; a random
    one where `identity` is a random one's. Raises WeightsError, StorageError."""
    from styletransfer.vgg.network import VGG

    return VGG(_weights_given(given, identity, settings, style))


def _weights_given(
    given: str | None, identity: str, settings: Settings, style: Bucket
) -> registry.Weights:
    """As load_given, the weights alone; TensorFlow is loaded only where they are computed, or
    downloaded, which Keras does."""
    model = settings.model
    if identity.startswith("random") and given in (None, "random"):
        from styletransfer.vgg.random_weights import random_weights

        return random_weights(model, settings.seed)
    if given and given.startswith("bucket:"):
        key = given.removeprefix("bucket:")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / PurePosixPath(key).name
            style.download(key, path)
            return readers.read_weights(path, model)
    path = download.find(model, given) if given else download.cached(model)
    if path is None:
        # Keras and TensorFlow import each other, which two threads must not do at a time.
        import styletransfer.devices.tensorflow  # noqa: F401

        path = download.download(model)
    return readers.read_weights(path, model)


def how_to_give(model: str) -> str:
    """The ways to give a run trained weights, as a sentence."""
    return (
        "To use trained ones, "
        + download.WAYS_OUT.format(name=registry.architecture(model).published.name)
        + "."
    )
