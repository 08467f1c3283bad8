"""Records, galleries made of them, and what their pages hold."""

import html.parser
import json
import re

import numpy as np
import pytest

from painterly.gallery.gallery import Gallery
from painterly.images.encode import encode
from painterly.images.output import OutputFormat
from painterly.orders.record import Record
from painterly.storage.folder import FolderBucket

RED, BLUE, GREEN = (0.8, 0.1, 0.1), (0.1, 0.1, 0.8), (0.1, 0.6, 0.1)
HOSTILE = "<script>alert(1)</script> \"b\" 'c' #?%&+\n{{ 7*7 }}.jpg"
LONG = "x" * 249 + ".jpg"  # Its preview would have too long a name.


def flat(colour, height=64, width=96):
    return np.broadcast_to(np.float32(colour), (height, width, 3))


def content(photo="beach.jpg", style="monet", **changes):
    """A record's JSON."""
    return {
        "format": 2,
        "photo": photo,
        "style": style,
        "paintings": [{"key": f"{style}.jpg", "share": 1.0, "etag": f"etag of {style}"}],
        "result": f"{style}/{photo}",
        "result_size": 2_100_000,
        "width": 96,
        "height": 64,
        "settings": {"size": 96, "strength": 0.6, "content_weight": 0.02, "pool_type": "max"},
        "given": {"preset": "draft", "size": 96, "preserve_color": True},
        "weights": "md5:1",
        "engine": "1",
        "device": "the CPU",
        "network": "the built-in network",
        "losses": {"content": 0.123456, "style": 0.5, "total_variation": 0.25, "total": 1.0},
        "seconds": 47.1,
        "finished": "2026-11-20T07:55:42+00:00",
        "photo_etag": f"etag of {photo}",
        "fingerprint": "f",
    } | changes


def parsed(json_content):
    return Record.from_bytes(json.dumps({"format": 2} | json_content).encode())


def record(photo="beach.jpg", style="monet", **changes):
    return parsed(content(photo, style, **changes))


def add_result(gallery, bucket, each):
    """Store a result and the gallery's pictures of it, and show it on the page."""
    bucket.write(each.result, encode(flat(BLUE), OutputFormat("jpg")))
    paintings = {painting.key: flat(GREEN) for painting in each.paintings}
    gallery.store_pictures(each, flat(RED), flat(BLUE), paintings)
    gallery.add_record(each)


def published(folder, records):
    """Store some results and failures with their records and a gallery, like a batch."""
    bucket = FolderBucket(folder)
    gallery = Gallery(bucket)
    for number, each in enumerate(records):
        bucket.write(f"_records/{number}.json", each.to_bytes())
        if each.result:
            add_result(gallery, bucket, each)
        else:
            gallery.add_record(each)
    gallery.publish()
    return bucket


def data_of(text):
    """The data that a page's script works on."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1], parse_constant=pytest.fail)


def results_of(text):
    """A page's results, with what they refer to by number in its place."""
    data = data_of(text)
    results = [dict(zip(data["columns"], row, strict=True)) for row in data["rows"]]
    for each in results:
        style, shares = data["blends"][each["blend"]]
        each |= {
            "photo": data["photos"][each["photo"]][0],
            "style": data["styles"][style],
            "paintings": [(data["paintings"][number][0], share) for number, share in shares],
            "given": data["given"][each["given"]],
            "origin": data["origins"][each["origin"]],
        }
    return results


class Tags(html.parser.HTMLParser):
    """A page's tags and text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)

    def handle_data(self, data):
        self.text += data
