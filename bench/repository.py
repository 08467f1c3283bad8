"""The repository. The package is imported from it where it is not installed: on a machine that is
lent for a benchmark, and in the environments of other libraries."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLES = {  # what all measurements paint
    "photo": REPOSITORY / "samples/photos/landscape.jpg",
    "painting": REPOSITORY / "samples/paintings/woodcut-and-brush/brush.jpg",
}
if str(REPOSITORY) not in sys.path:
    sys.path.append(str(REPOSITORY))
