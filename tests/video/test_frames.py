"""Frames of clips of all kinds."""

import shutil
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image
from support import clips

from painterly.errors import PictureError
from painterly.video import frames

pytestmark = pytest.mark.slow  # A process decodes the clips.


def seen(path, number=0):
    return clips.reader(path)(clips.stamps(path)[number].time).astype(int)


def refusal(path):
    with pytest.raises(PictureError) as caught:
        clips.stamps(path)
    message = str(caught.value)
    assert message.startswith(f"{path.name}: ") and "\n" not in message
    return message


def close(one, other):
    return np.abs(one.astype(int) - other.astype(int)).mean() < 9


@pytest.mark.parametrize(
    ("name", "codec", "form"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.mkv", "ffv1", "yuv444p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
    ],
)
def test_frames_of_each_container_are_read_in_any_order(name, codec, form, tmp_path):
    path = clips.write(tmp_path / name, 8, codec, form)
    assert len(clips.stamps(path)) == 8
    times, frame = [each.time for each in clips.stamps(path)], clips.reader(path)
    for number in (0, 1, 3, 2, 7, 0):
        assert close(frame(times[number]), clips.picture(number)), number


@pytest.mark.parametrize(("height", "width"), [(48, 854), (63, 95)])
def test_frames_of_any_width_are_read(height, width, tmp_path):
    shown = [clips.picture(each, height, width) for each in range(2)]
    path = clips.write(tmp_path / "a.mkv", shown, "ffv1", "yuv444p")
    assert len(clips.stamps(path)) == 2
    assert close(seen(path, 1), shown[1])


def test_times_of_a_variable_rate_are_exact(tmp_path):
    times = [0, 1, 5, 6, 13, 20]
    path = clips.write(tmp_path / "a.mp4", times=times)
    found = [each.time * clips.RATE for each in clips.stamps(path)]
    assert found == times
    span = Fraction(1, clips.RATE), Fraction(5, clips.RATE)
    part = [each.time * clips.RATE for each in clips.stamps(path, span)]
    assert part == [1, 5], "the frame at the end of a span is after it"


def test_a_frame_that_repeats_the_one_before_is_known(tmp_path):
    shown = [clips.picture(each) for each in (0, 0, 1, 1, 1)]
    path = clips.write(tmp_path / "a.mkv", shown, "ffv1", "yuv444p")
    found = [each.is_repeated for each in clips.stamps(path)]
    assert found == [False, True, False, True, True]


def test_a_turned_clip_is_upright(tmp_path):
    path = clips.write(tmp_path / "a.mp4", prepare=lambda stream: stream.set_display_rotation(90))
    with av.open(str(path)) as source:
        rotation = next(source.decode(video=0)).rotation
    assert close(seen(path), np.rot90(clips.picture(0), rotation // 90))
    assert seen(path).shape == (96, 64, 3)


def test_pixels_become_square(tmp_path):
    def wide(stream):
        stream.codec_context.sample_aspect_ratio = 2

    assert seen(clips.write(tmp_path / "a.mp4", prepare=wide)).shape == (64, 192, 3)


@pytest.mark.parametrize(("height", "matrix"), [(704, "ITU601"), (720, "ITU709")])
def test_a_clip_that_names_no_matrix_has_that_of_its_size(height, matrix):
    green = np.full((height, 16, 3), (20, 200, 40), np.uint8)
    frame = av.VideoFrame.from_ndarray(green, "rgb24")
    frame = frame.reformat(format="yuv444p", dst_colorspace=matrix, dst_color_range="MPEG")
    frame.colorspace = 2
    shown = frames.Decoded(frame, Fraction(0), 16, height).pixels()
    assert np.abs(shown.astype(int) - green).max() < 4


def test_an_hdr_clip_becomes_as_bright_as_others(tmp_path):
    def pq(stream):
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = 16, 9, 9

    grey, white = 0.3, 0.581  # PQ's values of 10 and 203 cd/m²
    shown = np.full((64, 96, 3), white * 65_535, np.uint16)
    shown[:32] = grey * 65_535
    path = clips.write(
        tmp_path / "a.mkv", [shown] * 2, "ffv1", "yuv420p10le", given="rgb48le", prepare=pq
    )
    found = seen(path)
    assert found[-8:].min() >= 220 and 45 < found[:8].mean() < 75


def test_what_is_transparent_becomes_white_and_is_told(tmp_path, caplog):
    shown = np.dstack([clips.picture(0), np.full((64, 96), 255, np.uint8)])
    shown[:, :48, 3] = 0
    path = clips.write(tmp_path / "a.mov", [shown] * 2, "png", "rgba", given="rgba")
    clips.stamps(path)
    assert "a.mov: what is transparent becomes white" in caplog.text
    assert seen(path)[:, :40].min() == 255 > seen(path)[:, 60:].mean()


def test_fields_of_an_interlaced_clip_are_joined(tmp_path, caplog):
    fields = [clips.picture(0).copy() for _ in range(6)]
    for number, each in enumerate(fields):
        each[::2], each[1::2] = clips.picture(4 * number)[::2], clips.picture(4 * number + 8)[1::2]
    options = {"x264-params": "interlaced=1:tff=1:crf=5"}
    path = clips.write(tmp_path / "a.mkv", fields, options=options)
    assert len(clips.stamps(path)) == 6
    assert caplog.text.count("a.mkv: is interlaced") == 1

    def comb(pixels):
        return np.abs(np.diff(pixels, 2, axis=0)).mean()

    assert comb(seen(path, 3)) < 0.5 * comb(fields[3].astype(int))


def test_a_cut_file_has_the_frames_before_the_cut(tmp_path, caplog):
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 96, 3), np.uint8)
    path = clips.write(tmp_path / "a.mkv", [*noise], "ffv1", "yuv444p")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert 10 < len(clips.stamps(path)) < 30


def test_damaged_parts_are_told_and_memory_that_runs_out_ends_it():
    def packet(decoded):
        def decode():
            if isinstance(decoded, Exception):
                raise decoded
            return [decoded]

        return SimpleNamespace(decode=decode)

    def read(*packets):
        source = SimpleNamespace(demux=lambda stream: map(packet, packets))
        return [*frames._readable(source, None, told.append)]

    told, bad = [], av.InvalidDataError(1, "damaged")
    assert read(1, bad, 2) == [1, 2] and told == ["1 damaged parts are left out"]
    assert read(1, 2) == [1, 2] and len(told) == 1
    with pytest.raises(MemoryError):
        read(1, av.error.MemoryError(12, "no memory"))


def test_a_clip_with_the_extension_of_another_is_read(tmp_path):
    clips.write(tmp_path / "a.webm", codec="libvpx-vp9")
    path = shutil.copy(tmp_path / "a.webm", tmp_path / "a.mp4")
    assert len(clips.stamps(path)) == 6


def test_what_is_no_clip_is_refused_in_a_line(tmp_path):
    path = clips.write(tmp_path / "cut.mp4", 20)
    path.write_bytes(path.read_bytes()[:2000])
    assert "is damaged, cut" in refusal(path)
    (tmp_path / "text.mp4").write_text("dear diary " * 50)
    (tmp_path / "empty.mp4").write_bytes(b"")
    Image.fromarray(clips.picture(0)).save(tmp_path / "photo.jpg")
    (tmp_path / "photo.jpg").rename(tmp_path / "photo.mp4")
    for name in ("text.mp4", "empty.mp4", "photo.mp4"):
        assert "no clip" in refusal(tmp_path / name)


def test_a_clip_of_a_codec_that_nobody_knows_is_refused(tmp_path):
    path = clips.write(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"none"))
    assert "pictures that FFmpeg cannot decode" in refusal(path)


def test_a_list_that_names_other_files_is_refused(tmp_path):
    clips.write(tmp_path / "secret.mp4")
    (tmp_path / "a.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    entry = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nfile://{tmp_path}/secret.mp4\n"
    (tmp_path / "b.mp4").write_text(f"{entry}#EXT-X-ENDLIST\n")
    for name in ("a.mp4", "b.mp4"):
        assert "no clip" in refusal(tmp_path / name)


def test_sound_alone_and_a_picture_that_is_too_large_are_refused(tmp_path):
    with av.open(str(tmp_path / "sound.mp4"), "w") as written:
        stream = written.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        written.mux(stream.encode(frame))
        written.mux(stream.encode(None))
    assert "has no picture track" in refusal(tmp_path / "sound.mp4")
    large = clips.write(tmp_path / "a.mp4").open("rb")
    with pytest.raises(PictureError, match="96 × 64 px are more than"):
        next(frames.decoded(large, print, most=5000))
