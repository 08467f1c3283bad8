"""The counter of wording: it reads prose, not code, and fails above its limit."""

import subprocess
import sys
from pathlib import Path

import pytest

WORDING = Path(__file__).parents[2] / "tools/wording.py"
FILES = {
    "module.py": '''"""What the module knows."""

LIMIT_S = 5  # whose limit is 5
NAMES = "whose names"


def wait() -> None:
    """Waits for `nobody`, as in "nobody knows"."""
''',
    "page.md": """# Whose heading

Nobody reads

    whose code
""",
    "script.sh": "#!/bin/bash\n# Retry where there is no answer.\n",
    "style.css": "/* Deleted are only borders. */\n",
    "exempt.md": "Nobody reads this. <!-- wording: ok -->\n",
}
EXPECTED = [
    "module.py:1: W1",
    "module.py:3: W8",
    "page.md:3: W4",
    "script.sh:2: W6",
    "style.css:1: W2",
]


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, WORDING, *arguments]
    return subprocess.run([str(each) for each in command], capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_hits_are_in_prose_alone(folder):
    done = run(folder)
    found = [line.partition(" ") for line in done.stdout.splitlines() if " → " in line]
    assert [f"{place} {rest[:2]}" for place, _, rest in found] == EXPECTED


@pytest.mark.parametrize(("limit", "code"), [(len(EXPECTED), 0), (len(EXPECTED) - 1, 1)])
def test_more_hits_than_the_limit_are_an_error(folder, limit, code):
    done = run(folder, "--count", "--limit", limit)
    assert done.returncode == code
    assert done.stdout.endswith(f"total {len(EXPECTED)}, limit {limit}\n")
