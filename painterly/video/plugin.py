"""The plug of clips, imported with the settings: without NumPy, FFmpeg or TensorFlow."""

from collections.abc import Collection, Mapping, Sequence
from logging import WARNING
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from painterly.errors import ConfigError
from painterly.log import event
from painterly.video.constants import EXTENSIONS, WRITTEN, lacking
from painterly.words.wording import listed, printable

if TYPE_CHECKING:  # Nothing here is loaded before it is needed.
    from painterly.bench.bench import Bench
    from painterly.orders.plan import Plan
    from painterly.settings.sources import Sent
    from painterly.storage.base import Bucket


class VideoPlugin:
    """Clips as sources of photos; see settings/sources.py."""

    extensions = EXTENSIONS
    title = "one picture: clips"
    lacking = staticmethod(lacking)
    flags: Mapping[str, tuple[str, str]] = {
        "from": ("TIME", "of a clip, only what comes after this time, as 3s, 90 or 1:30"),
        "for": ("TIME", "of a clip, only this much, as 10s"),
    }

    def chosen(self, keys: Sequence[str], asked: Collection[str] | None) -> frozenset[str]:
        """Return the keys of clips to paint. Clips are left out, and logged, if the libraries are
        missing, or if a phone has stored them with a photo."""
        from painterly.settings.bucket_layout import picture_extensions
        from painterly.storage.base import hidden

        found: dict[bool, list[str]] = {False: [], True: []}
        stems = {key.rpartition(".")[0] for key in keys if _kind(key) in picture_extensions()}
        for key in keys:
            if _kind(key) in EXTENSIONS and not hidden(key):
                found[key not in (asked or ()) and key.rpartition(".")[0] in stems].append(key)
        clips, of_photos = found[False], found[True]
        if of_photos:
            event(f"left out, the clips of photos: {listed([*map(printable, of_photos)])}")
        if missing := clips and lacking(listed([*map(printable, clips)])):
            event(f"left out: {missing}", level=WARNING)
        return frozenset(() if missing else clips)

    def result_extension(self, photo: str) -> str | None:
        """Return the extension of a clip's result in a batch, or None for a photo."""
        own = _kind(photo)
        known = own[1:] if own[1:] in WRITTEN else "mp4"
        return known if own in EXTENSIONS else None

    def sent(self, data: bytes, name: str, most: int) -> "Sent | None":
        """Return a clip that a visitor has sent, or None for another file. Raises PictureError,
        also for frames with more than `most` pixels."""
        from painterly.video.sent import checked, is_clip

        return checked(data, name, most) if is_clip(data) else None

    def view(self, source: "Bucket") -> "Bucket":
        """Return a view of a bucket of photos that also has the frames of its clips."""
        from painterly.video.source import ClipsView

        return ClipsView(source)

    def in_parts(self, plan: "Plan", source: "Bucket") -> "Plan":
        """Return a plan with the frames of clips in the place of the clips."""
        from painterly.video.source import in_frames

        return in_frames(plan, source)

    def collector(self, bench: "Bench", plan: "Plan") -> Any:
        """Return what takes the records of a plan's frames."""
        from painterly.video.clips import Clips

        return Clips(bench, plan)

    def painter(self, photo: str, result: str) -> Any:
        """Return the function that paints a clip on the command line, or None for a photo. Raises
        ConfigError."""
        kinds = {_kind(photo), _kind(result)}
        if not kinds & EXTENSIONS and kinds != {".gif"}:
            return None
        if missing := lacking(photo):
            raise ConfigError(missing)
        from painterly.video.single import paint

        return paint


def _kind(name: str) -> str:
    return PurePath(name).suffix.lower()


PLUGIN = VideoPlugin()
