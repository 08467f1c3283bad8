"""aws/template.yaml: what CloudFormation gets, who may do what, and which events start what."""

import copy
import gzip
import json
import re
from email import message_from_string
from pathlib import Path

import layout
import moto
import pytest
from support import aws_template
from support.aws_events import created, is_retried, job_state, matching, transformed
from support.aws_template import FILE, cycle, filled, mentions, parsed, policies, translated

from styletransfer import bucket_layout
from styletransfer.images import output

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


@pytest.fixture(autouse=True)
def region(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", aws_template.REGION)


@pytest.fixture(scope="module")
def template():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", aws_template.REGION)
        return translated(parsed())


@pytest.fixture(scope="module")
def resources(template):
    return filled(template)


@pytest.mark.slow
def test_cfn_lint_finds_nothing():
    from cfnlint.api import ManualArgs, lint

    found = lint(FILE.read_text(), config=ManualArgs(regions=["eu-west-1", "us-east-1"]))
    assert [f"{each.linenumber}: {each.rule.id} {each.message}" for each in found] == []


def test_no_resource_needs_itself_once_translated(template):
    assert cycle(template) == []


def test_a_circle_that_only_the_translation_shows_is_found():
    planted = parsed()
    function = planted["Resources"]["BotFunction"]["Properties"]
    trigger = {"Bucket": {"Ref": "Bucket"}, "Events": "s3:ObjectCreated:*"}
    function["Events"]["Photo"] = {"Type": "S3", "Properties": trigger}
    found = cycle(translated(planted))
    assert {"Bucket", "BotFunction"} <= set(found)


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


@pytest.mark.parametrize(
    "parameter, good, bad",
    [
        ("TokenParameter", "/painter/telegram-token", "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"),
        ("OwnerId", "4711", "@me"),
        ("Image", aws_template.GIVEN["Image"], "painter:1"),
        ("AlarmEmail", "", "nobody"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(template, parameter, good, bad):
    pattern = template["Parameters"][parameter]["AllowedPattern"]
    assert re.search(pattern, good) and not re.search(pattern, bad)


def test_what_users_send_goes_in_time_and_the_owners_paintings_stay(resources):
    bucket = resources["Bucket"]["Properties"]
    rules = {each.get("Prefix"): each for each in bucket["LifecycleConfiguration"]["Rules"]}
    passing = (layout.PHOTOS, layout.WISHES, layout.RESULTS, layout.OWN)
    assert set(rules) == {*(f"{each}/" for each in passing), None}
    assert "ExpirationInDays" not in rules[None]
    block = bucket["PublicAccessBlockConfiguration"]
    assert len(block) == 4 and all(block.values())
    [encrypted] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encrypted["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_a_job_fits_into_every_instance_type_with_room_for_ecs(resources):
    file = Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz"
    types = json.loads(gzip.decompress(file.read_bytes()))
    container = resources["JobDefinition"]["Properties"]["ContainerProperties"]
    needs = {each["Type"]: int(each["Value"]) for each in container["ResourceRequirements"]}
    assert needs["GPU"] == 1
    for name in ("SpotEnvironment", "OnDemandEnvironment"):
        computing = resources[name]["Properties"]["ComputeResources"]
        assert computing["InstanceTypes"] == ["g4dn.xlarge", "g6.xlarge", "g5.xlarge"]
        for each in computing["InstanceTypes"]:
            assert needs["VCPU"] <= types[each]["VCpuInfo"]["DefaultVCpus"]
            # Of 16 GiB, instances of this size register some 15.4.
            assert needs["MEMORY"] <= 0.94 * types[each]["MemoryInfo"]["SizeInMiB"]


@pytest.mark.slow
def test_the_region_of_the_guide_has_the_instance_types_of_the_template(template):
    """By cfn-lint's copy of what EC2 offers. Batch refuses a type that the region lacks, and the
    stack rolls back."""
    from cfnlint.data.schemas.extensions import aws_ec2_instance

    file = Path(aws_ec2_instance.__file__).with_name("instancetype_enum.json")
    offered = {
        region: set(each["enum"])
        for region, each in json.loads(file.read_text()).items()
        if isinstance(each, dict) and each["enum"]
    }
    guide = FILE.with_name("README.md").read_text()
    [region] = set(re.findall(r"AWS_DEFAULT_REGION=(\S+)", guide))
    types = set(template["Parameters"]["InstanceTypes"]["Default"].split(","))
    assert types <= offered[region]
    # Ireland, the region before, is one of many that lack one of them.
    assert not types <= offered["eu-west-1"]


def test_nothing_runs_where_nothing_waits_and_spot_goes_first(resources):
    for name in ("SpotEnvironment", "OnDemandEnvironment"):
        properties = resources[name]["Properties"]
        assert properties["ComputeResources"]["MinvCpus"] == 0
        assert properties["ComputeResources"]["Ec2Configuration"] == [
            {"ImageType": "ECS_AL2023_NVIDIA"}
        ]
        # What updates in place ask for.
        assert properties["ReplaceComputeEnvironment"] is False and "ServiceRole" not in properties
        assert "ComputeEnvironmentName" not in properties
    spot, on_demand = (
        resources[name]["Properties"]["ComputeResources"]
        for name in ("SpotEnvironment", "OnDemandEnvironment")
    )
    assert (spot["Type"], spot["AllocationStrategy"]) == ("SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED")
    assert (on_demand["Type"], on_demand["AllocationStrategy"]) == ("EC2", "BEST_FIT_PROGRESSIVE")
    order = resources["JobQueue"]["Properties"]["ComputeEnvironmentOrder"]
    ordered = sorted(order, key=lambda each: each["Order"])
    assert [each["ComputeEnvironment"] for each in ordered] == [
        "SpotEnvironment",
        "OnDemandEnvironment",
    ]


@pytest.mark.parametrize(
    "status, code, retried",
    [
        ("Host EC2 (instance i-0123456789abcdef0) terminated.", None, True),
        ("Essential container in task exited", 143, True),
        ("Essential container in task exited", 1, False),
        ("Essential container in task exited", 137, False),
        ("Task failed to start", None, False),
    ],
    ids=["Spot", "SIGTERM", "failed", "no memory", "no image"],
)
def test_only_what_spot_took_is_retried(resources, status, code, retried):
    retry = resources["JobDefinition"]["Properties"]["RetryStrategy"]
    assert 3 <= retry["Attempts"] <= 5
    assert is_retried(retry, status, code) == retried


def test_the_job_is_the_entrypoint_on_a_gpu_for_an_hour_at_most(resources):
    job = resources["JobDefinition"]["Properties"]
    container = job["ContainerProperties"]
    assert job["Timeout"] == {"AttemptDurationSeconds": "3600"}
    assert container["Command"] == ["python", "aws/entrypoint.py", "Ref::bucket", "Ref::key"]
    given = {each["Name"]: each["Value"] for each in container["Environment"]}
    wanted = {"DEVICE": "gpu", "LOG_FORMAT": "json", "OUTPUT_FORMAT": "same"}
    size = resources["BotFunction"]["Properties"]["Environment"]["Variables"]["STYLE_SIZE"]
    assert given == wanted | {"AWS_DEFAULT_REGION": aws_template.REGION, "STYLE_SIZE": size}
    for name in ("BotLog", "JobLog", "ApiLog"):
        assert resources[name]["Properties"]["RetentionInDays"]


@pytest.mark.parametrize("suffix", sorted(bucket_layout.PICTURES))
def test_a_photo_of_every_kind_is_painted(resources, suffix):
    for chat in (5, -100123):
        photo = layout.Photo(chat, 7, "AQAD_x-9", suffix.removeprefix("."))
        assert matching(resources, created(photo.key)) == {"NewPhotoRule"}
        assert matching(resources, created(photo.wish_key)) == set()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_a_result_of_every_kind_is_sent(resources, suffix):
    assert output.output_extension(suffix, "JPEG") == suffix
    key = f"{layout.result_prefix(-100123)}/monet and hokusai/7-AQAD_x-9.{suffix}"
    assert layout.Photo.of_result(key)
    assert matching(resources, created(key)) == {"ResultRule"}


@pytest.mark.parametrize(
    "event",
    [
        created("results/5/_records/monet/7-AQAD.jpg.json"),
        created("results/5/_checkpoints/monet/7-AQAD.jpg.npz"),
        created("styles/monet.jpg"),
        created("own/5/grandma.png"),
        created("style.jpg"),
        created("imagenet-vgg-verydeep-19.mat"),
        created("telegram/5/7-AQAD.jpg", bucket="another"),
        created("telegram/5/7-AQAD.jpg", kind="Object Deleted"),
        job_state("FAILED", jobQueue="arn:aws:batch:eu-west-1:123456789012:job-queue/another"),
        job_state("PENDING"),
    ],
    ids=lambda event: event["detail"].get("object", event["detail"]).get("key", "job"),
)
def test_what_is_nobodys_business_starts_nothing(resources, event):
    assert matching(resources, event) == set()


@pytest.mark.parametrize(
    "status", ["SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]
)
def test_the_bot_hears_how_a_job_fares(resources, status):
    assert matching(resources, job_state(status)) == {"JobStateRule"}


def test_a_pattern_has_no_more_wildcards_than_eventbridge_takes(resources):
    """Each `*` in the middle counts two in EventBridge's measure of complexity: four of them, 8,
    are known to be taken, six, 12, known to be refused."""
    assert json.dumps(resources["ResultRule"]["Properties"]["EventPattern"]).count("*") <= 4


@pytest.mark.parametrize("key", ["telegram/-5/7-AQAD_x-9.jpg", 'telegram/5/"é\\ \n<bucket>&.jpg'])
def test_the_job_gets_bucket_and_key_whatever_the_key(resources, key):
    [target] = resources["NewPhotoRule"]["Properties"]["Targets"]
    submitted = transformed(target["InputTransformer"], created(key))
    assert submitted == {"Parameters": {"bucket": "painter-bucket", "key": key}}
    assert "RetryStrategy" not in target["BatchParameters"]


def test_photos_go_on_being_painted_while_the_stack_is_updated(resources):
    """An update deregisters the job definition's revision: the rule names none."""
    rule, definition = resources["NewPhotoRule"], resources["JobDefinition"]
    [target] = rule["Properties"]["Targets"]
    name = definition["Properties"]["JobDefinitionName"]
    assert target["BatchParameters"]["JobDefinition"] == name == "painter-paint"
    assert rule["DependsOn"] == "JobDefinition"


def test_what_cannot_be_delivered_goes_to_the_dead_letters_and_raises_an_alarm(resources):
    dead, refused = (aws_template.NAMES[f"{name}.Arn"] for name in ("DeadLetters", "RefusedPhotos"))
    for name, each in resources.items():
        if each["Type"] == "AWS::Events::Rule":
            for target in each["Properties"]["Targets"]:
                queue = refused if name == "NewPhotoRule" else dead
                assert target["DeadLetterConfig"] == {"Arn": queue}, name
    [source] = [it for it in resources.values() if it["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert source["Properties"]["EventSourceArn"] == refused
    waiting = resources["RefusedPhotos"]["Properties"]
    assert waiting["RedrivePolicy"]["deadLetterTargetArn"] == dead
    timeout = resources["BotFunction"]["Properties"]["Timeout"]
    assert waiting["VisibilityTimeout"] == 6 * timeout, "as Lambda advises"
    [config] = [it for it in resources.values() if it["Type"] == "AWS::Lambda::EventInvokeConfig"]
    destination = config["Properties"]["DestinationConfig"]["OnFailure"]
    assert destination["Destination"] == dead
    alarm = resources["DeadLettersAlarm"]["Properties"]
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible" and alarm["Threshold"] == 0


def test_what_it_costs_has_bounds(template):
    made = filled(template)
    assert made["BotFunction"]["Properties"]["ReservedConcurrentExecutions"] == "10"
    assert "Budget" not in made, "nobody would hear of it"
    unbounded, named = copy.deepcopy(template), copy.deepcopy(template)
    unbounded["Parameters"]["BotConcurrency"]["Default"] = 0
    assert "ReservedConcurrentExecutions" not in filled(unbounded)["BotFunction"]["Properties"]
    named["Parameters"]["AlarmEmail"]["Default"] = "me@example.org"
    budget = filled(named)["Budget"]["Properties"]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": "20", "Unit": "USD"}
    for each in budget["NotificationsWithSubscribers"]:
        assert [it["Address"] for it in each["Subscribers"]] == ["me@example.org"]


def test_a_container_cannot_have_the_role_of_its_instance_and_spot_ends_it_in_order(resources):
    """Containers of Batch use the instance's network: no hop limit, but a firewall, keeps them from
    its credentials."""
    data = resources["LaunchTemplate"]["Properties"]["LaunchTemplateData"]["UserData"]
    [script] = [
        part.get_payload() for part in message_from_string(data).walk() if not part.is_multipart()
    ]
    user = resources["JobDefinition"]["Properties"]["ContainerProperties"]["User"]
    assert f"--uid {user} " in (FILE.parents[1] / "Dockerfile").read_text()
    [firewall] = [line for line in script.splitlines() if line.startswith("iptables")]
    assert "--destination 169.254.169.254" in firewall and f"--uid-owner {user} " in firewall
    assert script.startswith("#!/bin/bash\n")
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config\n" in script


def test_the_default_size_is_one_that_the_machine_can_paint(template):
    assert template["Parameters"]["StyleSize"]["MaxValue"] == layout.LARGEST_SIDE


def test_the_guide_names_parameters_and_outputs_that_there_are(template):
    guide = FILE.with_name("README.md").read_text()
    named = set(re.findall(r"\*([A-Z][A-Za-z]+)\*", guide))
    assert named - {"RefusedPhotos"} <= set(template["Parameters"])
    assert set(re.findall(r"\$\(output (\w+)\)", guide)) <= set(template["Outputs"])
    assert not re.search(r"AWS_REGION[=.]", guide), "which neither boto3 nor SAM reads"


def test_requests_are_logged_without_the_secret(resources):
    settings = resources["BotApiApiGatewayDefaultStage"]["Properties"]["AccessLogSettings"]
    assert settings["DestinationArn"] == "ApiLog.Arn"
    logged = json.loads(settings["Format"])
    assert logged["status"] == "$context.status" and "header" not in settings["Format"]


def test_who_may_use_the_bot_can_be_restored(resources):
    recovery = resources["Table"]["Properties"]["PointInTimeRecoverySpecification"]
    assert recovery == {"PointInTimeRecoveryEnabled": True}


def test_an_alarm_goes_to_the_address_given_and_else_to_nobody(template):
    assert filled(template)["DeadLettersAlarm"]["Properties"]["AlarmActions"] == []
    given = copy.deepcopy(template)
    given["Parameters"]["AlarmEmail"]["Default"] = "me@example.org"
    found = filled(given)
    assert found["DeadLettersAlarm"]["Properties"]["AlarmActions"] == ["AlarmTopic"]
    [subscribed] = found["AlarmTopic"]["Properties"]["Subscription"]
    assert subscribed == {"Protocol": "email", "Endpoint": "me@example.org"}
