"""Paper: sizes that printers expect, the part of a photo that fills a sheet, and conflicts."""

import pytest

from painterly.errors import ConfigError
from painterly.settings.paper import Part, part_shown
from painterly.settings.settings import Settings


@pytest.mark.parametrize(
    ("paper", "dpi", "bleed", "shorter", "longer"),
    [
        ("A5", "auto", "0", 1748, 2480),
        ("A4", "auto", "0", 2480, 3508),
        ("A3", "300", "0", 3508, 4961),
        ("A2", "150", "0", 2480, 3508),
        ("letter", "auto", "0", 2550, 3300),
        ("30x40cm", "auto", "0", 3543, 4724),
        ("8x10in", "200", "0", 1600, 2000),
        ("254x127mm", "100", "0", 500, 1000),
        ("A4", "auto", "3mm", 2551, 3579),
        ("A3", "300", "3", 3579, 5031),
        ("8x10in", "200", "0.125in", 1650, 2050),
        ("20x20cm", "254", "0.5cm", 2100, 2100),
    ],
)
def test_a_photo_gets_the_size_of_the_paper_with_its_bleed_upright_or_lying(
    paper, dpi, bleed, shorter, longer
):
    settings = Settings().replaced({"paper": paper, "dpi": dpi, "bleed": bleed}, "--")
    assert settings.sheet(4000, 3000) == settings.sheet(80, 80) == (longer, shorter)
    assert settings.sheet(3000, 4000) == settings.sheet(1, 9) == (shorter, longer)
    assert settings.size == longer


def test_a_papers_name_may_be_written_in_other_ways():
    def named(text):
        return Settings().replaced({"paper": text})

    assert named("a3") == named(" A3 ") == named("A3") and named("Letter") == named("letter")
    same = {named(text).paper for text in ("30x40cm", "40x30cm", "30 x 40 CM", "40×30cm")}
    assert same == {"30x40cm"}
    assert named("None") == Settings()
    assert Settings(dpi=72).replaced({"paper": "A4"}) == Settings(paper="A4", dpi=72)


def test_a_paper_of_too_many_pixels_is_refused_with_the_dpi_that_works():
    with pytest.raises(ConfigError, match=r"longer side of 23622 px; at most 16384") as refused:
        Settings(paper="100x200cm")
    most = int(str(refused.value).partition("fits is ")[2].partition(",")[0])
    assert 16_300 < Settings(paper="100x200cm", dpi=most).size <= 16_384
    with pytest.raises(ConfigError):
        Settings(paper="100x200cm", dpi=most + 1)


def test_of_a_paper_and_a_size_given_earlier_the_later_one_counts():
    small, on_paper = Settings(size=800, rescale_image=True), Settings(paper="A4", strength=0.7)
    assert small.replaced({"paper": "A4"}) == Settings(paper="A4")
    assert small.replaced({"paper": "none"}) == small
    assert on_paper.replaced({"size": 800}) == Settings(size=800, strength=0.7, dpi="auto")
    assert on_paper.replaced({"dpi": 100}) == Settings(paper="A4", dpi=100, strength=0.7)
    assert Settings(preset="print", paper="A3").size == 4961
    assert on_paper.replaced({"preset": "print"}).size == 3508


def test_the_settings_in_a_record_name_a_paper_and_the_size_that_follows():
    settings = Settings(paper="A4", bleed=3, preset="print")
    again = Settings().replaced(settings.deciding(), "the record's ")
    assert again == settings and again.replaced({"dpi": 100}) == settings.replaced({"dpi": 100})


@pytest.mark.parametrize("longest", [256, 512, 1280, 4000])
def test_a_smaller_picture_of_a_paper_keeps_its_shape(longest):
    for paper in ("A4", "30x90cm", "8x10in"):
        whole = Settings(paper=paper, bleed=3)
        part = whole.within(longest)
        assert 0.9 * longest < part.size <= longest or part == whole
        one, other = (height / width for height, width in (whole.sheet(9, 1), part.sheet(9, 1)))
        assert one == pytest.approx(other, rel=0.03)
    assert Settings(size="full").within(longest).size == longest
    assert Settings(size=300).within(longest).size == min(300, longest)


def test_a_photo_is_cropped_around_its_centre_and_as_little_as_it_can_be():
    assert part_shown((600, 1000), (300, 400)).box == (0, 100, 600, 900)
    assert part_shown((1000, 600), (400, 300)).box == (100, 0, 900, 600)
    assert part_shown((900, 600), (400, 400)).box == (150, 0, 750, 600)
    assert part_shown((600, 800), (3543, 4724)).box == (0, 0, 600, 800)  # Less than a pixel.
    assert Part((100, 20, 400, 600), (600, 1000)).size == (300, 580)
    for height in range(16, 60):
        for width in range(16, 60):
            sheet = Settings(paper="A4", bleed=3).sheet(height, width)
            size = part_shown((height, width), sheet).size
            assert size[0] == height or size[1] == width
            assert Settings(paper="A4", bleed=3).sheet(*size) == sheet
            assert part_shown(size, sheet).size == size


def test_a_mask_of_another_size_shows_the_same_part():
    part = part_shown((600, 1000), (300, 400))
    assert part.slices(60, 100) == (slice(0, 60), slice(10, 90))
    assert part.slices(1, 1) == (slice(0, 1), slice(0, 1))
