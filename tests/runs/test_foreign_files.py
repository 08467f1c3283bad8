"""Photos among other programs' files and files of other kinds, in folders and in buckets."""

from support.commands import keys

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
