"""aws/template.yaml: who may do what."""

import json

import layout
import pytest
from support.aws_template import mentions, policies

NO_NAME = {"ecs:DiscoverPollEndpoint", "ecr:GetAuthorizationToken", "ec2:DescribeTags"}
BUCKET = "arn:aws:s3:::painter-bucket"
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/painter-table"
CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/AWSBatch*"
INSTANCE = "arn:aws:ecs:eu-west-1:123456789012:container-instance/AWSBatch*"
IMAGE = "arn:aws:ecr:eu-west-1:123456789012:repository/my/painter"
BOT_LOG = "arn:aws:logs:eu-west-1:123456789012:log-group:/painter/bot:*"
JOB_LOG = "arn:aws:logs:eu-west-1:123456789012:log-group:/painter/paint:*"
# All that anybody may do: role, resource, actions.
RIGHTS = {
    "BotRole": {
        BUCKET: {"s3:ListBucket"},
        f"{BUCKET}/telegram/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        f"{BUCKET}/wishes/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        f"{BUCKET}/results/*": {"s3:GetObject", "s3:DeleteObject"},
        f"{BUCKET}/styles/*": {"s3:GetObject"},
        f"{BUCKET}/own/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        f"{BUCKET}/style.jpg": {"s3:GetObject"},
        f"{BUCKET}/styles/style.jpg": {"s3:PutObject"},
        TABLE: {
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:Scan",
        },
        "arn:aws:ssm:eu-west-1:123456789012:parameter/painter/telegram-token": {"ssm:GetParameter"},
        "arn:aws:batch:eu-west-1:123456789012:job/*": {"batch:TerminateJob"},
        BOT_LOG: {"logs:CreateLogStream", "logs:PutLogEvents"},
        "arn:aws:sqs:eu-west-1:123456789012:painter-dead": {"sqs:SendMessage"},
        "arn:aws:sqs:eu-west-1:123456789012:painter-refused": {
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
        },
    },
    "NewPhotoRole": {
        "arn:aws:batch:eu-west-1:123456789012:job-queue/painter": {"batch:SubmitJob"},
        "arn:aws:batch:eu-west-1:123456789012:job-definition/painter-paint": {"batch:SubmitJob"},
        "arn:aws:batch:eu-west-1:123456789012:job-definition/painter-paint:*": {"batch:SubmitJob"},
    },
    "JobRole": {
        BUCKET: {"s3:ListBucket", "s3:ListBucketMultipartUploads"},
        f"{BUCKET}/telegram/*": {"s3:GetObject"},
        f"{BUCKET}/wishes/*": {"s3:GetObject"},
        f"{BUCKET}/results/*": {"s3:GetObject", "s3:PutObject"},
        f"{BUCKET}/results/*/_checkpoints/*": {"s3:DeleteObject", "s3:AbortMultipartUpload"},
        f"{BUCKET}/styles/*": {"s3:GetObject"},
        f"{BUCKET}/own/*": {"s3:GetObject"},
        f"{BUCKET}/style.jpg": {"s3:GetObject"},
        f"{BUCKET}/styles/style.jpg": {"s3:PutObject"},
        **{f"{BUCKET}/{name}": {"s3:GetObject"} for name in layout.WEIGHT_FILES},
    },
    "InstanceRole": {
        CLUSTER: {
            "ecs:RegisterContainerInstance",
            "ecs:DeregisterContainerInstance",
            "ecs:SubmitContainerStateChange",
            "ecs:SubmitTaskStateChange",
            "ecs:SubmitAttachmentStateChanges",
        },
        INSTANCE: {
            "ecs:Poll",
            "ecs:StartTelemetrySession",
            "ecs:UpdateContainerInstancesState",
            "ecs:TagResource",
        },
        "*": NO_NAME,
        IMAGE: {
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage",
        },
        JOB_LOG: {"logs:CreateLogStream", "logs:PutLogEvents"},
    },
}


def test_each_role_may_do_this_and_nothing_else(resources):
    rights = {}
    for role, statements in policies(resources).items():
        of_role = rights.setdefault(role, {})
        for each in statements:
            assert each["Effect"] == "Allow"
            for resource in each["Resource"]:
                of_role.setdefault(resource, set()).update(each["Action"])
    assert rights == RIGHTS


def test_roles_have_no_other_policies_and_no_other_role_is_made(resources):
    for name, each in resources.items():
        if each["Type"] == "AWS::IAM::Role":
            assert "ManagedPolicyArns" not in each["Properties"], name
        assert each["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"), name
    assert set(policies(resources)) == set(RIGHTS)


def test_star_stands_only_where_iam_has_no_name():
    for role, rights in RIGHTS.items():
        assert rights.get("*", set()) <= NO_NAME, role
        assert not any("*" in action for actions in rights.values() for action in actions)


@pytest.mark.parametrize(
    "policy, rules",
    [
        ("DeadLettersPolicy", ["ResultRule.Arn", "JobStateRule.Arn"]),
        ("RefusedPhotosPolicy", "NewPhotoRule.Arn"),
    ],
)
def test_only_its_rules_may_send_to_a_queue(resources, policy, rules):
    [statement] = resources[policy]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}


def test_only_tls_reaches_the_bucket(resources):
    [statement] = resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny" and statement["Resource"] == [BUCKET, f"{BUCKET}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_token_is_named_and_nowhere_else(template):
    assert "{{resolve:" not in json.dumps(template)
    uses = set(mentions({key: template[key] for key in ("Resources", "Outputs")}, "TokenParameter"))
    function = "Resources/BotFunction/Properties/Environment/Variables/TOKEN_PARAMETER"
    policy = "Resources/BotRole/Properties/Policies/0/PolicyDocument/Statement"
    statements = template["Resources"]["BotRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    place = [each["Sid"] for each in statements["Statement"]].index("Token")
    assert uses == {function, f"{policy}/{place}/Resource", "Outputs/TokenParameter/Value"}
