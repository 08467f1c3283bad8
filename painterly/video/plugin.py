"""The plug of clips, imported with the settings: without NumPy, FFmpeg or TensorFlow."""

from collections.abc import Collection, Sequence
from functools import cache
from importlib.util import find_spec
from logging import WARNING
from pathlib import PurePath

from painterly.log import event
from painterly.settings.installation import install_command
from painterly.words.wording import listed, printable

EXTENSIONS = frozenset((".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"))
WRITTEN = ("mp4", "mov", "mkv", "webm")
SILENT = ("gif", "webp")  # results without sound, which are also extensions of pictures
TITLE = "one picture: clips"
FLAGS = {
    "from": ("TIME", "of a clip, only what comes after this time, as 3s, 90 or 1:30"),
    "for": ("TIME", "of a clip, only this much, as 10s"),
}
SENT = "painterly.video.sent:sent"
VIEW = "painterly.video.source:ClipsView"
IN_PARTS = "painterly.video.source:in_frames"
COLLECTOR = "painterly.video.clips:Clips"
PAINTER = "painterly.video.single:paint"


@cache  # While one is being loaded, it cannot be found.
def has_libraries() -> bool:
    """Return whether the libraries are installed."""
    return all(map(find_spec, ("av", "cv2")))


def lacking(name: str) -> str:
    """Return what to say of a clip if the libraries are not installed, or else an empty text."""
    how = f"clips need PyAV and OpenCV; this installs them: {install_command('video')}"
    return "" if has_libraries() else f"{name}: {how}"


def is_clip(key: str) -> bool:
    """Return whether a key's extension is a clip's."""
    return _kind(key) in EXTENSIONS


def chosen(keys: Sequence[str], asked: Collection[str] | None) -> frozenset[str]:
    """Return the keys of clips to paint. Clips are left out, and logged, if the libraries are
    missing, or if a phone has stored them with a photo."""
    from painterly.settings.bucket_layout import picture_extensions
    from painterly.storage.base import hidden

    clips = {key for key in keys if is_clip(key) and not hidden(key)}
    stems = {key.rpartition(".")[0] for key in keys if _kind(key) in picture_extensions()}
    of_photos = {key for key in clips if key.rpartition(".")[0] in stems}.difference(asked or ())
    if of_photos:
        event(f"left out, the clips of photos: {_names(of_photos)}")
    clips -= of_photos
    if missing := clips and lacking(_names(clips)):
        event(f"left out: {missing}", level=WARNING)
    return frozenset(() if missing else clips)


def result_extension(photo: str) -> str | None:
    """Return the extension of a clip's result in a batch, or None for a photo."""
    own = _kind(photo)[1:]
    return (own if own in WRITTEN else "mp4") if is_clip(photo) else None


def is_painted_alone(photo: str, result: str) -> bool:
    """Return whether the command line names a clip: also a gif, if the result is one."""
    return is_clip(photo) or is_clip(result) or {_kind(photo), _kind(result)} == {".gif"}


def _kind(name: str) -> str:
    return PurePath(name).suffix.lower()


def _names(keys: Collection[str]) -> str:
    return listed([*map(printable, sorted(keys))])
