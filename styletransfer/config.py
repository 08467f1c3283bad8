"""The environment, and a `.env` beside the scripts, as one checked `Config`.

Whatever is wrong is a ConfigError of one line: the variable, its value, what is expected. Values
of CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET are never shown.
"""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from styletransfer.errors import ConfigError
from styletransfer.images.output import DEEP_FORMATS, FORMATS, SYNONYMS
from styletransfer.paths import PROGRAM, WORKSPACE
from styletransfer.settings import FIELDS, Settings
from styletransfer.storage.address import Account, parse_address

BUCKETS = ("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT")
CELLAR = ("CELLAR_ADDON_HOST", "CELLAR_ADDON_KEY_ID", "CELLAR_ADDON_KEY_SECRET")
MODES = ("each", "blend")
DEVICES = ("auto", "gpu", "cpu")
# The demo shows what comes out within minutes on two processor cores: few steps, so larger ones,
# and less of the photo, so that they get somewhere.
DEMO_SETTINGS = {"size": 320, "iterations": 45, "strength": 1.0, "learning_rate": 0.03}
SHAPE = "expected host or host:port, with or without https:// or http:// before it"


@dataclass(frozen=True)
class Config:
    """What one run does: where pictures come from and go to, and how they are painted.

    `source`, `style` and `result` are values for `storage.open_bucket`; `photo` is the key of the
    only photo to be painted and `look` the name of the only look, None for all; `output_format`
    None is for jpg photos jpg and for others png, `same` the photo's own; quality is from 1 to 100;
    depth is 8 or 16 bits; `keep_gps`: results tell where the photo was taken, if that does;
    `checkpoint_every` is in seconds; `memory_limit` in bytes, None for what is free.
    """

    source: str
    style: str
    result: str
    photo: str | None
    look: str | None
    demo: bool
    account: Account
    style_mode: str
    settings: Settings
    vgg_weights: str | None
    device: str
    output_format: str | None
    output_quality: int
    output_depth: int
    keep_gps: bool
    checkpoint_every: float
    memory_limit: int | None
    dry_run: bool

    @property
    def partial(self) -> bool:
        """Whether only a part is painted, while others may be at work on the same buckets."""
        return self.photo is not None or self.look is not None


def environment(folder: Path = WORKSPACE) -> dict[str, str]:
    """The process' environment; a `.env` in the folder fills what is unset or empty in it.

    Raises ConfigError for a `.env` that cannot be read.
    """
    from dotenv import dotenv_values

    file = folder / ".env"
    try:
        # A secret may contain ${…} and is taken as it stands.
        told = dotenv_values(file, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}; expected text in UTF-8") from error
    return _filled(told) | _filled(os.environ)


def load(environment: Mapping[str, str]) -> Config:
    """The configuration that an environment gives. Raises ConfigError for the first wrong value."""
    given = _filled(environment)
    source, style, result, demo = _buckets(given)
    return Config(
        source=source,
        style=style,
        result=result,
        photo=given.get("PHOTO"),
        look=given.get("LOOK"),
        demo=demo,
        account=account(given),
        style_mode=_one_of(given, "STYLE_MODE", MODES) or MODES[0],
        settings=_settings(given, DEMO_SETTINGS if demo else {}),
        vgg_weights=_weights(given),
        device=_one_of(given, "DEVICE", DEVICES) or DEVICES[0],
        output_format=_one_of(given, "OUTPUT_FORMAT", FORMATS, SYNONYMS),
        output_quality=_quality(given),
        output_depth=_depth(given),
        keep_gps=_switch(given, "KEEP_GPS"),
        checkpoint_every=_seconds(given, "CHECKPOINT_EVERY", 60),
        memory_limit=memory_size(given.get("MEMORY_LIMIT"), "MEMORY_LIMIT"),
        dry_run=_switch(given, "DRY_RUN"),
    )


def memory_size(text: str | None, name: str) -> int | None:
    """Bytes of `6GB`, `512 MB`, `1.5GiB` or a plain number of them; None for None. Raises
    ConfigError, naming `name`."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*(?:([kmgt])(i)?)?b?", text.strip(), re.IGNORECASE)
    size = 0
    if found:
        number, prefix, binary = found.groups()
        step = 1024 if binary else 1000
        size = int(float(number) * step ** " kmgt".index((prefix or " ").lower()))
    if size < 100_000_000:
        raise ConfigError(f"{name} is {text!r}; expected memory from 100MB on, such as 6GB")
    return size


def account(environment: Mapping[str, str]) -> Account:
    """The Cellar account of an environment, or Amazon's where it names none.

    Raises ConfigError naming what is missing where only some of CELLAR_* are set.
    """
    given = _filled(environment)
    missing = [name for name in CELLAR if name not in given]
    if len(missing) == len(CELLAR):
        return Account()
    if missing:
        there = ", ".join(name for name in CELLAR if name in given)
        raise ConfigError(f"{' and '.join(missing)} missing, though {there} is set; set all three")
    host, key_id, secret = (given[name] for name in CELLAR)
    if "@" in host:  # A password may be in it, which must not be shown.
        raise ConfigError(f"CELLAR_ADDON_HOST has an @ in it; {SHAPE}")
    found = Account(host, key_id, secret)
    try:
        url = urlsplit(found.url)
        good = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        good = False
    if not good or url.path or url.query or url.fragment or any(map(str.isspace, host)):
        raise ConfigError(f"CELLAR_ADDON_HOST is {host!r}; {SHAPE}")
    return found


def _filled(environment: Mapping[str, str | None]) -> dict[str, str]:
    """What is set to something: an empty value is an unset one."""
    return {name: value.strip() for name, value in environment.items() if value and value.strip()}


def _buckets(given: Mapping[str, str]) -> tuple[str, str, str, bool]:
    """Source, style, result, and whether they are the demo's."""
    missing = [name for name in BUCKETS if name not in given]
    if len(missing) == len(BUCKETS):
        samples = PROGRAM / "samples"
        return str(samples / "photos"), str(samples / "paintings"), str(WORKSPACE / "results"), True
    if missing:
        there = ", ".join(name for name in BUCKETS if name in given)
        raise ConfigError(
            f"{' and '.join(missing)} missing, though {there} is set; set all three, or none of "
            "them for the demo"
        )
    places = {}
    for name in BUCKETS:
        try:
            places[name] = parse_address(given[name])
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
    for name, harm in (("BUCKET_SOURCE", "painted again"), ("BUCKET_STYLE", "taken as paintings")):
        if _overlap(places[name], places["BUCKET_RESULT"]):
            raise ConfigError(
                f"BUCKET_RESULT is {given['BUCKET_RESULT']!r} and {name} {given[name]!r}: one is "
                f"the other or within it, so that results would be {harm} the next time; expected "
                "two that lie apart"
            )
    return *(given[name] for name in BUCKETS), False


def _overlap(one: Path | tuple[str, str], other: Path | tuple[str, str]) -> bool:
    """Whether one place is the other or lies within it."""
    if isinstance(one, Path) and isinstance(other, Path):
        one, other = one.resolve(), other.resolve()
        return one.is_relative_to(other) or other.is_relative_to(one)
    if isinstance(one, Path) or isinstance(other, Path) or one[0] != other[0]:
        return False
    inside, outside = (f"{prefix}/" if prefix else "" for _, prefix in (one, other))
    return inside.startswith(outside) or outside.startswith(inside)


def _settings(given: Mapping[str, str], defaults: Mapping[str, float]) -> Settings:
    changes = {}
    for variable, value in given.items():
        if not variable.startswith("STYLE_") or variable == "STYLE_MODE":
            continue
        name = variable.removeprefix("STYLE_").lower()
        if name not in FIELDS:
            near = difflib.get_close_matches(name, [*FIELDS, "mode"], n=1)
            every = ", ".join(f"STYLE_{each.upper()}" for each in (near or sorted(FIELDS)))
            known = f"did you mean {every}?" if near else f"expected one of {every}"
            raise ConfigError(f"{variable} is {value!r}, but there is no such setting; {known}")
        changes[name] = value
    return Settings(**defaults).replaced(changes, "STYLE_")


def _one_of(
    given: Mapping[str, str],
    name: str,
    choices: tuple[str, ...],
    synonyms: Mapping[str, str] | None = None,
) -> str | None:
    """The variable's value if it is one of the choices, in whatever case; None if unset."""
    if name not in given:
        return None
    value = given[name].lower()
    value = (synonyms or {}).get(value, value)
    if value not in choices:
        raise ConfigError(f"{name} is {given[name]!r}; expected one of {', '.join(choices)}")
    return value


def _weights(given: Mapping[str, str]) -> str | None:
    value = given.get("VGG_WEIGHTS")
    if value == "bucket:":
        raise ConfigError(
            f"VGG_WEIGHTS is {value!r}; expected a file, bucket:KEY (in the style bucket) or random"
        )
    return value


def log_format(environment: Mapping[str, str]) -> str:
    """LOG_FORMAT, `text` or `json`: asked first of all, since it says how all else is told."""
    return _one_of(_filled(environment), "LOG_FORMAT", ("text", "json")) or "text"


def _seconds(given: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(given.get(name, default))
    except ValueError:
        value = -1.0
    if not 1 <= value <= 86400:
        raise ConfigError(f"{name} is {given[name]!r}; expected seconds from 1 to 86400")
    return value


def _switch(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "0").lower()
    if value not in ("0", "1", "false", "true", "no", "yes"):
        raise ConfigError(f"{name} is {given[name]!r}; expected 1 or 0")
    return value in ("1", "true", "yes")


def _quality(given: Mapping[str, str]) -> int:
    value = given.get("OUTPUT_QUALITY", "95")
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 100):
        raise ConfigError(f"OUTPUT_QUALITY is {value!r}; expected a whole number from 1 to 100")
    return int(value)


def _depth(given: Mapping[str, str]) -> int:
    depth = int(_one_of(given, "OUTPUT_DEPTH", ("8", "16")) or 8)
    output_format = _one_of(given, "OUTPUT_FORMAT", FORMATS, SYNONYMS)
    if depth == 16 and output_format not in (None, "same", *DEEP_FORMATS):
        raise ConfigError(
            f"OUTPUT_DEPTH is 16, which OUTPUT_FORMAT {output_format!r} cannot hold; "
            f"expected {' or '.join(DEEP_FORMATS)}"
        )
    return depth
