"""aws/template.yaml: the bounds of its roles and policies. test_permissions compares the rights of
bot and job with their calls."""

from support.aws_template import policies

# Actions on resources that IAM cannot name.
UNNAMED = {"ecs:DiscoverPollEndpoint", "ecr:GetAuthorizationToken", "ec2:DescribeTags"}
BUCKET = "arn:aws:s3:::painter-bucket"


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
