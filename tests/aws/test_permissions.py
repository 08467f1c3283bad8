"""The template's policies: their bounds, and that each call of bot and job has its right, and each
right its call."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from unittest import mock

import contract
import entrypoint
import pytest
from bot.resources import resources as bot_resources
from botocore.client import BaseClient
from support import tiny
from support.aws_template import ACCOUNT, NAMES, REGION, allowed, policies
from support.bot_world import ANNA, EN, OWNER, STRANGER, texts

from painterly.errors import ConfigError
from painterly.orders.record import Record
from painterly.settings import bucket_layout
from painterly.vgg import sources

# Actions on resources that IAM cannot name.
UNNAMED = {"ecs:DiscoverPollEndpoint", "ecr:GetAuthorizationToken", "ec2:DescribeTags"}
# Rights for Lambda itself, which writes the log, keeps failed events and reads the queue.
LAMBDA_RIGHTS = {
    ("logs:CreateLogStream", "BotLog.Arn"),
    ("logs:PutLogEvents", "BotLog.Arn"),
    ("sqs:SendMessage", "DeadLetters.Arn"),
    ("sqs:ReceiveMessage", "RefusedPhotos.Arn"),
    ("sqs:DeleteMessage", "RefusedPhotos.Arn"),
    ("sqs:GetQueueAttributes", "RefusedPhotos.Arn"),
}
# Where the Service Authorization Reference names a call otherwise; a HEAD is a read to IAM.
ACTIONS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
}


@contextlib.contextmanager
def recorded(*ignored: BaseClient) -> Iterator[set[tuple[str, str]]]:
    """Collect the action and the resource's ARN of every call, in all threads, by all clients
    except the ones ignored, which are the test's."""
    calls: set[tuple[str, str]] = set()
    call = BaseClient._make_api_call

    def record(client: BaseClient, operation: str, parameters: dict[str, object]) -> object:
        if client not in ignored:
            service = client.meta.service_model.service_name
            action = f"{service}:{operation}"
            calls.add((ACTIONS.get(action, action), _resource(service, parameters)))
        return call(client, operation, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", record):
        yield calls


def _resource(service: str, parameters: dict[str, object]) -> str:
    if service == "s3":
        key = f"/{parameters['Key']}" if "Key" in parameters else ""
        return f"arn:aws:s3:::{parameters['Bucket']}{key}"
    name = {
        "ssm": f"parameter{parameters.get('Name')}",
        "batch": f"job/{parameters.get('jobId')}",
    }[service]
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def rights_of(resources, role):
    return {
        (action, resource)
        for statement in policies(resources)[role]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def compare(calls, rights, unused=frozenset()):
    refused = {call for call in calls if not allowed(rights, *call)}
    assert refused == set()
    used = set().union(*(allowed(rights, *call) for call in calls))
    assert rights - used == unused


@pytest.mark.slow
def test_the_bot_may_do_what_it_does_and_nothing_else(world, resources):
    with recorded(world.s3) as calls:
        world.put("style.jpg", tiny.file(50, 50, 3))
        for text in ("/start", "/help", "/styles", "/style style", "/size 512", "/status"):
            world.says(OWNER, text)
        world.says(STRANGER, "/start")
        world.presses(OWNER, f"allow:{STRANGER}")
        world.says(OWNER, "/users")
        world.presses(OWNER, f"forget:{STRANGER}")
        for kind in ("JPEG", "PNG"):  # The second replaces the first.
            file = tiny.file(50, 50, 4, kind)
            world.answers(world.file(ANNA, file, "a", "image/png", caption="style mine"))
        world.says(ANNA, "/help")
        for number in range(3):
            world.answers(world.photo(ANNA, tiny.file(60, 80, number)))
        painted, failed, cancelled = world.photo_keys(ANNA)
        world.created(painted)
        for key in (painted, failed, cancelled):
            world.job(key, "RUNNING", job=f"job of {key}")
        world.created(world.result(painted, tiny.file(60, 80), "mine"))
        record = bucket_layout.record_key("mine", contract.Photo.of_key(failed).name)
        error = Record(error="it is damaged").to_bytes()
        world.put(f"{contract.result_prefix(ANNA)}/{record}", error)
        world.job(failed, "FAILED", container={"exitCode": 1})
        world.says(ANNA, "/cancel")
        left = world.photo_keys(ANNA)
        world.presses(ANNA, f"softer:{contract.Photo.of_key(painted).token}")
        world.presses(ANNA, f"forget:{ANNA}")
    # All of it succeeded.
    assert EN.text("preview") in texts(world.telegram.sent("sendPhoto"))
    assert len(world.telegram.sent("sendDocument")) == 1
    assert "damaged" in str(world.telegram.sent(chat=ANNA))
    assert left == [painted, failed]
    kept = {key for key in world.keys("") if not key.startswith("state/")}
    assert kept == {"style.jpg", "styles/style.jpg", "styles/monet.jpg"}
    compare(calls, rights_of(resources, "BotRole"), unused=LAMBDA_RIGHTS)


def test_the_job_may_do_what_it_does_and_nothing_else(
    world, resources, monkeypatch, stand_in, tmp_path
):
    monkeypatch.setattr(sources, "CACHE", tmp_path / "none")
    monkeypatch.setenv("STYLE_SIZE", "64")
    monkeypatch.setenv("STYLE_ITERATIONS", "2")
    monkeypatch.delenv("VGG_WEIGHTS", raising=False)
    photos = [contract.Photo(ANNA, number, "AQAD", "jpg") for number in (1, 2)]
    prefix = contract.own_prefix(ANNA)
    wishes = [contract.Wish(style="style"), contract.Wish(prefix, "mine")]
    world.put("style.jpg", tiny.file(50, 50, 3))
    world.put(f"{prefix}/mine.jpg", tiny.file(50, 50, 4))
    world.put(contract.WEIGHT_FILES[-1], b"not read, as the stand-in paints")
    for photo, wish in zip(photos, wishes, strict=True):
        world.put(photo.key, tiny.file(60, 80, 1))
        world.put(photo.request_key, json.dumps({"wish": asdict(wish)}).encode())
    # Left by an earlier attempt.
    checkpoints = f"results/{ANNA}/_checkpoints"
    damaged = b"PK\x03\x04".ljust(30, b"\0") + b"fingerprint.npy, and no more"
    world.put(f"{checkpoints}/mine/{photos[1].name}.npz", damaged)
    unfinished = f"{checkpoints}/style/{photos[0].name}.npz"
    world.s3.create_multipart_upload(Bucket=world.bucket, Key=unfinished)
    with recorded(world.s3) as calls:
        for photo in photos:
            assert entrypoint.main([world.bucket, photo.key]) == 0
    results = [f"results/{ANNA}/mine/2-AQAD.jpg", f"results/{ANNA}/style/1-AQAD.jpg"]
    assert [key for key in world.keys("results/") if key.endswith(".jpg")] == results
    assert world.keys(f"{checkpoints}/") == []
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket=world.bucket)
    compare(calls, rights_of(resources, "JobRole"))


def test_the_function_gets_the_variables_that_the_bot_reads_and_no_others(
    world, resources, monkeypatch
):
    variables = resources["BotFunction"]["Properties"]["Environment"]["Variables"]
    for name, value in variables.items():
        with monkeypatch.context() as patch:
            patch.delenv(name)
            with pytest.raises(ConfigError, match=f"{name} is not set"):
                bot_resources()
        assert os.environ[name] == value, "as in the tests of the bot"


def test_rights_name_their_actions_and_their_resources_wherever_iam_can(resources):
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role":
            assert "ManagedPolicyArns" not in resource["Properties"], name
        assert resource["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"), name
    roles = policies(resources)
    assert set(roles) == {"BotRole", "NewPhotoRole", "JobRole", "InstanceRole"}
    for role, statements in roles.items():
        for statement in statements:
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in statement["Action"]), role
            assert "*" not in statement["Resource"] or set(statement["Action"]) <= UNNAMED, role
    [image] = [each for each in roles["InstanceRole"] if each["Sid"] == "Image"]
    assert image["Resource"] == ["arn:aws:ecr:eu-west-1:123456789012:repository/my/painter"]
    [submit] = roles["NewPhotoRole"]
    assert submit["Action"] == ["batch:SubmitJob"]
    definition = "arn:aws:batch:eu-west-1:123456789012:job-definition/painter-paint"
    queue = "arn:aws:batch:eu-west-1:123456789012:job-queue/painter"
    assert submit["Resource"] == [queue, definition, f"{definition}:*"]


def test_only_its_rules_may_send_to_a_queue_and_only_tls_reaches_the_bucket(resources):
    for policy, rules in (
        ("DeadLettersPolicy", ["ResultRule.Arn", "JobStateRule.Arn"]),
        ("RefusedPhotosPolicy", "NewPhotoRule.Arn"),
    ):
        [statement] = resources[policy]["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}
    [statement] = resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny" and statement["Resource"] == [
        NAMES["Bucket.Arn"],
        f"{NAMES['Bucket.Arn']}/*",
    ]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
