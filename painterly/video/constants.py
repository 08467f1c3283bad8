"""The kinds of clips, by their extensions, and the libraries that read and write them."""

from functools import cache
from importlib.util import find_spec

from painterly.settings.installation import install_command

EXTENSIONS = frozenset((".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"))
WRITTEN = ("mp4", "mov", "mkv", "webm")
SILENT = ("gif", "webp")  # results without sound, which are also extensions of pictures


@cache  # While one is being loaded, it cannot be found.
def has_libraries() -> bool:
    """Return whether the libraries are installed."""
    return all(map(find_spec, ("av", "cv2")))


def lacking(name: str) -> str:
    """Return what to say of a clip if the libraries are not installed, or else an empty text."""
    if has_libraries():
        return ""
    how = f"clips need PyAV and OpenCV; this installs them: {install_command('video')}"
    return f"{name}: {how}"
