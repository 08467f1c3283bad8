"""The bot in its surroundings: a fake Telegram, and AWS by moto, both in this process.

The fixtures import what takes a second to load, so that other tests need not wait for it.
"""

import io
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from typing import Any

import pytest
from support import aws_template
from support.aws_template import NAMES, REGION
from support.bot_world import ANNA, BORIS, OWNER, World
from support.fake_telegram import TOKEN, Telegram
from support.pictures import gradient, saved

from painterly.storage.s3 import client as s3_client

ENVIRONMENT = {
    "BUCKET": NAMES["Bucket"],
    "TOKEN_PARAMETER": "/painter/telegram-token",
    "OWNER": str(OWNER),
    "KEEP_DAYS": "30",
    "STYLE_SIZE": "1024",
    "STYLES": "none",
    "PHOTOS_PER_DAY": "20",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "testaccess",
    "AWS_SECRET_ACCESS_KEY": "testsecret",
}


@pytest.fixture(scope="module")
def aws() -> Iterator[Any]:
    """Replace AWS by moto in this process, with one boto3 session."""
    import boto3
    from moto import mock_aws
    from moto.core.base_backend import BaseBackend
    from moto.s3.responses import S3Response

    key_response, lock = S3Response.key_response, threading.RLock()

    def answer_alone(*args: Any, **options: Any) -> Any:
        # S3 answers each request about an object in one step. Between threads, moto does not: it
        # checks a condition before it writes, and closes an object that another thread still reads.
        with lock:
            return key_response(*args, **options)

    # moto lists the addresses of a service at each request, and for S3 reloads a module to do so.
    urls = cached_property(BaseBackend.urls.fget)
    urls.__set_name__(BaseBackend, "urls")
    core = {"mock_credentials": False, "reset_boto3_session": False}
    s3_client.opened.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in ENVIRONMENT.items():
            patch.setenv(variable, value)
        for variable in ("AWS_ENDPOINT_URL", "CELLAR_ADDON_HOST"):
            patch.delenv(variable, raising=False)
        patch.setattr(boto3, "DEFAULT_SESSION", boto3.session.Session())
        patch.setattr(S3Response, "key_response", answer_alone)
        patch.setattr(BaseBackend, "urls", urls)
        with mock_aws(config={"core": core}) as mocked:
            mocked.session = boto3.DEFAULT_SESSION
            mocked.s3 = boto3.client("s3")
            mocked.ssm = boto3.client("ssm")
            yield mocked
    s3_client.opened.cache_clear()


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """aws/template.yaml, translated into plain CloudFormation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        return aws_template.translated()


@pytest.fixture(scope="session")
def resources(template) -> dict[str, Any]:
    """Return the template's resources, with CloudFormation's functions evaluated."""
    return aws_template.filled(template)


@pytest.fixture
def world(aws, monkeypatch, caplog) -> Iterator[World]:
    """Yield the bot with a new bucket with one style, and the token in its parameter. Anna and
    Boris may use it. Fails if the token is logged."""
    from bot import handler, photos
    from bot.context import User
    from bot.resources import resources
    from contract import webhook_secret

    aws.reset()
    resources.cache_clear()
    telegram = Telegram()
    monkeypatch.setitem(handler.HTTPX_OPTIONS, "transport", telegram.transport())
    monkeypatch.setattr(handler, "PAUSES_S", (0,) * len(handler.PAUSES_S))
    monkeypatch.setattr(photos, "PREVIEW_SIDE", 96)  # Larger ones take seconds.
    aws.ssm.put_parameter(Name=ENVIRONMENT["TOKEN_PARAMETER"], Value=TOKEN, Type="SecureString")
    aws.s3.create_bucket(
        Bucket=NAMES["Bucket"], CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    secret = webhook_secret(TOKEN)
    made = World(handler.handler, secret, telegram, aws.s3, NAMES["Bucket"])
    terminate = "provide-client-params.batch.TerminateJob"
    aws.session.events.register(terminate, made.note_terminated)
    made.put("styles/monet.jpg", saved(gradient(90, 50), "JPEG"))
    for user in (ANNA, BORIS):
        known = User(user, allowed=True, name=f"Person {user}")
        made.put(known.key, json.dumps(asdict(known)).encode())
    logged = io.StringIO()
    log = logging.StreamHandler(logged)
    logging.getLogger().addHandler(log)
    with caplog.at_level(logging.INFO):
        yield made
    logging.getLogger().removeHandler(log)
    aws.session.events.unregister(terminate, made.note_terminated)
    resources.cache_clear()
    assert TOKEN not in logged.getvalue()
