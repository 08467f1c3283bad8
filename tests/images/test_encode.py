"""Results keep EXIF, colour space and alpha of their photo; read back by other code."""

import io
import struct
import tracemalloc
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational
from support.pictures import P3, SRGB, decode, gradient, rgb_profile, saved

from painterly.errors import PictureError
from painterly.images.colours import icc
from painterly.images.encode import encode
from painterly.images.files.exif import for_result, without_position
from painterly.images.output import OutputFormat, file_format
from painterly.images.picture import Picture
from painterly.settings.settings import Settings

# pytest shows even warnings that painterly.images silences for its users.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

ORIENTATION, ARTIST, MODEL, SOFTWARE = 0x0112, 0x013B, 0x0110, 0x0131
CAMERA, PLACE, MAKER_NOTE, COLOUR_SPACE = 0x8769, 0x8825, 0x927C, 0xA001
WIDTH, HEIGHT, EXPOSURE, COMMENT, DESCRIPTION = 0xA002, 0xA003, 0x829A, 0x9286, 0x010E

# Primaries as profiles hold them: adapted to D50.
ADOBE = np.array([[0.6097, 0.3111, 0.0195], [0.2053, 0.6257, 0.0609], [0.1492, 0.0632, 0.7446]])

EXTENSIONS = ("jpg", "png", "webp", "tiff")
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF")

# Pixels that photos and results are saved from: 80 × 60, and 40 × 30 in all shades.
PIXELS = np.asarray(gradient(), np.float32) / 255
SHADES = np.random.default_rng(0).random((30, 40, 3), np.float32)
ALPHA = np.linspace(0, 1, 40, dtype=np.float32)[None].repeat(30, 0)


def camera_exif():
    exif = Image.Exif()
    exif[ORIENTATION], exif[MODEL], exif[ARTIST] = 6, "Camera 5", "Ada"
    exif[0x0201], exif[0x0202] = 4096, 512
    camera = {EXPOSURE: IFDRational(1, 125), MAKER_NOTE: b"secret of the maker", WIDTH: 80}
    camera |= {HEIGHT: 60, COMMENT: b"ASCII\0\0\0a sunny day", COLOUR_SPACE: 1}
    exif[CAMERA] = camera
    exif[PLACE] = {1: "N", 2: (48.0, 51.0, 29.6), 29: "2024:05:01"}
    return exif


def with_thumbnail(block):
    """EXIF as Pillow writes it, followed by a second directory with a thumbnail."""
    body = block.removeprefix(b"Exif\0\0")
    order = "<" if body[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "L", body, 4)
    (entries,) = struct.unpack_from(order + "H", body, first)
    body += b"\0" * (len(body) % 2)
    second, end = len(body), first + 2 + 12 * entries
    small = saved(gradient(16, 12), "JPEG")
    table = struct.pack(order + "H", 2)
    table += struct.pack(order + "HHLL", 0x0201, 4, 1, second + 30)
    table += struct.pack(order + "HHLL", 0x0202, 4, 1, len(small)) + bytes(4)
    body = body[:end] + struct.pack(order + "L", second) + body[end + 4 :]
    return b"Exif\0\0" + body + table + small


def photo(format_="JPEG", **options):
    block = with_thumbnail(camera_exif().tobytes())
    return decode(saved(gradient(), format_, exif=block, **options), "photo")


def open_image(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def like(alpha=None, exif=None, profile=None):
    """A photo that a result takes these from; alpha is 0…1."""
    alpha_int = None if alpha is None else np.rint(alpha * 255).astype(np.uint8)
    return Picture(np.zeros((*SHADES.shape[:2], 3), np.uint8), alpha_int, "PNG", exif, profile)


def exif_of(data):
    return Image.open(io.BytesIO(data)).getexif()


# Files


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_result_can_be_read_back_and_has_an_srgb_profile(extension):
    data = encode(PIXELS, OutputFormat(extension))
    picture = decode(data, "result")
    assert open_image(data).format == file_format(extension, "").pillow_name
    assert np.abs(picture.pixels - PIXELS).max() < (1e-6 if extension in ("png", "tiff") else 0.1)
    embedded = open_image(data).info["icc_profile"]
    profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    # Equal results are equal bytes at any time.
    assert struct.unpack(">6H", embedded[24:36]) == (2024, 1, 1, 0, 0, 0)


@pytest.mark.parametrize("alpha", [None, ALPHA])
@pytest.mark.parametrize("own", [None, P3])
def test_a_tiff_of_16_bits_has_them_in_srgb_by_another_reader(alpha, own):
    profile = None if own is None else rgb_profile(own)
    data = encode(SHADES, OutputFormat("tiff", depth=16), like(alpha, photo().exif, profile))
    stored = tifffile.imread(io.BytesIO(data))
    assert stored.dtype == np.uint16
    assert np.abs(stored[..., :3] - SHADES * 65_535).max() < 0.51
    assert alpha is None or np.abs(stored[..., 3] - alpha * 65_535).max() < 130
    exif = exif_of(data)
    assert (exif[MODEL], exif.get_ifd(CAMERA)[EXPOSURE]) == ("Camera 5", IFDRational(1, 125))
    assert exif.get_ifd(CAMERA)[COLOUR_SPACE] == 1
    assert open_image(data).info["icc_profile"] == icc.SRGB
    again = decode(data, "result.tiff")
    visible = slice(None) if alpha is None else alpha > 0.2
    assert np.abs(again.pixels - SHADES)[visible].max() < 1.01 / 255


def test_a_jpg_keeps_fine_colour_detail():
    stripes = np.zeros((32, 32, 3), np.float32)
    stripes[:, ::2, 0], stripes[:, 1::2, 2] = 1, 1
    seen = decode(encode(stripes, OutputFormat("jpg")), "a.jpg").pixels
    assert np.abs(seen - stripes).mean() < 0.05


def test_quality_makes_smaller_files():
    noise = np.random.default_rng(0).random((64, 64, 3))
    for extension in ("jpg", "webp"):
        small, large = (encode(noise, OutputFormat(extension, each)) for each in (50, 95))
        assert len(small) < len(large) * 0.7


def test_values_are_clipped_and_rounded_to_the_nearest():
    pixels = np.full((16, 16, 3), 100.6 / 255)
    pixels[0], pixels[1] = -0.5, 1.5
    written = np.asarray(Image.open(io.BytesIO(encode(pixels, OutputFormat("png")))))
    assert (written[0] == 0).all() and (written[1] == 255).all() and (written[2:] == 101).all()


def test_a_jpg_shows_a_transparent_picture_over_white():
    pixels, alpha = np.zeros((32, 32, 3), np.float32), np.ones((32, 32), np.float32)
    alpha[:16], alpha[16:24] = 0, 0.5
    seen = decode(encode(pixels, OutputFormat("jpg"), like(alpha)), "a.jpg").pixels[:, 16, 0]
    assert np.allclose(seen[[8, 20, 28]], (1, 0.5, 0), atol=0.03)


def test_a_side_too_long_for_the_format_is_refused_with_a_way_out():
    line = np.zeros((1, 16_384, 3), np.float32)
    with pytest.raises(PictureError, match=r"16384 × 1 .*16383.*OUTPUT_FORMAT"):
        encode(line, OutputFormat("webp"))
    assert encode(line, OutputFormat("png"))


# EXIF


@pytest.mark.parametrize("keep_gps", [False, True])
@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("format_", FORMATS)
def test_a_result_has_of_its_photos_exif_what_is_still_right(format_, extension, keep_gps):
    """Its own size, upright, without maker note and thumbnail, with the position only if asked."""
    before = Image.Exif()
    before.load(with_thumbnail(camera_exif().tobytes()))
    assert before.get_ifd(CAMERA)[MAKER_NOTE] and before.get_ifd(ExifTags.IFD.IFD1)
    data = encode(SHADES, OutputFormat(extension, keep_gps=keep_gps), photo(format_))
    exif = exif_of(data)
    camera, place = exif.get_ifd(CAMERA), exif.get_ifd(PLACE)
    assert (exif[MODEL], exif[ARTIST], exif[ORIENTATION]) == ("Camera 5", "Ada", 1)
    assert camera[EXPOSURE] == IFDRational(1, 125)
    assert camera[COMMENT] == b"ASCII\0\0\0a sunny day"
    assert (camera[WIDTH], camera[HEIGHT]) == open_image(data).size == (40, 30)
    assert decode(data, "result").size == (30, 40)
    assert MAKER_NOTE not in camera and b"secret" not in data
    assert not exif.get_ifd(ExifTags.IFD.IFD1)
    assert (b"2024:05:01" in data) == keep_gps
    assert place == ({1: "N", 2: (48.0, 51.0, 29.6), 29: "2024:05:01"} if keep_gps else {})


def test_xmp_which_may_contain_the_position_is_left_out():
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>48.85N</x:xmpmeta>"
    for format_, extension in zip(("JPEG", "PNG", "WEBP", "TIFF"), EXTENSIONS, strict=True):
        options = {"xmp": packet}
        if format_ == "TIFF":
            options = {"tiffinfo": {700: packet}}
        if format_ == "PNG":
            options = {"pnginfo": PngInfo()}
            options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode())
        data = saved(gradient(), format_, **options)
        assert b"48.85N" in data
        result = encode(SHADES, OutputFormat(extension), decode(data, "photo"))
        assert b"xmpmeta" not in result


def directory(order, at, entries):
    """A directory at an offset: entries by tag, of a type, a count and the bytes of the value."""
    table, values = struct.pack(f"{order}H", len(entries)), b""
    after = at + 2 + 12 * len(entries) + 4
    for tag, (kind, count, value) in sorted(entries.items()):
        field = value.ljust(4, b"\0")
        if len(value) > 4:
            field = struct.pack(f"{order}L", after + len(values))
            values += value + bytes(len(value) % 2)
        table += struct.pack(f"{order}HHL", tag, kind, count) + field
    return table + bytes(4) + values


def camera_alone(order, entries):
    """EXIF that has nothing but the camera's directory."""
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}L", 8)
    main = directory(order, 8, {CAMERA: (4, 1, struct.pack(f"{order}L", 26))})
    return b"Exif\0\0" + mark + main + directory(order, 26, entries)


def camera_of(block):
    """The entries of the camera's directory, as `directory` has them."""
    data = block.removeprefix(b"Exif\0\0")
    order = "<" if data[:2] == b"II" else ">"
    sizes = SIZES | {3: 2, 4: 4}

    def entries(at):
        (count,) = struct.unpack_from(f"{order}H", data, at)
        for place in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(f"{order}HHL", data, place)
            length = sizes[kind] * number
            start = place + 8
            if length > 4:
                (start,) = struct.unpack_from(f"{order}L", data, start)
            yield tag, (kind, number, data[start : start + length])

    main = dict(entries(*struct.unpack_from(f"{order}L", data, 4)))
    return dict(entries(*struct.unpack(f"{order}L", main[CAMERA][2])))


SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}


@pytest.mark.parametrize("order", ["<", ">"])
def test_values_of_every_type_are_copied_byte_for_byte(order):
    camera = {0x9300 + kind: (kind, 5, bytes(range(5 * size))) for kind, size in SIZES.items()}
    camera |= {0xA4FF: (3, 1, b"\1\2")}
    of_the_pixels = {tag: (3, 2, bytes(4)) for tag in (0x9214, 0xA20E, 0xA500)}
    block = camera_alone(order, camera | of_the_pixels)
    found = camera_of(for_result(without_position(block), (60, 80), True, False, None))
    assert camera.items() <= found.items() and not of_the_pixels.keys() & found.keys()
    data = encode(SHADES, OutputFormat("tiff"), like(exif=without_position(block)))
    assert camera.items() <= camera_of(data).items()


def test_a_tiffs_own_layout_is_not_copied():
    data = saved(gradient(), "TIFF", tiffinfo={ARTIST: "Ada"}, compression="tiff_lzw")
    exif = exif_of(encode(SHADES, OutputFormat("jpg"), decode(data, "scan.tiff")))
    assert exif.pop(ARTIST) == "Ada"
    assert set(exif) == {CAMERA, ORIENTATION}


def test_names_in_any_script_and_either_byte_order_are_kept():
    artist = "Zoë 画家".encode() + b"\0"
    for order, start in (("<", b"II*\0"), (">", b"MM\0*")):
        table = struct.pack(order + "LHHHLL", 8, 1, ARTIST, 2, len(artist), 26)
        block = b"Exif\0\0" + start + table + bytes(4) + artist
        picture = decode(saved(gradient(), "JPEG", exif=block), "photo")
        for extension in EXTENSIONS:
            data = encode(PIXELS, OutputFormat(extension), picture)
            assert exif_of(data)[ARTIST] == artist[:-1].decode("latin-1")  # Pillow's reading.
            assert np.abs(decode(data, "result").pixels - PIXELS).mean() < 0.02


def test_damaged_exif_is_not_copied_and_nothing_else_is_lost():
    whole = camera_exif().tobytes()
    for cut in range(7, len(whole), 7):
        picture = decode(saved(gradient(), "JPEG", exif=whole[:cut]), "photo")
        data = encode(SHADES, OutputFormat("tiff"), picture)
        assert decode(data, "result").pixels.shape == (30, 40, 3)
    looped = bytearray(whole)
    looped[10:14] = struct.pack("<L", 2**31)
    assert decode(saved(gradient(), "JPEG", exif=bytes(looped)), "photo").exif is None


def test_exif_longer_than_a_jpeg_holds_is_not_copied():
    for in_main, in_camera in ((0, 70_000), (40_000, 40_000)):
        exif = camera_exif()
        exif[DESCRIPTION] = "x" * in_main
        exif[CAMERA] = {COMMENT: bytes(in_camera)}
        picture = decode(saved(gradient(), "PNG", exif=exif), "photo")
        assert picture.exif is None and encode(SHADES, OutputFormat("jpg"), picture)


def test_exif_whose_entries_share_a_long_value_takes_no_more_memory_than_its_file():
    tags, length = range(0x9300, 0x9300 + 100), 2**19
    main = b"II*\0" + struct.pack("<LHHHLL", 8, 1, CAMERA, 4, 1, 26) + bytes(4)
    value_at = len(main) + 2 + 12 * len(tags)
    entries = (struct.pack("<HHLL", tag, 7, length, value_at) for tag in tags)
    data = main + struct.pack("<H", len(tags)) + b"".join(entries) + bytes(length)
    tracemalloc.start()
    assert without_position(data) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * len(data)


# Colour space


@pytest.mark.parametrize("primaries", [P3, ADOBE])
def test_a_result_is_written_in_the_photos_own_colour_space(primaries):
    own = rgb_profile(primaries)
    picture = decode(saved(gradient(), "PNG", icc_profile=own), "photo")
    assert picture.profile == own
    soft = 0.25 + PIXELS / 2
    for extension in ("png", "tiff"):
        data = encode(soft, OutputFormat(extension), picture)
        stored = open_image(data)
        assert stored.info["icc_profile"] == own
        light = np.where(soft < 0.04045, soft / 12.92, ((soft + 0.055) / 1.055) ** 2.4)
        wanted = (light @ SRGB @ np.linalg.inv(primaries)).clip(0, 1) ** (1 / 2.2)
        assert np.abs(np.asarray(stored) - wanted * 255).max() < 2
        assert np.abs(decode(data, "result").pixels - soft).max() * 255 < 2.5


@pytest.mark.parametrize(
    "own",
    [icc.SRGB, rgb_profile(SRGB, 1.0), rgb_profile((SRGB + SRGB.mean(0)) / 2)],
    ids=["sRGB", "linear", "small"],
)
def test_a_result_is_in_srgb_if_eight_bits_are_too_coarse_for_the_photos_space(own):
    assert decode(saved(gradient(), "PNG", icc_profile=own), "photo").profile is None


def test_a_smooth_ramp_has_no_bands_in_the_photos_own_colour_space():
    ramp = np.linspace(0, 1, 2000, dtype=np.float32)[None, :, None].repeat(16, 0).repeat(3, 2)
    seen = decode(
        encode(ramp, OutputFormat("png"), like(profile=rgb_profile(ADOBE))), "result"
    ).pixels
    steps = np.diff(np.rint(seen[0, :, 1] * 255))
    assert steps.min() >= 0 and steps.max() <= 2
    assert len(np.unique(seen[0, :, 1])) > 225


def test_exif_says_whether_a_result_is_srgb():
    for own, number in ((None, 1), (rgb_profile(ADOBE), 0xFFFF)):
        exif = exif_of(encode(SHADES, OutputFormat("jpg"), like(exif=photo().exif, profile=own)))
        assert exif.get_ifd(CAMERA)[COLOUR_SPACE] == number


def test_alpha_exif_and_colour_space_are_kept_together():
    own = rgb_profile(P3)
    stored = (np.rint(255 * each).astype(np.uint8) for each in (SHADES, ALPHA))
    picture = Picture(*stored, "PNG", photo().exif, own)
    for extension in ("png", "webp", "tiff"):
        data = encode(SHADES, OutputFormat(extension), picture)
        result = decode(data, "result")
        assert np.abs(result.alpha - ALPHA).max() < 0.01
        assert result.profile == own and exif_of(data)[MODEL] == "Camera 5"
        if extension == "tiff":  # Pillow takes any fourth channel for alpha, other programs do not.
            assert Image.open(io.BytesIO(data)).tag_v2[338] == (2,)


GPANO = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description xmlns:GPano="http://ns.google.'
    'com/photos/1.0/panorama/" GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels='
    '"800" xmp:CreatorTool="Editor" exif:GPSLatitude="48,51.5N"><GPano:CroppedAreaTopPixels>120'
    "</GPano:CroppedAreaTopPixels></rdf:Description></rdf:RDF></x:xmpmeta>"
)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_result_is_the_panorama_that_its_photo_is_in_its_own_pixels(extension):
    photo = decode(saved(gradient(), "JPEG", xmp=GPANO.encode()))
    result = Image.open(io.BytesIO(encode(SHADES, OutputFormat(extension), photo)))
    result.load()
    (found,) = ElementTree.fromstring(result.info["xmp"])[0]
    start = "{http://ns.google.com/photos/1.0/panorama/}"
    assert {name.removeprefix(start): value for name, value in found.items()} == {
        "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about": "",
        "ProjectionType": "equirectangular",
        "FullPanoWidthPixels": "400",
        "CroppedAreaTopPixels": "60",
    }


def test_a_panorama_of_thousands_of_properties_fits_into_a_result():
    more = " ".join(f'GPano:P{number}="1"' for number in range(5000))
    xmp = GPANO.replace("xmp:CreatorTool", f"{more} xmp:CreatorTool")
    photo = decode(saved(gradient(), "WEBP", xmp=xmp.encode()))
    result = Image.open(io.BytesIO(encode(SHADES, OutputFormat("jpg"), photo)))
    assert b'ProjectionType="equirectangular"' in result.info["xmp"]


def test_a_part_of_a_panorama_and_other_xmp_are_none():
    photo = decode(saved(gradient(), "JPEG", xmp=GPANO.encode()))
    other = decode(saved(gradient(), "JPEG", xmp=b'<x:xmpmeta xmp:CreatorTool="Editor"/>'))
    for each in (photo.printed(Settings(paper="A4")), other):
        assert "xmp" not in Image.open(io.BytesIO(encode(SHADES, OutputFormat("jpg"), each))).info
