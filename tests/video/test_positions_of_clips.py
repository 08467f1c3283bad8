"""The position where a clip was taken is not stored."""

import io
import struct
from contextlib import suppress
from fractions import Fraction

import av
import pytest
from support import clips

from painterly.errors import PictureError
from painterly.video import frames, writing
from painterly.video.sent import sent

pytestmark = pytest.mark.slow  # A process decodes the clips.

MEMORY = 10**9
WHERE = b"+27.5916+086.5640+8850/"
NAMES = {"location": WHERE.decode(), "com.apple.quicktime.location.ISO6709": WHERE.decode()}


def box(kind, *inside):
    body = b"".join(inside)
    return struct.pack(">L4s", 8 + len(body), kind) + body


def with_boxes(data, *more):
    """A file of mp4 with more boxes in `moov`, which is its last box."""
    at = data.rindex(b"moov") - 4
    (size,) = struct.unpack_from(">L", data, at)
    assert at + size == len(data)
    inside = b"".join(more)
    return data[:at] + struct.pack(">L", size + len(inside)) + data[at + 4 :] + inside


@pytest.fixture
def walk(tmp_path):
    def write(name="walk.mp4", metadata=None, **about):
        path = clips.write(tmp_path / name, 4, metadata=metadata or {}, **about)
        return path.read_bytes()

    return write


def packets(path):
    """The pictures and the sound of a clip as they are stored, bit by bit, with their times."""
    with av.open(str(path)) as source:
        return sorted(
            (each.stream.type, each.pts and each.pts * each.time_base, bytes(each))
            for each in source.demux([*source.streams.video, *source.streams.audio])
            if each.size
        )


def check(data, tmp_path, name="walk.mp4"):
    """Send a clip, and check that nothing of the position is left, and all else is."""
    taken = sent(data, name, 10_000, MEMORY)
    assert WHERE not in taken.data and b"+27.59" not in taken.data
    assert taken.data == sent(data, name, 10_000, MEMORY).data, "the same bytes each time"
    before, after = (tmp_path / f"{each}{name[-5:]}" for each in ("before", "after"))
    before.write_bytes(data)
    after.write_bytes(taken.data)
    assert packets(after) == packets(before)
    assert clips.facts(after) == clips.facts(before)
    assert (clips.pixels(after) == clips.pixels(before)).all()


@pytest.mark.parametrize("name", ["walk.mp4", "walk.mov", "walk.mkv", "walk.webm"])
def test_the_position_that_ffmpeg_writes_goes(name, walk, tmp_path):
    codec = {"codec": "libvpx-vp9", "sound": "libopus"} if name == "walk.webm" else {"sound": "aac"}
    options = {"movflags": "use_metadata_tags"} if name == "walk.mp4" else {}
    data = walk(name, NAMES, container=options, **codec)
    assert data.count(WHERE) >= 1
    check(data, tmp_path, name)


@pytest.mark.parametrize(
    "place",
    [
        box(b"udta", box(b"\xa9xyz", struct.pack(">HH", len(WHERE), 0x15C7), WHERE)),
        box(b"udta", box(b"loci", bytes(6), b"Everest\0", WHERE)),
        box(
            b"meta",
            box(b"keys", struct.pack(">LL", 0, 1), box(b"mdta", b"com.apple.quicktime.location")),
            box(b"ilst", box(struct.pack(">L", 1), box(b"data", bytes(8), WHERE))),
        ),
        box(b"gps ", WHERE),
    ],
)
def test_the_position_that_phones_and_cameras_write_goes(place, walk, tmp_path):
    check(with_boxes(walk(), place), tmp_path)


def test_the_position_in_an_avi_goes(walk, tmp_path):
    data = walk("walk.avi", {"title": WHERE.decode()}, codec="mpeg4", sound="mp3")
    assert WHERE in data
    check(data, tmp_path, "walk.avi")


def test_a_track_with_the_way_of_a_drone_is_emptied(tmp_path):
    path = tmp_path / "drone.mp4"
    with av.open(str(path), "w") as written:
        seen = written.add_stream("libx264", rate=clips.RATE)
        seen.height, seen.width, seen.pix_fmt = 64, 96, "yuv420p"
        way = written.add_data_stream("bin_data")
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(clips.picture(number), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, clips.RATE)
            written.mux(seen.encode(frame))
        written.mux(seen.encode(None))
        packet = av.Packet(WHERE)
        packet.stream, packet.pts, packet.dts, packet.duration = way, 0, 0, 1
        packet.time_base = Fraction(1, clips.RATE)
        written.mux(packet)
    data = path.read_bytes()
    assert WHERE in data
    check(data, tmp_path, "drone.mp4")


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("walk.mp4", {"codec": "libvpx-vp9", "sound": "libopus"}),
        ("walk.mov", {"codec": "mjpeg", "form": "yuvj420p", "sound": "pcm_s16le"}),
        ("walk.mov", {"codec": "prores_ks", "form": "yuv422p10le"}),
        ("walk.mp4", {"prepare": lambda stream: stream.set_display_rotation(90)}),
        ("walk.mp4", {"times": [5, 6, 9, 12]}),
        ("walk.avi", {"codec": "mpeg4", "options": {"bf": "2"}}),
    ],
)
def test_clips_of_all_kinds_stay_as_they_are(name, about, walk, tmp_path):
    check(walk(name, NAMES, **about), tmp_path, name)


def test_a_clip_with_two_frames_at_one_moment_is_taken(walk):
    data = bytearray(walk(metadata=NAMES, times=[0, 1, 3, 5], options={"bf": "2"}))
    lengths = data.index(b"stts")
    struct.pack_into(">L", data, lengths + 16, 0)  # The first frames have none.
    assert sent(bytes(data), "walk.mp4", 10_000, MEMORY).parts == 4
    times = [each.time for each in frames.decoded(io.BytesIO(data), print) if each]
    assert times == sorted({*times}), "and painted with one"


@pytest.mark.parametrize("kind", ["mp4", "mov", "mkv", "webm", "avi"])
def test_a_damaged_clip_is_refused_or_copied_without_its_position(kind, walk, tmp_path):
    codecs = {"webm": "libvpx-vp9", "avi": "mpeg4"}
    data = walk(f"walk.{kind}", NAMES, codec=codecs.get(kind, "libx264"))
    path, copy = tmp_path / "damaged", tmp_path / "copy"
    for at in range(0, len(data) - 4, 37):
        for damaged in (data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :], data[:at]):
            path.write_bytes(damaged)
            with suppress(PictureError), frames.errors_told():
                writing.copied(str(path), str(copy))
                assert WHERE not in copy.read_bytes()


@pytest.mark.parametrize("kind", ["mp4", "mov"])
def test_a_damaged_length_or_place_of_a_frame_does_not_reach_the_position(kind, walk, tmp_path):
    options = {"movflags": "use_metadata_tags"} if kind == "mp4" else {}
    data = walk(f"walk.{kind}", NAMES, container=options)
    path, copy = tmp_path / "damaged", tmp_path / "copy"
    tables = range(data.rindex(b"stsc"), data.rindex(b"udta"))
    assert data.index(WHERE) > tables.stop, "after the pictures and their tables"
    taken = 0
    for at in tables:
        for changed in (1, 4, 255):
            damaged = bytearray(data)
            damaged[at] ^= changed
            path.write_bytes(damaged)
            copy.write_bytes(b"")
            with suppress(PictureError), frames.errors_told():
                writing.copied(str(path), str(copy))
                assert WHERE not in copy.read_bytes()
                taken += 1
    assert 0 < taken < 3 * len(tables) - 50


@pytest.mark.parametrize("start", [b"....ftypheic", b"....ftypavif", b"....ftypcrx ", b"\xff\xd8"])
def test_pictures_are_no_clips(start):
    assert sent(start + bytes(20), "photo", 10_000, MEMORY) is None
