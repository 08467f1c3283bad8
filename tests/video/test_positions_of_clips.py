"""The position where a clip was taken is not stored."""

import re
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import IFD
from support import clips, tiny
from support.bombs import box
from support.folder_batches import run
from support.fuzzing import CASES, drawn

from painterly.errors import PictureError
from painterly.video.sent import copied, is_sent_clip, sent

pytestmark = pytest.mark.slow  # A process decodes the clips.

MEMORY = 10**9


def thorough(*case):
    """A case of the thorough tests."""
    return pytest.param(*case, marks=pytest.mark.thorough)


WHERE = b"N27.5916 E086.5640 8850m"  # Not as a film's: that text goes wherever it is.
NAMES = {"location": WHERE.decode(), "com.apple.quicktime.location.ISO6709": WHERE.decode()}
TAGS = ("-movflags", "use_metadata_tags")


def with_boxes(data, *more):
    """A file of mp4 with more boxes in `moov`, which is its last box."""
    at = data.rindex(b"moov") - 4
    (size,) = struct.unpack_from(">L", data, at)
    assert at + size == len(data)
    inside = b"".join(more)
    return data[:at] + struct.pack(">L", size + len(inside)) + data[at + 4 :] + inside


@pytest.fixture
def placed_walk(tmp_path):
    """A function that returns a clip with metadata."""

    def write(name="walk.mp4", metadata=None, **about):
        path = clips.write(tmp_path / name, 4, metadata=metadata or {}, **about)
        return path.read_bytes()

    write.folder = tmp_path
    return write


def taken(data, folder, name="walk.mp4"):
    """What a service takes of a clip that is sent."""
    path = folder / "clip"
    path.write_bytes(data)
    return sent(path, name, 10_000, MEMORY)


def packets(path):
    """The times of a clip's pictures, and the sound as it is stored, bit by bit, with its times."""
    maps = ("-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-f", "framehash", "-")
    lines = clips.run("-copyts", "-i", path, *maps)[0].splitlines()
    bases = {line.split(b":")[0][-1:]: line.split()[-1] for line in lines if line[:3] == b"#tb"}
    found = []
    for line in lines:
        if line[:1] != b"#":
            track, _, time, _, size, total = (each.strip() for each in line.split(b",")[:6])
            base = [int(each) for each in bases[track].split(b"/")]
            bits = (size, total) if track == b"1" else ()
            found.append((track, round(1000 * int(time) * base[0] / base[1]), *bits))
    return sorted(found)


def check(data, tmp_path, name="walk.mp4"):
    """Send a clip, and check that nothing of the position is left, and all else is. Return what is
    taken of it."""
    copy = taken(data, tmp_path, name).path.read_bytes()
    assert WHERE not in copy and b"27.59" not in copy
    before, after = (tmp_path / f"{each}{name[-5:]}" for each in ("before", "after"))
    before.write_bytes(data)
    after.write_bytes(copy)
    assert packets(after) == packets(before)
    assert clips.stamps(after) == clips.stamps(before)
    assert (clips.frames(after) == clips.frames(before)).all()
    return copy


@pytest.mark.parametrize("name", ["walk.mp4", "walk.mov", "walk.mkv", "walk.webm"])
def test_the_position_that_ffmpeg_writes_goes(name, placed_walk, tmp_path):
    codec = {"codec": "libvpx-vp9", "sound": "libopus"} if name == "walk.webm" else {"sound": "aac"}
    data = placed_walk(name, NAMES, options=TAGS if name == "walk.mp4" else (), **codec)
    assert data.count(WHERE) >= 1
    copy = check(data, tmp_path, name)
    assert copy == taken(data, tmp_path, name).path.read_bytes(), "the same bytes each time"


@pytest.mark.parametrize("name", ["walk.mov", thorough("walk.mkv")])
def test_the_position_in_the_name_of_a_track_goes(name, placed_walk, tmp_path):
    about = (
        f"location={WHERE.decode()}",
        f"handler_name={WHERE.decode()}",
        f"title={WHERE.decode()}",
    )
    data = placed_walk(name, options=[word for each in about for word in ("-metadata:s:v", each)])
    assert data.count(WHERE) >= 1
    check(data, tmp_path, name)


def test_the_position_that_phones_and_cameras_write_goes(placed_walk, tmp_path):
    places = [
        box(b"udta", box(b"\xa9xyz", struct.pack(">HH", len(WHERE), 0x15C7), WHERE)),
        box(b"udta", box(b"loci", bytes(6), b"Everest\0", WHERE)),
        box(
            b"meta",
            box(b"keys", struct.pack(">LL", 0, 1), box(b"mdta", b"com.apple.quicktime.location")),
            box(b"ilst", box(struct.pack(">L", 1), box(b"data", bytes(8), WHERE))),
        ),
        box(b"gps ", WHERE),
    ]
    data = with_boxes(placed_walk(), *places)
    assert data.count(WHERE) == len(places)
    check(data, tmp_path)


def test_the_position_in_an_avi_goes(placed_walk, tmp_path):
    data = placed_walk("walk.avi", {"title": WHERE.decode()}, codec="mpeg4", sound="libmp3lame")
    assert WHERE in data
    check(data, tmp_path, "walk.avi")


def test_a_clip_of_far_too_many_boxes_is_refused(placed_walk, tmp_path):
    with pytest.raises(PictureError, match="many times its size"):
        taken(with_boxes(placed_walk(), box(b"free") * 300_000), tmp_path)


def test_a_track_with_the_way_of_a_drone_is_left_out(placed_walk, tmp_path):
    (tmp_path / "way.srt").write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{WHERE.decode()}\n")
    placed_walk()
    clips.run(
        *("-i", tmp_path / "walk.mp4", "-i", tmp_path / "way.srt", "-map", "0", "-map", "1"),
        *("-c", "copy", "-c:s", "mov_text", tmp_path / "drone.mp4"),
    )
    data = (tmp_path / "drone.mp4").read_bytes()
    assert WHERE in data
    check(data, tmp_path, "drone.mp4")


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("walk.mp4", {"codec": "libvpx-vp9", "sound": "libopus"}),
        ("walk.mov", {"codec": "mjpeg", "form": "yuvj420p", "sound": "pcm_s16le"}),
        thorough("walk.mov", {"codec": "prores_ks", "form": "yuv422p10le"}),
        ("walk.mp4", {"times": [5, 6, 9, 12]}),
        thorough("walk.avi", {"codec": "mpeg4", "options": ("-bf", "2")}),
        thorough(
            "walk.mp4", {"options": ("-flags", "+ildct+ilme", "-x264-params", "tff=1:keyint=2")}
        ),
        thorough("walk.mov", {"options": ("-x264-params", "open-gop=1:keyint=3:bframes=2")}),
        thorough("walk.mkv", {"options": ("-x264-params", "intra-refresh=1:keyint=2")}),
        ("walk.mp4", {"codec": "libx265", "options": ("-tag:v", "hvc1")}),
        thorough("walk.webm", {"codec": "libsvtav1", "sound": "libopus"}),
        thorough("walk.mkv", {"codec": "mpeg2video"}),
    ],
)
def test_clips_of_all_kinds_stay_as_they_are(name, about, placed_walk, tmp_path):
    check(placed_walk(name, NAMES, **about), tmp_path, name)


MDPM = bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66") + b"MDPM" + WHERE  # As camcorders have it.
# The start of a unit that describes pictures, and patterns of starts of those that show them.
UNITS = {
    "libx264": (b"\x06\x05" + bytes([len(MDPM)]) + MDPM + b"\x80", rb"[\x65\x41\x01]", "h264"),
    "libx265": (
        b"\x4e\x01\x05" + bytes([len(MDPM)]) + MDPM + b"\x80",
        rb"[\x00\x02\x26\x28\x2a]\x01",
        "hevc",
    ),
    "mpeg2video": (b"\xb2" + WHERE, rb"\x01", "m2v"),
}


def described(placed_walk, codec):
    """The file of pictures of a codec with the position before each, in no container."""
    unit, shows, form = UNITS[codec]
    plain = placed_walk(f"plain.{form}", codec=codec)
    starts = re.compile(rb"\x00\x00\x01(?=" + shows + rb")", re.DOTALL)
    path = placed_walk.folder / f"raw.{form}"
    path.write_bytes(starts.sub(lambda found: b"\0\0\1" + unit + found[0], plain))
    return path


@pytest.mark.parametrize(
    ("codec", "kind"),
    [
        *(("libx264", kind) for kind in ("mp4", "avi")),
        *(thorough("libx264", kind) for kind in ("mov", "mkv")),
        ("libx265", "mov"),
        *(thorough("libx265", kind) for kind in ("mp4", "mkv")),
        ("mpeg2video", "mkv"),
    ],
)
def test_the_position_that_cameras_write_between_pictures_goes(codec, kind, placed_walk, tmp_path):
    raw = described(placed_walk, codec)
    assert raw.read_bytes().count(WHERE) >= 4
    tag = ("-tag:v", "hvc1") if codec == "libx265" else ()
    clips.run("-r", 24, "-i", raw, "-c", "copy", *tag, tmp_path / "a.mp4")
    data = clips.again(tmp_path / "a.mp4", f"walk.{kind}").read_bytes()
    assert data.count(WHERE) >= 4
    check(data, tmp_path, f"walk.{kind}")


def test_a_painted_clip_has_no_position(placed_walk, here):
    """Its pictures are encoded anew."""
    about = [word for each in NAMES.items() for word in ("-metadata", "=".join(each))]
    raw = described(placed_walk, "libx264")
    clips.run("-r", 24, "-i", raw, "-c", "copy", *about, *TAGS, "clips/walk.mp4")
    assert Path("clips/walk.mp4").read_bytes().count(WHERE) >= 5
    assert run(here) == 0
    painted = Path("out/monet/walk.mp4").read_bytes()
    assert WHERE not in painted and b"moov" in painted


@pytest.mark.parametrize("kind", ["mov", *map(thorough, ("avi", "mkv"))])
def test_the_position_in_the_exif_of_each_frame_goes(kind, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(IFD.GPSInfo).update({1: "N", 2: (27.0, 59.0, 17.0), 29: WHERE.decode()})
    frames = [
        tiny.file(64, 96, seed, exif=exif.tobytes(), comment=WHERE, quality=90) for seed in range(4)
    ]
    read = ("-f", "image2pipe", "-c:v", "mjpeg", "-framerate", 24, "-i", "pipe:0")
    clips.run(*read, "-c", "copy", tmp_path / f"walk.{kind}", data=b"".join(frames))
    data = (tmp_path / f"walk.{kind}").read_bytes()
    assert data.count(WHERE) == 8
    check(data, tmp_path, f"walk.{kind}")


@pytest.mark.parametrize(("kind", "codec"), [("avi", "mpeg4"), ("mkv", "ffv1"), ("webm", "libvpx")])
def test_a_position_as_a_text_goes_wherever_it_is(kind, codec, placed_walk, tmp_path):
    text, name = b"+27.5916+086.5640+8850/", f"walk.{kind}"
    data = placed_walk(name, {"title": "x" * len(text)}, codec=codec)
    data = data.replace(b"x" * len(text), text) + bytes(2**20) + text
    assert data.count(text) == 2
    taken(data, tmp_path, name)
    assert text not in (tmp_path / "clip").read_bytes(), "before it is read"


def test_a_turned_clip_stays_as_it_is(placed_walk, tmp_path):
    placed_walk("b.mp4", NAMES)
    turned = clips.again(tmp_path / "b.mp4", "a.mp4", before=("-display_rotation", "90"))
    check(turned.read_bytes(), tmp_path)


def test_a_clip_with_two_frames_at_one_moment_is_taken(placed_walk, tmp_path):
    data = bytearray(placed_walk(metadata=NAMES, times=[0, 1, 3, 5], options=("-bf", "2")))
    lengths = data.index(b"stts")
    struct.pack_into(">L", data, lengths + 16, 0)  # The first frames have none.
    clip = taken(data, tmp_path)
    assert clip.frames == 4 and WHERE not in clip.path.read_bytes()


def test_sound_that_ffmpeg_does_not_know_is_copied_or_left_out(placed_walk, tmp_path):
    data = placed_walk("walk.mov", NAMES, sound="pcm_mulaw").replace(b"ulaw", b"apac")
    assert taken(data, tmp_path, "walk.mov").frames == 4


def damaged_copies(data, tmp_path, changes):
    """The copies of damaged clips that are taken."""
    path, copy = tmp_path / "damaged", tmp_path / "copy"
    for damaged in changes:
        path.write_bytes(damaged)
        copy.write_bytes(b"")
        with suppress(PictureError):
            copied(clips.opened(path), copy)
            yield copy.read_bytes()


@pytest.mark.thorough
@pytest.mark.parametrize("kind", drawn(["mp4", "mov"], ["mkv", "webm"], ["avi"]))
def test_a_damaged_clip_is_refused_or_copied_without_its_position(kind, placed_walk, tmp_path):
    codecs = {"webm": "libvpx-vp9", "avi": "mpeg4"}
    data = placed_walk(f"walk.{kind}", NAMES, codec=codecs.get(kind, "libx264"))
    places = range(0, len(data) - 4, 1 + 15 * len(data) // CASES)
    changes = [data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :] for at in places]
    for copy in damaged_copies(data, tmp_path, [*changes, *(data[:at] for at in places[1::3])]):
        assert WHERE not in copy


def test_a_frame_whose_place_is_that_of_the_position_does_not_show_it(placed_walk, tmp_path):
    data = bytearray(placed_walk("walk.mov", NAMES, codec="rawvideo", form="rgb24") + bytes(2**17))
    struct.pack_into(">L", data, data.index(b"stco") + 12, data.index(WHERE) - 8)
    [copy] = damaged_copies(data, tmp_path, [data])
    assert copy and WHERE not in copy


def test_a_clip_whose_frames_are_one_stretch_of_the_file_again_and_again_is_refused(
    placed_walk, tmp_path
):
    data = bytearray(placed_walk("walk.mov", codec="rawvideo", form="rgb24"))
    sizes, places = data.index(b"stsz"), data.index(b"stsc")
    count, more = struct.unpack_from(">L", data, sizes + 12)[0], 100_000
    assert count == 4
    struct.pack_into(">L", data, sizes + 12, more)
    struct.pack_into(">L", data, data.index(b"stts") + 12, more)
    struct.pack_into(">LLL", data, places + 8, 1, 1, 1)
    path = tmp_path / "bomb.mov"
    path.write_bytes(data)
    with suppress(PictureError):
        copied(clips.opened(path), tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_size < 3 * len(data) + 20_000_000


@pytest.mark.parametrize("start", [b"....ftypheic", b"....ftypavif", b"....ftypcrx ", b"\xff\xd8"])
def test_pictures_are_no_clips(start):
    assert not is_sent_clip(start + bytes(4))
