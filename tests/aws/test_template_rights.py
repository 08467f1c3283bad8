"""aws/template.yaml: the bounds of its roles and policies. test_permissions compares the rights of
bot and job with their calls."""

import json

from support.aws_template import policies

# Actions on resources that IAM cannot name.
UNNAMED = {"ecs:DiscoverPollEndpoint", "ecr:GetAuthorizationToken", "ec2:DescribeTags"}
BUCKET = "arn:aws:s3:::painter-bucket"


def test_roles_have_no_other_policies_and_no_other_role_is_made(resources):
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role":
            assert "ManagedPolicyArns" not in resource["Properties"], name
        assert resource["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"), name
    assert set(policies(resources)) == {"BotRole", "NewPhotoRole", "JobRole", "InstanceRole"}


def test_a_right_names_its_actions_and_its_resource_wherever_iam_can(resources):
    for role, statements in policies(resources).items():
        for statement in statements:
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in statement["Action"]), role
            assert "*" not in statement["Resource"] or set(statement["Action"]) <= UNNAMED, role


def test_an_instance_pulls_this_image_and_no_other(resources):
    [image] = [each for each in policies(resources)["InstanceRole"] if each["Sid"] == "Image"]
    assert image["Resource"] == ["arn:aws:ecr:eu-west-1:123456789012:repository/my/painter"]


def test_a_new_photo_submits_jobs_of_this_stack_only(resources):
    [submit] = policies(resources)["NewPhotoRole"]
    assert submit["Action"] == ["batch:SubmitJob"]
    definition = "arn:aws:batch:eu-west-1:123456789012:job-definition/painter-paint"
    queue = "arn:aws:batch:eu-west-1:123456789012:job-queue/painter"
    assert submit["Resource"] == [queue, definition, f"{definition}:*"]


def test_only_its_rules_may_send_to_a_queue(resources):
    for policy, rules in (
        ("DeadLettersPolicy", ["ResultRule.Arn", "JobStateRule.Arn"]),
        ("RefusedPhotosPolicy", "NewPhotoRule.Arn"),
    ):
        [statement] = resources[policy]["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}


def test_only_tls_reaches_the_bucket(resources):
    [statement] = resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny" and statement["Resource"] == [BUCKET, f"{BUCKET}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_no_secret_is_read_into_the_template(template):
    assert "{{resolve:" not in json.dumps(template)
