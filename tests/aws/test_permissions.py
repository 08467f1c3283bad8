"""The template's policies against the calls that bot and job make: no call without its right, no
right without its call."""

import json

import boto3
import entrypoint
import layout
import pytest
from bot import handler, resources
from moto import mock_aws
from support import aws_calls, aws_template, tiny
from support.aws_template import allowed, filled, parsed, policies, translated
from support.telegram_server import TOKEN, telegram_running

from styletransfer import bucket_layout
from styletransfer.errors import ConfigError
from styletransfer.storage import s3_client
from styletransfer.vgg import download

pytestmark = pytest.mark.slow  # Each test runs a cloud and Telegram.

OWNER = int(aws_template.GIVEN["OwnerId"])
BUCKET = aws_template.NAMES["Bucket"]
# Rights that no code of ours uses: Lambda itself writes the log and what it gave up, and reads the
# queue.
LAMBDAS = {
    ("logs:CreateLogStream", aws_template.NAMES["BotLog.Arn"]),
    ("logs:PutLogEvents", aws_template.NAMES["BotLog.Arn"]),
    ("sqs:SendMessage", aws_template.NAMES["DeadLetters.Arn"]),
    ("sqs:ReceiveMessage", aws_template.NAMES["RefusedPhotos.Arn"]),
    ("sqs:DeleteMessage", aws_template.NAMES["RefusedPhotos.Arn"]),
    ("sqs:GetQueueAttributes", aws_template.NAMES["RefusedPhotos.Arn"]),
}


@pytest.fixture(scope="module")
def made():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", aws_template.REGION)
        return filled(translated(parsed()))


@pytest.fixture
def account(made, monkeypatch):
    """An account with the template's bucket, table and token; gives a client of the bucket."""
    for name in ("CELLAR_ADDON_HOST", "CELLAR_ADDON_KEY_ID", "CELLAR_ADDON_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", aws_template.REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testaccess")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testsecret")
    variables = made["BotFunction"]["Properties"]["Environment"]["Variables"]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for cached in (s3_client._open, resources.resources):
        cached.cache_clear()
    with mock_aws():
        s3 = boto3.client("s3")
        place = {"LocationConstraint": aws_template.REGION}
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        table = made["Table"]["Properties"]
        keys = ("BillingMode", "AttributeDefinitions", "KeySchema")
        given = {name: table[name] for name in keys}
        boto3.client("dynamodb").create_table(TableName=variables["TABLE"], **given)
        boto3.client("ssm").put_parameter(
            Name=variables["TOKEN_PARAMETER"], Value=TOKEN, Type="SecureString"
        )
        yield s3
    for cached in (s3_client._open, resources.resources):
        cached.cache_clear()


def rights(made, role):
    return {
        (action, resource)
        for each in policies(made)[role]
        for action in each["Action"]
        for resource in each["Resource"]
    }


def compare(calls, rights, unused=frozenset()):
    refused = {call for call in calls if not allowed(rights, *call)}
    assert refused == set()
    used = set().union(*(allowed(rights, *call) for call in calls))
    assert rights - used == unused


def put(account, key, data):
    account.put_object(Bucket=BUCKET, Key=key, Body=data)


def keys(account, prefix, suffix):
    found = account.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
    return {each["Key"] for each in found if each["Key"].endswith(suffix)}


class Chat:
    """The owner's chat with the bot, by way of the function's handler."""

    def __init__(self):
        self.update = 0

    def says(self, text):
        entity = {"type": "bot_command", "offset": 0, "length": len(text.split()[0])}
        self.posts(text=text, entities=[entity])

    def posts(self, **message):
        sender = {"id": OWNER, "is_bot": False, "first_name": "Ada"}
        chat = {"id": OWNER, "type": "private"}
        common = {"message_id": self.update + 1, "date": 1, "chat": chat, "from": sender}
        self.sends(message=common | message)

    def presses(self, data):
        sender = {"id": OWNER, "is_bot": False, "first_name": "Ada"}
        chat = {"id": OWNER, "type": "private"}
        message = {"message_id": 999, "date": 1, "chat": chat, "text": "…"}
        query = {"id": "1", "from": sender, "chat_instance": "1", "data": data}
        self.sends(callback_query=query | {"message": message})

    def sends(self, **content):
        self.update += 1
        body = json.dumps({"update_id": self.update, **content})
        secret = {"x-telegram-bot-api-secret-token": layout.webhook_secret(TOKEN)}
        request = {"requestContext": {}, "headers": secret, "body": body}
        assert handler.handler(request, None) == {"statusCode": 200}


def test_the_bot_may_do_what_it_does_and_nothing_else(account, made, monkeypatch):
    with telegram_running() as telegram, aws_calls.recorded(but=account) as calls:
        monkeypatch.setenv("TELEGRAM_API", telegram.url)
        chat = Chat()
        put(account, "style.jpg", tiny.file(50, 50, 3))
        for text in ("/start", "/help", "/styles", "/style style", "/size 512", "/status"):
            chat.says(text)
        for text in ("/users add 5 Bob", "/users list", "/users remove 5"):
            chat.says(text)
        for kind in ("JPEG", "PNG"):  # The second replaces the first.
            sent = telegram.add_file(tiny.file(50, 50, 4, kind))
            document = sent | {"mime_type": "image/png", "file_name": "a"}
            chat.posts(document=document, caption="style mine")
        chat.says("/help")
        for number in range(3):
            size = telegram.add_file(tiny.file(60, 80, number))
            chat.posts(photo=[size | {"width": 80, "height": 60}])
        painted, failed, cancelled = sorted(keys(account, "telegram/", ".jpg"))
        for key in (painted, failed, cancelled):
            handler.handler(job(key, "RUNNING"), None)
        photo = layout.Photo.of_key(painted)
        result = f"{layout.result_prefix(OWNER)}/mine/{photo.name}"
        put(account, result, tiny.file(60, 80))
        event = {"bucket": {"name": BUCKET}, "object": {"key": result}}
        handler.handler({"source": "aws.s3", "detail": event}, None)
        record = f"{layout.result_prefix(OWNER)}/"
        record += bucket_layout.record_key("mine", layout.Photo.of_key(failed).name)
        put(account, record, json.dumps({"error": "it is damaged"}).encode())
        handler.handler(job(failed, "FAILED"), None)
        chat.says("/cancel")
        left = keys(account, "telegram/", ".jpg")
        chat.presses(f"softer:{photo.token}")
        chat.presses(f"forget:{OWNER}")
    # Not only the calls were made: all of it went well.
    methods = [call.method for call in telegram.calls]
    assert methods.count("sendDocument") == 1 and "damaged" in str(telegram.calls)
    assert left == {painted, failed} and keys(account, "", "") == {"style.jpg", "styles/style.jpg"}
    compare(calls, rights(made, "BotRole"), unused=LAMBDAS)


def test_the_job_may_do_what_it_does_and_nothing_else(
    account, made, monkeypatch, small_vgg, tmp_path
):
    chat, own = 5, "own/5"
    monkeypatch.setattr(download, "CACHE", tmp_path / "none")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("STYLE_SIZE", "64")
    monkeypatch.setenv("STYLE_ITERATIONS", "2")
    monkeypatch.delenv("VGG_WEIGHTS", raising=False)
    photos = [layout.Photo(chat, number, "AQAD", "jpg") for number in (1, 2)]
    wishes = [layout.Wish(look="style"), layout.Wish(own, "mine")]
    files = {
        "style.jpg": tiny.file(50, 50, 3),
        f"{own}/mine.jpg": tiny.file(50, 50, 4),
        layout.WEIGHT_FILES[-1]: b"read by nobody, as the tiny network is taken",
    }
    for photo, wish in zip(photos, wishes, strict=True):
        files |= {photo.key: tiny.file(60, 80, 1), photo.wish_key: wish.to_json().encode()}
    # What an earlier attempt left.
    damaged = b"PK\x03\x04".ljust(30, b"\0") + b"fingerprint.npy, and no more"
    files[f"results/5/_checkpoints/mine/{photos[1].name}.npz"] = damaged
    for key, data in files.items():
        put(account, key, data)
    unfinished = f"results/5/_checkpoints/style/{photos[0].name}.npz"
    account.create_multipart_upload(Bucket=BUCKET, Key=unfinished)
    with aws_calls.recorded(but=account) as calls:
        for photo in photos:
            assert entrypoint.main([BUCKET, photo.key]) == 0
    results = keys(account, "results/", ".jpg")
    assert results == {"results/5/style/1-AQAD.jpg", "results/5/mine/2-AQAD.jpg"}
    assert keys(account, "results/", ".npz") == set()
    assert "Uploads" not in account.list_multipart_uploads(Bucket=BUCKET)
    compare(calls, rights(made, "JobRole"))


def job(key, status):
    """An event as Batch sends it."""
    detail = {"jobId": f"job-{key}", "status": status, "parameters": {"key": key}}
    container = {"exitCode": 1} if status == "FAILED" else {}
    event = {"source": "aws.batch", "time": "2026-01-02T03:04:05Z"}
    return event | {"detail": detail | {"container": container}}


def test_the_function_is_reported_what_the_bot_asks_for_and_nothing_else(
    account, made, monkeypatch
):
    variables = made["BotFunction"]["Properties"]["Environment"]["Variables"]
    for name in variables:
        with monkeypatch.context() as patch:
            patch.delenv(name)
            with pytest.raises(ConfigError, match=f"{name} is not set"):
                resources.resources()
    assert resources.resources().owner == OWNER
