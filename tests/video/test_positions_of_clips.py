"""The position where a clip was taken is not stored."""

import struct
from contextlib import suppress

import pytest
from support import clips

from painterly.errors import PictureError
from painterly.video.writing import copied, sent

pytestmark = pytest.mark.slow  # A process decodes the clips.

MEMORY = 10**9
WHERE = b"+27.5916+086.5640+8850/"
NAMES = {"location": WHERE.decode(), "com.apple.quicktime.location.ISO6709": WHERE.decode()}
TAGS = ("-movflags", "use_metadata_tags")


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
def placed_walk(tmp_path):
    """A function that returns a clip with metadata."""

    def write(name="walk.mp4", metadata=None, **about):
        path = clips.write(tmp_path / name, 4, metadata=metadata or {}, **about)
        return path.read_bytes()

    return write


def packets(path):
    """The pictures and the sound of a clip as they are stored, bit by bit, with their times."""
    maps = ("-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-f", "framehash", "-")
    lines = clips.run("-copyts", "-i", path, *maps)[0].splitlines()
    bases = {line.split(b":")[0][-1:]: line.split()[-1] for line in lines if line[:3] == b"#tb"}
    found = []
    for line in lines:
        if line[:1] != b"#":
            track, _, time, _, size, total = (each.strip() for each in line.split(b",")[:6])
            base = [int(each) for each in bases[track].split(b"/")]
            found.append((track, round(1000 * int(time) * base[0] / base[1]), size, total))
    return sorted(found)


def check(data, tmp_path, name="walk.mp4"):
    """Send a clip, and check that nothing of the position is left, and all else is."""
    taken = sent(data, name, 10_000, MEMORY)
    assert WHERE not in taken.data and b"+27.59" not in taken.data
    assert taken.data == sent(data, name, 10_000, MEMORY).data, "the same bytes each time"
    before, after = (tmp_path / f"{each}{name[-5:]}" for each in ("before", "after"))
    before.write_bytes(data)
    after.write_bytes(taken.data)
    assert packets(after) == packets(before)
    assert clips.stamps(after) == clips.stamps(before)
    assert (clips.frames(after) == clips.frames(before)).all()


@pytest.mark.parametrize("name", ["walk.mp4", "walk.mov", "walk.mkv", "walk.webm"])
def test_the_position_that_ffmpeg_writes_goes(name, placed_walk, tmp_path):
    codec = {"codec": "libvpx-vp9", "sound": "libopus"} if name == "walk.webm" else {"sound": "aac"}
    data = placed_walk(name, NAMES, options=TAGS if name == "walk.mp4" else (), **codec)
    assert data.count(WHERE) >= 1
    check(data, tmp_path, name)


@pytest.mark.parametrize("name", ["walk.mov", "walk.mkv"])
def test_the_position_in_the_name_of_a_track_goes(name, placed_walk, tmp_path):
    about = (
        f"location={WHERE.decode()}",
        f"handler_name={WHERE.decode()}",
        f"title={WHERE.decode()}",
    )
    data = placed_walk(name, options=[word for each in about for word in ("-metadata:s:v", each)])
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
def test_the_position_that_phones_and_cameras_write_goes(place, placed_walk, tmp_path):
    check(with_boxes(placed_walk(), place), tmp_path)


def test_the_position_in_an_avi_goes(placed_walk, tmp_path):
    data = placed_walk("walk.avi", {"title": WHERE.decode()}, codec="mpeg4", sound="libmp3lame")
    assert WHERE in data
    check(data, tmp_path, "walk.avi")


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
        ("walk.mov", {"codec": "prores_ks", "form": "yuv422p10le"}),
        ("walk.mp4", {"times": [5, 6, 9, 12]}),
        ("walk.avi", {"codec": "mpeg4", "options": ("-bf", "2")}),
    ],
)
def test_clips_of_all_kinds_stay_as_they_are(name, about, placed_walk, tmp_path):
    check(placed_walk(name, NAMES, **about), tmp_path, name)


def test_a_turned_clip_stays_as_it_is(placed_walk, tmp_path):
    placed_walk("b.mp4", NAMES)
    turned = clips.again(tmp_path / "b.mp4", "a.mp4", before=("-display_rotation", "90"))
    check(turned.read_bytes(), tmp_path)


def test_a_clip_with_two_frames_at_one_moment_is_taken(placed_walk, tmp_path):
    data = bytearray(placed_walk(metadata=NAMES, times=[0, 1, 3, 5], options=("-bf", "2")))
    lengths = data.index(b"stts")
    struct.pack_into(">L", data, lengths + 16, 0)  # The first frames have none.
    taken = sent(bytes(data), "walk.mp4", 10_000, MEMORY)
    assert taken.frames == 4 and WHERE not in taken.data


def test_sound_that_ffmpeg_does_not_know_is_copied_or_left_out(placed_walk):
    data = placed_walk("walk.mov", NAMES, sound="pcm_mulaw").replace(b"ulaw", b"apac")
    assert sent(data, "walk.mov", 10_000, MEMORY).frames == 4


def damaged_copies(data, tmp_path, changes):
    """The copies of damaged clips that are taken."""
    path, copy = tmp_path / "damaged", tmp_path / "copy"
    for damaged in changes:
        path.write_bytes(damaged)
        copy.write_bytes(b"")
        with suppress(PictureError):
            copied(clips.opened(path), copy)
            yield copy.read_bytes()


@pytest.mark.parametrize("kind", ["mp4", "mov", "mkv", "webm", "avi"])
def test_a_damaged_clip_is_refused_or_copied_without_its_position(kind, placed_walk, tmp_path):
    codecs = {"webm": "libvpx-vp9", "avi": "mpeg4"}
    data = placed_walk(f"walk.{kind}", NAMES, codec=codecs.get(kind, "libx264"))
    places = range(0, len(data) - 4, 1 + len(data) // 40)
    changes = [data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :] for at in places]
    for copy in damaged_copies(data, tmp_path, [*changes, *(data[:at] for at in places[1::3])]):
        assert WHERE not in copy


@pytest.mark.parametrize("kind", ["mp4", "mov"])
def test_a_damaged_length_or_place_of_a_frame_does_not_reach_the_position(
    kind, placed_walk, tmp_path
):
    data = placed_walk(f"walk.{kind}", NAMES, options=TAGS if kind == "mp4" else ())
    tables = range(data.rindex(b"stsc") + 8, data.rindex(b"udta") - 4)
    assert data.index(WHERE) > tables.stop, "after the pictures and their tables"
    changes = []
    for at in tables[::2]:
        damaged = bytearray(data)
        damaged[at] ^= 1 + at % 7
        changes.append(bytes(damaged))
    taken = [*damaged_copies(data, tmp_path, changes)]
    assert taken and not any(WHERE in copy for copy in taken)


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
    assert sent(start + bytes(20), "photo", 10_000, MEMORY) is None
