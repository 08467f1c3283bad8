"""The promises of pip's requirements, uv.lock, the shell scripts and .env.example."""

import re
import subprocess
import tomllib
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values
from support.commands import python
from support.fuzzing import drawn

import painterly
from painterly.configuration import config
from painterly.settings.recipes import RECIPES
from painterly.storage.address import CELLAR

REPO = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def exported(uv: Path, *options: str) -> list[str]:
    """Return the lines of `uv export`, such as `numpy==2.4.6`, from the lock as it is."""
    command = [uv, "export", "--frozen", "--quiet", *options]
    text = subprocess.run(command, cwd=REPO, check=True, capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.slow
def test_a_platform_installs_the_versions_of_the_lock_with_either_installer(uv):
    """pip gets from requirements.txt what `uv sync` installs; the file's head has the command."""
    text = (REPO / "requirements.txt").read_text()
    options = re.search(r"^#    uv export --locked (.+) --output-file \S+$", text, re.M)[1].split()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == exported(uv, *options)
    assert all(re.fullmatch(r"[\w-]+==\d[\w.]+", line) for line in lines)
    names = {line.partition("==")[0] for line in lines}
    assert {"tensorflow", "fastapi", "pillow", "scipy"} <= names  # It paints, and serves the page.
    assert not {name for name in names if name.startswith(("nvidia", "tensorflow-"))}


@pytest.mark.slow
@pytest.mark.parametrize("system", ["win_amd64", "macosx", "manylinux"])
def test_the_bare_package_needs_no_compiler(uv, system):
    packages = tomllib.loads((REPO / "uv.lock").read_text())["package"]
    wheels = {
        package["name"]: [wheel["url"].rpartition("/")[2] for wheel in package.get("wheels", ())]
        for package in packages
    }
    options = ("--no-default-groups", "--no-emit-project", "--no-hashes", "--no-annotate")
    for name in (line.partition("==")[0] for line in exported(uv, *options)):
        for version in ("cp311", "cp312", "cp313"):
            fits = re.compile(rf"-none-any\.whl|-({version}|abi3)-[^-]*{system}")
            assert any(map(fits.search, wheels[name])), (name, python)


def test_the_laptops_scripts_need_a_part_of_the_dependencies():
    text = (REPO / "requirements-laptop.txt").read_text()
    assert {line for line in text.splitlines() if line[0] != "#"} < {*PROJECT["dependencies"]}


def test_ranges_have_both_ends_and_one_tensorflow():
    ranges = [*PROJECT["dependencies"]]
    for extra in ("cpu", "gpu", "cluster"):
        ranges += EXTRAS[extra]
    for line in ranges:
        assert re.fullmatch(r"[\w-]+(\[[\w,-]+\])?>=[\d.]+,<[\d.]+(; .*)?", line), line
    platform = tomllib.loads((REPO / "pyproject.toml").read_text())["dependency-groups"]["platform"]
    sources = (EXTRAS["cpu"], EXTRAS["gpu"], platform)
    shared = [{without_name(line) for line in lines if "tensorflow" in line} for lines in sources]
    assert shared == [{">=2.21,<2.23"}] * 3
    others = [
        {line for line in lines if "tensorflow" not in line and "[" not in line}
        for lines in sources
    ]
    assert others[0] == others[1] == others[2]


def without_name(requirement: str) -> str:
    return re.sub(r"^[^>]+", "", requirement.partition(";")[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["start.sh", "tools/environment.sh", "inetwork.py"])
def test_a_clone_by_git_for_windows_runs_in_wsl(name, tmp_path):
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True, capture_output=True)

    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    git("init", "--quiet")
    git("config", "core.autocrlf", "true")
    for path in (".gitattributes", name):
        (tmp_path / path).write_bytes((REPO / path).read_bytes())
    git("add", ".")
    file.unlink()
    git("checkout", "--", ".")
    assert file.read_bytes() == (REPO / name).read_bytes()


def test_the_program_knows_its_version():
    assert PROJECT["version"] == painterly.__version__


@pytest.mark.parametrize(("script", "target"), PROJECT["scripts"].items())
def test_console_scripts_are_there(script, target):
    module, _, function = target.partition(":")
    assert callable(getattr(import_module(module), function)), script


@pytest.mark.slow
def test_a_wheel_has_all_packages_and_their_data(site):
    sources = [each for each in (REPO / "painterly").rglob("*.*") if each.suffix != ".pyc"]
    assert REPO / "painterly/vgg/builtin.npz" in sources
    assert all((site / source.relative_to(REPO)).exists() for source in sources)


@pytest.mark.thorough
def test_a_wheel_paints_in_an_empty_folder_by_each_recipe_in_each_precision_and_by_each_network(
    site, tmp_path
):
    recipes, precisions = [*RECIPES], ["bfloat16", "float16"]
    ways = drawn(
        [{"recipe": each} for each in recipes], [{"precision": each} for each in precisions]
    )
    code = f"""if True:
        import numpy, painterly
        photo = numpy.random.default_rng(0).random((48, 64, 3), numpy.float32)
        ways = {ways}
        networks = [painterly.load_vgg("vgg16", weights) for weights in (None, "random")]
        for way, network in [({{}}, networks[1]), *((way, networks[0]) for way in ways)]:
            settings = painterly.Settings(size=64, iterations=1, **way)
            *_, last = painterly.stylize(photo, [photo[::-1]], settings, network)
            assert last.image.shape == photo.shape and numpy.isfinite(last.image).all()
        print(len(ways), painterly.__file__)"""
    done = python("-c", code, cwd=tmp_path, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(ways)} {site}/painterly/__init__.py\n"


def test_env_example_changes_nothing_as_it_is_and_is_right_when_filled_in():
    text = (REPO / ".env.example").read_text()
    assert dotenv_values(stream=StringIO(text)) == {}
    filled = dotenv_values(stream=StringIO(re.sub(r"^#(?=[A-Z_]+=)", "", text, flags=re.M)))
    for one, other in (("KEEP", "REPAINT"), ("REPAINT", "KEEP")):  # They do not go together.
        assert not config.load({**filled, other: ""}).demo, f"with {one}"
    documented = {*config.BUCKETS, *CELLAR, "STYLE_MODE", "STYLE_SIZE", "VGG_WEIGHTS"}
    assert documented | {"DEVICE", "OUTPUT_FORMAT", "OUTPUT_QUALITY"} <= set(filled)
