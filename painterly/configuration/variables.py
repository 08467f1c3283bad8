"""The names of the variables, and suggestions for names that are almost one of them."""

import re
from collections.abc import Iterable, Iterator

from painterly.settings.settings import FIELDS
from painterly.words.suggestions import closest

NAMES = frozenset(
    (
        *("CELLAR_ADDON_HOST", "CELLAR_ADDON_KEY_ID", "CELLAR_ADDON_KEY_SECRET"),
        *("CELLAR_ADDON_REGION", "BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "S3_ENCRYPTION"),
        *("PRESET", "STYLES", "STYLE_MODE", "VGG_WEIGHTS", "OUTPUT_FORMAT", "OUTPUT_QUALITY"),
        *("OUTPUT_DEPTH", "KEEP_GPS", "PHOTO", "STYLE", "SHARD", "INSTANCE_NUMBER", "KEEP"),
        *("REPAINT", "DRY_RUN", "WATCH", "WATCH_SETTLE", "UNTIL", "NOTIFY_URL", "NOTIFY_FORMAT"),
        *("DEVICE", "MEMORY_LIMIT", "CHECKPOINT_EVERY", "CLUSTER", "RAY_AUTH_TOKEN", "PROGRESS"),
        *("LOG_FORMAT", "LOG_LEVEL", "WEB_PASSWORD", "WEB_PUBLIC", "WEB_TOKEN", "WEB_HOST"),
        *("WEB_PORT", "WEB_MAX_MEGABYTES", "WEB_MAX_MEGAPIXELS", "WEB_MAX_WAITING"),
        *("WEB_KEEP_DAYS", "WEB_PROXIES", "WEB_HOSTS", "WEB_PATH", "WEB_ORIGINS"),
        *("WEB_CALLBACK_HOSTS", "WEB_CALLBACK_SECRET", "WEB_METRICS_USER"),
        *("WEB_METRICS_PASSWORD", "RUN_MODE"),
        *(f"STYLE_{name.upper()}" for name in FIELDS),
    )
)
# Names of other programs. Some are almost ours.
_OTHERS = re.compile(r"AWS_(REGION|PROFILE|SESSION_TOKEN|CA_BUNDLE)|RAY_\w+|PORT|STYLE_\w+")
# Names in an environment are compared only if they begin as these: a shell has many others.
_PREFIXES = tuple(
    {name[: name.index("_") + 1] for name in NAMES if "_" in name}
    - {"AWS_", "RAY_", "RUN_", "INSTANCE_"}
)
_LIKENESS = 0.83  # from 0 to 1, of a slip of the hand


def not_read(names: Iterable[str], in_environment: bool = False) -> Iterator[str]:
    """Yield a line for each name that is not read, and is almost one of a variable.

    Args:
        names: The names of variables that are set.
        in_environment: Whether they are set for all programs, so that most are not for this one.
    """
    for name in sorted(names):
        upper = name.upper()
        if name in NAMES or _OTHERS.fullmatch(name):
            continue
        if in_environment and not upper.startswith(_PREFIXES):
            continue
        alike = (each for each in sorted(NAMES) if each[0] == upper[0])  # DB_HOST is no WEB_HOST.
        if meant := closest(name, alike, _LIKENESS):
            yield f"{name} is not read; did you mean {meant}?"
