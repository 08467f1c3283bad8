"""Which VGG a run uses: told without loading it, and loaded once."""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from styletransfer import weights
from styletransfer.config import Config
from styletransfer.errors import WeightsError
from styletransfer.settings import Settings
from styletransfer.storage import Bucket, Entry, shown

if TYPE_CHECKING:  # TensorFlow is loaded when there is something to paint.
    from styletransfer.vgg import VGG

logger = logging.getLogger("styletransfer")

RANDOM_NOTE = (
    "painted with random features, not with trained VGG weights: palette and texture of the "
    "painting, less of its manner"
)


class Networks:
    """The networks that VGG_WEIGHTS and the looks' settings ask for."""

    def __init__(self, config: Config, style: Bucket, style_entries: Sequence[Entry]) -> None:
        self._config, self._style, self._entries = config, style, style_entries
        self._given = config.vgg_weights
        self._identities: dict[tuple[str, int], str] = {}
        self._loaded: dict[tuple[str, int], VGG] = {}

    def identity(self, settings: Settings) -> str:
        """What tells the weights for these settings apart from others, for fingerprints.

        Raises WeightsError where the file named is not there.
        """
        which = settings.model, settings.seed
        if which not in self._identities:
            self._identities[which] = self._find_identity(settings)
        return self._identities[which]

    def load(self, settings: Settings) -> "VGG":
        """The network for these settings. Raises WeightsError, StorageError."""
        which = settings.model, settings.seed
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
            return weights.random_identity(settings.seed)
        if given and given.startswith("bucket:"):
            return f"md5:{self._entry(given).etag}"
        if given:
            return weights.file_identity(Path(given).expanduser())
        if self._config.demo and weights.cached(model) is None:
            problem = weights.hub_problem(model)
            if problem:
                logger.warning(
                    "no trained weights: the hub cannot be reached (%s); the demo paints with "
                    "random features instead",
                    problem,
                )
                return weights.random_identity(settings.seed)
        return f"md5:{weights.PUBLISHED[model].md5}"

    def _entry(self, given: str) -> Entry:
        key = given.removeprefix("bucket:")
        for entry in self._entries:
            if entry.key == key:
                return entry
        raise WeightsError(f"VGG_WEIGHTS is {given!r}, but {self._style.name} has no {shown(key)}")

    def _load(self, settings: Settings) -> "VGG":
        return load_given(self._given, self.identity(settings), settings, self._style)


def load_given(given: str | None, identity: str, settings: Settings, style: Bucket) -> "VGG":
    """The network that a value of VGG_WEIGHTS names, `bucket:KEY` being one in `style`; a random
    one where `identity` is a random one's. Raises WeightsError, StorageError."""
    from styletransfer.vgg import load_vgg

    if identity.startswith("random") and given in (None, "random"):
        return load_vgg(settings.model, "random", settings.seed)
    if not (given and given.startswith("bucket:")):
        return load_vgg(settings.model, given)
    key = given.removeprefix("bucket:")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PurePosixPath(key).name
        style.download(key, path)
        return load_vgg(settings.model, path)


def how_to_give(model: str) -> str:
    """The ways to give a run trained weights, as a sentence."""
    return (
        "To use trained ones, " + weights.WAYS_OUT.format(name=weights.PUBLISHED[model].name) + "."
    )
