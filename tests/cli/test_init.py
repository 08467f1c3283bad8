"""./start.sh init: .env and the three buckets, on real servers."""

import io
import os
import stat
import sys
import uuid
from pathlib import Path

import pytest
from dotenv import dotenv_values
from support.commands import keys, on_a_terminal, set_variables
from support.s3_servers import SECRET

from painterly.cli import init
from painterly.cli.command import verb
from painterly.configuration import env_file
from painterly.configuration.config import BUCKETS

ENV = """# My own notes
STYLE_SIZE=640   # small

export PRESET="draft"
#BUCKET_RESULT=not-this-one
MY_OWN="it's mine"
"""


@pytest.fixture
def prefix() -> str:
    """The beginning of new buckets' names."""
    return f"test-{uuid.uuid4().hex[:20]}"


@pytest.fixture
def addon(tmp_path, moto):
    """The variables of an account in a file, as `clever addon env` prints them."""
    return addon_file(tmp_path, moto)


def addon_file(folder: Path, s3_server) -> None:
    lines = (f'export {name}="{value}";' for name, value in s3_server.environment.items())
    (folder / "addon.env").write_text("\n".join(lines) + "\n")


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """Run init, check that it prints no key and no trace, and return its code and output."""
    code = verb("init", arguments)
    out, err = capsys.readouterr()
    for secret in (SECRET, "testaccess", "othersecret", "Traceback"):
        assert secret not in out + err
    return code, out, err


def on_terminal(workspace: Path, answers, *arguments: str) -> tuple[int, str]:
    """Run init on a terminal, with pairs of a question's end and the answer."""
    program = (
        "import sys; from pathlib import Path; from painterly.cli import command, init; "
        f"init.WORKSPACE = Path({str(workspace)!r}); "
        f"sys.exit(command.verb('init', {[*arguments]!r}))"
    )
    return on_a_terminal([sys.executable, "-c", program], answers)


def with_addon(prefix: str, addon: str = "addon.env") -> list[str]:
    return ["--prefix", prefix, "--provider", "clever", "--addon-env", addon, "--yes"]


def names(prefix: str) -> dict[str, str]:
    """Return the variables of the buckets."""
    endings = ("photos", "paintings", "results")
    return {name: f"{prefix}-{end}" for name, end in zip(BUCKETS, endings, strict=True)}


# What it makes


@pytest.mark.slow
def test_an_addon_becomes_buckets_and_variables(workspace, s3_server, prefix, tmp_path, capsys):
    addon_file(tmp_path, s3_server)
    code, out, err = run(capsys, *with_addon(prefix))
    assert (code, err) == (0, "")
    named = names(prefix)
    assert dotenv_values(workspace / ".env") == {**s3_server.environment, **named}
    assert stat.S_IMODE((workspace / ".env").stat().st_mode) == 0o600
    listed = {each["Name"] for each in s3_server.client.list_buckets()["Buckets"]}
    assert {*named.values()} <= listed
    assert all(not keys(s3_server.open(name)) for name in named.values())
    usable = [f"{name} {value}: reachable, readable, writable" for name, value in named.items()]
    variables = ", ".join({**s3_server.environment, **named})
    told = ["", f"written to {workspace / '.env'}: {variables}", ""]
    then = ["The application has its keys from the add-on. Run here, for its buckets:", ""]
    then += [f"    clever env set {name} {value}" for name, value in named.items()]
    then += ["", "With several applications in this folder, add --alias NAME."]
    made = [f"{value}: created" for value in named.values()]
    assert out.splitlines() == [*made, *usable, *told, *then]

    before = (workspace / ".env").read_bytes()
    (workspace / ".env").chmod(0o644)
    code, out, _ = run(capsys, *with_addon(prefix))
    made = [f"{value}: exists already" for value in named.values()]
    told = ["", f"{workspace / '.env'} has all of it already", ""]
    assert code == 0 and out.splitlines() == [*made, *usable, *told, *then]
    assert (workspace / ".env").read_bytes() == before
    assert stat.S_IMODE((workspace / ".env").stat().st_mode) == 0o600


@pytest.mark.slow
@pytest.mark.usefixtures("addon")
def test_all_that_is_in_the_file_stays_unless_forced(workspace, moto, prefix, capsys):
    theirs = f"{prefix}-mine"
    file = workspace / "real"
    (workspace / ".env").symlink_to(file)
    before = f"BUCKET_RESULT={theirs} # mine\nCELLAR_ADDON_KEY_SECRET=\n{ENV.rstrip()}"
    file.write_bytes(before.replace("\n", "\r\n").encode())
    file.chmod(0o644)
    code, out, _ = run(capsys, *with_addon(prefix))
    assert code == 0 and "kept as in .env: BUCKET_RESULT; --force replaces" in out
    assert f"    clever env set BUCKET_RESULT {theirs}\n" in out
    assert f"{theirs}: created\n" in out
    values = dotenv_values(file)
    assert values["BUCKET_RESULT"] == theirs and values["CELLAR_ADDON_KEY_SECRET"] == SECRET
    assert run(capsys, *with_addon(prefix), "--force")[0] == 0
    lines = file.read_text().splitlines()
    assert lines[:2] == [f"# BUCKET_RESULT={theirs} # mine", f"BUCKET_RESULT={prefix}-results"]
    assert {*before.splitlines()[2:]} <= {*lines}
    assert (workspace / ".env").is_symlink() and stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("given", ["file", "input", "environment"])
def test_variables_come_from_a_file_the_input_or_the_environment(
    workspace, moto, prefix, given, tmp_path, monkeypatch, capsys
):
    lines = "\n".join(f'export {name}="{value}"' for name, value in moto.environment.items())
    lines += "\nOTHER=1\nnot a variable\n"
    arguments = with_addon(prefix, "-" if given == "input" else "cellar.env")
    if given == "file":
        (tmp_path / "cellar.env").write_text(lines)
    elif given == "input":
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    else:
        arguments = ["--prefix", prefix, "--provider", "s3", "--yes"]
        set_variables(monkeypatch, moto.environment)
    monkeypatch.setenv("BUCKET_STYLE", "elsewhere")
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert dotenv_values(workspace / ".env") == {**moto.environment, **names(prefix)}
    assert "note: this shell's BUCKET_STYLE overrides the one in .env; unset it\n" in out
    if given == "environment":
        said = {"CELLAR_ADDON_HOST": moto.url, **names(prefix)}
        said |= dict.fromkeys(init.CELLAR[1:], "(as in .env)")
        lines = "".join(f"\n    {name}={said[name]}" for name in (*init.CELLAR, *BUCKETS))
        assert out.endswith(f"\nThe machine that paints needs the same variables:\n{lines}\n")
        assert out.startswith("the account's variables are set already, in .env or the environment")


# What it asks


@pytest.mark.slow
@pytest.mark.usefixtures("addon")
def test_questions_are_asked_again_until_the_answer_is_right(workspace, moto, prefix):
    (workspace / ".env").write_text("BUCKET_STYLE=mine\n")
    lines = "".join(f'{name}="{value}"\n' for name, value in moto.environment.items())
    answers = [("[1]: ", "5\n"), ("[1]: ", "1\n"), ("ends them.", lines)]
    answers += [("anna-lake: ", "My_Photos\n"), ("anna-lake: ", f"{prefix}\n"), ("[y/N] ", "y\n")]
    code, seen = on_terminal(workspace, answers)
    assert code == 0, seen
    assert "'5' is none of 1, 2, 3, clever, aws, s3" in seen
    assert "'My_Photos' cannot begin the name of a bucket; expected up to 53 lowercase" in seen
    assert ".env has other values for BUCKET_STYLE. Replace them? [y/N]" in seen
    assert dotenv_values(workspace / ".env") == {**moto.environment, **names(prefix)}


@pytest.mark.slow
@pytest.mark.parametrize("provider", ["aws", "s3", "clever"])
def test_an_account_is_asked_for(workspace, moto, prefix, provider, monkeypatch):
    """Amazon's, another service's, or the pasted lines of an add-on."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    secret = ("(not shown): ", f"{SECRET}\n")
    if provider == "aws":
        monkeypatch.setenv("AWS_ENDPOINT_URL", moto.url)
        answers = [("[1]: ", "2\n"), ("key id (", "my-key\n"), secret]
        answers += [("[eu-west-1]: ", "eu-west-3\n")]
        account = {"AWS_ACCESS_KEY_ID": "my-key", "AWS_SECRET_ACCESS_KEY": SECRET}
        account |= {"AWS_DEFAULT_REGION": "eu-west-3"}
        told = ["    AWS_SECRET_ACCESS_KEY=(as in .env)", "    AWS_DEFAULT_REGION=eu-west-3"]
    elif provider == "s3":
        answers = [("[1]: ", "3\n"), ("example.org: ", f"{moto.url}\n")]
        answers += [("key id: ", "testaccess\n"), secret, ("none): ", "fr-par\n")]
        account, told = {**moto.environment, "CELLAR_ADDON_REGION": "fr-par"}, []
    else:
        lines = "".join(f'{name}="{value}"\n' for name, value in moto.environment.items())
        answers, account = [("[1]: ", "\n"), ("ends them.", lines)], moto.environment
        told = ["    clever addon list", "    clever addon env ID --format shell"]
        told.append("Paste the lines with CELLAR_ADDON_HOST, CELLAR_ADDON_KEY_ID")
    code, seen = on_terminal(workspace, [*answers, ("anna-lake: ", f"{prefix}\n")])
    assert code == 0, seen
    assert all(text in seen for text in told)
    # A terminal shows pasted lines.
    assert provider == "clever" or SECRET not in seen
    assert dotenv_values(workspace / ".env") == {**account, **names(prefix)}
    if provider == "aws":
        where = moto.client.get_bucket_location(Bucket=f"{prefix}-photos")
        assert where["LocationConstraint"] == "eu-west-3"


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible", "addon")
@pytest.mark.parametrize("stop", ["\x03", "\x04"])
def test_ctrl_c_and_the_end_of_the_input_change_nothing(workspace, prefix, stop):
    (workspace / ".env").write_text(ENV)
    # The line's end is for a Python that has not begun to read when the signal arrives.
    answers = [("anna-lake: ", f"{stop}\n" if stop == "\x03" else stop)]
    code, seen = on_terminal(workspace, answers, *with_addon(prefix)[2:-1])
    assert code == (130 if stop == "\x03" else 2)
    assert "Traceback" not in seen
    assert ("what is done stays" if stop == "\x03" else "the input ended") in seen
    assert (workspace / ".env").read_text() == ENV


# What it refuses


@pytest.mark.slow
def test_a_bucket_with_a_problem_leaves_no_file(workspace, moto, prefix, proxy, tmp_path, capsys):
    addon_file(tmp_path, moto)
    file = tmp_path / "addon.env"
    file.write_text(file.read_text().replace(moto.url, proxy.url))
    proxy.add(
        f"^PUT /{prefix}-results/bucket-check", "status", times=9, code=403, error="AccessDenied"
    )
    code, out, err = run(capsys, *with_addon(prefix))
    assert code == 5 and "results cannot be stored" in out
    assert ".env is unchanged, because of the problem above" in err
    assert not (workspace / ".env").exists()


# The file


def test_any_value_is_read_as_it_was_written(tmp_path):
    values = (
        "plain",
        "two words",
        "it's",
        '"',
        "#",
        "a #b",
        "${HOME}",
        "back\\slash\\",
        "é=",
        "`x`",
        'it\'s "C:\\new"',
    )
    for value in (*values, *values):  # After the first time, its line is replaced.
        env_file.update(tmp_path / ".env", {"NAME": value, "OTHER": "1"})
        found = dotenv_values(tmp_path / ".env", interpolate=False)
        assert found == {"NAME": value, "OTHER": "1"}


def test_of_two_lines_for_a_variable_the_last_one_which_counts_is_changed(tmp_path):
    (tmp_path / ".env").write_text("PRESET=draft\nPRESET=fine\n")
    env_file.update(tmp_path / ".env", {"PRESET": "instant"})
    assert env_file.read(tmp_path) == {"PRESET": "instant"}
    assert (tmp_path / ".env").read_text() == "PRESET=draft\n# PRESET=fine\nPRESET=instant\n"


def test_a_value_of_several_lines_is_not_damaged(tmp_path, capsys):
    file = tmp_path / ".env"
    file.write_text('NAME="one\ntwo"\n')
    with pytest.raises(init.ConfigError, match="could not be changed without loss; set NAME"):
        env_file.update(file, {"NAME": "three"})
    assert file.read_text() == 'NAME="one\ntwo"\n' and [*tmp_path.iterdir()] == [file]


@pytest.mark.slow
def test_a_file_that_cannot_be_written_is_reported(workspace, addon, prefix, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(env_file.os, "fchmod", full)
    code, _, err = run(capsys, *with_addon(prefix))
    assert code == 5 and "no space left on device" in err and err.count("\n") == 1
    assert [*workspace.iterdir()] == []
