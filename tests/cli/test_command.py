"""`painterly`: one picture or a batch, its verbs, and the package as it is installed."""

import functools
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image
from support.commands import python
from support.inetwork_runs import QUICK
from support.polling import until
from support.web_service import WebProcess, send

from painterly.cli.command import VERBS
from painterly.settings.installation import PROGRAM
from painterly.words.texts import LANGUAGES, Texts

HIDDEN = ("tensorflow", "h5py", "scipy", "ray")


def without(packages, folder):
    """Hide packages from programs that have a folder on their path."""
    hide = f"import sys; sys.modules.update(dict.fromkeys({packages}))"
    (folder / "sitecustomize.py").write_text(hide)


@pytest.fixture
def installed(site, tmp_path):
    """Return a function that runs the installed package, without its extras, in a folder with two
    pictures."""
    without(HIDDEN, tmp_path)
    Image.new("RGB", (60, 40), "teal").save(tmp_path / "beach.jpg")
    Image.new("RGB", (40, 40), "pink").save(tmp_path / "monet.jpg")

    def run(*words: str, code: str = ""):
        path = f"{tmp_path}:{site}"
        variables = {"PYTHONPATH": path, "CELLAR_ADDON_HOST": "", "BUCKET_SOURCE": ""}
        if code:
            (tmp_path / words[0]).write_text(code)
            return python(*words, cwd=tmp_path, **variables)
        return python("-m", "painterly", *words, cwd=tmp_path, **variables)

    return run


@pytest.mark.thorough
def test_the_installed_package_says_what_it_needs_in_one_line(installed):
    for words, code, said in (
        (
            [".", ".", "-o", "/c", "--cluster"],
            2,
            'Ray is not installed: .* install .*"painterly\\[cluster]"',
        ),
        (
            ["beach.jpg", "monet.jpg", "-o", "x.jpg", "--preset", "draft"],
            2,
            "tensorflow is missing; preset instant paints without it, and this installs it: "
            r'.* install .*"painterly\[cpu]"',
        ),
        (
            ["--dry-run"],
            2,
            "there is nothing to paint; set BUCKET_SOURCE, BUCKET_STYLE, BUCKET_RESULT",
        ),
        (["send-source", "."], 2, "BUCKET_SOURCE is not set; set BUCKET_SOURCE in"),
        (["weights", "vgg11"], 2, 'painterly weights: Invalid value "vgg11"'),
    ):
        ran = installed(*words)
        assert ran.returncode == code and re.search(said, ran.stderr), ran
        assert ran.stderr.count("\n") == 1 and ran.stderr.startswith("painterly"), ran.stderr


@pytest.mark.thorough
def test_without_tensorflow_files_are_painted_with_preset_instant_unless_another_is_named(
    installed, tmp_path
):
    line = "quick sketches (preset instant); painterly --help says how to add finer ones"
    for result in ("x.jpg", "./painted/"):
        words = ("beach.jpg", "monet.jpg", "-o", result, "--size", "64")
        said = installed(*words).stdout.splitlines()
        assert said[-1].endswith(line) and sum(line in each for each in said) == 1
        assert line not in installed(*words, "--recipe", "moments").stdout
    two = installed("beach.jpg", "hokusai,ink", "--size", "64").stdout.splitlines()
    assert two[-1] == line and two.count(line) == 1
    assert "painterly[cpu]" in "".join(installed("--help").stdout.split())
    for words in (["all", "--sheet", "sheet.jpg", "--size", "64"], ["no.jpg"]):
        ran = installed("beach.jpg", *words)
        assert line not in ran.stdout + ran.stderr
    gallery = (tmp_path / "painted/index.html").read_text()
    assert "monet/beach.jpg" in gallery
    assert all(Texts(language).text("gallery.title") in gallery for language in LANGUAGES)
    piped = installed("beach.jpg", "no.jpg", "-o", "-")
    assert piped.stdout == "" and line not in piped.stderr
    (tmp_path / ".env").write_text("PRESET=draft\n")
    assert line not in installed("beach.jpg", "monet.jpg", "-o", "./painted").stdout


@pytest.mark.thorough
def test_readmes_library_example_runs_after_readmes_installation(installed, tmp_path):
    readme = (PROGRAM / "README.md").read_text()
    [example] = re.findall(r"```python\n(import painterly\n.*?)```", readme, re.DOTALL)
    ran = installed("example.py", code=example)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert Image.open(tmp_path / "beach-hokusai.jpg").size == (1024, 683)
    ran = installed("example.py", code="import painterly\npainterly.load_vgg()\n")
    assert ran.returncode == 1 and ran.stderr.count("File ") <= 2
    assert "painterly.load_vgg needs TensorFlow, which is not installed; this" in ran.stderr


@pytest.mark.slow
def test_the_installed_package_reads_env_in_the_current_folder(installed, tmp_path):
    (tmp_path / ".env").write_text("BUCKET_STYLE=./paintings\n")
    ran = installed()
    assert ran.returncode == 2
    assert "BUCKET_SOURCE and BUCKET_RESULT missing, though BUCKET_STYLE is set" in ran.stderr


@pytest.mark.slow
def test_without_anything_to_paint_it_says_what_can_be_typed(installed):
    ran = installed()
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("painterly: there is nothing to paint; set BUCKET_SOURCE, ")
    assert ran.stderr.endswith(": painterly beach.jpg hokusai\n")
    text = installed("--help").stdout
    assert "Usage: painterly PHOTO … STYLE [-o RESULT] [flags]" in text
    for verb in VERBS:
        assert f"│ {verb} " in text
    assert "./" + "start.sh" not in text


def _ended(client, link: str) -> dict | None:
    """Return a job if it has ended."""
    job = client.get(link).json()
    return job if job["state"] in ("done", "failed") else None


@pytest.mark.thorough
def test_the_installed_web_service_makes_its_folders_and_paints_instantly(
    site, tmp_path, monkeypatch, request
):
    """Without TensorFlow."""
    without(HIDDEN, tmp_path)
    monkeypatch.chdir(tmp_path)
    variables = {"PYTHONPATH": f"{tmp_path}:{site}", "STYLES": "none"}
    web = WebProcess(variables, tmp_path / "log")
    request.addfinalizer(web.stop)
    web.start()
    until(lambda: web.client.get("/readyz").status_code == 200)
    Image.new("RGB", (40, 40), "pink").save("paintings/monet.jpg")
    until(lambda: web.client.get("/api/styles").json())
    asked = {"style": "monet", "preset": "instant", "settings": {"size": 64}}
    link = send(web.client, asked).json()["links"]["self"]
    end = until(functools.partial(_ended, web.client, link))
    refused = send(web.client, {**asked, "preset": "draft"})
    for language in LANGUAGES:
        page = web.client.get("/", headers={"accept-language": language}).text
        assert 'value="draft"' not in page and 'value="instant"' in page
        assert f'<html lang="{language}"' in page and Texts(language).text("page.title") in page
    files = set(re.findall(r'"(/static/[^"]+)"', page))
    assert len(files) > 2 and {web.client.get(each).status_code for each in files} == {200}
    assert "beach.jpg" in web.client.get("/gallery/").text
    assert web.stop() == 128 + signal.SIGTERM
    assert end["state"] == "done" and Path("results/monet").is_dir()
    log = web.log.read_text()
    said = r"preset draft needs TensorFlow; this installs it: .* install .*painterly\[cpu]"
    assert refused.status_code == 422 and re.search(said, refused.json()["detail"])
    assert log.count("a painting that you put into ./paintings is a style, too") == 1
    assert log.count("Ctrl-C ends it; pictures are kept in ./results") == 1
    assert "Traceback" not in log


INSTANT = ("--preset", "instant")


@pytest.mark.slow
@pytest.mark.usefixtures("inetwork_files")
@pytest.mark.parametrize(
    ("photo", "flags", "kind", "size"),
    [
        ("beach.jpg", INSTANT, "JPEG", (32, 24)),
        ("klimt.png", (*INSTANT, "--output_format", "webp"), "WEBP", (32, 21)),
        pytest.param("beach.jpg", QUICK, "JPEG", (32, 24), marks=pytest.mark.thorough),
    ],
    ids=["as the photo", "as asked for", "with TensorFlow"],
)
def test_a_picture_goes_through_pipes_in_the_photos_format_and_the_log_to_stderr(
    photo, flags, kind, size
):
    ran = subprocess.run(
        [sys.executable, "-m", "painterly", "-", "monet.jpg", "-o", "-", "--size", "32", *flags],
        input=Path(photo).read_bytes(),
        capture_output=True,
        env={"PYTHONPATH": str(PROGRAM), "PATH": ""},
    )
    assert ran.returncode == 0, ran.stderr
    assert b"painting with" in ran.stderr
    Path("piped").write_bytes(ran.stdout)
    with Image.open("piped") as picture:
        assert (picture.format, picture.size) == (kind, size)


@pytest.mark.usefixtures("inetwork_files")
@pytest.mark.thorough
def test_a_picture_that_cannot_be_painted_writes_nothing_into_the_pipe():
    for variables in ({}, {"LOG_FORMAT": "json"}):
        ran = python("-m", "painterly", "text.jpg", "monet.jpg", "-o", "-", cwd=Path(), **variables)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "text.jpg: is not a picture" in ran.stderr and ran.stderr.count("\n") == 1


@pytest.mark.slow
def test_it_knows_its_version():
    version = tomllib.loads((PROGRAM / "pyproject.toml").read_text())["project"]["version"]
    assert python("-m", "painterly", "--version").stdout == f"painterly {version}\n"


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_shell_completes_verbs_flags_values_and_files(shell, tmp_path):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"needs {shell}: apt-get install {shell}")
    (tmp_path / "wedding.jpg").touch()
    script = tmp_path / "script"
    script.write_text(python("-m", "painterly", "--completion", shell).stdout)
    completed = {
        "bash": (
            f'. {script}; COMP_WORDS=($1 "$2"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); '
            'COMPREPLY=(); _painterly; printf "%s\\n" "${COMPREPLY[@]}"'
        ),
        "fish": f'source {script}; complete -C "$argv[2] $argv[3]"',
    }
    for before, word, expected in (
        ("painterly", "we", {"web", "weights", "wedding.jpg"}),
        ("painterly wedding.jpg", "we", {"wedding.jpg"}),
        ("painterly buckets empty", "--y", {"--yes"}),
        ("painterly web", "--st", set()),
        ("painterly wedding.jpg", "--style-w", {"--style-weight"}),
        ("painterly --preset", "d", {"draft"}),
    ):
        ran = subprocess.run(
            [program, "-c", completed[shell], shell, before, word],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert {line.partition("\t")[0] for line in ran.stdout.split("\n")} - {""} == expected
