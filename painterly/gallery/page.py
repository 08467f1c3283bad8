"""Records → index.html, one page that needs no other file and no network, in all languages."""

import base64
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from painterly.gallery import record_view
from painterly.gallery.record_view import photo_name, sort_key, style_name
from painterly.gallery.thumbnails import picture_key, thumbnail_key
from painterly.orders.record import Record
from painterly.words.texts import DEFAULT, LANGUAGES, Texts, texts_of
from painterly.words.wording import printable

SHARED = Path(__file__).parent / "shared"  # The web service's pages use it as well.
STYLESHEETS = ("theme.css", "view.css", "wall.css", "bare.css")
# Modules in the order in which they import each other; in the page they share one scope.
SCRIPTS = (
    *("texts.js", "elements.js", "address.js", "stars.js", "pointers.js"),
    *("scene.js", "viewer.js", "pictures.js", "hang.js", "wall.js"),
)
MAX_SHOWN = 50_000  # results on one page
PAGE_OF = 300  # pictures that hang at a time
RELOAD_S = 30  # until a page that lacks pictures is loaded again
FEW_FAILURES = 5  # are shown in full
NAMED_STYLES = 3  # of a photo that failed in more
ROW_COLUMNS = (
    *("photo", "blend", "key", "size", "given", "strength", "origin", "time"),
    *("finished", "thumb", "addresses", "timelapse", "bytes"),
)
_OF_JOB = re.compile("^[0-9a-f]{20}/(?=[^/]+$)")  # As in pictures.js.
_MODULE_SYNTAX = re.compile(r"^import .*;\n|^export ", re.MULTILINE)


def render_page(
    records: Iterable[Record], thumbnails: Mapping[str, bytes | bool], unfinished: bool = False
) -> str:
    """Render index.html, a file that needs no other. Arguments as in `page_context`."""
    template, inlined = _template()
    spoken = languages_context(DEFAULT, LANGUAGES, "gallery")
    others = [Texts(language) for language in LANGUAGES if language != DEFAULT]
    shown = page_context(records, thumbnails, unfinished)
    return template.render(**inlined, **spoken, **shown, others=others, service=False)


def languages_context(language: str, carried: Iterable[str], *places: str) -> dict[str, Any]:
    """Return the variables of the template `base.html`, for a page in a language, with scripts that
    have the texts of some places in the languages `carried`."""
    texts = Texts(language)
    return {
        "language": language,
        "languages": LANGUAGES,
        "text": texts.text,
        "counted": texts.counted,
        "texts": {each: texts_of(each, *places) for each in carried},
    }


def page_context(
    records: Iterable[Record],
    thumbnails: Mapping[str, bytes | bool],
    unfinished: bool = False,
    internals: bool = True,
    style: str = "",
    start: int = 0,
) -> dict[str, Any]:
    """Return the variables of the template `page.html`.

    Args:
        records: Those of all results and failures, in any order. Of too many results, the page
            shows the newest.
        thumbnails: As from `Gallery.thumbnails`. The page has a blank for a missing one.
        unfinished: Whether more results will follow, which the page then says.
        internals: As in `record_view.origin`.
        style: The artist, or else the name of the style, that a page without scripts shows; empty
            for all.
        start: The number of newer results that such a page leaves out.
    """
    ordered = sorted(
        records, key=lambda each: (sort_key(photo_name(each)), sort_key(style_name(each)))
    )
    every = [each for each in ordered if each.result is not None]
    painted = sorted(every, key=lambda each: each.finished or "", reverse=True)[:MAX_SHOWN]
    data = _page_data(painted, thumbnails, internals)
    # Two styles may be one artist's.
    artists = dict(zip(data["styles"], data["artists"], strict=True))
    masters = [artists[name] or name for name in (printable(style_name(each)) for each in painted)]
    titles = dict(zip(data["styles"], data["titles"], strict=True))
    of_style = [each for each, by in zip(painted, masters, strict=True) if style in ("", by)]
    failures = _failures([each for each in ordered if each.error], thumbnails)
    return {
        "masters": [
            {"name": name, "title": titles.get(name, name), "count": count}
            for name, count in Counter(masters).most_common()
        ],
        "failures": failures,
        "failed": len({each["photo"] for each in failures}),
        "few": len(failures) <= FEW_FAILURES,
        "left_out": len(every) - len(painted),
        "reload_s": RELOAD_S if unfinished else 0,
        "data": data,
        "plain": [_plain(each) for each in of_style[start : start + PAGE_OF]],
        "chosen": style,
        "older": start + PAGE_OF if len(of_style) > start + PAGE_OF else 0,
        "page_of": PAGE_OF,
    }


def _failures(
    failed: Iterable[Record], thumbnails: Mapping[str, bytes | bool]
) -> list[dict[str, Any]]:
    """Return the photos that failed, each reason with the titles of its styles and the number of
    those that are not named."""
    by_reason: dict[tuple[str, str], list[dict[str, str]]] = {}
    for record in failed:
        why = photo_name(record), record_view.failure_reason(record)
        by_reason.setdefault(why, []).append(record_view.style_titles(record))
    return [
        {
            "photo": printable(photo),
            "thumb": _thumb("photos", photo, thumbnails),
            "reason": reason,
            "titles": titles[:NAMED_STYLES],
            "others": len(titles[NAMED_STYLES:]),
        }
        for (photo, reason), titles in by_reason.items()
    ]


def _thumb(kind: str, key: str, thumbnails: Mapping[str, bytes | bool]) -> str | None:
    """Return the address of a thumbnail, or its content as one; None if there is none."""
    data = thumbnails.get(thumbnail_key(kind, key))
    if data is True:
        return url(thumbnail_key(kind, key))
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" if data else None


def _plain(record: Record) -> dict[str, Any]:
    key = record.result or ""
    height, width = record_view.size(record) or (200, 300)
    return {
        "href": url(key),
        "thumb": url(thumbnail_key("results", key)),
        "name": printable(photo_name(record).rpartition("/")[2]),
        "ratio": (height, width),
    }


def configure(environment: Environment) -> Environment:
    """Configure Jinja for the templates in `SHARED`."""
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment


@functools.cache
def _template() -> tuple[Template, dict[str, object]]:
    """Load the template, the style and script that it holds, and the hashes with which its
    Content-Security-Policy allows these, and no others."""
    stylesheets = "".join((SHARED / name).read_text("utf-8") for name in STYLESHEETS)
    scripts = "".join((SHARED / name).read_text("utf-8") for name in SCRIPTS)
    scripts = _MODULE_SYNTAX.sub("", scripts)
    css = f"\n{stylesheets}"
    script = f'\n"use strict";\n(() => {{\n{scripts}}})();\n'
    environment = configure(Environment(loader=FileSystemLoader(SHARED), autoescape=True))
    template = environment.get_template("page.html")
    hashes = {"style": policy_hash(css), "script": policy_hash(script)}
    return template, {"css": Markup(css), "script": Markup(script), "hashes": hashes}


def policy_hash(content: str) -> str:
    """Return the hash with which a Content-Security-Policy allows a style or a script."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _page_data(
    ordered: Sequence[Record], thumbnails: Mapping[str, bytes | bool], internals: bool
) -> dict[str, Any]:
    """Return the data that the page's script works on, small enough for thousands of results.

    Values that results share are in the data once, and results refer to them by number: photos and
    styles in the order of their names. An address
    that follows from a key is not in the data. The results are rows of numbers and texts, with
    their names as `columns`, and the tables that the numbers refer to. `thumb` is a data: URI, 1 if
    the page finds the thumbnail under its own key, or 0; `addresses` has those that do not follow
    from it, or is 0.
    """
    # Older records of a style may lack its title: the last one counts.
    titled_last = sorted(ordered, key=lambda record: record.style_title is not None)
    of_style = {style_name(each): each for each in titled_last}
    in_order: list[str] = sorted(of_style, key=sort_key)
    styles = _Numbered(in_order)
    names = sorted({photo_name(each) for each in ordered}, key=_place_of)
    photos = _Numbered(names)
    paintings, blends = _Numbered(), _Numbered()
    sizes, given, origins, contents = _Numbered(), _Numbered(), _Numbered(), _Numbered()
    # A photo has a key for each job that paints it. Those with the same ETag are one photo.
    content_of = {photo_name(each): each.photo_etag or photo_name(each) for each in ordered}

    def thumb(kind: str, key: str) -> str | int:
        data = thumbnails.get(thumbnail_key(kind, key))
        return 1 if data is True else _thumb(kind, key, thumbnails) or 0

    def row(record: Record) -> list[Any]:
        key, photo, style = record.result or "", photo_name(record), style_name(record)
        refs = record.paintings or ()
        shown = zip((paintings[each.key] for each in refs), record_view.shares(record), strict=True)
        return [
            photos[photo],
            blends[styles[style], tuple(shown)],
            "" if key == f"{style}/{photo}" else printable(key),
            sizes[record_view.size(record)],
            given[record_view.given(record)],
            record_view.strength(record),
            origins[record_view.origin(record, internals)],
            record_view.time_taken(record),
            record_view.finished(record),
            thumb("results", key),
            _result_addresses(key),
            (record.timelapse and url(record.timelapse.key)) or "",
            record.result_size or 0,
        ]

    rows = [row(each) for each in ordered]
    return {
        "columns": ROW_COLUMNS,
        "rows": rows,
        "styles": [printable(name) for name in styles],
        "titles": [_once(record_view.short_titles(of_style[name])) for name in styles],
        "artists": [record_view.artist(of_style[name]) for name in styles],
        "photos": [
            (printable(name), thumb("photos", name), _addresses(name), contents[content_of[name]])
            for name in photos
        ],
        "paintings": [
            (printable(key), thumb("paintings", key), _addresses(key), _title_of(key))
            for key in paintings
        ],
        "blends": list(blends),
        "sizes": list(sizes),
        "given": list(given),
        "origins": list(origins),
    }


def _place_of(photo: str) -> tuple[Any, ...]:
    """Return the sort key of a photo without the job that its key begins with."""
    return sort_key(_OF_JOB.sub("", photo)), photo


def _title_of(key: str) -> str | dict[str, str]:
    title = _once(record_view.painting_titles(key))
    return "" if title == printable(key) else title


def _once(titles: dict[str, str]) -> str | dict[str, str]:
    """Return titles by language, or the only one if they are the same in all."""
    return next(iter(titles.values())) if len({*titles.values()}) == 1 else titles


def url(key: str) -> str | None:
    """Return a key as a percent-encoded address relative to the page; None for a key without one:
    browsers resolve `..` in any encoding."""
    parts = key.split("/")
    if "." in parts or ".." in parts:
        return None
    try:
        # File names that are not UTF-8 come from Python as surrogates, and go back to bytes.
        return "./" + "/".join(quote(part, "", errors="surrogateescape") for part in parts)
    except UnicodeEncodeError:
        return None


class _Numbered(dict[Any, int]):
    """Numbers different values from 0 in the order of their first use."""

    def __init__(self, values: Iterable[Hashable] = ()) -> None:
        super().__init__((value, number) for number, value in enumerate(values))

    def __missing__(self, value: Hashable) -> int:
        return self.setdefault(value, len(self))


def _result_addresses(key: str) -> dict[str, Any] | int:
    addresses = _addresses(key)
    if isinstance(addresses, int):
        return addresses
    return addresses | {
        "anchor": quote(key, errors="replace"),
        "href": url(key),
        "file": printable(key.rpartition("/")[2]),
    }


def _addresses(key: str) -> dict[str, Any] | int:
    """Return the addresses of a picture's preview and thumbnail by kind, or 0 if they follow from
    its key."""
    follows = picture_key("any", key).endswith(f"/any/{key}.jpg")
    if follows and printable(key) == key and url(key) is not None:
        return 0
    return {"stored": url(picture_key("any", key).rpartition("/any/")[2])}
