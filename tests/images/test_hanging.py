"""Posters: frames on a wall."""

from itertools import combinations, product

import numpy as np
import pytest

from painterly.images.hanging import DARK, PAPER, WIDTH, Look, Poster, Wall, hang

pytestmark = pytest.mark.slow  # Hundreds of walls are hung.

LANDSCAPE = 2**0.5
RATIOS = [1.475, 1.25, 1, 0.795, 0.81, 0.76, 1.24, 0.97, 1.28, 1.25]
RATIOS += [0.81, 0.76, 1.36, 1, 0.75, 0.72, 1, 0.7, 1, 1.25]


@pytest.mark.parametrize(
    ("count", "proportion"),
    [
        *product((1, 2, 3, 7), (LANDSCAPE, 1 / LANDSCAPE, 1.6)),
        (20, LANDSCAPE),
        *(
            pytest.param(count, proportion, marks=pytest.mark.thorough)
            for count, proportion in ((20, 1 / LANDSCAPE), (20, 1.6), (45, 1 / LANDSCAPE))
        ),
    ],
)
def test_frames_have_their_proportions_and_room_on_the_paper(proportion, count):
    ratios = (RATIOS * 3)[:count]
    places = hang(tuple(ratios), Look(proportion, seed=1))
    for place, ratio in zip(places, ratios, strict=True):
        assert place.width / place.height == pytest.approx(ratio)
        assert min(place.left, place.top) > 3 and place.left + place.width < WIDTH - 3
        assert place.top + place.height < WIDTH / proportion - 6, "the title is below"
    for one, other in combinations(places, 2):
        apart = (
            one.left + one.width < other.left
            or other.left + other.width < one.left
            or one.top + one.height < other.top
            or other.top + other.height < one.top
        )
        assert apart, (one, other)


@pytest.mark.parametrize("proportion", [LANDSCAPE, 1 / LANDSCAPE, 1.6, 1 / 1.6])
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(each, marks=pytest.mark.thorough) for each in (1, 2, 3))]
)
def test_a_wall_is_full_of_pictures_of_similar_sizes_flush_with_the_title(proportion, seed):
    look = Look(proportion, seed=seed)
    places, wall = hang(tuple(RATIOS), look), Wall.of(look)
    areas = np.array([each.width * each.height for each in places])
    assert areas.sum() > 0.45 * WIDTH**2 / proportion
    assert areas.min() > 0.3 * np.median(areas) and areas.max() < 12 * areas.min()
    assert min(each.left for each in places) == pytest.approx(wall.margin, abs=0.1)
    right = max(each.left + each.width for each in places)
    assert right == pytest.approx(WIDTH - wall.margin, abs=0.1)
    bottom = max(each.top + each.height for each in places) + wall.plate + wall.title
    assert bottom == pytest.approx(wall.height, abs=1.5)


def test_a_frame_is_neither_a_strip_nor_a_slot():
    shapes = [each.width / each.height for each in hang((9.0, 0.1), Look())]
    assert shapes == pytest.approx([2, 0.5])


def test_faces_stay_where_a_frame_cuts_a_picture():
    """Less is cut above than below."""
    look = Look()
    poster = Poster(hang((2.0,), look), look, 400, ["Hokusai"], ("Beach", ""))
    tall = np.arange(200, dtype=np.uint8)[:, None, None].repeat(100, 1).repeat(3, -1)
    poster.put(0, tall)
    [place] = poster.places
    middle = round(4 * (place.top + place.height / 2))
    cut = 150  # rows
    assert poster.pixels[middle, 200, 0] == pytest.approx(0.22 * cut + 25, abs=3)


def test_a_poster_is_signed_at_the_lower_right_beside_its_title():
    look = Look()
    poster = Poster(hang((1.5,), look), look, 800, ["Hokusai"], ("W" * 99, "after 20 masters"))
    foot = poster.pixels[-round(0.08 * 800) :].min(-1) < 128
    right = np.nonzero(foot.any(0))[0].max()
    assert right == pytest.approx(800 * 0.96, abs=6), "flush with the frames"
    gap = ~foot[:, : right + 1].any(0)
    assert gap[-round(0.14 * 800) :].sum() > 5, "apart from the title"


def test_what_follows_the_title_is_in_italics():
    look = Look()
    places = hang((1.5,), look)
    upright, italic = (
        Poster(places, look, 2000, ["Hokusai"], title).pixels[-130:, :1000].min(-1) < 128
        for title in (("I, HHH", ""), ("I", "HHH"))
    )
    first = np.flatnonzero((upright != italic).any(0))[0] - 5
    assert (upright[:, :first] == italic[:, :first]).all() and upright[:, :first].any()

    def lean(part):
        top, *_, bottom = np.flatnonzero(part.any(1))
        third = (bottom - top) // 3
        upper, lower = part[top : top + third], part[bottom - third : bottom]
        return np.nonzero(upper)[1].mean() - np.nonzero(lower)[1].mean()

    assert lean(italic[:, first:]) > lean(upright[:, first:]) + 3


def test_a_seed_gives_one_hanging_and_another_seed_another_one():
    one, again, other = (hang(tuple(RATIOS[:7]), Look(seed=seed)) for seed in (5, 5, 6))
    assert one == again != other


@pytest.mark.parametrize("frame", ["black", "oak", "none"])
def test_pictures_are_cut_to_their_frames_and_an_empty_frame_shows(frame):
    places = hang((1.5, 0.5), Look(frame=frame))
    poster = Poster(
        places, Look(frame=frame), 500, ["Hokusai\nThe Great Wave", "x" * 400], ("Beach", "")
    )
    before = poster.pixels.copy()
    assert (before[:4] == PAPER).all() and (before[-4:] == PAPER).all()
    red = np.zeros((100, 200, 3), np.uint8)
    red[..., 0] = 255
    poster.put(0, red)
    changed = (poster.pixels != before).any(-1)
    unit = before.shape[1] / WIDTH
    middle = [
        (round((each.top + each.height / 2) * unit), round((each.left + each.width / 2) * unit))
        for each in places
    ]
    assert poster.pixels[middle[0]].tolist() == [255, 0, 0]
    assert not changed[middle[1]], "it waits, or could not be painted"
    rows, columns = np.nonzero(changed)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert width / height == pytest.approx(1.5, rel=0.05), "without the frame"


WHY = "could not be painted"


@pytest.mark.parametrize("edge", [False, True])
def test_a_plate_says_why_its_frame_stays_empty(edge):
    look = Look(edge=edge)
    places = hang((1.5, 0.5), look)
    hung, told = (
        Poster(places, look, 800, [plate, "Monet"], ("Beach", ""))
        for plate in ("Hokusai\nThe Great Wave", f"Hokusai – {WHY}" if edge else f"Hokusai\n{WHY}")
    )
    hung.leave_empty(0, WHY)
    if edge:  # The name is there once the picture is.
        hung.put(0, np.zeros((60, 90, 3), np.uint8))
        told.put(0, np.zeros((60, 90, 3), np.uint8))
    assert (hung.pixels == told.pixels).all()


def test_an_empty_frame_without_a_plate_says_why_itself():
    look = Look(plates=False)
    places = hang((1.5, 0.5), look)
    assert hang((1.5,), look)[0].height > hang((1.5,), Look())[0].height, "they leave room"
    poster = Poster(places, look, 800, ["Hokusai", "Monet"], ("Beach", ""))
    before = poster.pixels.copy()
    poster.leave_empty(0, WHY)
    rows, columns = np.nonzero((poster.pixels != before).any(-1))
    middle = (places[0].left + places[0].width / 2) * 8
    assert rows.size and columns.mean() == pytest.approx(middle, abs=8)


@pytest.mark.parametrize("proportion", [LANDSCAPE, 1 / LANDSCAPE])
def test_pictures_from_edge_to_edge_fill_the_paper(proportion):
    look = Look(proportion, edge=True)
    places = hang(tuple(RATIOS), look)
    assert sorted(hang(tuple(RATIOS), look._replace(seed=3))) == sorted(places)
    assert hang(tuple(RATIOS), look._replace(seed=1)) != places
    area = sum(each.width * each.height for each in places)
    assert area > 0.96 * WIDTH**2 / proportion
    poster = Poster(places, look, 400, ["Hokusai"] * 20, ("unseen", ""))
    for number in range(20):
        poster.put(number, np.full((60, 90, 3), 9, np.uint8))
    assert (poster.pixels == 9).mean() > 0.85 and (poster.pixels > 200).mean() > 0.01
    assert (poster.pixels == DARK).all(-1).mean() > 0.005, "names are over the pictures"
