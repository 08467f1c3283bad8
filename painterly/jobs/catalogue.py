"""The styles and paintings that can be chosen, and the style that a request asks for."""

import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from painterly.configuration.config import Config
from painterly.engine.looked_at import LookedAt
from painterly.engine.subject import subject_of
from painterly.errors import ConfigError, MemoryShortError, PictureError
from painterly.images.picture_file import PictureFile
from painterly.images.sheet import side_for
from painterly.images.story import HEIGHT
from painterly.jobs.address import own
from painterly.jobs.buckets import UPLOADED, Refreshed, StyleBucket
from painterly.jobs.disk import check_disk
from painterly.jobs.schemas import (
    ApiError,
    Blended,
    JobRequest,
    PaintingOut,
    Preset,
    StyleOut,
    Suited,
    not_found,
)
from painterly.orders.styles import (
    LONGEST_NAME,
    Painting,
    Style,
    all_styles,
    find_pictures,
    is_ready,
    title_of_files,
)
from painterly.painters.reading import decoded_in_turn, small_copy
from painterly.settings.kindness import KIND_TO
from painterly.settings.recipes import INSTANT
from painterly.settings.settings import Settings
from painterly.storage.base import Entry
from painterly.storage.file_names import start_in_bytes
from painterly.words.style_title import StyleTitle
from painterly.words.suggestions import meant, only, question
from painterly.words.texts import table
from painterly.words.wording import shortened

FRESH_S = 10.0  # seconds before styles and paintings are listed again
THUMBNAIL_SIDE, LARGE_SIDE = 320, 1600  # px
MAX_UPLOADED = 200  # paintings
SHEET, STORY = "sheet", "story"  # the first part of such a key, and the style in lists
_LONGEST_BLEND = 80  # characters of its name
_BEFORE_NAME = re.compile(f"^{re.escape(UPLOADED)}[0-9a-f]{{12}}-")  # a prefix of uploads


class Catalogue:
    """Styles and paintings of the style bucket, and uploads. Methods raise StorageError, and
    ConfigError for wrong styles. Thread-safe."""

    def __init__(
        self,
        style_bucket: StyleBucket,
        config: Config,
        max_age_s: float = FRESH_S,
    ) -> None:
        self._style_bucket, self._config = style_bucket, config
        self._styles = Refreshed(self._find_styles, max_age_s)
        self._entries = Refreshed(self._list_paintings, max_age_s)
        self._adding = threading.Lock()

    def all(self) -> list[Style]:
        """List the styles of the style bucket, then the ready ones, with the settings of preset
        `fine`."""
        return self._styles.get()

    def styles(self, language: str) -> list[StyleOut]:
        """Return the styles as the API shows them in a language."""
        usual = self._settings(Preset.FINE)
        return [_style_view(style, usual, language) for style in self.all()]

    def look(self, photo: bytes, name: str) -> LookedAt:
        """Look at a photo, by its file, as it is looked at when it is painted. Raises ApiError if
        it cannot be decoded in the memory that is left."""

        def seen(available: int) -> LookedAt:
            return LookedAt.of(PictureFile(photo, name).decode(available).pixels_int)

        try:
            return decoded_in_turn(seen, self._config.memory_limit)
        except (PictureError, MemoryShortError) as error:
            raise ApiError(422 if isinstance(error, PictureError) else 413, str(error)) from None

    def suited(self, photo: LookedAt) -> Suited:
        """Return the styles that suit a photo."""
        subject = subject_of(photo)
        there = {each.name for each in self.all() if is_ready(each.paintings[0].entry.key)}
        kind = KIND_TO[subject] if subject else ()
        return Suited(subject=subject, styles=[each for each in kind if each in there])

    def style(self, request: JobRequest) -> Style:
        """Return the style that a request asks for, with the settings of its preset."""
        settings, of_style = self._settings(request.preset), dict[str, Any]()
        # Preset instant takes precedence over a style's own recipe, and over STYLE_RECIPE.
        decided = INSTANT if request.preset == Preset.INSTANT else {}
        if request.style is None:
            shares = request.paintings or {}
            paintings = tuple(Painting(self._known(name), shares[name]) for name in shares)
            title = title_of_files([display_name(name) for name in shares])
            style = Style(blend_name(shares), paintings, settings, title=title)
        else:
            style = self._named(request.style)
            of_style = {name: getattr(style.settings, name) for name in style.own_settings}
        settings = settings.replaced(of_style).replaced(request.settings).replaced(decided)
        return replace(style, settings=settings)

    def _named(self, text: str) -> Style:
        styles = {style.name: style for style in self.all()}
        if text not in styles:
            called = {name: style.title.names for name, style in styles.items()}
            hint = question(meant(text, called), "GET /api/styles lists them")
            text = only(text, called, "style", hint)
        return styles[text]

    def sheet(self, settings: Mapping[str, Any], story: bool = False) -> Style:
        """Return the style of a sheet, or of a story: all styles are its parts, with some settings.
        Raises ConfigError if there are none."""
        every = self.all()
        if not every:
            raise ConfigError("there are no styles")
        longest = HEIGHT if story else None
        side = side_for(len(every), self._config.settings.size, longest)
        changes = {**settings, "size": side, "rescale_image": False, "timelapse": False}
        preset, shared = Preset.INSTANT, Settings().replaced({**changes, **INSTANT})
        requests = (
            JobRequest.model_construct(
                style=each.name, paintings=None, preset=preset, settings=changes
            )
            for each in every
        )
        parts = tuple(self.style(request) for request in requests)
        name = STORY if story else SHEET
        return Style(name, (), shared, title=StyleTitle(table()[f"title.{name}"]), parts=parts)

    def paintings(self) -> list[PaintingOut]:
        """List the paintings of the style bucket, and uploads last."""
        return [painting_view(name) for name in self._entries.get()]

    def find(self, name: str) -> Entry | None:
        """Find the painting of a name; None if there is none."""
        if is_ready(name):
            return self._style_bucket.find(name)
        entry = self._entries.get().get(name)
        if entry is None and name.startswith(UPLOADED):  # Another instance may have it just now.
            entry = self._entries.get(0).get(name)
        return entry

    def add(self, name: str, data: bytes) -> None:
        """Store an upload. One of the same name has the same content. Raises ApiError if there are
        too many, or while the disk is nearly full."""
        with self._adding:
            check_disk(self._style_bucket.path(name))
            if len(find_pictures(self._style_bucket.uploads())) >= MAX_UPLOADED:
                raise ApiError(429, f"there are {MAX_UPLOADED} uploaded paintings; delete some", 60)
            self._style_bucket.write(name, data)
        self._entries.forget()

    def forget(self) -> None:
        """List the paintings anew: one was deleted."""
        self._entries.forget()

    def check_uploaded(self, name: str) -> None:
        """Raise ApiError if a painting does not exist, or was not uploaded."""
        if self.find(name) is None:
            raise not_found("painting")
        if not name.startswith(UPLOADED):
            raise ApiError(403, "this painting was not uploaded here, so it is not deleted")

    def thumbnail(self, painting: Entry, large: bool = False) -> bytes:
        """Return a small JPEG of a painting, or a large one. Raises PictureError, MemoryShortError,
        ObjectError."""
        side, limit = LARGE_SIDE if large else THUMBNAIL_SIDE, self._config.memory_limit
        return small_copy(self._style_bucket.read, painting.key, side, limit)

    def _settings(self, preset: Preset) -> Settings:
        return self._config.settings.replaced({"preset": preset.value})

    def _known(self, name: str) -> Entry:
        entry = self.find(name)
        if entry is None:
            raise ConfigError(
                f"there is no painting {shortened(display_name(name))}; {self._meant(name)}"
            )
        return entry

    def _meant(self, name: str) -> str:
        of_styles = (each.entry.key for style in self.all() for each in style.paintings)
        there = {*self._entries.get(), *of_styles}
        shown = {each: display_name(each) for each in sorted(there)}
        called = {each: (name, PurePosixPath(name).stem) for each, name in shown.items()}
        return question(meant(display_name(name), called), "GET /api/paintings lists them")

    def _find_styles(self) -> list[Style]:
        bucket, config = self._style_bucket, self._config
        settings = self._settings(Preset.FINE)
        return all_styles(bucket, [*bucket.list()], config.style_mode, config.styles, settings)

    def _list_paintings(self) -> dict[str, Entry]:
        entries = [*self._style_bucket.list(), *self._style_bucket.uploads()]
        return {each.key: each for each in find_pictures(entries)}


def blend_name(names: Mapping[str, float]) -> str:
    """Make the name of a blend, which is the first part of its results' keys: `monet+hokusai`."""
    stems = (PurePosixPath(display_name(name)).stem for name in names)
    plain = ("".join(c if c.isalnum() or c in "-_ " else "-" for c in stem) for stem in stems)
    name = "+".join(each.strip("-_ ") or "painting" for each in plain)[:_LONGEST_BLEND]
    return start_in_bytes(name, LONGEST_NAME).strip(" +-_")


def display_name(name: str) -> str:
    """Return a painting's name without the prefix that makes an upload's unique."""
    return _BEFORE_NAME.sub("", name)


def painting_view(name: str) -> PaintingOut:
    """Return a painting as the API shows it."""
    uploaded = name.startswith(UPLOADED)
    return PaintingOut(name=name, thumbnail=thumbnail_url(name), uploaded=uploaded)


def _style_view(style: Style, usual: Settings, language: str) -> StyleOut:
    first, title = style.paintings[0].entry.key, style.title
    return StyleOut(
        name=style.name,
        title=title.title_in(language, style.name),
        artist=title.artist,
        short=title.short_artist,
        year=title.year_in(language),
        medium=title.medium_in(language),
        thumbnail=thumbnail_url(first),
        paintings=[
            Blended(name=painting.entry.key, share=round(painting.share, 4))
            for painting in style.paintings
        ],
        settings=_own_settings(style, usual),
        ready=is_ready(first),
    )


def thumbnail_url(name: str) -> str:
    """Return the address of a painting's thumbnail."""
    return own(f"/api/paintings/{quote(name, safe='')}/thumbnail")


def _own_settings(style: Style, usual: Settings) -> dict[str, Any]:
    """Return the settings that a style sets itself, and others that differ from the usual ones:
    those that its recipe or its preset decides."""
    before = usual.deciding()
    differing = {
        name: value for name, value in style.settings.deciding().items() if value != before[name]
    }
    return {name: getattr(style.settings, name) for name in style.own_settings} | differing
