"""--help: a screen of each command, with flags that it takes; --help-all has all of them."""

import re
import subprocess

import pytest
from painterly.cli.parser import COLUMNS
from painterly.configuration.flags import Work, flags, only_of

from painterly.cli.command import VERBS, main
from painterly.settings.installation import PROGRAM

ROWS = 46  # lines on a screen
PICTURE = ["beach.jpg", "monet.jpg", "x.jpg"]
FOLDERS = ["./photos", "./paintings", "./painted"]


@pytest.fixture
def printed(capsys):
    """Return a function that runs a command, and returns what it prints."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(words)
        out, err = capsys.readouterr()
        assert not err and ended.value.code == 0, err
        return out

    return run


def named_in(help_text):
    return {each.replace("-", "_") for each in re.findall(r"--([a-z][\w-]+)", help_text)}


@pytest.mark.parametrize("words", [[], PICTURE, FOLDERS, *([verb] for verb in VERBS)])
def test_help_is_one_screen_and_help_all_has_no_fewer_flags(printed, monkeypatch, words):
    monkeypatch.setenv("COLUMNS", "200")
    screen = printed(*words, "--help").splitlines()
    assert len(screen) <= ROWS
    assert max(map(len, screen)) <= COLUMNS
    everything = printed(*words, "--help-all")
    named = named_in("\n".join(screen)) - {"help", "help_all"}
    assert named <= named_in(everything)
    assert max(map(len, everything.splitlines())) <= COLUMNS


def test_the_help_of_one_picture_and_of_folders_has_only_flags_that_they_take(printed):
    one, many = named_in(printed(*PICTURE, "--help-all")), named_in(printed(*FOLDERS, "--help-all"))
    assert "style_weight" in one - many and "watch" in many - one and "size" in one & many
    assert not many & {flag.name for flag in only_of(Work.PICTURE)}
    assert not one & {flag.name for flag in only_of(Work.FOLDERS)}
    assert one | many <= named_in(printed("--help-all"))


def test_the_help_of_a_record_is_that_of_one_picture(printed):
    one, record = (printed(*words, "--help") for words in (PICTURE, ["--from-record", "r", "x"]))
    assert one == record


def test_the_variables_of_flags_are_those_that_can_be_set():
    documented = (PROGRAM / ".env.example").read_text()
    for flag in flags(None):
        for name in flag.variable.split(" or "):
            assert not name or name.startswith("STYLE_") or f"#{name}=" in documented, name


@pytest.mark.usefixtures("inetwork_files")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            [*PICTURE, "--progress", "plain"],
            "--progress goes with folders and buckets (./start.sh PHOTOS PAINTINGS RESULTS); "
            "here, set PROGRESS",
        ),
        ([*PICTURE, "--dry-run"], "--dry-run goes with folders and buckets"),
        (
            [*FOLDERS, "--output_format", "png"],
            "--output-format goes with one picture (./start.sh PHOTO PAINTING … RESULT.jpg); "
            "for folders and buckets, set OUTPUT_FORMAT",
        ),
        ([*FOLDERS, "--fresh"], "--fresh goes with one picture"),
        ([*FOLDERS, "--content-mask", "a.png"], "a mask lies beside its photo, as beach.mask.png"),
    ],
)
def test_a_flag_of_the_other_command_is_told_as_such(capsys, words, said):
    try:
        code = main(words)
    except SystemExit as ended:
        code = ended.code
    err = capsys.readouterr().err
    assert code == 2 and said in err and err.count("\n") == 1, err


@pytest.mark.slow
def test_start_sh_shows_a_screen():
    screen = subprocess.run([PROGRAM / "start.sh", "--help"], capture_output=True, text=True)
    lines = screen.stdout.splitlines()
    assert 20 < len(lines) <= ROWS and max(map(len, lines)) <= COLUMNS
