"""Pillow opens the files of others in one package, which limits their memory and time."""

import ast

from painterly.settings.installation import PROGRAM

# Files that the program has written itself: into the folder of what is unfinished, or in memory.
OWN = {
    "painterly/runs/clips.py": "a painted frame, which is kept until its clip is whole",
    "painterly/painters/timelapse.py": "a frame of a time-lapse, also from a checkpoint",
    "painterly/painters/library.py": "the result, just encoded",
    "aws/bot/styles.py": "a thumbnail, just encoded",
}


def opens(node):
    """Tell whether a call is one that lets Pillow open a file."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Image.open")


def test_only_the_package_of_pictures_opens_files_of_others():
    files = [file for name in ("painterly", "aws") for file in (PROGRAM / name).rglob("*.py")]
    found = {
        file.relative_to(PROGRAM).as_posix()
        for file in files
        if any(map(opens, ast.walk(ast.parse(file.read_text(encoding="utf-8")))))
    }
    inside = {each for each in found if each.startswith("painterly/images/")}
    assert inside and found - inside == {each for each in OWN if (PROGRAM / each).exists()}
