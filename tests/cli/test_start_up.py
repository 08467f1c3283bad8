"""Start-up of a laptop's scripts: --help, and packages."""

from pathlib import Path

import pytest
from support.commands import contents, python
from support.inetwork_runs import ONE

from styletransfer.paths import PROGRAM

LAPTOP = (
    *("cl_send_source.py", "cl_send_style.py", "cl_get_results.py", "bucket_management.py"),
    *("get_bucket_content.py", "send_to_bucket.py"),
)


@pytest.mark.parametrize("script", [*LAPTOP, "inetwork.py"])
def test_help_ends_with_examples_and_loads_nothing_slow(script, tmp_path):
    ran = python(PROGRAM / script, "--help", cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert ran.returncode == 0
    assert f"./{script} " in ran.stdout and "exit codes: 0 " in ran.stdout
    lines = ran.stderr.splitlines()
    assert all(line.startswith("import time:") for line in lines)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "styletransfer" in imported
    slow = {"tensorflow", "numpy", "PIL"}
    slow |= {"boto3", "botocore", "rich", "dotenv"} if script in LAPTOP else set()
    assert imported.isdisjoint(slow)


@pytest.mark.usefixtures("inetwork_files")
def test_inetwork_waits_for_tensorflow_only_to_paint():
    program = (
        "import sys; from styletransfer.cli.inetwork import inetwork\n"
        "code = inetwork(sys.argv[1:])\n"
        "assert 'tensorflow' not in sys.modules; sys.exit(code)"
    )
    ran = python("-c", program, *ONE, "--weights", "none.h5", cwd=Path())
    assert ran.returncode == 3 and "none.h5 does not exist" in ran.stderr


def test_a_laptop_needs_boto3_dotenv_and_rich_alone(moto, photos, tmp_path):
    """Every other package of requirements.txt is hidden from the scripts."""
    hidden = ("numpy", "PIL", "pillow_heif", "tensorflow", "keras", "h5py", "scipy")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden}))\n"
        "from styletransfer.cli.sync_commands import get_bucket_content, send_to_bucket\n"
        f"name = {moto.new_bucket()!r}\n"
        f"assert send_to_bucket([{str(photos)!r}, name]) == 0\n"
        f"assert get_bucket_content([name, {str(tmp_path / 'copy')!r}]) == 0\n"
        "from pathlib import Path; from styletransfer.cli import init\n"
        f"init.WORKSPACE = Path({str(tmp_path)!r})\n"
        "assert init.main(['--prefix', name[:40], '--provider', 's3', '--yes']) == 0"
    )
    ran = python("-c", code, **moto.environment)
    assert ran.returncode == 0, ran.stderr
    assert contents(tmp_path / "copy") == contents(photos)
    assert "BUCKET_RESULT=test-" in (tmp_path / ".env").read_text()
