"""Removal of the position where a photo was taken, and of nothing else, from its file."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from support import tiny
from support.fuzzing import CASES
from support.pictures import decode

from painterly.errors import PictureError
from painterly.images.encode import encode
from painterly.images.files.tiff import LONG
from painterly.images.output import OutputFormat
from painterly.images.picture_file import PictureFile


def without_position(data, name):
    return PictureFile.without_position(data, name).data


GPS, MAKE = 0x8825, 0x010F
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description exif:GPSLatitude="48,51.5N" '
    b'dc:title="Beach"><exif:GPSAltitude>12/1</exif:GPSAltitude></rdf:Description></x:xmpmeta>'
)


def photo(kind, **options):
    exif = Image.Exif()
    exif[MAKE] = "A camera"
    exif.get_ifd(GPS).update({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    return tiny.file(64, 80, 1, kind, exif=exif.tobytes(), **options)


def tiff():
    picture = decode(photo("JPEG"), "x")
    return encode(picture.pixels, OutputFormat("tiff", keep_gps=True), picture)


FILES = {kind: photo(kind) for kind in ("JPEG", "PNG", "WEBP", "HEIF", "AVIF")}
FILES |= {"TIFF": tiff(), "a chunk of an odd length": photo("WEBP", icc_profile=b"odd")}
# HEIF's readers skip a prefix, whatever it is.
FILES["no prefix"] = bytes(6).join(FILES["HEIF"].rsplit(b"Exif\0\0", 1))


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_exif_loses_the_position_alone(data):
    before, after = (Image.open(io.BytesIO(each)) for each in (data, without_position(data, "x")))
    assert before.getexif().get_ifd(GPS)[2] == (48.0, 51.0, 30.0)
    assert (dict(after.getexif().get_ifd(GPS)), after.getexif()[MAKE]) == ({}, "A camera")
    assert np.array_equal(np.asarray(before), np.asarray(after))


@pytest.mark.parametrize(("kind", "size"), [(2, 1), (3, 2), (4, 4), (5, 8), (7, 1), (12, 8)])
@pytest.mark.parametrize("order", "<>")
def test_nothing_of_a_position_is_left_of_whatever_type_it_is(kind, size, order):
    values, mark = b"\xab" * (5 * size), {"<": b"II*\0", ">": b"MM\0*"}[order]
    main = struct.pack(f"{order}LHHHLLL", 8, 1, GPS, 4, 1, 26, 0)
    gps = struct.pack(f"{order}HHHLLL", 1, 2, kind, 5, 44, 0)
    block = b"Exif\0\0" + mark + main + gps + values + b"kept"
    picture = tiny.file(64, 80, 1)
    head = picture[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2)
    found = without_position(head + block + picture[2:], "x")
    before, after = block[: -len(values) - 4], found[len(head) : len(head) + len(block)]
    assert after[len(before) :] == bytes(len(values)) + b"kept"
    assert len(found) == len(head + block + picture[2:]) and found.endswith(picture[2:])


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_xmp_loses_the_position_alone(kind):
    found = without_position(photo(kind, xmp=XMP), "x")
    assert b"48,51" not in found and b"12/1" not in found
    assert b'dc:title="Beach"' in found
    Image.open(io.BytesIO(found)).load()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "HEIF"])
@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be", "utf-32"])
def test_xmp_of_wide_characters_with_a_position_is_refused(kind, coding):
    attribute, _, element = XMP.decode().partition(" dc:title")
    for each in (f"{attribute}/>", f"<rdf:Description{element}"):
        with pytest.raises(PictureError, match="the position where it was taken cannot be removed"):
            without_position(photo(kind, xmp=each.encode(coding)), "x")


def test_xmp_with_a_short_prefix_loses_the_position_as_well():
    found = without_position(photo("JPEG", xmp=XMP.replace(b"exif:", b"e:")), "x")
    assert b"48,51" not in found and b"12/1" not in found


def test_a_picture_behind_the_first_one_loses_the_position_whatever_points_to_it():
    """Of type 13, IFD, as the TIFF standard also allows."""
    block = photo("JPEG")
    at = min(block.find(struct.pack(f"{order}HHL", GPS, 4, 1)) % len(block) for order in "<>")
    order = "<" if block[at : at + 2] == struct.pack("<H", GPS) else ">"
    second = block[:at] + struct.pack(f"{order}HHL", GPS, 13, 1) + block[at + 8 :]
    assert Image.open(io.BytesIO(second)).getexif().get_ifd(GPS)[2] == (48.0, 51.0, 30.0)
    found = without_position(tiny.file(64, 80, 1) + second, "x")
    left = Image.open(io.BytesIO(found[-len(second) :]))
    assert not left.getexif().get_ifd(GPS)


def test_what_follows_a_png_loses_the_position_as_well():
    film = b"mdta\0\0\0\x1adata\0\0\0\1\0\0\0\0+48.8584+002.2945+035.0/"
    data = photo("PNG") + XMP + film
    found = without_position(data, "x")
    assert b"48" not in found[-len(XMP + film) :] and b"12/1" not in found
    assert b'dc:title="Beach"' in found and len(found) == len(data)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_png_loses_all_text_that_may_hold_the_position(compressed):
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=compressed)
    info.add_text("Raw profile type xmp", XMP.hex(), zip=compressed)
    info.add_text("Author", "Ada")
    data = photo("PNG", pnginfo=info)
    found = without_position(data, "x")
    for text in (XMP, XMP.hex().encode()):
        stored = zlib.compress(text) if compressed else text
        assert stored in data and stored not in found
    picture = Image.open(io.BytesIO(found))
    picture.load()
    assert picture.text == {"Author": "Ada"} and len(found) == len(data)


def test_the_position_of_a_drone_and_that_in_a_motion_photo_are_lost_as_well():
    drone = b'<rdf:Description drone-dji:GpsLatitude="+48.85" dc:title="Roof"/>'
    film = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42\0\0\0\x1e\xa9xyz\0\x12\x15\xc7+48.8584+002.2945/"
    data = photo("JPEG", xmp=drone) + film
    found = without_position(data, "x")
    assert b"48.85" not in found and b'dc:title="Roof"' in found
    assert len(found) == len(data)


@pytest.mark.parametrize(
    "part",
    [
        b"<exif:GPS",
        b"<ab:GPSx>a",
        b"aa:GPS='",
        b"aa:GPS ",
        b"Exif\0\0II*\0\xff\0\xff\0",
        b"\xa9xyz",
    ],
)
def test_no_file_keeps_the_search_busy_for_long(part):
    """A search that takes quadratic time would hang the web service, and this test."""
    data = tiny.file(64, 80, 1) + part * (600_000 // len(part))
    with contextlib.suppress(PictureError):
        without_position(data, "x")


def test_a_png_with_several_blocks_loses_the_position_of_each():
    data = photo("PNG")
    at = data.index(b"eXIf") - 4
    block = data[at : at + 12 + int.from_bytes(data[at : at + 4], "big")]
    found = without_position(data[:at] + block + data[at:], "x")
    blocks = found.split(b"eXIf")[1:]
    assert len(blocks) == 2
    for each in blocks:
        exif = Image.Exif()
        exif.load(b"Exif\0\0" + each)
        assert not exif.get_ifd(GPS)


def test_a_file_without_a_position_stays_as_it_is():
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP"):
        data = tiny.file(64, 80, 1, kind)
        assert without_position(data, "x") == data


def test_a_position_that_cannot_be_found_in_the_files_bytes_is_refused():
    unclosed = b'<x:xmpmeta exif:GPSLatitude="48,51'
    for kind in ("JPEG", "WEBP", "HEIF"):
        with pytest.raises(PictureError, match=r"x: the position .* export it anew as JPEG"):
            without_position(photo(kind, xmp=unclosed), "x")


def pages_with_positions(pages, is_big=False):
    """A grey TIFF of 32 × 24 px on each page, with a latitude."""
    offset, number, head, inline = ("Q", "Q", 16, 8) if is_big else ("L", "H", 8, 4)
    form, size = f"<HH{offset}", 12 + 8 * is_big

    def entry(tag, kind, count, value):
        return struct.pack(form, tag, kind, count) + value.to_bytes(inline, "little")

    out = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if is_big else b"II*\0\x08\0\0\0"
    for page in range(pages):
        gps = head + struct.calcsize(f"<{number}") + 9 * size + inline
        latitude = gps + struct.calcsize(f"<{number}") + 2 * size + inline
        pixels = latitude + 24
        head = pixels + 32 * 24
        tags = {256: 32, 257: 24, 258: 8, 259: 1, 262: 1, 273: pixels, 278: 24, 279: 32 * 24}
        main = b"".join(entry(tag, LONG, 1, value) for tag, value in (tags | {GPS: gps}).items())
        following = head if page < pages - 1 else 0
        out += struct.pack(f"<{number}", 9) + main + following.to_bytes(inline, "little")
        out += struct.pack(f"<{number}", 2) + entry(1, 2, 2, ord("N")) + entry(2, 5, 3, latitude)
        out += bytes(inline) + struct.pack("<6L", 48, 1, 51, 1, 30, 1) + bytes(32 * 24)
    return out


def positions(data):
    image = Image.open(io.BytesIO(data))
    for page in range(image.n_frames):
        image.seek(page)
        yield dict(image.getexif().get_ifd(GPS))


def test_every_page_of_a_tiff_loses_the_position():
    data = pages_with_positions(3)
    assert [*positions(data)] == 3 * [{1: "N", 2: (48.0, 51.0, 30.0)}]
    found = without_position(data, "x")
    assert [*positions(found)] == 3 * [{}] and len(found) == len(data)


@pytest.mark.parametrize("pages", [1, 2])
def test_a_bigtiff_with_a_position_is_refused(pages):
    data = pages_with_positions(pages, is_big=True)
    assert [*positions(data)] == pages * [{1: "N", 2: (48.0, 51.0, 30.0)}]
    with pytest.raises(PictureError, match=r"x: the position .* export it anew as JPEG"):
        without_position(data, "x")


def test_pages_that_go_round_in_a_circle_end():
    data = pages_with_positions(2)
    second = len(data) // 2 + 4
    end = second + 2 + 9 * 12
    assert data[end : end + 4] == bytes(4)
    found = without_position(data[:end] + struct.pack("<L", 8) + data[end + 4 :], "x")
    assert struct.pack("<6L", 48, 1, 51, 1, 30, 1) not in found


def test_damaged_metadata_do_no_harm():
    data, rng = photo("JPEG", xmp=XMP), np.random.default_rng(2)
    start = data.index(b"Exif\0\0")
    for _ in range(CASES // 3):
        damaged = bytearray(data)
        for at in rng.integers(start + 6, start + 200, 4):
            damaged[at] = rng.integers(256)
        with contextlib.suppress(PictureError):  # Where it is the picture that is damaged.
            assert len(without_position(bytes(damaged), "x")) == len(data)


def test_a_heic_with_compressed_metadata_is_refused():
    plain, packed = b"mime\0application/rdf+xml\0", b"mime\0application/rdf\0br\0\0"
    data = photo("HEIF", xmp=XMP)
    assert plain in data and len(plain) == len(packed)
    with pytest.raises(PictureError, match=r"x: the position .* export it anew as JPEG"):
        without_position(data.replace(plain, packed), "x")
