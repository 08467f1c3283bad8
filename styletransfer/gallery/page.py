"""Records → index.html, one page that needs no other file and no network."""

import base64
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from styletransfer.gallery import record_view
from styletransfer.gallery.page_data import page_data, record_order
from styletransfer.gallery.record_view import look_name, photo_name, short_text
from styletransfer.log import printable
from styletransfer.record import Record

SHARED = Path(__file__).parent / "shared"  # The web service's pages use it as well.
STYLES = ("shared/theme.css", "shared/compare.css", "page.css")
# Modules in the order in which they import each other; in the page they share one scope.
SCRIPTS = (
    *("shared/elements.js", "shared/address.js", "shared/compare.js"),
    *("shared/dialog.js", "shared/zoom.js"),
    *("page.js", "viewer.js"),
)
_MODULE_SYNTAX = re.compile(r"^import .*;\n|^export ", re.MULTILINE)


def render_page(records: Iterable[Record], thumbnails: Mapping[str, bytes | int]) -> str:
    """index.html of some records. thumbnails: as from `GalleryPictures.thumbnails`; where one is
    missing, the page has a blank in its place."""
    ordered = sorted(records, key=record_order)
    painted = [each for each in ordered if each.result is not None]
    data = page_data(painted, thumbnails)
    counts = Counter(printable(look_name(each)) for each in painted)
    template, inlined = _template()
    return template.render(
        **inlined,
        photo_count=len(data["photos"]),
        looks=[(name, counts[name]) for name in data["looks"]],
        notes=sorted({short_text(each.note) for each in painted} - {""}),
        all_noted=all(each.note for each in painted),
        failures=[
            (
                printable(photo_name(each)),
                printable(look_name(each)),
                record_view.failure_reason(each),
            )
            for each in ordered
            if each.error
        ],
        data=data,
    )


@functools.cache
def _template() -> tuple[Template, dict[str, object]]:
    """The template, the style and script that it holds, and the hashes with which its
    Content-Security-Policy allows these, and no others."""
    folder = Path(__file__).parent
    styles = "".join((folder / name).read_text("utf-8") for name in STYLES)
    scripts = "".join((folder / name).read_text("utf-8") for name in SCRIPTS)
    scripts = _MODULE_SYNTAX.sub("", scripts)
    style = f"\n{styles}"
    script = f'\n"use strict";\n(() => {{\n{scripts}}})();\n'
    environment = Environment(
        loader=FileSystemLoader([folder, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    template = environment.get_template("page.html")
    hashes = {"style": _digest(style), "script": _digest(script)}
    return template, {"style": Markup(style), "script": Markup(script), "hashes": hashes}


def _digest(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
