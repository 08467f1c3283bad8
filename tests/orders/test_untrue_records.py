"""Records that do not tell the truth about their results."""

from pathlib import Path

from support.batch_results import RESULT, edited, painted
from support.folder_batches import run

from painterly.storage.files import new_md5


def test_a_record_that_names_somebody_elses_key_deletes_nothing(folders, stand_in, capsys):
    run(folders, STYLE="monet")
    mine = Path("out/monet/mine.jpg")
    for other in ("monet/mine.jpg", "monet/trip/old town é.png", "index.html", "../photos/x.jpg"):
        mine.write_bytes(b"mine")
        edited(result=other, result_etag=new_md5(b"mine").hexdigest(), result_size=4)
        before = Path("out/monet/trip/old town é.png").read_bytes()
        RESULT.unlink()
        assert painted(capsys, folders, STYLE="monet") == 1
        assert mine.read_bytes() == b"mine"
        assert Path("out/monet/trip/old town é.png").read_bytes() == before
