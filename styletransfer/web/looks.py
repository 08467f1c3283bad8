"""The look that a job is painted in: one of the style bucket, or a blend chosen for the job."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from styletransfer.batch.looks import LONGEST_NAME, Look, Painting, find_looks, find_pictures
from styletransfer.config import Config
from styletransfer.errors import ConfigError
from styletransfer.settings import Settings
from styletransfer.storage.base import Entry
from styletransfer.storage.file_names import start_in_bytes
from styletransfer.web.job_store import StoredJob
from styletransfer.web.schemas import Blended, Quality
from styletransfer.web.style_bucket import UPLOADED, StyleBucket

_LONGEST_BLEND = 80  # characters of its name
_BEFORE_NAME = re.compile(f"^{re.escape(UPLOADED)}[0-9a-f]{{12}}-")  # a prefix of uploads


def all_looks(style: StyleBucket, config: Config, quality: Quality) -> list[Look]:
    """The looks of the style bucket, with the settings of a quality. Raises ConfigError,
    StorageError."""
    settings = config.settings.replaced({"quality": quality.value})
    return find_looks(style, [*style.list()], config.style_mode, settings)


def job_look(job: StoredJob, style: StyleBucket, config: Config) -> Look:
    """A job's look, as it is now. Raises ConfigError if a painting or the look is gone,
    StorageError."""
    if job.named_look:
        found = {each.name: each for each in all_looks(style, config, job.quality)}.get(job.look)
        if found is None:
            raise ConfigError(f"the look {job.look!r} is gone")
        return replace(found, settings=found.settings.replaced(job.settings))
    shares = {each.name: each.share for each in job.paintings}
    return Look(
        job.look,
        blended(shares, style),
        config.settings.replaced({"quality": job.quality.value}).replaced(job.settings),
    )


def blended(shares: Mapping[str, float], style: StyleBucket) -> tuple[Painting, ...]:
    """Paintings by name in shares of any sum. Raises ConfigError for one that is not there,
    StorageError."""
    found: dict[str, Entry] = {}
    for name in shares:
        entry = style.find(name) if find_pictures([Entry(name, 1, "")]) else None
        if entry is None:
            raise ConfigError(f"there is no painting {display_name(name)!r} any more")
        found[name] = entry
    total = sum(shares.values())
    return tuple(Painting(found[name], share / total) for name, share in shares.items())


def blend_name(names: Mapping[str, float]) -> str:
    """The name of a blend, which is the first part of its results' keys: `monet+hokusai`."""
    stems = (PurePosixPath(display_name(name)).stem for name in names)
    plain = ("".join(c if c.isalnum() or c in "-_ " else "-" for c in stem) for stem in stems)
    name = "+".join(each.strip("-_ ") or "painting" for each in plain)[:_LONGEST_BLEND]
    return start_in_bytes(name, LONGEST_NAME).strip(" +-_")


def display_name(name: str) -> str:
    """A painting's name, that of an upload without what makes it the only one of its name."""
    return _BEFORE_NAME.sub("", name)


def as_blended(look: Look) -> list[Blended]:
    """A look's paintings as the API shows them."""
    return [Blended(name=each.entry.key, share=round(each.share, 4)) for each in look.paintings]


def own_settings(look: Look, usual: Settings) -> dict[str, Any]:
    """The settings that a look sets itself, and others that differ from the usual ones: those that
    its recipe or its quality decides."""
    before = usual.deciding()
    differing = {
        name: value for name, value in look.settings.deciding().items() if value != before[name]
    }
    return {name: getattr(look.settings, name) for name in look.own} | differing
