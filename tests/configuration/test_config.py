"""The configuration: what each variable means, and one clear line for each wrong value."""

import logging
import os
import re
import sys
from pathlib import Path

import pytest

from painterly.configuration import env_file
from painterly.configuration.config import (
    DEMO_SETTINGS,
    environment,
    is_quiet,
    load,
    log_format,
    log_level,
    read_environment,
)
from painterly.configuration.env_file import NAMES
from painterly.errors import ConfigError
from painterly.images.output import OutputFormat
from painterly.settings.installation import PROGRAM
from painterly.settings.settings import Settings
from painterly.storage.address import Account

BUCKETS = {"BUCKET_SOURCE": "photos", "BUCKET_STYLE": "paintings", "BUCKET_RESULT": "results"}
CELLAR = {
    "CELLAR_ADDON_HOST": "cellar-c2.services.clever-cloud.com",
    "CELLAR_ADDON_KEY_ID": "key-id",
    "CELLAR_ADDON_KEY_SECRET": "s3cr3t",
}


def complaint(variables) -> str:
    """The message of the ConfigError that variables end in: one line, without the secret."""
    with pytest.raises(ConfigError) as caught:
        load(variables)
    assert caught.value.exit_code == 2
    message = str(caught.value)
    assert "\n" not in message and "s3cr3t" not in message
    return message


def test_nothing_set_is_the_demo_from_samples_into_results():
    config = load({})
    assert config.demo
    assert Path(config.photo_bucket) == PROGRAM / "samples/photos"
    assert config.style_bucket is None and len(config.styles) == 3
    assert load({"STYLES": "ink"}).styles == ("ink",)
    assert Path(config.result_bucket) == PROGRAM / "results"
    assert (config.style_mode, config.device, config.vgg_weights) == ("each", "auto", None)
    assert config.output == OutputFormat(None, 95, keep_gps=False)
    assert (config.photos, config.style_name, config.partial) == ((), None, False)
    assert config.settings == Settings(**DEMO_SETTINGS)
    assert config.settings.size == 512, "The first start takes a minute."


def test_everything_set_is_taken():
    config = load(
        BUCKETS
        | CELLAR
        | {
            "BUCKET_RESULT": "photos-painted/2026",
            "STYLE_MODE": "blend",
            "STYLE_SIZE": " Full",
            "STYLE_CONTENT_WEIGHT": " 1 ",
            "STYLE_OPTIMIZER": "LBFGS ",
            "VGG_WEIGHTS": "bucket:weights/vgg19.h5",
            "DEVICE": "GPU",
            "OUTPUT_FORMAT": "tif",
            "OUTPUT_QUALITY": "80",
            "KEEP_GPS": "1",
            "PHOTO": "trip/beach.jpg",
            "STYLE": "monet",
            "CLUSTER": "head:6379",
            "MEMORY_LIMIT": "1.5 GiB",
            "PATH": "/bin",
        }
    )
    assert not config.demo
    assert (config.photo_bucket, config.style_bucket, config.result_bucket) == (
        *("photos", "paintings", "photos-painted/2026"),
    )
    assert config.account == Account("cellar-c2.services.clever-cloud.com", "key-id", "s3cr3t")
    assert config.account.url == "https://cellar-c2.services.clever-cloud.com"
    assert config.settings == Settings(size="full", content_weight=1.0, optimizer="lbfgs")
    assert isinstance(config.settings.content_weight, float)
    assert (config.style_mode, config.device) == ("blend", "gpu")
    assert config.vgg_weights == "bucket:weights/vgg19.h5"
    assert config.output == OutputFormat("tiff", 80, keep_gps=True)
    assert (config.photos, config.style_name) == (("trip/beach.jpg",), "monet")
    assert config.partial
    assert (config.cluster, config.memory_limit) == ("head:6379", 1_610_612_736)
    assert "s3cr3t" not in repr(config)
    assert load(BUCKETS | {"MEMORY_LIMIT": "800000000"}).memory_limit == 800_000_000


def test_variables_that_are_gone_change_nothing():
    assert load({"PAINTERS": "auto", "LOOK": "oil"}) == load({})


def test_an_empty_value_counts_as_unset():
    empty = dict.fromkeys([*BUCKETS, *CELLAR, "STYLE_SIZE", "DEVICE", "OUTPUT_FORMAT"], " ")
    assert load(empty) == load({})


@pytest.mark.parametrize(
    "given",
    [
        {"PRESET": "Print"},
        {"STYLE_PRESET": "print"},
        {"PRESET": "print", "STYLE_PRESET": "print"},
    ],
    ids=str,
)
def test_a_preset_sets_what_is_not_given(given):
    assert load(given).settings == Settings(preset="print"), "not the demo's own"
    settings = load(BUCKETS | given).settings
    assert settings == Settings(preset="print") != Settings()
    explicit = load(BUCKETS | given | {"STYLE_SIZE": "512"}).settings
    assert (explicit.size, explicit.iterations) == (512, settings.iterations)


@pytest.mark.parametrize(
    ("values", "on"),
    [(("1", "true", "Yes", "ON", "t"), True), (("0", "FALSE", "no", "off", "f", ""), False)],
)
def test_a_switch_may_be_written_in_several_ways(values, on):
    for value in values:
        loaded = load(dict.fromkeys(("KEEP_GPS", "DRY_RUN", "KEEP"), value))
        assert (loaded.output.keep_gps, loaded.dry_run, loaded.keep) == (on, on, on)
        assert load({"REPAINT": value}).repaint == on


def test_every_variable_that_is_read_is_in_the_example():
    example = (PROGRAM / ".env.example").read_text()
    variables = re.findall(
        r'"([A-Z][A-Z_]+)"', (PROGRAM / "painterly/configuration/config.py").read_text()
    )
    assert {"PHOTO", "STYLE", "DEVICE"} <= {*variables}
    documented = re.findall("^#([A-Z_]+)=", example, re.MULTILINE)
    generated = {"STYLE_", "STYLE_PRESET", "AWS_"}
    assert {*variables} - {*documented} - generated == set()


def test_the_format_and_the_level_of_the_log():
    assert (log_format({}), log_format({"LOG_FORMAT": "JSON"})) == ("text", "json")
    with pytest.raises(ConfigError, match="LOG_FORMAT is 'xml'; expected one of text, json"):
        log_format({"LOG_FORMAT": "xml"})
    assert (log_level({}), log_level({"LOG_LEVEL": "Debug"})) == (logging.INFO, logging.DEBUG)
    with pytest.raises(ConfigError, match="LOG_LEVEL is 'all'; expected one of info, debug"):
        log_level({"LOG_LEVEL": "all"})


def test_progress_is_a_bar_only_on_a_terminal_with_a_log_for_people(monkeypatch):
    for terminal, usual in ((False, "plain"), (True, "bar")):
        monkeypatch.setattr(sys.stdout, "isatty", lambda terminal=terminal: terminal)
        assert load({}).progress == usual
        assert load({"LOG_FORMAT": "json"}).progress == "plain"
    assert log_format({"PROGRESS": "json"}) == "json"
    assert is_quiet({"PROGRESS": "none"}) and not is_quiet({"PROGRESS": "none", "DRY_RUN": "1"})
    with pytest.raises(ConfigError, match="PROGRESS is 'x'; expected one of plain, bar, json, non"):
        load({"PROGRESS": "x"})


def test_folders_that_overlap_are_found_behind_other_spellings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to("photos")
    folders = {"BUCKET_SOURCE": "./photos", "BUCKET_STYLE": "./paintings"}
    for result in ("./photos/", "./x/../photos/out", f"{tmp_path}/photos", ".", "./link/out"):
        assert "painted again" in complaint(folders | {"BUCKET_RESULT": result})
    assert load(folders | {"BUCKET_RESULT": "./photos-painted"}).result_bucket == "./photos-painted"
    prefixes = {"BUCKET_SOURCE": "all/photos", "BUCKET_STYLE": "all/paintings"}
    for result in ("all/results", "all/photos2", "other/photos", "./photos"):
        assert load(prefixes | {"BUCKET_RESULT": result}).result_bucket == result


def test_a_dotenv_fills_what_is_unset_or_empty_for_boto3_as_well(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text(
        "\ufeff# as `clever addon env --format shell` prints it\n"
        "CELLAR_ADDON_HOST='from-file'\n"
        'export CELLAR_ADDON_KEY_ID="from-file";\n'
        "CELLAR_ADDON_KEY_SECRET='a$b${HOME}#c'\n"
        "DEVICE=\n"
        "AWS_ACCESS_KEY_ID=from-file\nAWS_DEFAULT_REGION=eu-west-1\n"
    )
    for name in [*CELLAR, "DEVICE"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CELLAR_ADDON_HOST", "from-environment")
    monkeypatch.setenv("CELLAR_ADDON_KEY_ID", "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    merged = environment(tmp_path)
    assert merged["CELLAR_ADDON_HOST"] == "from-environment"
    assert merged["CELLAR_ADDON_KEY_ID"] == "from-file"
    assert merged["CELLAR_ADDON_KEY_SECRET"] == "a$b${HOME}#c"
    assert "DEVICE" not in merged
    assert "CELLAR_ADDON_KEY_SECRET" not in os.environ
    assert os.environ["AWS_ACCESS_KEY_ID"] == "from-file"
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-central-1"


def test_a_dotenv_that_cannot_be_read_is_named_without_its_text(tmp_path):
    utf16 = "AWS_X=secret\n".encode("utf-16-le")
    for content, place in (
        (b'A=1\nCELLAR_ADDON_KEY_SECRET="secret" secret\n', ".env, line 2 cannot be read"),
        *((wrong, ".env cannot be read") for wrong in (b"\xff\xfe", b"A=1\n" + utf16, b"AWS_X=\0")),
    ):
        (tmp_path / ".env").write_bytes(content)
        with pytest.raises(ConfigError, match=re.escape(place)) as raised:
            environment(tmp_path)
        assert "secret" not in str(raised.value)


def test_a_number_of_hundreds_of_digits_is_refused_in_a_short_line():
    for variable in (
        *("STYLE_SIZE", "STYLE_STRENGTH", "STYLE_SEED"),
        *("MEMORY_LIMIT", "OUTPUT_QUALITY", "CHECKPOINT_EVERY"),
    ):
        for digits in (400, 5000):
            message = complaint({variable: "9" * digits})
            assert message.startswith(f"{variable} is '999") and len(message) < 300


MEANT = {
    "WEB_PASSWORD=abc#def": "abc#def",
    "WEB_PASSWORD=#abc": "#abc",
    "WEB_PASSWORD=my pass word": "my pass word",
    'WEB_PASSWORD=it\'s a "word"': 'it\'s a "word"',
    "WEB_PASSWORD='a # b'": "a # b",
    'WEB_PASSWORD="a # b"   # of the page': "a # b",
    'WEB_PASSWORD="a\\"b$"': 'a"b$',
    "WEB_PASSWORD='a\"b$c${HOME}'": 'a"b$c${HOME}',
    "WEB_PASSWORD=a\\c`y`$": "a\\c`y`$",
    "WEB_PASSWORD='C:\\temp\\new'": "C:\\temp\\new",
    'export WEB_PASSWORD="a;b";': "a;b",
    "WEB_PASSWORD = abc def  ": "abc def",
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_value_in_a_dotenv_is_read_as_it_is_written(tmp_path, monkeypatch, line_end):
    monkeypatch.delenv("WEB_PASSWORD", raising=False)
    for line, value in MEANT.items():
        others = "SMTP_PASSWORD=abc # of another program"
        text = f"\ufeff{line}\n# mine\n{others}\nDEVICE=cpu # no GPU\n".replace("\n", line_end)
        (tmp_path / ".env").write_bytes(text.encode())
        merged = environment(tmp_path)
        assert (merged["WEB_PASSWORD"], merged["DEVICE"]) == (value, "cpu"), line


def test_a_file_of_clever_cloud_with_windows_line_ends_is_changed(tmp_path):
    file = tmp_path / ".env"
    file.write_bytes(b'export CELLAR_ADDON_HOST="host";\r\nPRESET=draft\r\n')
    env_file.update(file, {"PRESET": "fine"})
    assert env_file.read(tmp_path) == {"CELLAR_ADDON_HOST": "host", "PRESET": "fine"}


def test_a_file_that_an_editor_gave_another_name_is_named_unless_there_is_a_right_one(tmp_path):
    (tmp_path / ".env.txt").write_text("PRESET=draft\n")
    [line] = read_environment(tmp_path)[1]
    assert line == f"{tmp_path / '.env.txt'} is not read; rename it to .env"
    (tmp_path / ".env").write_text("PRESET=draft\n")
    assert read_environment(tmp_path)[1] == []


def test_names_of_other_programs_and_comments_in_a_dotenv_are_left_alone(tmp_path):
    others = (
        *("DATABASE_URL=a$b", "SMTP_PASSWORD=abc #d", "WEB_CONCURRENCY=2", "AWS_REGION=x"),
        *("RAY_ADDRESS=auto", "COPY=WEB_PASSWORD", "CHECKPOINT_DIR=x", "spring.profile=x", "A="),
        *("AWS_DEFAULT_PROFILE=x", "AWS_ACCOUNT_ID=1", "# WEB_PASSWORD=abc", "ENV=prod", "SET=1"),
        *("NOTIFY_SOCKET=/run/x", "MEMORY_PRESSURE_WRITE=x", "OUTPUT_DIR=/tmp", "LOG_DIR=x"),
        *("DB_PASSWORD=x", "DB_HOST=x", "PASSWORD=x", "CLUSTER_ID=x", "BUCKET_NAME=x", "HOST=x"),
    )
    (tmp_path / ".env").write_text("\n".join(others), encoding="utf-8")
    assert environment(tmp_path)["DATABASE_URL"] == "a$b"
    assert read_environment(tmp_path)[1] == []


@pytest.mark.parametrize(
    ("name", "meant", "in_environment"),
    [
        ("OUTPUT_QUALTY", "OUTPUT_QUALITY", True),
        ("MEMORY_LIMITS", "MEMORY_LIMIT", True),
        ("WEB_PASSWD", "WEB_PASSWORD", True),
        ("web_password", "WEB_PASSWORD", True),
        ("NOTIFY_URI", "NOTIFY_URL", True),
        ("VGG_WEIGHT", "VGG_WEIGHTS", True),
        ("WEB_MEGABYTES", "WEB_MAX_MEGABYTES", True),
        ("BUCKET_SOURCES", "BUCKET_SOURCE", True),
        ("style_size", "STYLE_SIZE", True),
        ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", False),
        ("KEEPGPS", "KEEP_GPS", False),
        ("PRESETS", "PRESET", False),
        ("preset", "PRESET", False),
        ("DEVICES", "DEVICE", False),
    ],
)
def test_a_name_that_is_almost_a_variables_is_named_with_what_is_meant_and_never_with_its_value(
    tmp_path, monkeypatch, name, meant, in_environment
):
    line = f"{name} is not read; did you mean {meant}?"
    (tmp_path / ".env").write_text(f"{name}=secret\n")
    assert read_environment(tmp_path)[1] == [line]
    (tmp_path / ".env").unlink()
    monkeypatch.setenv(name, "secret")
    assert (line in read_environment(tmp_path)[1]) == in_environment


def test_the_table_of_names_has_all_that_the_example_has():
    example = (PROGRAM / ".env.example").read_text()
    assert set(re.findall("^#([A-Z_]+)=", example, re.MULTILINE)) - NAMES == set()
