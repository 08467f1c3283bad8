"""Start-up of a laptop's scripts: --help, packages, and the Python that runs them."""

import ast
import os
import signal
import sys
from pathlib import Path

import pytest
from support.commands import contents, python
from support.inetwork_runs import ONE

from painterly.settings import installation
from painterly.settings.installation import PROGRAM, use_right_python

LAPTOP = (
    *("cl_send_source.py", "cl_send_style.py", "cl_get_results.py", "bucket_management.py"),
    *("get_bucket_content.py", "send_to_bucket.py"),
)


@pytest.mark.slow
@pytest.mark.parametrize("script", [*LAPTOP, "inetwork.py"])
def test_help_says_what_exit_codes_mean_and_loads_nothing_slow(script, tmp_path):
    ran = python(PROGRAM / script, "--help", cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert ran.returncode == 0
    assert "Exit codes: 0 " in ran.stdout
    lines = ran.stderr.splitlines()
    assert all(line.startswith("import time:") for line in lines)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "painterly" in imported
    slow = {"tensorflow", "numpy", "PIL"}
    slow |= {"boto3", "botocore", "dotenv"} if script in LAPTOP else set()
    assert imported.isdisjoint(slow)


@pytest.mark.usefixtures("inetwork_files")
@pytest.mark.thorough
def test_inetwork_waits_for_tensorflow_only_to_paint():
    program = (
        "import sys; from painterly.cli.command import inetwork\n"
        "code = inetwork(sys.argv[1:])\n"
        "assert 'tensorflow' not in sys.modules; sys.exit(code)"
    )
    ran = python("-c", program, *ONE, "--weights", "none.h5", cwd=Path())
    assert ran.returncode == 3 and "none.h5 does not exist" in ran.stderr
    ran = python("-c", program, *ONE, "--preset", "instant", "--size", "64", cwd=Path())
    assert ran.returncode == 0, ran.stderr
    assert "painting with the built-in network" in ran.stdout and Path("x.png").exists()


@pytest.mark.slow
def test_a_laptop_needs_boto3_cyclopts_dotenv_and_rich_alone(moto, folder_to_send, tmp_path):
    """Every other package of requirements.txt is hidden from the scripts."""
    hidden = ("numpy", "PIL", "pillow_heif", "tensorflow", "keras", "h5py", "scipy")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden}))\n"
        "from painterly.cli.command import verb\n"
        f"name = {moto.new_bucket()!r}\n"
        "at = f's3://{name}'\n"
        f"assert verb('send-bucket', [{str(folder_to_send)!r}, at]) == 0\n"
        f"assert verb('get-bucket', [at, {str(tmp_path / 'copy')!r}]) == 0\n"
        "from pathlib import Path; from painterly.cli import init\n"
        f"init.WORKSPACE = Path({str(tmp_path)!r})\n"
        "assert verb('init', ['--prefix', name[:40], '--provider', 's3', '--yes']) == 0"
    )
    ran = python("-c", code, **moto.environment)
    assert ran.returncode == 0, ran.stderr
    assert contents(tmp_path / "copy") == contents(folder_to_send)
    assert "BUCKET_RESULT=test-" in (tmp_path / ".env").read_text()


@pytest.fixture
def python_of_venv(monkeypatch, tmp_path):
    """Put a .venv next to the scripts that prints how it is started."""
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    monkeypatch.setattr(installation, "PROGRAM", tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # The tests keep their own Ctrl-C.
    started = []
    monkeypatch.setattr(os, "execv", lambda file, words: started.append([file, *words]))
    monkeypatch.setattr(sys, "argv", ["./script.py", "a", "b c"])
    return python, started


def test_a_python_without_a_package_hands_over_to_the_one_of_venv(python_of_venv, monkeypatch):
    python, started = python_of_venv
    use_right_python("sys")
    assert not started
    use_right_python("sys", "no_such_package")
    assert started == [[str(python), str(python), "./script.py", "a", "b c"]]
    monkeypatch.setattr(sys, "executable", str(python))
    use_right_python("no_such_package")
    assert len(started) == 1


@pytest.mark.slow
def test_on_windows_the_python_of_venv_runs_the_script_to_its_exit_code(
    python_of_venv, monkeypatch, tmp_path
):
    python = tmp_path / ".venv/Scripts/python.exe"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/words\nexit 7\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit) as ended:
        use_right_python("no_such_package")
    assert ended.value.code == 7
    assert (tmp_path / "words").read_text() == "./script.py a b c\n"


def test_an_old_python_hands_over_or_says_how_to_get_another(python_of_venv, monkeypatch, capsys):
    python, started = python_of_venv
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit):  # In the test, exec returns.
        use_right_python()
    assert started
    python.unlink()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        use_right_python()
    err = capsys.readouterr().err
    assert ended.value.code == 2 and err.count("\n") == 1
    assert "script.py: needs Python 3.11 or later, and this is 3.9; ./start.sh setup" in err


@pytest.mark.parametrize(
    "module", ["__init__.py", "errors.py", "settings/__init__.py", "settings/installation.py"]
)
def test_what_an_old_python_reads_it_understands(module):
    """Annotations are evaluated: `dict[str, str]` fails before 3.9, `str | None` before 3.10."""
    tree = ast.parse((PROGRAM / "painterly" / module).read_text(), feature_version=(3, 6))
    names = {"annotation", "returns"}
    written = [getattr(node, name, None) for node in ast.walk(tree) for name in names]
    assert not [
        ast.unparse(part)
        for annotation in filter(None, written)
        for part in ast.walk(annotation)
        if isinstance(part, ast.Subscript | ast.BinOp)
    ]
    imported = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("painterly")
    }
    assert imported <= {"painterly.settings.installation", "painterly.errors"}
