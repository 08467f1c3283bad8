"""Addresses of buckets and folders, and accounts; AWS's configuration on a user's machine."""

import os
import socket
from pathlib import Path

import pytest
from support.commands import keys, python, refusal
from support.s3_servers import SECRET

from painterly.errors import ConfigError
from painterly.storage import open_bucket
from painterly.storage.address import Account, parse_address
from painterly.storage.s3 import client as s3_client


def test_addresses_are_folders_or_buckets_with_prefixes(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(parse_address("./a b")) == "a b"
    assert str(parse_address("../x")) == "../x"
    assert str(parse_address("/x")) == "/x"
    assert parse_address("~/x") == tmp_path / "x"
    assert str(parse_address("file:///a%20b")) == "/a b"
    assert str(parse_address("file:/a/b")) == "/a/b"
    assert parse_address("photos") == ("photos", "")
    assert parse_address(" my.photos-2/a/b/ ") == ("my.photos-2", "a/b")


@pytest.mark.parametrize(
    "value",
    [
        *("", "ab", "My-photos", "my_photos", "-photos", "photos-", "a..b", "192.168.0.1"),
        *("s3://Photos", "photos?x", "é" * 3, "x" * 64),
        *("file://host/x", "file:", "~nobody-of-that-name/x"),
    ],
)
def test_an_invalid_address_is_reported_with_what_is_expected(value):
    with pytest.raises(ConfigError) as caught:
        open_bucket(value, Account("host", "k", SECRET))
    assert repr(value) in str(caught.value)


def test_a_bucket_with_the_name_of_a_folder_here_is_reported_with_how_to_write_the_folder(
    monkeypatch, tmp_path, rgw, other_account
):
    monkeypatch.chdir(tmp_path)
    theirs = other_account.new_bucket()
    for name in ("photos2", "Photos", theirs):
        (tmp_path / name).mkdir()
    for bucket in map(rgw.open, ("photos2", theirs)):
        message = refusal(lambda bucket=bucket: list(bucket.list()))
        assert message.endswith(f"for the folder here, write ./{bucket.name}")
    with pytest.raises(ConfigError, match=r"write \./Photos$"):
        rgw.open("Photos")


def test_without_credentials_both_ways_to_give_them_and_a_folder_of_that_name_are_named(
    monkeypatch, tmp_path
):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    both = r"CELLAR_ADDON_KEY_ID.*AWS_ACCESS_KEY_ID.*; for the folder here, write \./photos$"
    with pytest.raises(ConfigError, match=both):
        open_bucket("photos", Account(region="unused: of another client"))


def test_without_an_endpoint_the_configuration_of_aws_is_used(monkeypatch, moto):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "aws")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws")
    bucket = open_bucket(moto.new_bucket(), Account(region="unused: of one more client"))
    bucket.write("a.jpg", b"x")
    assert keys(bucket) == ["a.jpg"]


AWS_CONFIG = """\
[default]
region = eu-nowhere-1
retry_mode = adaptive
max_attempts = 1
use_fips_endpoint = true
use_dualstack_endpoint = true
ca_bundle = /nowhere/ca.pem
endpoint_url = http://127.0.0.1:9
services = elsewhere
sso_session = work
sso_account_id = 1
sso_role_name = x
s3 =
    use_accelerate_endpoint = true
    addressing_style = virtual
    payload_signing_enabled = true
[services elsewhere]
s3 =
    endpoint_url = http://127.0.0.1:9
[sso-session work]
sso_region = eu-west-1
sso_start_url = https://work.invalid/start
"""
FOREIGN = {
    "AWS_PROFILE": "nowhere",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_MAX_ATTEMPTS": "many",
    "AWS_RETRY_MODE": "wild",
    "AWS_DEFAULTS_MODE": "wild",
    "AWS_AUTH_SCHEME_PREFERENCE": "sigv4a",
    "AWS_SESSION_TOKEN": "foreign",
    "AWS_DATA_PATH": "/nowhere",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_supported",
}
LIST = "from painterly.cli.command import verb; verb('buckets', ['list'])"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with another program's AWS configuration, and no client from before."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(AWS_CONFIG)
    (tmp_path / ".aws/credentials").write_text("this is [no ini\n")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    s3_client.opened.cache_clear()
    yield tmp_path
    s3_client.opened.cache_clear()


@pytest.fixture
def own_buckets(s3_server):
    """Buckets, made before the test's own client would read another program's configuration."""
    made = {f"BUCKET_{name}": s3_server.new_bucket() for name in ("SOURCE", "STYLE", "RESULT")}
    s3_server.client.put_object(Bucket=made["BUCKET_SOURCE"], Key="a.jpg", Body=b"x")
    return made


@pytest.mark.slow
def test_where_cellars_variables_are_set_a_foreign_aws_configuration_has_no_say(
    s3_server, own_buckets, home
):
    for foreign in ({}, FOREIGN, {"AWS_CONFIG_FILE": str(Path(__file__))}):
        variables = {**own_buckets, **s3_server.environment, **foreign, "HOME": str(home)}
        run = python("-c", LIST, cwd=home, **variables)
        assert (run.returncode, run.stderr) == (0, "")
        assert "a.jpg" in run.stdout and run.stdout.count("in 0 objects") == 2


def test_a_certificate_file_that_is_missing_or_none_is_named(home, monkeypatch):
    account = Account("https://localhost:9", "k", SECRET)
    (home / "text.pem").write_text("no certificate")
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        for file, reason in (("nope.pem", "No such file"), ("text.pem", "expected a file of c")):
            monkeypatch.setenv(name, str(home / file))
            with pytest.raises(ConfigError, match=rf"^{name} is '.*{file}', .*{reason}"):
                open_bucket("photos", account)
        monkeypatch.delenv(name)


@pytest.fixture
def at_amazon(home, monkeypatch):
    """Return a function that writes AWS's configuration, and gives the message about a bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    (home / ".aws/credentials").unlink()

    def message(text):
        (home / ".aws/config").write_text(text)
        s3_client.opened.cache_clear()
        try:
            return refusal(open_bucket("photos", Account(hurried=True)).exists)
        except ConfigError as error:
            return str(error)

    return message


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_DEFAULT_REGION"])
def test_a_wrong_setting_of_aws_is_told_with_its_value_and_where_it_may_be(
    at_amazon, monkeypatch, name
):
    monkeypatch.setenv(name, "no where")
    message = at_amazon("[default]\nregion = eu-west-1\n")
    assert message.startswith("AWS's configuration is wrong: ") and "no where" in message
    assert message.endswith("(in ~/.aws/config, or an AWS_* variable)")


def test_acceleration_at_a_service_without_it_is_named(at_amazon, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    message = at_amazon("[default]\nregion = eu-west-1\ns3 =\n  use_accelerate_endpoint = true\n")
    assert "ccelerat" in message and "~/.aws/config" in message and "broke" not in message


def test_an_endpoint_of_aws_configuration_is_named_where_nobody_answers(at_amazon):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host = f"127.0.0.1:{taken.getsockname()[1]}"
    message = at_amazon(f"[default]\nregion = eu-west-1\nendpoint_url = http://{host}\n")
    assert message == (f"photos: cannot connect to {host}; check AWS_ENDPOINT_URL and the network")


def test_a_login_with_sso_that_has_ended_says_how_to_log_in(at_amazon, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    text = AWS_CONFIG[AWS_CONFIG.index("sso_session") : AWS_CONFIG.index("s3 =")]
    sessions = AWS_CONFIG[AWS_CONFIG.index("[sso-session") :]
    monkeypatch.setenv("AWS_PROFILE", "work")
    message = at_amazon(f"[profile work]\nregion = eu-west-1\n{text}\n{sessions}")
    assert message == "photos: the login with SSO has ended; run: aws sso login"


@pytest.mark.parametrize(
    ("variables", "profile", "missing"),
    [
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/no/token", "AWS_ROLE_ARN": "arn:a"}, "", "/no/token"),
        ({}, "[default]\ncredential_process = /no/program\n", "/no/program"),
    ],
)
def test_credentials_whose_file_or_program_is_missing_are_one_line(
    tmp_path, monkeypatch, variables, profile, missing
):
    (tmp_path / "config").write_text(profile)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    with pytest.raises(ConfigError, match=f"^AWS's configuration is wrong: .*{missing}"):
        open_bucket("photos", Account(encryption=missing))  # No other test's client.
