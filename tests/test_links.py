"""Links between the pages of the documentation lead to files, and to headings in them."""

import re

import pytest

from painterly.settings.installation import PROGRAM

DEPTHS = ("*.md", "[a-z]*/*.md", "lab/[a-z]*/*.md")
PAGES = sorted(page for depth in DEPTHS for page in PROGRAM.glob(depth))
MARKDOWN, HTML = r"\]\(([^)\s]+)\)", r"\b(?:src|href)=\"([^\"]+)\""


def links(page):
    """The files or folders and the headings that a page's relative links lead to."""
    found = re.findall(f"{MARKDOWN}|{HTML}", page.read_text())
    targets = [target for target in map("".join, found) if "://" not in target]
    return [target.partition("#")[::2] for target in targets]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROGRAM)))
def test_a_relative_link_leads_to_a_file_or_folder_and_a_heading_in_it(page):
    for path, heading in links(page):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not heading or heading in anchors(target), f"{path}#{heading}"


def test_every_file_that_the_architecture_names_exists():
    named = re.findall(r"`([\w/.]+)`", (PROGRAM / "ARCHITECTURE.md").read_text())
    paths = [each for each in named if "/" in each]
    assert len(paths) > 60
    for path in paths:
        roots = (PROGRAM, PROGRAM / "painterly")
        assert any((root / each).exists() for root in roots for each in (path, f"{path}.py")), path


def test_every_module_that_a_docstring_or_a_comment_names_exists():
    roots = [PROGRAM / name for name in ("painterly", "tools", "lab", "tests", "cluster")]
    files = [*PROGRAM.glob("*.py"), *(path for root in roots for path in root.rglob("*.py"))]
    names = {path.name for path in files}
    for source in (PROGRAM / "painterly").rglob("*.py"):
        named = {*re.findall(r"(?<![\w-])\w+\.py\b", source.read_text())}
        assert named <= names, f"{source}: {named - names}"
