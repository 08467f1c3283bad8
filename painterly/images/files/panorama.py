"""What viewers need to show a panorama as a sphere: Google's GPano properties, in XMP."""

import re
from collections.abc import Mapping
from itertools import islice

Panorama = Mapping[str, str]  # properties by name, such as ProjectionType

# An attribute, or an element. All values are numbers, or single words.
_PROPERTY = re.compile(
    r"""GPano:(\w{1,40})(?:\s*=\s*["']|>)\s*([\w.+-]{1,40})\s*(?:["']|</GPano)"""
)
_NEEDED = "ProjectionType"
_MOST = 50  # There are 20. A JPEG has room for 65,502 bytes.
_ACROSS, _DOWN = ("WidthPixels", "LeftPixels"), ("HeightPixels", "TopPixels")


def declared(xmp: bytes | str) -> Panorama | None:
    """Return the properties in a packet of XMP in UTF-8, or None if it declares no panorama."""
    text = xmp.decode(errors="replace") if isinstance(xmp, bytes) else xmp
    found = {each[1]: each[2] for each in islice(_PROPERTY.finditer(text), _MOST)}
    return found if _NEEDED in found else None


def packet(panorama: Panorama, before: tuple[int, int], now: tuple[int, int]) -> bytes:
    """Return a packet of XMP with the properties alone.

    Args:
        panorama: The properties of a photo.
        before: The photo's height and width in px.
        now: Those of the picture that the packet is for.
    """
    values = dict(panorama)
    for ends, old, new in zip((_DOWN, _ACROSS), before, now, strict=True):
        for name, value in values.items():
            if name.endswith(ends) and value.isdecimal():
                values[name] = str(round(int(value) * new / old))
    properties = "".join(f' GPano:{name}="{value}"' for name, value in values.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"'
        f"{properties}/></rdf:RDF></x:xmpmeta>"
    ).encode()
