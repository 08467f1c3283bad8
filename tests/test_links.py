"""Links between the pages of the documentation lead to files."""

import re

import pytest

from painterly.paths import PROGRAM

PAGES = [*PROGRAM.glob("*.md"), *PROGRAM.glob("*/*.md")]
MARKDOWN, HTML = r"\]\(([^)\s]+)\)", r"\b(?:src|href)=\"([^\"]+)\""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROGRAM)))
def test_a_relative_link_leads_to_a_file_or_folder(page):
    links = re.findall(f"{MARKDOWN}|{HTML}", page.read_text())
    targets = [(one or other).partition("#")[0] for one, other in links]
    relative = [target for target in targets if target and "://" not in target]
    assert not [target for target in relative if not (page.parent / target).exists()]
