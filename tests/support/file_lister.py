"""A program that lists and writes files in a folder: `python file_lister.py FOLDER NAME`.

The list is written again as often as possible.
"""

import sys
from pathlib import Path

from painterly.storage import known_files

FILES, DRAFTS = 100, 9  # lines that each file makes obsolete


def main(folder: str, name: str) -> None:
    known_files.MIN_BYTES = 1
    for number in range(FILES):
        path = Path(folder, f"{name} {number}.jpg")
        known_files.announce(path, name.encode())
        path.write_bytes(name.encode())
        for draft in range(DRAFTS):
            known_files.announce(Path(folder, f"{name} draft.jpg"), bytes(draft))


if __name__ == "__main__":
    main(*sys.argv[1:])
