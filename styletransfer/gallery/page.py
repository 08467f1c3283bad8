"""Records → index.html, one page that needs no other file and no network."""

import base64
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from styletransfer.gallery import record_view
from styletransfer.gallery.page_data import page_data, record_order
from styletransfer.gallery.record_view import look_name, photo_name, short_text
from styletransfer.log import printable
from styletransfer.record import Record

SHARED = Path(__file__).parent / "shared"  # The web service's pages use it as well.
STYLES = ("theme.css", "compare.css", "wall.css")
# Modules in the order in which they import each other; in the page they share one scope.
SCRIPTS = (
    *("elements.js", "address.js", "compare.js", "dialog.js", "zoom.js"),
    *("wall.js", "viewer.js"),
)
_MODULE_SYNTAX = re.compile(r"^import .*;\n|^export ", re.MULTILINE)


def render_page(records: Iterable[Record], thumbnails: Mapping[str, bytes | int]) -> str:
    """Render index.html, a file that needs no other. Arguments as in `page_context`."""
    template, inlined = _template()
    return template.render(**inlined, **page_context(records, thumbnails))


def page_context(
    records: Iterable[Record], thumbnails: Mapping[str, bytes | int]
) -> dict[str, Any]:
    """Return the variables of the template `page.html`.

    Args:
        records: Those of all results and failures, in any order.
        thumbnails: As from `GalleryPictures.thumbnails`. The page has a blank for a missing one.
    """
    ordered = sorted(records, key=record_order)
    painted = [each for each in ordered if each.result is not None]
    data = page_data(painted, thumbnails)
    counts = Counter(printable(look_name(each)) for each in painted)
    return {
        "photo_count": len(data["photos"]),
        "looks": [(name, counts[name]) for name in data["looks"]],
        "notes": sorted({short_text(each.note) for each in painted} - {""}),
        "all_noted": all(each.note for each in painted),
        "failures": [
            (
                printable(photo_name(each)),
                printable(look_name(each)),
                record_view.failure_reason(each),
            )
            for each in ordered
            if each.error
        ],
        "data": data,
    }


def configure(environment: Environment) -> Environment:
    """Set what the templates in `SHARED` expect of Jinja."""
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment


@functools.cache
def _template() -> tuple[Template, dict[str, object]]:
    """The template, the style and script that it holds, and the hashes with which its
    Content-Security-Policy allows these, and no others."""
    styles = "".join((SHARED / name).read_text("utf-8") for name in STYLES)
    scripts = "".join((SHARED / name).read_text("utf-8") for name in SCRIPTS)
    scripts = _MODULE_SYNTAX.sub("", scripts)
    style = f"\n{styles}"
    script = f'\n"use strict";\n(() => {{\n{scripts}}})();\n'
    environment = configure(Environment(loader=FileSystemLoader(SHARED), autoescape=True))
    template = environment.get_template("page.html")
    hashes = {"style": _digest(style), "script": _digest(script)}
    return template, {"style": Markup(style), "script": Markup(script), "hashes": hashes}


def _digest(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
