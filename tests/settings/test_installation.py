"""Command lines for the user that fit the way in which the program was installed."""

import json
import sys
from pathlib import Path

import pytest

from painterly.settings import installation

GIT = {"url": "https://git.example/painterly.git", "vcs_info": {"vcs": "git", "commit_id": "0"}}


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Return a function that installs the package, without extras, into an environment."""
    monkeypatch.setattr(installation, "IN_CHECKOUT", False)
    monkeypatch.setattr(installation, "find_spec", lambda package: None)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.chdir(tmp_path)

    def install(prefix: str, origin=None, packages=(), *, base: str = "/usr") -> Path:
        folder = tmp_path / prefix
        noted = folder / "painterly-1.dist-info"
        noted.mkdir(parents=True)
        (folder / "bin").mkdir()
        (noted / "METADATA").write_text("Metadata-Version: 2.1\nName: painterly\nVersion: 1\n")
        if origin:
            (noted / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setattr(sys, "prefix", str(folder))
        monkeypatch.setattr(sys, "base_prefix", base)
        monkeypatch.setattr(sys, "executable", str(folder / "bin/python"))
        monkeypatch.setattr(
            installation, "find_spec", lambda package: package if package in packages else None
        )
        return folder

    return install


def test_a_checkout_is_set_up_by_its_script():
    assert installation.install_command("video") == "./start.sh setup --video"


PINNED = {"vcs": "git", "requested_revision": "v11", "commit_id": "0"}
HIDDEN = {**GIT, "url": "https://anna:secret@git.example/painterly.git"}
PART = {**GIT, "url": "https://token@git.example/painterly.git", "subdirectory": "a"}


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        (None, ""),
        (GIT, "git+https://git.example/painterly.git"),
        ({**GIT, "vcs_info": PINNED}, "git+https://git.example/painterly.git@v11"),
        (HIDDEN, "git+https://git.example/painterly.git"),
        (PART, "git+https://git.example/painterly.git#subdirectory=a"),
        ({**GIT, "url": "ssh://git@git.example/p.git"}, "git+ssh://git@git.example/p.git"),
        ({"url": "file:///home/a/painterly", "dir_info": {}}, "file:///home/a/painterly"),
    ],
)
def test_an_extra_comes_from_where_the_program_came(install, origin, place):
    install("archive-v0/x", origin)
    requirement = f"painterly[cpu] @ {place}" if place else "painterly[cpu]"
    assert installation.install_command("cpu") == f'uvx --from "{requirement}" painterly …'


def test_each_tool_adds_an_extra_in_its_own_way_and_loses_none(install, monkeypatch, tmp_path):
    requirement = "painterly[cpu] @ git+https://git.example/painterly.git"
    folder = install("venv", GIT)
    assert installation.install_command("cpu") == (
        f'uv pip install --python {folder}/bin/python "{requirement}"'
    )
    monkeypatch.setenv("VIRTUAL_ENV", str(folder))
    assert installation.install_command("cpu") == f'uv pip install "{requirement}"'

    folder = install("with-pip", GIT, ["pip"])
    assert installation.install_command("cpu") == (
        f'{folder}/bin/python -m pip install "{requirement}"'
    )
    (folder / "bin/pip").touch(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin")
    assert installation.install_command("cpu") == f'pip install "{requirement}"'

    folder = install("system", GIT, ["pip"], base=str(tmp_path / "system"))
    (folder / "bin/python").touch(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin")
    monkeypatch.setattr(installation.sysconfig, "get_path", lambda name: str(folder))
    assert installation.install_command("cpu") == f'python -m pip install "{requirement}"'
    (folder / "EXTERNALLY-MANAGED").touch()
    assert installation.install_command("cpu") == (
        f'python -m pip install --break-system-packages "{requirement}"'
    )

    install("archive-v0/x", GIT, ["tensorflow"])
    both = "@ git+https://git.example/painterly.git"
    assert installation.install_command("video") == (
        f'uvx --from "painterly[cpu,video] {both}" painterly …'
    )
    assert "painterly[gpu] @" in installation.install_command("gpu")

    for name, words in (
        ("uv-receipt.toml", "uv tool install"),
        ("pipx_metadata.json", "pipx install --force"),
    ):
        folder = install(name, GIT, ["pip", "cv2"])
        (folder / name).touch()
        assert installation.install_command("cpu") == f'{words} "painterly[cpu,video] {both}"'


def test_a_clone_on_this_machine_is_a_requirement_that_old_versions_of_pip_read(install, tmp_path):
    """They take no `git+file:`, which has no host."""
    clone = tmp_path / "a clone"
    origin = {**GIT, "url": clone.as_uri()}
    install("bare", origin, ["pip"])
    assert f'"painterly[cpu] @ git+{clone.as_uri()}"' in installation.install_command("cpu")
    clone.mkdir()
    (clone / "pyproject.toml").touch()
    assert f'"painterly[cpu] @ {clone.as_uri()}"' in installation.install_command("cpu")


def test_help_names_the_command_as_it_was_called(monkeypatch, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "painterly"
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(folder))
    for called, shown in (
        ("-c", "./start.sh web"),
        ("/somewhere/painterly/__main__.py", "./start.sh web"),
        (".venv/bin/painterly", ".venv/bin/painterly web"),
        (str(program), "painterly web"),
    ):
        monkeypatch.setattr(sys, "argv", [called])
        assert installation.command("web") == shown
    assert installation.command("buckets") == "painterly buckets"


def test_what_all_need_is_installed_without_an_extra(install):
    install("pipx", packages=["pip"])
    assert installation.install_command().endswith(' -m pip install "painterly"')
