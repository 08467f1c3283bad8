"""Photos among other programs' files and files of other kinds, in folders and in buckets."""

import re
import shutil
from pathlib import Path

import pytest
from support import tiny
from support.commands import keys, set_variables
from support.folder_batches import run
from support.verbs import cl_send_source

from painterly.configuration import config
from painterly.orders.buckets import Buckets, list_buckets
from painterly.orders.selection import select
from painterly.storage import open_bucket
from painterly.storage.download import download_all
from painterly.storage.folder import FolderBucket
from painterly.storage.foreign_files import by_kind
from painterly.storage.sync import SyncRules
from painterly.storage.upload import upload_all

# The name that is logged, and the rest of a key that has it in the place of `*`.
OTHER_PROGRAMS = {
    "@eaDir": "trip/*/IMG_1.jpg/SYNOPHOTO_THUMB_XL.jpg",
    "#recycle": "*/deleted.jpg",
    "@Recycle": "*/deleted.jpg",
    ".@__thumb": "trip/*/default1.jpg",
    ".thumbnails": "*/normal/1.png",
    "$RECYCLE.BIN": "*/S-1-5-21/$R1.jpg",
    "RECYCLER": "*/S-1-5-21/Dc1.jpg",
    "System Volume Information": "*/a.jpg",
    ".Trash-1000": "*/files/a.jpg",
    ".Spotlight-V100": "*/a.png",
    ".fseventsd": "*/a.png",
    ".AppleDouble": "trip/*/a.jpg",
    "__MACOSX": "*/trip/a.jpg",
    ".picasaoriginals": "trip/*/a.jpg",
    "Alps Previews.lrdata": "*/0/1/a.jpg",
    "Alps Smart Previews.lrdata": "*/0/1/a.jpg",
    "My.photoslibrary/resources": "*/derivatives/a.jpg",
    "lost+found": "*/a.jpg",
    "Thumbs.db": "trip/*",
    "desktop.ini": "*",
    "._*": "trip/._IMG_1.jpg",
}
PHOTOS = (
    *("@eaDir.jpg", "IMG_1.jpg", "My.photoslibrary/originals/A/b.jpg", "Recycled/e.jpg"),
    *("Recycler/f.jpg", "Trash/g.jpg", "eaDir/c.jpg", "thumbs/h.jpg", "trip/d.lrdata.jpg"),
)


def test_what_other_programs_keep_is_no_photo_in_folders_and_buckets_and_is_told_once(
    new_bucket, tmp_path, caplog
):
    source = new_bucket()
    for name, pattern in OTHER_PROGRAMS.items():
        key = pattern if name == "._*" else pattern.replace("*", name)
        if isinstance(source, FolderBucket):  # Which itself writes no hidden files.
            path = source.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        else:
            source.write(key, b"x")
    for key in PHOTOS:
        source.write(key, b"x")
    (tmp_path / "paintings").mkdir()
    FolderBucket(tmp_path / "paintings").write("@eaDir/monet.jpg/thumb.jpg", b"x")
    FolderBucket(tmp_path / "paintings").write("monet.jpg", b"x")
    account = getattr(source, "_account", None)
    names = {
        "BUCKET_SOURCE": source.name,
        "BUCKET_STYLE": str(tmp_path / "paintings"),
        "BUCKET_RESULT": str(tmp_path / "out"),
    }
    loaded = config.load(names)
    buckets = Buckets(
        open_bucket(source.name, account) if account else source,
        open_bucket(names["BUCKET_STYLE"], loaded.account),
        open_bucket(names["BUCKET_RESULT"], loaded.account, new=True),
    )
    caplog.set_level("INFO")
    selection = select(list_buckets(buckets, loaded), buckets, loaded)
    assert [photo.key for photo in selection.photos] == sorted(PHOTOS)
    assert [style.name for style in selection.styles] == ["monet"]
    told, of_paintings = (e.getMessage() for e in caplog.records if e.name == "painterly")
    assert told.startswith(f"left out in {source.name}, kept by other programs: ")
    parts = told.partition("programs: ")[2].split(", ")
    assert parts == sorted(OTHER_PROGRAMS)
    assert of_paintings.endswith("kept by other programs: @eaDir")


@pytest.fixture
def takeout(tmp_path):
    """A folder as Google Takeout makes it."""
    folder = tmp_path / "Takeout/Google Photos/Photos from 2026"
    folder.mkdir(parents=True)
    for name in ("IMG_1.jpg", "IMG_1-edited.jpg", "IMG_2.HEIC", "IMG_2.3GP"):
        (folder / name).write_bytes(tiny.file(60, 80, 1))
    for name in ("IMG_3.PSD", "IMG_4.exr", "IMG_5.EXR", "IMG_6.jp2"):
        (folder / name).write_bytes(b"x")
    sidecars = [f"{path.name}.supplemental-metadata.json" for path in folder.iterdir()]
    for name in (*sidecars, "IMG_1.xmp", "IMG_2.AAE", "metadata.json"):
        (folder / name).write_text("{}")
    return tmp_path / "Takeout"


TAKEOUT = (
    r"left out.* PICTURES that are not read \(2 .exr, 1 .jp2, 1 .psd\): .*IMG_3.PSD, .*IMG_4.exr, "
    r".*IMG_5.EXR, .*IMG_6.jp2; convert them to jpg, png or tiff",
    r"left out.* files that describe pictures \(9 .json, 1 .aae, 1 .xmp\)",
    r"left out.* of other kinds \(1 .3gp\): .*IMG_2.3GP",
)


def test_what_a_run_leaves_out_of_a_takeout_begins_with_pictures_by_name(
    takeout, folders, stand_in, capsys
):
    run(folders, BUCKET_SOURCE=str(takeout), STYLE="monet")
    lines = [line for line in capsys.readouterr().out.splitlines() if "left out" in line]
    assert len(lines) == 3 and all(map(re.fullmatch, TAKEOUT, lines)), lines
    photos = "monet/Google Photos/Photos from 2026/"
    names = ["IMG_1-edited.jpg", "IMG_1.jpg", "IMG_2.png"]
    assert keys(FolderBucket(Path("out")), photos) == [photos + name for name in names]


def test_raw_files_and_jpeg_xl_are_named_among_pictures_that_are_not_read():
    [(missed, text)] = by_kind(["a/IMG_1.CR3", "b.jxl", "c.psd"], ["IMG_1.jpg"])
    assert missed and text.startswith("PICTURES that are not read (1 .cr3, 1 .jxl, 1 .psd)")
    assert text.endswith("convert them to jpg, png or tiff")


def test_raw_files_beside_their_jpegs_are_one_count_and_others_are_named():
    raw = ["a/IMG_1.CR3", "a/img_2.dng", "a/IMG_3.NEF"]
    texts = by_kind(raw, ["a/IMG_1.JPG", "a/IMG_2.heic", "IMG_3.jpg"])
    assert texts == [
        (
            True,
            "PICTURES that are not read (1 .nef): a/IMG_3.NEF; convert them to jpg, png or tiff",
        ),
        (False, "raw files of pictures that are read (1 .cr3, 1 .dng)"),
    ]


def test_raw_files_beside_the_jpegs_that_are_sent_are_one_count(tmp_path, monkeypatch, capsys):
    (tmp_path / "in").mkdir()
    for name in ("IMG_1.JPG", "IMG_1.CR3"):
        (tmp_path / "in" / name).write_bytes(tiny.file(60, 80, 1))
    for name in ("SOURCE", "STYLE", "RESULT"):
        set_variables(monkeypatch, {f"BUCKET_{name}": str(tmp_path / name)})
    assert cl_send_source([str(tmp_path / "in")]) == 0
    assert "left out raw files of pictures that are read (1 .cr3)" in capsys.readouterr().out


def test_what_is_not_sent_of_a_takeout_begins_with_pictures_by_name(
    takeout, tmp_path, monkeypatch, capsys
):
    shutil.copytree(takeout / "Google Photos", takeout / "@eaDir")
    for name in ("SOURCE", "STYLE", "RESULT"):
        (tmp_path / name).mkdir()
        set_variables(monkeypatch, {f"BUCKET_{name}": str(tmp_path / name)})
    assert cl_send_source([str(takeout)]) == 0
    summary, *lines = capsys.readouterr().out.splitlines()[-5:]
    assert "3 files copied" in summary and "1 kept by other programs left out" in summary
    assert sorted(lines)[-2] == "left out kept by other programs: @eaDir"
    lines = [line for line in lines if "other programs" not in line]
    assert all(map(re.fullmatch, TAKEOUT, lines)), lines
    assert len(keys(FolderBucket(tmp_path / "SOURCE"))) == 3


def test_a_copy_of_a_bucket_has_what_other_programs_keep_and_a_sending_deletes_none_of_it(
    moto, tmp_path
):
    bucket = moto.open()
    for key in ("@eaDir/a.jpg/thumb.jpg", "a.jpg"):
        bucket.write(key, b"x")
    download_all(bucket, tmp_path / "copy")
    assert sorted(each.name for each in (tmp_path / "copy").rglob("*.jpg")) == [
        *("a.jpg", "a.jpg", "thumb.jpg"),
    ]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/b.jpg").write_bytes(b"x")
    result = upload_all([tmp_path / "photos"], bucket, SyncRules(delete=True))
    assert (result.copied, result.deleted) == (1, 1)
    assert keys(bucket) == ["@eaDir/a.jpg/thumb.jpg", "b.jpg"]
