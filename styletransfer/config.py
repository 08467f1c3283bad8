"""The environment, completed by a `.env` file, as one checked `Config`.

A wrong value is a ConfigError of one line: the variable, its value, what is expected. The values of
CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET never appear in a message.
"""

import logging
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from styletransfer import progress
from styletransfer.errors import ConfigError
from styletransfer.images.output import (
    DEEP_EXTENSIONS,
    FORMAT_ALIASES,
    OUTPUT_FORMATS,
    OutputFormat,
)
from styletransfer.log import shortened
from styletransfer.paths import PROGRAM, WORKSPACE, dotenv
from styletransfer.setting_values import closest, parse_bool, parse_whole
from styletransfer.settings import FIELDS, QUALITIES, Settings
from styletransfer.storage.address import Account, overlap, parse_account, parse_address

BUCKETS = ("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT")
STYLE_MODES = ("each", "blend")
DEVICE_CHOICES = ("auto", "gpu", "cpu")
LOG_FORMATS = ("text", "json")
LOG_DETAIL = ("info", "debug")
# The demo takes two minutes on two processor cores: painted like a draft.
DEMO_SETTINGS = QUALITIES["draft"]


@dataclass(frozen=True)
class Config:
    """The inputs, settings and outputs of one run.

    Attributes:
        source, style, result: Values for `storage.open_bucket`.
        photo, look: The key of the only photo to paint, the name of the only look; None for all.
        shard: (i, n) for the i-th of n parts of the photos, from 0.
        memory_limit: In bytes, or None for all free memory.
        checkpoint_every: In seconds.
        keep: Whether existing results stay, whatever has changed since.
        progress: One of `progress.PROGRESS_MODES`.
        workers_per_device: The number of pictures that a device paints at a time, or None for as
            many as fit and pay.
        cluster: The address of a Ray cluster.
        gallery: Whether results are shown in one. A caller decides that; it is not a variable.
        overrides: Settings that override those of looks.
    """

    source: str
    style: str
    result: str
    demo: bool
    account: Account
    photo: str | None
    look: str | None
    shard: tuple[int, int] | None
    style_mode: str
    settings: Settings
    vgg_weights: str | None
    output: OutputFormat
    device: str
    memory_limit: int | None
    checkpoint_every: float
    dry_run: bool
    keep: bool
    progress: str
    workers_per_device: int | None = None
    cluster: str | None = None
    gallery: bool = True  # whether results are shown in one; a caller's choice, no variable
    overrides: Mapping[str, int | float | str] = field(default_factory=dict)  # above looks' own

    @property
    def partial(self) -> bool:
        """Whether other runs may work on the same buckets, because this one paints only some."""
        return self.photo is not None or self.look is not None or self.shard is not None

    @property
    def makes_page(self) -> bool:
        """Whether the run writes the page of all results. Runs that each paint a part, side by
        side, would overwrite each other's; one of a photo or a look into a folder is alone."""
        alone = self.shard is None and isinstance(parse_address(self.result), Path)
        return alone or not self.partial


def environment(folder: Path = WORKSPACE) -> dict[str, str]:
    """The environment of the process; the folder's `.env` fills what is unset or empty. Its AWS_*
    become the process's own: boto3 looks for them there.

    Raises ConfigError if the `.env`, or a line of it, cannot be read.
    """
    merged = _non_empty(dotenv(folder)) | _non_empty(os.environ)
    os.environ.update({name: merged[name] for name in merged if name.startswith("AWS_")})
    return merged


def load(
    environment: Mapping[str, str], demo_settings: Mapping[str, float] = DEMO_SETTINGS
) -> Config:
    """Return the configuration of an environment.

    Args:
        environment: The variables.
        demo_settings: The demo's settings, unless variables set them.

    Raises:
        ConfigError: A value is wrong; the first one is named.
    """
    values = _non_empty(environment)
    source, style, result, demo = _buckets(values)
    return Config(
        source=source,
        style=style,
        result=result,
        demo=demo,
        account=parse_account(values),
        photo=values.get("PHOTO"),
        look=values.get("LOOK"),
        shard=_shard(values.get("SHARD"), values.get("INSTANCE_NUMBER", "")),
        style_mode=_choice(values, "STYLE_MODE", STYLE_MODES) or STYLE_MODES[0],
        settings=_settings(values, demo_settings if demo else {}),
        vgg_weights=_weights(values),
        output=_output(values),
        device=_choice(values, "DEVICE", DEVICE_CHOICES) or DEVICE_CHOICES[0],
        memory_limit=memory_size(values.get("MEMORY_LIMIT"), "MEMORY_LIMIT"),
        checkpoint_every=_seconds(values, "CHECKPOINT_EVERY", 60),
        dry_run=switch(values, "DRY_RUN"),
        keep=switch(values, "KEEP"),
        progress=progress_mode(values),
        workers_per_device=_workers(values),
        cluster=_cluster(values.get("CLUSTER")),
    )


def _workers(values: Mapping[str, str]) -> int | None:
    """PAINTERS, a number from 1 to 64; None for `auto`."""
    given = values.get("PAINTERS", "auto").lower()
    if given == "auto":
        return None
    workers = parse_whole(given, 1, 64)
    if workers is None:
        raise ConfigError(
            f"PAINTERS is {shortened(given)}; expected auto, or how many pictures a device paints "
            "at a time, from 1 to 64"
        )
    return workers


def _shard(text: str | None, instance_number: str) -> tuple[int, int] | None:
    """SHARD: `1/3` as (1, 3), the second of three shards, which count from 0; None for None. In the
    text, INSTANCE_NUMBER stands for that variable's value. Raises ConfigError."""
    if text is None:
        return None
    found = re.fullmatch(
        "([0-9]{1,6})/([0-9]{1,6})", text.replace("INSTANCE_NUMBER", instance_number)
    )
    number, count = map(int, found.groups()) if found else (0, 0)
    if number >= count:
        raise ConfigError(
            f"SHARD is {shortened(text)}; expected i/n, such as 0/3, 1/3 and 2/3 for three runs, "
            "or INSTANCE_NUMBER/n where the platform sets INSTANCE_NUMBER"
        )
    return number, count


def _cluster(text: str | None) -> str | None:
    """CLUSTER: the address of a Ray cluster. Raises ConfigError."""
    if text and not re.fullmatch(r"auto|(ray://)?[^\s/:]+:[0-9]{1,5}", text):
        raise ConfigError(
            f"CLUSTER is {shortened(text)}; expected auto, HOST:PORT or ray://HOST:PORT"
        )
    return text


def log_format(environment: Mapping[str, str]) -> str:
    """LOG_FORMAT, `text` or `json`; PROGRESS=json has a log in JSON as well. Read before all else,
    because errors are logged too."""
    values = _non_empty(environment)
    if progress_mode(values) == "json":
        return "json"
    return _choice(values, "LOG_FORMAT", LOG_FORMATS) or LOG_FORMATS[0]


def progress_mode(environment: Mapping[str, str]) -> str:
    """PROGRESS, one of `progress.PROGRESS_MODES`; unset, a bar on a terminal with a log in text,
    and plain lines elsewhere."""
    values = _non_empty(environment)
    usual = "plain" if values.get("LOG_FORMAT", "").lower() == "json" else progress.usual_mode()
    return _choice(values, "PROGRESS", progress.PROGRESS_MODES) or usual


def is_quiet(environment: Mapping[str, str]) -> bool:
    """Return whether only warnings, errors and the summary are logged.

    PROGRESS=none asks for that, except in a dry run, which consists of its report.
    """
    values = _non_empty(environment)
    return progress_mode(values) == "none" and not switch(values, "DRY_RUN")


def log_level(environment: Mapping[str, str]) -> int:
    """LOG_LEVEL, `info` or `debug`, as a level of `logging`."""
    chosen = _choice(_non_empty(environment), "LOG_LEVEL", LOG_DETAIL) or LOG_DETAIL[0]
    return logging.getLevelNamesMapping()[chosen.upper()]


def memory_size(text: str | None, name: str) -> int | None:
    """The bytes in `6GB`, `512 MB`, `1.5GiB` or a plain number; None for None.

    Raises ConfigError, naming `name`, for less than 100 MB and for anything else.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*(?:([kmgt])(i)?)?b?", text.strip(), re.IGNORECASE)
    size = 0.0
    if found:
        number, prefix, binary = found.groups()
        step = 1024 if binary else 1000
        size = float(number) * step ** " kmgt".index((prefix or " ").lower())
    if not 100_000_000 <= size < math.inf:
        raise ConfigError(f"{name} is {shortened(text)}; expected at least 100MB, such as 6GB")
    return int(size)


def _non_empty(environment: Mapping[str, str | None]) -> dict[str, str]:
    """The variables that have a value: an empty one counts as unset."""
    return {name: value.strip() for name, value in environment.items() if value and value.strip()}


def _buckets(values: Mapping[str, str]) -> tuple[str, str, str, bool]:
    """Source, style, result, and whether they are the demo's."""
    missing = [name for name in BUCKETS if name not in values]
    if len(missing) == len(BUCKETS):
        samples = PROGRAM / "samples"
        return str(samples / "photos"), str(samples / "paintings"), str(WORKSPACE / "results"), True
    if missing:
        present = ", ".join(name for name in BUCKETS if name in values)
        raise ConfigError(
            f"{' and '.join(missing)} missing, though {present} is set; set all three, or none of "
            "them for the demo"
        )
    addresses = {}
    for name in BUCKETS:
        try:
            addresses[name] = parse_address(values[name])
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
    harms = (
        ("BUCKET_SOURCE", "PHOTO", "painted again"),
        ("BUCKET_STYLE", "LOOK", "taken as paintings"),
    )
    for name, only, harm in harms:
        if only not in values and overlap(addresses[name], addresses["BUCKET_RESULT"]):
            raise ConfigError(
                f"BUCKET_RESULT is {values['BUCKET_RESULT']!r} and {name} is {values[name]!r}: "
                f"they overlap, so results would be {harm} in the next run; expected two that do "
                "not overlap"
            )
    return values["BUCKET_SOURCE"], values["BUCKET_STYLE"], values["BUCKET_RESULT"], False


def _settings(values: Mapping[str, str], defaults: Mapping[str, float]) -> Settings:
    changes = {}
    for variable, value in values.items():
        if not variable.startswith("STYLE_") or variable == "STYLE_MODE":
            continue
        name = variable.removeprefix("STYLE_").lower()
        if name not in FIELDS:
            close = closest(name, [*FIELDS, "mode"])
            names = ", ".join(f"STYLE_{each.upper()}" for each in ([close] if close else FIELDS))
            hint = f"did you mean {names}?" if close else f"expected one of {names}"
            raise ConfigError(
                f"{variable} is {shortened(value)}, but there is no such setting; {hint}"
            )
        changes[name] = value
    quality = _choice(values, "QUALITY", tuple(QUALITIES))
    if quality is not None and changes.setdefault("quality", quality) != quality:
        raise ConfigError(
            f"QUALITY is {values['QUALITY']!r} and STYLE_QUALITY is "
            f"{shortened(changes['quality'])}; they are the same setting, so set one of them"
        )
    # A given quality overrides the demo's settings.
    start = Settings() if "quality" in changes else Settings().replaced(defaults)
    return start.replaced(changes, "STYLE_")


def _weights(values: Mapping[str, str]) -> str | None:
    value = values.get("VGG_WEIGHTS")
    if value == "bucket:":
        raise ConfigError(
            f"VGG_WEIGHTS is {value!r}; expected a file, bucket:KEY (in the style bucket), or a "
            "name such as builtin"
        )
    return value


def _output(values: Mapping[str, str]) -> OutputFormat:
    name = _choice(values, "OUTPUT_FORMAT", OUTPUT_FORMATS, FORMAT_ALIASES)
    quality = whole_number(values, "OUTPUT_QUALITY", 95, 1, 100)
    depth = int(_choice(values, "OUTPUT_DEPTH", ("8", "16")) or 8)
    if depth == 16 and name not in (None, "same", *DEEP_EXTENSIONS):
        raise ConfigError(
            f"OUTPUT_DEPTH is 16, which OUTPUT_FORMAT {name!r} cannot hold; "
            f"expected {' or '.join(DEEP_EXTENSIONS)}"
        )
    return OutputFormat(name, quality, depth, switch(values, "KEEP_GPS"))


def _choice(
    values: Mapping[str, str],
    name: str,
    choices: tuple[str, ...],
    synonyms: Mapping[str, str] | None = None,
) -> str | None:
    """A variable's value in lower case if it is one of the choices; None if unset."""
    if name not in values:
        return None
    value = values[name].lower()
    value = (synonyms or {}).get(value, value)
    if value not in choices:
        raise ConfigError(
            f"{name} is {shortened(values[name])}; expected one of {', '.join(choices)}"
        )
    return value


def _seconds(values: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(values.get(name, default))
    except ValueError:
        value = -1.0
    if not 1 <= value <= 86400:
        raise ConfigError(f"{name} is {shortened(values[name])}; expected seconds from 1 to 86400")
    return value


def whole_number(values: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A variable's whole number from `low` to `high`. Raises ConfigError."""
    text = values.get(name, str(default))
    number = parse_whole(text, low, high)
    if number is None:
        raise ConfigError(
            f"{name} is {shortened(text)}; expected a whole number from {low} to {high}"
        )
    return number


def switch(values: Mapping[str, str], name: str) -> bool:
    """Return whether a variable is on: `1`, `true`, `yes` …; unset is off. Raises ConfigError."""
    value = parse_bool(values.get(name, "0"))
    if value is None:
        raise ConfigError(f"{name} is {shortened(values[name])}; expected 1 or 0")
    return value
