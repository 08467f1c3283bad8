"""The steps of .ci/run, with programs in the place of the real ones."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # Processes start.

REPO = Path(__file__).parents[2]
NEEDED = "ceph-mon ceph-osd radosgw curl openssl chromium chromedriver caddy nginx uv"
TOOLS = "ruff mypy lint-imports uv python shellcheck"
START = """case $1 in
  test) echo "===== 7 passed in 1.00s =====" ;;
  '') mkdir -p results; touch results/1.jpg results/{2..6}.jpg ;;
esac"""


def program(path: Path, script: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def ci(tmp_path):
    """Runs .ci/run in a checkout in which all programs do nothing, apart from those given."""

    def run(*words: str, night: bool = False, **scripts: str) -> tuple[int, str]:
        (tmp_path / ".ci").mkdir()
        shutil.copy(REPO / ".ci/run", tmp_path / ".ci")
        for name in NEEDED.split():
            program(tmp_path / "bin" / name)
        for name in TOOLS.split():
            program(tmp_path / ".venv/bin" / name, scripts.get(name, ""))
        program(tmp_path / "tools/test_matrix.sh", scripts.get("rounding", ""))
        for name in ("lab/check.sh", "tools/test_wheel.sh"):
            program(tmp_path / name)
        program(tmp_path / "start.sh", scripts.get("start", START))
        done = subprocess.run(
            [tmp_path / ".ci/run", *words],
            env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"} | ({"EVERY_CASE": "1"} if night else {}),
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout.partition("what came out")[2]

    return run


@pytest.mark.parametrize("words", [["fast"], []])
def test_steps_after_a_failed_one_run_and_all_failed_ones_are_said_at_the_end(ci, words):
    code, out = ci(*words, mypy="exit 3", ruff="exit 4")
    assert code == 1
    assert "===== 7 passed in 1.00s =====" in out
    assert ("the demo again: " in out) == (not words)
    failed = ["ruff format (exit code 4)", "ruff check (exit code 4)", "types (exit code 3)"]
    assert [each.strip() for each in out.splitlines()[-3:]] == failed


@pytest.mark.parametrize("night", [False, True])
def test_a_check_that_runs_beside_others_by_day_fails_the_run_as_at_night(ci, night):
    said = 'echo "===== 1 failed in 2.00s ====="; exit 1'
    code, out = ci(night=night, rounding=said)
    assert code == 1
    assert "===== 1 failed in 2.00s =====" in out
    assert out.splitlines()[-1].strip() == "tests with other rounding (exit code 1)"


def test_a_run_without_a_failed_step_succeeds(ci):
    code, out = ci()
    assert code == 0 and out.splitlines()[-1].startswith("All good after ")


def test_a_demo_without_its_six_results_fails(ci):
    code, out = ci(start='[ "$1" != test ] || echo "===== 7 passed in 1.00s ====="')
    assert code == 1 and out.splitlines()[-1].strip() == "six results of the demo"
