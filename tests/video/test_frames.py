"""Frames of clips of all kinds, as players show them, from the start or from a time on."""

import shutil
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from support import clips

from painterly.errors import PictureError
from painterly.video import ffmpeg, reading
from painterly.video.sent import sent

pytestmark = pytest.mark.slow  # A process decodes the clips.


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
        ("a.mkv", "ffv1", "rgb48le"),
        ("a.mkv", "libx264", "yuv420p10le"),
        ("a.mp4", "libx264rgb", "rgb24"),
        ("a.ts", "mpeg2video", "yuv420p"),
    ],
)
def test_frames_of_each_container_are_read_in_any_order(name, codec, form, tmp_path):
    path = clips.write(tmp_path / name, 8, codec, form)
    found, frame = clips.stamps(path), clips.reader(path)
    assert (found.rate, found.size, found.shown) == (clips.RATE, (96, 64), tuple(range(8)))
    for number in (0, 1, 3, 2, 7, 0):
        assert close(frame(number), clips.picture(number)), number


@pytest.mark.parametrize(("height", "width"), [(48, 854), (63, 95)])
def test_frames_of_any_width_are_read(height, width, tmp_path):
    shown = [clips.picture(each, height, width) for each in range(2)]
    path = clips.write(tmp_path / "a.mkv", shown, "ffv1", "yuv444p")
    assert close(clips.frames(path), np.stack(shown))


def test_a_clip_of_variable_rate_becomes_one_of_constant_rate(tmp_path):
    path = clips.write(tmp_path / "a.mp4", times=[0, 1, 5, 6, 13, 20])
    found = clips.stamps(path)
    assert found.rate == clips.RATE
    assert found.shown == (0, *[1] * 4, 5, *[6] * 7, *[13] * 7, 20)
    part = clips.stamps(path, (Fraction(2, clips.RATE), Fraction(5, clips.RATE)))
    assert part.shown == (0, 0, 0, 3, 4), "a picture that is still shown belongs to the part"
    frames = clips.frames(path, (Fraction(2, clips.RATE), Fraction(5, clips.RATE)))
    assert close(frames[0], clips.picture(1)) and close(frames[3], clips.picture(2))


def test_a_rate_that_only_the_file_names_is_not_followed(tmp_path):
    path = clips.write(tmp_path / "a.mkv", times=[0, 1, 2.003, 3, 4.001, 5])
    assert clips.stamps(path).rate <= reading.HIGHEST_RATE


def test_a_frame_that_repeats_the_one_before_is_known(tmp_path):
    shown = [clips.picture(each) for each in (0, 0, 1, 1, 1)]
    path = clips.write(tmp_path / "a.mkv", shown, "ffv1", "yuv444p")
    assert clips.stamps(path).shown == (0, 0, 2, 2, 2)


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        (("-display_rotation", "90"), np.rot90),
        (("-display_rotation", "180"), lambda each: each[::-1, ::-1]),
        (("-display_hflip",), lambda each: each[:, ::-1]),
        (("-display_vflip",), lambda each: each[::-1]),
        (("-display_rotation", "90", "-display_hflip"), lambda each: np.rot90(each)[:, ::-1]),
    ],
)
def test_a_turned_or_mirrored_clip_is_seen_as_players_show_it(how, seen, tmp_path):
    path = clips.again(clips.write(tmp_path / "b.mp4"), "a.mp4", before=how)
    frame, expected = clips.frames(path)[0], seen(clips.picture(0))
    assert frame.shape == expected.shape and close(frame, expected)


@pytest.mark.parametrize(("aspect", "shape"), [("2", (64, 192, 3)), ("1/2", (128, 96, 3))])
def test_pixels_become_square_and_none_is_lost(aspect, shape, tmp_path):
    path = clips.write(tmp_path / "a.mp4", filters=f"setsar={aspect}")
    assert clips.frames(path)[0].shape == shape


@pytest.mark.parametrize(("height", "matrix"), [(704, "bt601"), (720, "bt709")])
def test_a_clip_that_names_no_matrix_has_that_of_its_size(height, matrix, tmp_path):
    green = np.full((height, 16, 3), (20, 200, 40), np.uint8)
    named = f"scale=out_color_matrix={matrix},format=yuv444p,setparams=colorspace=unknown"
    path = clips.write(tmp_path / "a.mkv", [green] * 2, "ffv1", "yuv444p", filters=named)
    assert np.abs(clips.frames(path)[0] - green).max() < 4


@pytest.mark.parametrize(
    ("transfer", "grey", "white"),
    # PQ's values of 10 and 203 cd/m²; of HLG, the white of ITU-R BT.2408 and a dark grey
    [("smpte2084", 0.3, 0.581), ("arib-std-b67", 0.2, 0.75)],
)
def test_an_hdr_clip_becomes_as_bright_as_others(transfer, grey, white, tmp_path):
    shown = np.full((64, 96, 3), white * 65_535, np.uint16)
    shown[:32] = grey * 65_535
    named = f"scale=out_color_matrix=bt2020,format=yuv420p10le,setparams=color_trc={transfer}:"
    named += "colorspace=bt2020nc:color_primaries=bt2020"
    path = clips.write(tmp_path / "a.mkv", [shown] * 2, "ffv1", "yuv420p10le", filters=named)
    found = clips.frames(path)[0]
    assert 220 <= found[-8:].min() <= 250 and 45 < found[:8].mean() < 75


@pytest.mark.parametrize(
    ("name", "codec", "form"),
    [
        ("a.mov", "png", "rgba"),
        ("a.mov", "prores_ks", "yuva444p10le"),
        ("a.webm", "libvpx-vp9", "yuva420p"),
        ("a.webm", "libvpx", "yuva420p"),
        ("a.mkv", "ffv1", "yuva444p"),
    ],
)
def test_what_is_transparent_becomes_white(name, codec, form, tmp_path):
    shown = np.dstack([clips.picture(0), np.full((64, 96), 255, np.uint8)])
    shown[:, :48, 3] = 0
    options = ("-auto-alt-ref", "0") if "vpx" in codec else ()
    path = clips.write(tmp_path / name, [shown] * 2, codec, form, options=options)
    found = clips.frames(path)[0]
    assert found[:, :40].min() >= 250 and close(found[:, 56:], shown[:, 56:, :3])


def comb(pixels):
    return np.abs(np.diff(pixels.astype(int), 2, axis=0)).mean()


def woven():
    """Pictures whose fields are of two moments."""
    fields = [clips.picture(0).copy() for _ in range(6)]
    for number, each in enumerate(fields):
        each[::2], each[1::2] = clips.picture(4 * number)[::2], clips.picture(4 * number + 8)[1::2]
    return fields


LACED = ("-x264-params", "interlaced=1:tff=1:crf=5:repeat-headers=1")


def test_fields_of_an_interlaced_clip_are_joined(tmp_path):
    path = clips.write(tmp_path / "a.mkv", woven(), options=LACED)
    frames = clips.frames(path)
    assert len(frames) == 6 and comb(frames[3]) < 0.5 * comb(woven()[3])


def test_fields_of_the_interlaced_part_of_a_clip_are_joined_and_told(tmp_path, caplog):
    whole = ("-x264-params", "crf=5:repeat-headers=1")
    clips.write(tmp_path / "b.ts", 4, options=whole)
    clips.write(tmp_path / "c.ts", woven(), options=LACED)
    parts = tmp_path / "parts.txt"
    parts.write_text("file b.ts\nfile c.ts\n")
    clips.run("-f", "concat", "-i", parts, "-c", "copy", tmp_path / "a.mp4")
    frames = clips.frames(tmp_path / "a.mp4")
    assert len(frames) == 10 and comb(frames[7]) < 0.5 * comb(woven()[3])
    assert close(frames[1], clips.picture(1))
    for name, count in (("b.ts", 0), ("a.mp4", 1)):
        clips.stamps(tmp_path / name)
        assert caplog.text.count(f"{name}: frames are interlaced") == count


def test_the_film_is_painted_and_not_its_cover_or_preview(tmp_path):
    film = clips.write(tmp_path / "film.mp4", sound="aac")
    cover = clips.write(tmp_path / "cover.mkv", [clips.picture(50, 200, 200)], "mjpeg", "yuvj420p")
    for name, about in (("a.mkv", ("0", "default")), ("b.mp4", ("attached_pic", "0"))):
        first, second = about
        clips.run(
            *("-i", cover, "-i", film, "-map", "0", "-map", "1", "-c", "copy"),
            *("-disposition:v:0", first, "-disposition:v:1", second, tmp_path / name),
        )
        frames = clips.frames(tmp_path / name)
        assert len(frames) == 6 and close(frames[3], clips.picture(3)), name


def test_the_last_picture_is_shown_as_long_as_its_file_says(tmp_path):
    path = clips.write(tmp_path / "a.gif", 3, "gif", "rgb8", options=("-final_delay", "100"))
    assert len(clips.stamps(path).shown) == pytest.approx(2 + clips.RATE, abs=1)


def test_a_grey_clip_is_read(tmp_path):
    grey = np.repeat(clips.picture(0)[..., :1], 3, -1)
    path = clips.write(tmp_path / "a.mkv", [grey] * 2, "ffv1", "gray")
    assert close(clips.frames(path)[0], grey)


@pytest.mark.parametrize("name", ["a.ts", "a.mkv"])
def test_times_that_do_not_begin_with_zero_do_not_count(name, tmp_path):
    film = clips.write(tmp_path / "film.mp4", 12)
    later = ("-output_ts_offset", "3600", "-avoid_negative_ts", "disabled")
    path = clips.again(film, name, *later)
    assert clips.stamps(path).shown == tuple(range(12))
    part = clips.frames(path, (Fraction(6, clips.RATE), Fraction(3, clips.RATE)))
    assert len(part) == 3 and close(part[0], clips.picture(6))


def test_pictures_that_begin_after_the_sound_keep_their_distance_to_it(tmp_path):
    film = clips.write(tmp_path / "film.mp4", sound="aac")
    both = ("-map", "0:v", "-map", "1:a", "-c", "copy", tmp_path / "a.mp4")
    clips.run("-itsoffset", "0.5", "-i", film, "-i", film, *both)
    assert clips.stamps(tmp_path / "a.mp4").shown == (*[0] * 13, 13, 14, 15, 16, 17)


def test_a_cut_file_has_the_frames_before_the_cut(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 96, 3), np.uint8)
    path = clips.write(tmp_path / "a.mkv", [*noise], "ffv1", "yuv444p")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert 10 < len(clips.stamps(path).shown) < 30


def test_a_damaged_frame_costs_no_other(tmp_path):
    path = clips.write(tmp_path / "a.avi", 20, "mjpeg", "yuvj420p")
    data = bytearray(path.read_bytes())
    at = [n for n in range(len(data)) if data[n : n + 4] == b"00dc"][10]
    data[at + 8 : at + 300] = bytes(292)
    path.write_bytes(data)
    assert 19 <= len(clips.stamps(path).shown) <= 20


def test_a_clip_whose_frames_change_their_size_has_that_of_the_first(tmp_path):
    for name, height in (("b.ts", 64), ("c.ts", 48)):
        clips.write(tmp_path / name, [clips.picture(each, height, 96) for each in range(5)])
    path = tmp_path / "a.ts"
    path.write_bytes((tmp_path / "b.ts").read_bytes() + (tmp_path / "c.ts").read_bytes())
    clip = clips.opened(path)
    found = clip.stamps()
    shapes = {frame.shape for frame in clip.frames(size=found.size)}
    assert found.size == (96, 64) and shapes == {(64, 96, 3)}


def test_a_clip_with_the_extension_of_another_is_read(tmp_path):
    clips.write(tmp_path / "a.webm", codec="libvpx-vp9")
    path = shutil.copy(tmp_path / "a.webm", tmp_path / "a.mp4")
    assert len(clips.stamps(path).shown) == 6


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


def test_sound_alone_and_a_picture_that_is_too_large_are_refused(tmp_path, monkeypatch):
    film = clips.write(tmp_path / "a.mp4", sound="aac")
    clips.run("-i", film, "-vn", "-c", "copy", tmp_path / "sound.mp4")
    assert "has no picture track" in refusal(tmp_path / "sound.mp4")
    with pytest.raises(PictureError, match="has 0 megapixels; at most 0 are read"):
        sent(film, "a.mp4", 5000, 10**9)
    monkeypatch.setattr(reading, "MAX_PIXELS", 5000)
    assert "96 × 64 px are more than" in refusal(film)


def test_a_clip_of_too_many_frames_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(ffmpeg, "MOST_FRAMES", 100)
    path = clips.write(tmp_path / "a.mkv", 2, times=[0, 1000])
    assert "has more than 100 frames; cut it" in refusal(path)


OPEN = "open-gop=1:keyint=40:min-keyint=40:bframes=3:b-adapt=0:scenecut=0"
STEPS = np.random.default_rng(1).integers(1, 5, 119)
COUNT = 120
KINDS = {
    "closed.mp4": ("libx264", ("-g", "40", "-bf", "3"), None),
    "open.mp4": ("libx264", ("-x264-params", OPEN), None),
    "open.mkv": ("libx264", ("-x264-params", OPEN), None),
    "variable.mp4": ("libx264", ("-g", "20", "-bf", "3"), [0, *map(int, np.cumsum(STEPS))]),
    "vp9.webm": ("libvpx-vp9", ("-g", "40", "-deadline", "realtime", "-cpu-used", "8"), None),
    "interlaced.mkv": ("libx264", ("-x264-params", "interlaced=1:tff=1:keyint=20"), None),
    "rough.avi": ("mpeg4", ("-g", "40"), None),
    "moves.gif": ("gif", (), None),
}
USUAL = ("open.mkv",)
KINDS_OF_EACH_TIER = [
    pytest.param(name, marks=[] if name in USUAL else pytest.mark.thorough) for name in KINDS
]


def made(name, folder):
    codec, options, times = KINDS[name]
    form = "rgb8" if codec == "gif" else "yuv420p"
    return clips.write(folder / name, COUNT, codec, form, times, options=options)


SPANS = (60, None), (79, 5), (80, None), (80, 5), (81, None), (100, 5)


def check(path):
    """Compare spans of a clip (the first frame, and how many, None for the rest) with the whole."""
    whole, rate = clips.frames(path), clips.stamps(path).rate
    for first, count in SPANS:
        part = clips.frames(path, (first / rate, count and count / rate))
        expected = whole[first : first + count if count else None]
        assert part.shape == expected.shape and (part == expected).all(), (first, count)


@pytest.mark.parametrize("name", KINDS_OF_EACH_TIER)
def test_frames_from_a_time_on_are_those_of_the_whole_clip(name, tmp_path):
    check(made(name, tmp_path))


@pytest.mark.thorough
def test_a_file_without_an_index_is_read_from_a_time_on(tmp_path):
    flags = "frag_keyframe+empty_moov+default_base_moof+skip_trailer"
    check(clips.again(made("closed.mp4", tmp_path), "parts.mp4", "-movflags", flags))


@pytest.mark.thorough
def test_a_live_recording_and_a_stream_without_an_index_are_read_as_well(tmp_path):
    check(clips.again(made("vp9.webm", tmp_path), "live.webm", "-live", "1"))
    check(clips.again(made("closed.mp4", tmp_path), "sent.ts"))


def test_there_is_nothing_after_the_end(tmp_path):
    path = clips.write(tmp_path / "a.mp4", 12)
    assert clips.stamps(path, (Fraction(60), None)).shown == ()
