"""Clips: the extensions of their files and results, and whether this installation can paint them.
Imports neither NumPy nor OpenCV."""

import shutil
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from posixpath import splitext

from painterly.settings.installation import install_command

EXTENSIONS = frozenset((".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"))
WRITTEN = ("mp4", "mov", "mkv", "webm")
SILENT = ("gif", "webp")  # results without sound, which are also extensions of pictures
_OF_LIVE_PHOTO = "_hevc"  # ends the name of a clip that icloudpd stores with a photo


@cache
def ffmpeg() -> str:
    """Return the path of the program ffmpeg: that of imageio-ffmpeg, or one on PATH. It is empty
    if there is none."""
    if find_spec("imageio_ffmpeg"):
        from imageio_ffmpeg import get_ffmpeg_exe

        try:
            return str(get_ffmpeg_exe())
        except RuntimeError:  # A wheel without the program, and none on PATH.
            return ""
    return shutil.which("ffmpeg") or ""


@cache
def can_be_painted() -> bool:
    """Return whether ffmpeg and OpenCV are installed."""
    return bool(find_spec("cv2") and ffmpeg())


def lacking(name: str) -> str:
    """Return the error for a clip if ffmpeg or OpenCV is missing, or else an empty text."""
    how = f"clips need ffmpeg and OpenCV; this installs them: {install_command('video')}"
    return "" if can_be_painted() else f"{name}: {how}"


def is_clip(key: str) -> bool:
    """Return whether a key's extension is a clip's."""
    return _kind(key) in EXTENSIONS


def of_photos(keys: Iterable[str], photos: Iterable[str]) -> set[str]:
    """Return the clips among these that a phone has stored with one of these photos: `IMG_1.MOV`,
    `IMG_1_HEVC.MOV` or `IMG_1.HEIC.MOV` with `IMG_1.HEIC`."""
    names = {end for key in photos for end in (key.lower(), _stem(key))}
    return {key for key in keys if names & {_stem(key), _stem(key).removesuffix(_OF_LIVE_PHOTO)}}


def _stem(key: str) -> str:
    return key.lower().rpartition(".")[0]


def result_extension(photo: str) -> str | None:
    """Return the extension of a clip's result in a batch, or None for a photo."""
    own = _kind(photo)[1:]
    return (own if own in WRITTEN else "mp4") if is_clip(photo) else None


def is_painted_alone(photo: str, result: str) -> bool:
    """Return whether the command line names a clip: also a gif, if the result is one."""
    return is_clip(photo) or is_clip(result) or {_kind(photo), _kind(result)} == {".gif"}


def _kind(name: str) -> str:
    return splitext(name)[1].lower()
