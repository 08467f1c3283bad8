"""aws/webhook.py on moto's AWS and the fake Telegram."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import layout
import pytest
import webhook
from moto import mock_aws
from support.telegram_server import TOKEN, telegram_running
from telegram import WebhookInfo

pytestmark = pytest.mark.slow  # Each test runs a cloud and Telegram.

URL = "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/webhook"
OUTPUTS = {"WebhookUrl": {"Value": URL}, "TokenParameter": {"Value": "/painter/telegram-token"}}


def stack(name, outputs):
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    body = json.dumps({"Resources": topic, "Outputs": outputs})
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=body)


def store(value, kind="SecureString"):
    boto3.client("ssm").put_parameter(
        Name="/painter/telegram-token", Value=value, Type=kind, Overwrite=True
    )


@pytest.fixture
def telegram(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testaccess")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testsecret")
    with mock_aws(), telegram_running() as telegram:
        monkeypatch.setenv("TELEGRAM_API", telegram.url)
        stack("painter", OUTPUTS)
        stack("other", {"WebhookUrl": {"Value": URL}})
        yield telegram


def test_telegram_is_reported_the_address_and_the_secret_and_forgets_both(telegram, capsys):
    store(f"{TOKEN}\n")
    assert webhook.main(["--stack", "painter"]) == 0
    assert telegram.webhook == {
        "url": URL,
        "secret_token": layout.webhook_secret(TOKEN),
        "allowed_updates": ["message", "callback_query"],
    }
    assert set(telegram.menus) == {("default", code) for code in ("", "de", "fr", "es")}
    assert capsys.readouterr().out == f"Telegram sends to {URL}\n"
    assert webhook.main(["--stack", "painter", "--info"]) == 0
    assert telegram.webhook["url"] == URL
    assert webhook.main(["--stack", "painter", "--remove"]) == 0
    assert telegram.webhook == {}
    assert capsys.readouterr().out.endswith(
        "Telegram has no address for the bot: it gets no messages.\n"
    )


@pytest.mark.parametrize(
    "name, token, kind, code, message",
    [
        (
            "painters",
            TOKEN,
            "SecureString",
            2,
            "no stack painters in eu-west-1; check its name and AWS_DEFAULT_REGION",
        ),
        ("other", TOKEN, "SecureString", 2, "stack other has no output TokenParameter"),
        ("painter", None, "", 2, "there is no SSM parameter /painter/telegram-token"),
        ("painter", TOKEN, "String", 2, "is a String, readable by everybody"),
        ("painter", "4242:another", "SecureString", 2, "Telegram refuses the bot's token"),
        ("painter", "no token", "SecureString", 2, "Telegram refuses the bot's token"),
    ],
    ids=["no stack", "other stack", "no token", "plain token", "wrong token", "no such token"],
)
def test_a_mistake_is_one_line_without_the_token(
    telegram, capsys, name, token, kind, code, message
):
    if token:
        store(token, kind)
    assert webhook.main(["--stack", name]) == code
    out, error = capsys.readouterr()
    assert out == "" and message in error and error.count("\n") == 1
    assert token is None or token not in error
    assert telegram.webhook == {}


def test_a_missing_region_is_one_line_that_names_a_variable_boto3_reads(monkeypatch, capsys):
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert webhook.main(["--stack", "painter"]) == 2
    error = capsys.readouterr().err
    assert "AWS_DEFAULT_REGION" in error and error.count("\n") == 1


def test_a_telegram_that_cannot_be_reached_is_one_line_without_the_token(
    telegram, monkeypatch, capsys
):
    store(TOKEN)
    monkeypatch.setenv("TELEGRAM_API", "http://127.0.0.1:9")
    assert webhook.main(["--stack", "painter"]) == 5
    error = capsys.readouterr().err
    assert "Telegram at http://127.0.0.1:9" in error and error.count("\n") == 1
    assert TOKEN not in error


def test_what_telegram_could_not_deliver_is_shown():
    when = datetime.now(UTC) - timedelta(hours=3)
    info = WebhookInfo("https://elsewhere", False, 7, when, "Wrong response: 403")
    assert webhook.describe(info, URL) == [
        f"Telegram sends to https://elsewhere, not to this stack's {URL}",
        "updates waiting: 7",
        "last error, 3 h ago: Wrong response: 403",
    ]
