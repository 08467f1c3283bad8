"""The installation: the program's folders, and the command lines that a user types here.

A checkout has scripts; an installed package has the command `painterly`. The program is read only:
code and, in a checkout, samples. The workspace is written: `.env` by the user, `weights/` and
`results/` by the program. It is the checkout itself, or else the current folder.
"""

from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1]
SAMPLE_PHOTOS = PROGRAM / "samples/photos"
IN_CHECKOUT = (PROGRAM / "start.sh").is_file()
WORKSPACE = PROGRAM if IN_CHECKOUT else Path()
# The scripts of verbs. The other verbs are modes of start.sh.
SCRIPTS = {
    "buckets": "./bucket_management.py",
    "get-bucket": "./get_bucket_content.py",
    "send-bucket": "./send_to_bucket.py",
    "send-source": "./cl_send_source.py",
    "send-style": "./cl_send_style.py",
    "get-results": "./cl_get_results.py",
}


def command(verb: str = "") -> str:
    """Return what a user types here for a verb of `painterly`, or without one, to paint."""
    if not IN_CHECKOUT:
        return f"painterly {verb}".rstrip()
    return SCRIPTS.get(verb, f"./start.sh {verb}".rstrip())


def install_command(extra: str) -> str:
    """Return the command line that installs an extra of pyproject.toml here."""
    if not IN_CHECKOUT:
        return f'pip install "painterly[{extra}]"'
    return f"./start.sh setup --{extra}"
