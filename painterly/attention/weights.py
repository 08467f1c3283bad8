"""The weights of recipe `attention`: chosen by its variables, tested, and fetched."""

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeGuard

from painterly.attention.constants import ACCEPTS, MIRROR, WEIGHTS
from painterly.attention.diffusion import licence, sources
from painterly.attention.diffusion.weights import DiffusionWeights
from painterly.configuration.config import switch
from painterly.errors import ConfigError
from painterly.orders.plugin_weights import IN_BUCKET, Download, PluginWeights, Progress
from painterly.storage.base import Entry
from painterly.vgg.sources import WeightsSource
from painterly.words.webhook import parse_address


class AttentionWeights(PluginWeights):
    """Stable Diffusion 1.5's published files: in a folder, by default the cache, or in a bucket."""

    def local(self, given: str | None) -> WeightsSource:
        """Return the files in a folder."""
        return sources.source_for(given)

    def chosen(self, variables: Mapping[str, Any], listed: Iterable[Entry]) -> WeightsSource:
        """Return the files that ATTENTION_WEIGHTS names."""
        name = variables.get(WEIGHTS)
        if not _is_in_bucket(name):
            return self.local(name)
        prefix = _prefix(name)
        sizes = {each.key: each.size for each in listed if each.key.startswith(prefix)}
        sources.check_listed({key.removeprefix(prefix): size for key, size in sizes.items()})
        _accept_as_told(variables)
        licence.check_accepted(sources.CACHE)
        return WeightsSource(name, sources.identity())

    def brought(self, variables: Mapping[str, Any], download: Download) -> Mapping[str, Any]:
        """Copy the files that ATTENTION_WEIGHTS names in a bucket to the cache."""
        name = variables.get(WEIGHTS)
        if not _is_in_bucket(name):
            return variables
        _accept_as_told(variables)
        _copy(name, download)
        return {each: value for each, value in variables.items() if each != WEIGHTS}

    def read(self, source: WeightsSource, download: Download) -> DiffusionWeights:
        """Map the files."""
        if not _is_in_bucket(source.given):
            return sources.read(Path(source.given))
        _copy(source.given, download)
        return sources.read(sources.CACHE)

    def test(self, weights: DiffusionWeights) -> None:
        """Test the networks."""
        from painterly.attention.diffusion.self_test import check_once

        check_once(weights)

    def fetch(
        self,
        environment: Mapping[str, str],
        ask: Callable[[str], str] | None,
        shown: AbstractContextManager[Progress],
    ) -> Path:
        """Fetch the files after their licence is accepted."""
        mirror = environment.get(MIRROR)
        parts = parse_address(mirror) if mirror else None
        # It may have a secret, so it is not shown.
        if mirror and (parts is None or parts.query or "@" in parts.netloc):
            raise ConfigError(
                f"{MIRROR} is wrong; expected an address such as https://example.com/sd15"
            )
        if not licence.is_accepted(sources.CACHE):
            print(licence.SUMMARY, file=sys.stderr, flush=True)
            unasked = switch(environment, ACCEPTS)
            if not unasked and not (ask and ask('Type "accept" to accept it: ') == "accept"):
                licence.check_accepted(sources.CACHE)
            licence.accept(sources.CACHE)
        with shown as show:
            sources.fetch(mirror, show)
        return sources.CACHE

    def check(self, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Test the files that are here, or that ATTENTION_WEIGHTS names."""
        folder = sources.given_folder(environment.get(WEIGHTS))
        weights = sources.read(folder)
        from painterly.attention.diffusion.self_test import check  # Loads TensorFlow.
        from painterly.devices.choose import choose_devices

        with choose_devices("auto").first.scope():
            check(weights, say)
        say(f"{folder}: the files are the published ones, and pass the test")


def _is_in_bucket(name: str | None) -> TypeGuard[str]:
    return name is not None and name.startswith(IN_BUCKET)


def _prefix(name: str) -> str:
    return name.removeprefix(IN_BUCKET).strip("/") + "/"


def _accept_as_told(variables: Mapping[str, Any]) -> None:
    if variables.get(ACCEPTS):
        licence.accept(sources.CACHE)


def _copy(name: str, download: Download) -> None:
    """Copy the files under a prefix of a bucket to the cache."""
    prefix = _prefix(name)
    sources.copy(lambda path, target: download(f"{prefix}{path}", target))
