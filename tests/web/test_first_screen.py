"""The pictures of the page that has no photo yet: the sample portrait in each ready style."""

import io

from PIL import Image

from painterly.settings import ready_styles


def test_the_first_screen_has_a_small_picture_of_each_ready_style(web):
    names = [*ready_styles.tables(), "portrait", "stage"]
    answers = {name: web.get(f"/static/samples/{name}.jpg") for name in names}
    assert {each.status_code for each in answers.values()} == {200}
    large = {name: answers.pop(name) for name in ("portrait", "stage")}
    sizes = {Image.open(io.BytesIO(each.content)).size for each in large.values()}
    assert len(sizes) == 1, "they are compared"
    assert all(len(each.content) <= 110_000 for each in large.values())
    for name, each in answers.items():
        width, height = Image.open(io.BytesIO(each.content)).size
        assert (len(each.content) <= 12_000, width / height) == (True, 0.8), name
