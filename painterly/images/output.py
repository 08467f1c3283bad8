"""Output formats: the table of all that can be written, and the choice for a result.

Imports neither Pillow nor NumPy, so the configuration and `--help` load quickly.
"""

from dataclasses import dataclass
from posixpath import splitext

from painterly.errors import ConfigError
from painterly.settings.clips import result_extension


@dataclass(frozen=True)
class FileFormat:
    """A format that results can be written in."""

    extension: str  # without the dot
    pillow_name: str  # Pillow's name of the format
    aliases: tuple[str, ...] = ()  # other spellings of the extension
    longest_side: int | None = None  # in px, or None if no photo reaches the limit


FILE_FORMATS = (
    FileFormat("jpg", "JPEG", aliases=("jpeg",), longest_side=65_500),
    FileFormat("png", "PNG"),
    FileFormat("webp", "WEBP", longest_side=16_383),
    FileFormat("tiff", "TIFF", aliases=("tif",)),
)
FORMAT_ALIASES = {alias: each.extension for each in FILE_FORMATS for alias in each.aliases}
OUTPUT_FORMATS = (*(each.extension for each in FILE_FORMATS), "same")  # values of OUTPUT_FORMAT

# The closest format for photos that are not JPEGs, by their extension. HEIF and AVIF are lossy: as
# png their results would be ten times the size of the photo.
_CLOSEST = {
    **dict.fromkeys((".heic", ".heif", ".hif", ".avif"), "jpg"),
    **dict.fromkeys((".png", ".gif", ".bmp"), "png"),
    ".webp": "webp",
    **dict.fromkeys((".tif", ".tiff"), "tiff"),
}


def file_format(name: str, label: str, also: str = "") -> FileFormat:
    """Return the format with this extension or alias, in any case and with or without a dot.

    Raises ConfigError for any other name. It names `label`, and `also` after the expected ones.
    """
    extension = name.strip().lower().removeprefix(".")
    extension = FORMAT_ALIASES.get(extension, extension)
    for form in FILE_FORMATS:
        if form.extension == extension:
            return form
    expected = ", ".join(each.extension for each in FILE_FORMATS)
    raise ConfigError(f"{label} is {name!r}; expected one of {expected}{also}")


@dataclass(frozen=True)
class OutputFormat:
    """The format of results: OUTPUT_FORMAT, OUTPUT_QUALITY, KEEP_GPS and OUTPUT_DEPTH.

    Records store the fields in this order. The quality, 1…100, is for jpg and webp. The depth is 8,
    or 16 for tiff.
    """

    format: str | None
    quality: int = 95
    keep_gps: bool = False
    depth: int = 8

    def extension(self, photo: str) -> str:
        """Return the extension of a photo's result, without the dot: jpg, png, webp or tiff.

        It follows from the photo's name. `format` is one of these four; `same` for the photo's own
        format, or the closest that can be written (HEIC and AVIF → jpg, GIF and BMP → png); or
        None, jpg for JPEG photos and png for all others. A clip's does not depend on it. Raises
        ConfigError for any other format.
        """
        if clip := result_extension(photo):
            return clip
        wanted, suffix = (self.format or "").strip().lower(), splitext(photo)[1].lower()
        if not wanted:
            return "png" if suffix in _CLOSEST else "jpg"
        if wanted == "same":
            return _CLOSEST.get(suffix, "jpg")
        return file_format(wanted, "OUTPUT_FORMAT", " or same").extension
