"""The environment, completed by a `.env` file, as one checked `Config`.

A wrong value is a ConfigError of one line: the variable, its value, what is expected. The values of
CELLAR_ADDON_KEY_ID, CELLAR_ADDON_KEY_SECRET and NOTIFY_URL never appear in a message.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from painterly.configuration import env_file
from painterly.errors import ConfigError
from painterly.images.output import FORMAT_ALIASES, OUTPUT_FORMATS, OutputFormat
from painterly.progress import PROGRESS_MODES
from painterly.settings import ready_styles
from painterly.settings.installation import SAMPLE_PHOTOS, WORKSPACE
from painterly.settings.recipes import PRESETS
from painterly.settings.settings import FIELDS, Settings
from painterly.settings.values import MEMORY_SYNTAX, parse_bool, parse_memory, parse_whole
from painterly.storage.address import Account, overlap, parse_account, parse_address
from painterly.words.notice import FORMS
from painterly.words.suggestions import closest
from painterly.words.webhook import ADDRESS_SYNTAX
from painterly.words.webhook import parse_address as parse_web_address
from painterly.words.wording import shortened

BUCKETS = ("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT")
BETWEEN_PHOTOS = "\0"  # in PHOTO: a command line may name several, and no variable has it
STYLE_MODES = ("each", "blend")
DEVICE_CHOICES = ("auto", "gpu", "cpu")
LOG_FORMATS = ("text", "json")
LOG_DETAIL = ("info", "debug")
WEIGHTS_SYNTAX = "a file, bucket:KEY (in the style bucket), or a name such as builtin"
SECONDS_SYNTAX = "seconds from 1 to 86400"
CLOCK = r"([01]?[0-9]|2[0-3]):[0-5][0-9]"
SHARD_SYNTAX = (
    "i/n, such as 0/3, 1/3 and 2/3 for three runs, or INSTANCE_NUMBER/n where the platform sets "
    "INSTANCE_NUMBER"
)
_Value = TypeVar("_Value")
# The demo takes a minute on two processor cores: small drafts.
DEMO_SETTINGS = PRESETS["draft"] | {"size": 512}
DEMO_STYLES = ("hokusai", "van-gogh-starry-night", "kandinsky")


@dataclass(frozen=True)
class Config:
    """The inputs, settings and outputs of one run."""

    # Values for `storage.open_bucket`. Without a style bucket, only ready styles are painted.
    photo_bucket: str
    style_bucket: str | None
    result_bucket: str
    demo: bool
    account: Account
    photos: Sequence[str]  # the keys of the only photos to paint; empty for all
    style_name: str | None  # the name of the only style; None for all
    shard: tuple[int, int] | None  # (i, n) for the i-th of n parts of the photos, from 0
    styles: tuple[str, ...]  # the names of the ready styles
    style_mode: str
    settings: Settings
    vgg_weights: str | None
    output: OutputFormat
    device: str
    memory_limit: int | None  # in bytes, or None for all free memory
    checkpoint_every: float  # in seconds; infinite for no checkpoints
    dry_run: bool
    keep: bool  # whether existing results stay, whatever has changed since
    repaint: bool  # whether results of another version of the engine are painted again
    progress: str  # one of `progress.PROGRESS_MODES`
    cluster: str | None = None  # the address of a Ray cluster
    # In seconds, between two rounds of a run that stays; None for one that ends.
    watch: float | None = None
    # In seconds, for which a file has to stay the same before a watch takes it; None for one round.
    settle: float | None = None
    # The time of the day at which the run stops, such as 07:00; None for its end.
    until: str | None = None
    # The address that gets the summary of a run.
    notify_url: str | None = field(default=None, repr=False)
    # The form of that message, one of `notice.FORMS`; None for the address's.
    notify_format: str | None = None
    # Whether results are shown in one. A caller decides that; it is not a variable.
    gallery: bool = True
    # Settings that override those of styles.
    overrides: Mapping[str, int | float | str] = field(default_factory=dict)
    # Patterns of the photos to paint, as in `foreign_files.chooser`. They are flags, not variables.
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    @property
    def chooses(self) -> bool:
        """Whether patterns choose the photos."""
        return bool(self.include or self.exclude)

    @property
    def partial(self) -> bool:
        """Whether this run paints only a part, so that other runs may work on the same buckets."""
        one = bool(self.photos) or self.style_name is not None
        return one or self.shard is not None or self.chooses

    @property
    def makes_page(self) -> bool:
        """Whether the run writes the page of all results. Runs that paint parts side by side would
        overwrite each other's page; a run of one photo or style into a folder is alone."""
        return (self.shard is None and self.result_folder is not None) or not self.partial

    @property
    def result_folder(self) -> Path | None:
        """The folder of the results; None if they are stored in a bucket."""
        where = parse_address(self.result_bucket)
        return where if isinstance(where, Path) else None

    @property
    def shares_bucket(self) -> bool:
        """Whether results are stored in the bucket of paintings."""
        if self.style_bucket is None:
            return False
        one, other = parse_address(self.style_bucket), parse_address(self.result_bucket)
        if isinstance(one, Path) and isinstance(other, Path):
            return one.resolve() == other.resolve()
        return one == other


def environment(folder: Path = WORKSPACE) -> dict[str, str]:
    """Return the environment of the process; the folder's `.env` sets variables that are unset or
    empty. AWS_* of the `.env` are set in the process as well: boto3 looks for them there.

    Raises ConfigError if the `.env`, or a line of it, cannot be read.
    """
    return read_environment(folder)[0]


def read_environment(folder: Path = WORKSPACE) -> tuple[dict[str, str], list[str]]:
    """Return the `environment`, and a line for each name in it, or in the `.env`, that is almost a
    variable's, and for a file that is almost called `.env`. Raises ConfigError as `environment`."""
    in_file = env_file.read(folder)
    here = env_file.not_read(os.environ, in_environment=True)
    doubts = [*env_file.misnamed(folder), *env_file.not_read(in_file), *here]
    merged = non_empty(in_file) | non_empty(os.environ)
    os.environ.update({name: merged[name] for name in merged if name.startswith("AWS_")})
    return merged, [*dict.fromkeys(doubts)]


def load(
    environment: Mapping[str, str], demo_settings: Mapping[str, float] = DEMO_SETTINGS
) -> Config:
    """Return the configuration of an environment.

    Args:
        demo_settings: The demo's settings, unless variables set them.

    Raises:
        ConfigError: A value is wrong; the first one is named.
    """
    values = non_empty(environment)
    keep, repaint = switch(values, "KEEP"), switch(values, "REPAINT")
    if keep and repaint:
        raise ConfigError("KEEP (--keep) and REPAINT (--repaint) are both on; set one of them")
    photos, paintings, results, demo = _buckets(values)
    styles = _ready_styles(values)
    if demo and "STYLES" not in values:
        styles = DEMO_STYLES
    return Config(
        photo_bucket=photos,
        style_bucket=paintings,
        result_bucket=results,
        demo=demo,
        account=parse_account(values),
        photos=tuple(filter(None, values.get("PHOTO", "").split(BETWEEN_PHOTOS))),
        style_name=values.get("STYLE"),
        shard=_read(
            values, "SHARD", partial(_shard, values.get("INSTANCE_NUMBER", "")), SHARD_SYNTAX
        ),
        styles=styles,
        style_mode=_choice(values, "STYLE_MODE", STYLE_MODES) or STYLE_MODES[0],
        settings=_settings(values, demo_settings if demo else {}),
        vgg_weights=_read(values, "VGG_WEIGHTS", _like("(?!bucket:$).*"), WEIGHTS_SYNTAX),
        output=_output(values),
        device=_choice(values, "DEVICE", DEVICE_CHOICES) or DEVICE_CHOICES[0],
        memory_limit=_read(values, "MEMORY_LIMIT", parse_memory, MEMORY_SYNTAX),
        checkpoint_every=_read(values, "CHECKPOINT_EVERY", _seconds, SECONDS_SYNTAX) or 60,
        dry_run=switch(values, "DRY_RUN"),
        keep=keep,
        repaint=repaint,
        progress=progress_mode(values),
        cluster=_read(values, "CLUSTER", _like(r"auto|[^\s/:]+:[0-9]{1,5}"), "auto or HOST:PORT"),
        watch=_read(values, "WATCH", _seconds, SECONDS_SYNTAX),
        settle=_read(values, "WATCH_SETTLE", partial(_seconds, least=0), "seconds from 0 to 86400"),
        until=_read(values, "UNTIL", _like(CLOCK), "a time of the day from 00:00 to 23:59"),
        notify_url=_web_address(values, "NOTIFY_URL"),
        notify_format=_choice(values, "NOTIFY_FORMAT", tuple(FORMS)),
    )


def _read(
    values: Mapping[str, str], name: str, parse: Callable[[str], _Value | None], expected: str
) -> _Value | None:
    """Return the value of a variable, or None if it is unset. Raises ConfigError if `parse` returns
    None for its text."""
    if name not in values:
        return None
    value = parse(values[name])
    if value is None:
        raise ConfigError(f"{name} is {shortened(values[name])}; expected {expected}")
    return value


def _shard(instance_number: str, text: str) -> tuple[int, int] | None:
    """Parse SHARD: `1/3` as (1, 3), the second of three shards, which count from 0. In its text,
    INSTANCE_NUMBER stands for that variable's value."""
    text = text.replace("INSTANCE_NUMBER", instance_number)
    match = re.fullmatch("([0-9]{1,6})/([0-9]{1,6})", text)
    number, count = map(int, match.groups()) if match else (0, 0)
    return (number, count) if number < count else None


def _like(pattern: str) -> Callable[[str], str | None]:
    return lambda text: text if re.fullmatch(pattern, text, re.DOTALL) else None


def _web_address(values: Mapping[str, str], name: str) -> str | None:
    """Return a variable's address. Raises ConfigError without its value, which may be a secret."""
    if name in values and parse_web_address(values[name]) is None:
        raise ConfigError(f"{name} is wrong; expected {ADDRESS_SYNTAX}")
    return values.get(name)


def _seconds(text: str, least: float = 1) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if least <= value <= 86400 else None


def log_format(environment: Mapping[str, str]) -> str:
    """Return LOG_FORMAT, `text` or `json`; PROGRESS=json has a log in JSON as well. Read before all
    else, because errors are logged too."""
    values = non_empty(environment)
    if progress_mode(values) == "json":
        return "json"
    return _choice(values, "LOG_FORMAT", LOG_FORMATS) or LOG_FORMATS[0]


def progress_mode(environment: Mapping[str, str]) -> str:
    """Return PROGRESS, one of `progress.PROGRESS_MODES`; unset, a bar on a terminal with a log in
    text, and plain lines elsewhere."""
    values = non_empty(environment)
    for_people = sys.stdout.isatty() and values.get("LOG_FORMAT", "").lower() != "json"
    usual = "bar" if for_people else "plain"
    return _choice(values, "PROGRESS", PROGRESS_MODES) or usual


def is_quiet(environment: Mapping[str, str]) -> bool:
    """Return whether only warnings, errors and the summary are logged.

    PROGRESS=none asks for that, except in a dry run, which consists of its report.
    """
    values = non_empty(environment)
    return progress_mode(values) == "none" and not switch(values, "DRY_RUN")


def log_level(environment: Mapping[str, str]) -> int:
    """Return LOG_LEVEL, `info` or `debug`, as a level of `logging`."""
    chosen = _choice(non_empty(environment), "LOG_LEVEL", LOG_DETAIL) or LOG_DETAIL[0]
    return logging.getLevelNamesMapping()[chosen.upper()]


def non_empty(environment: Mapping[str, str | None]) -> dict[str, str]:
    """Return the variables that have a value: an empty one counts as unset."""
    return {name: value.strip() for name, value in environment.items() if value and value.strip()}


def _ready_styles(values: Mapping[str, str]) -> tuple[str, ...]:
    text = values.get("STYLES", ready_styles.NONE)
    try:
        return ready_styles.named(text)
    except ConfigError as error:
        raise ConfigError(f"STYLES is {shortened(text)}; {error}") from None


def _buckets(values: Mapping[str, str]) -> tuple[str, str | None, str, bool]:
    missing = [name for name in BUCKETS if name not in values]
    if len(missing) == len(BUCKETS):
        return str(SAMPLE_PHOTOS), None, str(WORKSPACE / "results"), True
    only_ready = missing == ["BUCKET_STYLE"] and "STYLES" in values
    if missing and not only_ready:
        present = ", ".join(name for name in BUCKETS if name in values)
        instead = "; STYLES=all paints in the ready styles" * (missing == ["BUCKET_STYLE"])
        raise ConfigError(
            f"{' and '.join(missing)} missing, though {present} is set; set all three, or none of "
            f"them for the demo{instead}"
        )
    addresses = {}
    for name in BUCKETS:
        if name in missing:
            continue
        try:
            addresses[name] = parse_address(values[name])
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
    harms = (
        ("BUCKET_SOURCE", "PHOTO", "painted again"),
        ("BUCKET_STYLE", "STYLE", "taken as paintings"),
    )
    for name, only, harm in harms:
        if name not in addresses or only in values:
            continue
        if overlap(addresses[name], addresses["BUCKET_RESULT"]):
            raise ConfigError(
                f"BUCKET_RESULT is {values['BUCKET_RESULT']!r} and {name} is {values[name]!r}: "
                f"they overlap, so results would be {harm} in the next run; keep them apart"
            )
    photos, paintings, results = map(values.get, BUCKETS)
    assert photos and results
    return photos, paintings, results, False


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
    preset = _choice(values, "PRESET", tuple(PRESETS))
    if preset is not None and (other := changes.setdefault("preset", preset)) != preset:
        raise ConfigError(
            f"PRESET is {preset!r} and STYLE_PRESET is {shortened(other)}; set one of them"
        )
    # A given preset overrides the demo's settings.
    start = Settings() if "preset" in changes else Settings().replaced(defaults)
    return start.replaced(changes, "STYLE_")


def _output(values: Mapping[str, str]) -> OutputFormat:
    name = _choice(values, "OUTPUT_FORMAT", OUTPUT_FORMATS, FORMAT_ALIASES)
    quality = whole_number(values, "OUTPUT_QUALITY", 95, 1, 100)
    depth = int(_choice(values, "OUTPUT_DEPTH", ("8", "16")) or 8)
    if depth == 16 and name != "tiff":
        raise ConfigError("OUTPUT_DEPTH is 16, which only tiff has; set OUTPUT_FORMAT to tiff")
    return OutputFormat(name, quality, switch(values, "KEEP_GPS"), depth)


def _choice(
    values: Mapping[str, str],
    name: str,
    choices: tuple[str, ...],
    synonyms: Mapping[str, str] | None = None,
) -> str | None:
    """Return a variable's value in lower case if it is one of the choices; None if unset."""

    def parse(text: str) -> str | None:
        value = (synonyms or {}).get(text.lower(), text.lower())
        return value if value in choices else None

    return _read(values, name, parse, f"one of {', '.join(choices)}")


def whole_number(values: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """Return a variable's whole number from `low` to `high`. Raises ConfigError."""
    number = _read(
        values,
        name,
        lambda text: parse_whole(text, low, high),
        f"a whole number from {low} to {high}",
    )
    return default if number is None else number


def switch(values: Mapping[str, str], name: str) -> bool:
    """Return whether a variable is on: `1`, `true`, `yes` …; unset is off. Raises ConfigError."""
    return bool(_read(values, name, parse_bool, "1 or 0"))
