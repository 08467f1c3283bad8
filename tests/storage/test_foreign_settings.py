"""AWS's configuration on a user's machine: without a say for other services, named for Amazon's."""

import os
import socket
from pathlib import Path

import pytest
from support.commands import python, refusal
from support.s3_servers import SECRET

from painterly.errors import ConfigError
from painterly.storage import open_bucket
from painterly.storage.address import Account
from painterly.storage.s3 import client as s3_client

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
    s3_client._open.cache_clear()
    yield tmp_path
    s3_client._open.cache_clear()


@pytest.fixture
def buckets(server):
    """Buckets, made before the test's own client would read another program's configuration."""
    made = {f"BUCKET_{name}": server.new_bucket() for name in ("SOURCE", "STYLE", "RESULT")}
    server.client.put_object(Bucket=made["BUCKET_SOURCE"], Key="a.jpg", Body=b"x")
    return made


@pytest.mark.slow
def test_where_cellars_variables_are_set_a_foreign_aws_configuration_has_no_say(
    server, buckets, home
):
    for foreign in ({}, FOREIGN, {"AWS_CONFIG_FILE": str(Path(__file__))}):
        variables = {**buckets, **server.environment, **foreign, "HOME": str(home)}
        run = python("-c", LIST, cwd=home, **variables)
        assert (run.returncode, run.stderr) == (0, "")
        assert "a.jpg" in run.stdout and run.stdout.count("in 0 objects") == 2


def test_a_certificate_file_that_is_missing_or_none_is_named(home, monkeypatch):
    account = Account("https://localhost:9", "k", SECRET)
    (home / "text.pem").write_text("no certificate")
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        for file, reason in (("nope.pem", "does not exist"), ("text.pem", "expected a file of c")):
            monkeypatch.setenv(name, str(home / file))
            with pytest.raises(ConfigError, match=rf"^{name} is '.*{file}', .*{reason}"):
                open_bucket("photos", account)
        monkeypatch.delenv(name)


def test_with_aws_own_the_message_names_the_setting(home, monkeypatch):
    (home / ".aws/credentials").unlink()
    (home / ".aws/config").write_text("[default]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    with pytest.raises(ConfigError, match=r"\(nowhere\).*AWS_PROFILE is 'nowhere'; correct or u"):
        open_bucket("photos", Account())
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "no region")
    with pytest.raises(ConfigError, match=r"AWS_DEFAULT_REGION is 'no region'"):
        open_bucket("photos", Account())


def test_acceleration_at_a_service_without_it_is_named(home, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    (home / ".aws/credentials").unlink()
    text = "[default]\nregion = eu-west-1\ns3 =\n  use_accelerate_endpoint = true\n"
    (home / ".aws/config").write_text(text)
    message = refusal(open_bucket("photos", Account(hurried=True)).exists)
    assert message.startswith("AWS's configuration is wrong: ")
    assert "ccelerat" in message and "~/.aws/config" in message and "broke" not in message


def test_an_endpoint_of_aws_configuration_is_named_where_nobody_answers(home, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    (home / ".aws/credentials").unlink()
    (home / ".aws/config").write_text(f"[default]\nregion = eu-west-1\nendpoint_url = {url}\n")
    message = refusal(open_bucket("photos", Account(hurried=True)).exists)
    assert "check endpoint_url in ~/.aws/config, which names it" in message
    assert url.removeprefix("http://") in message
    s3_client._open.cache_clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    message = refusal(open_bucket("photos", Account(hurried=True)).exists)
    assert "check AWS_ENDPOINT_URL_S3, which names it" in message


def test_a_login_with_sso_that_has_ended_says_how_to_log_in(home, monkeypatch):
    (home / ".aws/credentials").unlink()
    text = AWS_CONFIG[AWS_CONFIG.index("sso_session") : AWS_CONFIG.index("s3 =")]
    sessions = AWS_CONFIG[AWS_CONFIG.index("[sso-session") :]
    (home / ".aws/config").write_text(f"[profile work]\nregion = eu-west-1\n{text}\n{sessions}")
    monkeypatch.setenv("AWS_PROFILE", "work")
    message = refusal(open_bucket("photos", Account()).exists)
    assert "run: aws sso login --profile work" in message
