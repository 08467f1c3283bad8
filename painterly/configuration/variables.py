"""The names of the variables, and what a name that is almost one of them was meant to be."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from painterly.settings.settings import FIELDS
from painterly.words.suggestions import closest

NAMES = frozenset(
    (
        *("CELLAR_ADDON_HOST", "CELLAR_ADDON_KEY_ID", "CELLAR_ADDON_KEY_SECRET"),
        *("CELLAR_ADDON_REGION", "BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"),
        *("PRESET", "STYLES", "STYLE_MODE", "VGG_WEIGHTS", "OUTPUT_FORMAT", "OUTPUT_QUALITY"),
        *("OUTPUT_DEPTH", "KEEP_GPS", "PHOTO", "STYLE", "SHARD", "INSTANCE_NUMBER", "KEEP"),
        *("REPAINT", "DRY_RUN", "WATCH", "WATCH_SETTLE", "NOTIFY_URL", "NOTIFY_FORMAT", "DEVICE"),
        *("MEMORY_LIMIT", "CHECKPOINT_EVERY", "CLUSTER", "RAY_AUTH_TOKEN", "PROGRESS"),
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
_PREFIXES = frozenset(name[: name.index("_") + 1] for name in NAMES if "_" in name) - {
    *("AWS_", "RAY_", "RUN_", "INSTANCE_")
}
# What Amazon's older programs called them.
_FORMER_AWS = {"AWS_ACCESS_KEY": "AWS_ACCESS_KEY_ID", "AWS_SECRET_KEY": "AWS_SECRET_ACCESS_KEY"}
_LIKE_THE_REST, _LIKE_ALL = 0.65, 0.8  # how similar names are, with the same prefix and without
_MOST_SLIPS = 2  # letters too many or too few
# The words before a name in shells and in files of other kinds.
_BEFORE = r"(?:(?:export|setx?|declare|typeset|let|const|var|env)(?:\s+-\w+)*[\s:]+[^\w#;/]*)*"
_WRITTEN = re.compile(rf"[^\w#;/]*{_BEFORE}(?P<name>\w(?:[\w.-]*\w)?)", re.IGNORECASE)
# Letters of Greek and Cyrillic, and the ones of Latin that look the same.
_LOOK_ALIKE = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕКМНОРСТУХЅІЈԌ", "ABEZHIKMNOPTYXABEKMHOPCTYXSIJG")
_OWN_PREFIX = "PAINTERLY_"  # Many programs begin their variables so.
_INVISIBLE = ("Cc", "Cf", "Zl", "Zp", "Zs")  # categories: controls, formats, separators
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and signs that show nothing


def written_name(line: str) -> str:
    """Return the name of a variable as the writer of a line may have meant it, or an empty text:
    without quotes and marks around it, invisible characters, a shell's words before it, and
    letters of other scripts that look the same, and with underscores for dashes and dots."""
    kinds = ((c, unicodedata.category(c)) for c in line)
    visible = "".join("-" if kind == "Pd" else c for c, kind in kinds if kind != "Cf")
    plain = unicodedata.normalize("NFKC", visible).translate(_LOOK_ALIKE)
    found = _WRITTEN.match(plain)
    return re.sub("[.-]", "_", found["name"]) if found else ""


def set_otherwise(line: str) -> str:
    """Return the variable that a line of another kind of file sets, such as `os.environ["NAME"]=1`
    or `Environment=NAME=1`; an empty text if there is none. Names without _ do not count: PHOTO or
    DEVICE may be a word of another program."""
    if line.lstrip().startswith((";", "//")):  # Comments of other kinds of files.
        return ""
    left, _, value = line.partition("=")
    first, equals, _ = value.partition("=")
    words = re.findall(r"\w+", left) + (re.findall(r"^\W*(\w+)\s*$", first) if equals else [])
    return next((word for word in words if "_" in word and word in NAMES), "")


def not_read(names: Iterable[str], in_environment: bool = False) -> Iterator[str]:
    """Yield a line for each name that is not read, and is almost one of a variable.

    Args:
        names: The names of variables that are set.
        in_environment: Whether they are set for all programs, so that most are not for this one.
    """
    for name in sorted(names):
        if meant := _meant(name, in_environment):
            yield f"{written_name(name)} is not read; did you mean {meant}?"


def at_an_end(value: str) -> str:
    """Return what is invisible at the beginning or the end of a value, as the end of a sentence; an
    empty text if nothing is, apart from a space or a line end."""
    value = value.strip(" \t\r\n")
    for verb, character in (("begins", value[:1]), ("ends", value[-1:])):
        if character and _is_invisible(character):
            point = f"U+{ord(character):04X}"
            called = unicodedata.name(character, "")
            shown = f"{point} ({called.lower()})" if called else point
            return f"{verb} with the invisible character {shown}; remove it"
    return ""


def _meant(name: str, in_environment: bool) -> str:
    """Return the variable that a name was probably meant to be, or an empty text."""
    if name in NAMES or _OTHERS.fullmatch(name):
        return ""
    plain = written_name(name).upper()  # Without a value that is taken for a part of the name.
    is_own = plain.startswith(_OWN_PREFIX)
    plain = plain.removeprefix(_OWN_PREFIX)
    prefix = next((each for each in _PREFIXES if plain.startswith(each)), "")
    if in_environment and not (prefix or is_own):
        return ""
    if plain in NAMES:
        return plain
    words = {*plain.split("_")}
    if same := [each for each in NAMES if {*each.split("_")} == words]:
        return same[0]
    alike = [each for each in NAMES if prefix and each.startswith(prefix)]
    longer = [each for each in alike if {*each.split("_")} > words]
    if len(longer) == 1:
        return longer[0]
    rests = [each.removeprefix(prefix) for each in alike]
    if rest := closest(plain.removeprefix(prefix), rests, _LIKE_THE_REST):
        return f"{prefix}{rest}"
    if prefix:  # The rest of the name decided.
        return ""
    if plain in _FORMER_AWS:
        return _FORMER_AWS[plain]
    slips = (each for each in sorted(NAMES) if _may_be_a_slip(plain, each))
    return closest(plain, slips, _LIKE_ALL) or ""


def _may_be_a_slip(name: str, known: str) -> bool:
    """Return whether a name may be a slip of the hand for another: DB_PASSWORD is none for
    WEB_PASSWORD."""
    return name[:1] == known[:1] and abs(len(name) - len(known)) <= _MOST_SLIPS


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE or character in _BLANK
