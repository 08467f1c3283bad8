"""The bot in its surroundings: a fake Telegram, and moto's AWS.

What takes a second to load is loaded by the fixtures: other tests need not wait for it.
"""

import hashlib
import hmac
import io
import logging
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from support.bot_running import ANNA, BORIS, OWNER, World
from support.pictures import gradient, saved

from styletransfer.storage import s3_client

if TYPE_CHECKING:
    from support.telegram_server import Telegram


@pytest.fixture(scope="module")
def telegram() -> "Iterator[Telegram]":
    from support.telegram_server import telegram_running

    with telegram_running() as running:
        yield running


@pytest.fixture(scope="module")
def aws(moto) -> Iterator[Any]:
    """boto3's default session while these tests run: all of AWS is moto's server."""
    import boto3

    environment = {
        **{"AWS_ENDPOINT_URL": moto.url, "AWS_DEFAULT_REGION": "us-east-1"},
        **{"AWS_ACCESS_KEY_ID": moto.key_id, "AWS_SECRET_ACCESS_KEY": moto.secret},
    }
    s3_client._open.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in environment.items():
            patch.setenv(variable, value)
        session = boto3.session.Session()
        patch.setattr(boto3, "DEFAULT_SESSION", session)
        yield session
    s3_client._open.cache_clear()


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """aws/template.yaml, translated into plain CloudFormation."""
    from support import aws_template

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", aws_template.REGION)
        return aws_template.translated(aws_template.parsed())


@pytest.fixture(scope="session")
def resources(template) -> dict[str, Any]:
    """Its resources, with what CloudFormation fills in."""
    from support.aws_template import filled

    return filled(template)


@pytest.fixture
def world(moto, aws, telegram, monkeypatch, caplog) -> Iterator[World]:
    """A new bucket with one look, a new table, the token in its parameter; Anna and Boris may use
    the bot. Whatever is logged never has the token in it."""
    from bot.handler import handler
    from bot.resources import resources
    from support.telegram_server import TOKEN

    telegram.__init__(telegram.url)
    name = f"table-{uuid.uuid4().hex}"
    environment = {
        **{"BUCKET": moto.new_bucket(), "TABLE": name, "TOKEN_PARAMETER": "/painter/token"},
        **{"OWNER": str(OWNER), "KEEP_DAYS": "30", "STYLE_SIZE": "1024"},
        "PHOTOS_PER_DAY": "20",
        "TELEGRAM_API": telegram.url,
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    resources.cache_clear()
    aws.client("ssm").put_parameter(
        Name="/painter/token", Value=TOKEN, Type="SecureString", Overwrite=True
    )
    new_table = aws.resource("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    secret = hmac.new(TOKEN.encode(), b"webhook", hashlib.sha256).hexdigest()
    made = World(handler, secret, telegram, moto.client, environment["BUCKET"], new_table)
    event, note = "provide-client-params.batch.TerminateJob", made.note_terminated
    aws.events.register(event, note)
    made.put("styles/monet.jpg", saved(gradient(90, 50), "JPEG"))
    for user in (ANNA, BORIS):
        new_table.put_item(Item={"pk": f"user#{user}", "allowed": True, "name": f"Person {user}"})
    logged = io.StringIO()
    log = logging.StreamHandler(logged)
    logging.getLogger().addHandler(log)
    with caplog.at_level(logging.INFO):
        yield made
    logging.getLogger().removeHandler(log)
    aws.events.unregister(event, note)
    resources.cache_clear()
    assert TOKEN not in logged.getvalue()
