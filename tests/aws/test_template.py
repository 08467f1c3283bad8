"""aws/template.yaml: what CloudFormation gets, on which machines jobs run, and what it costs."""

import gzip
import json
import re
from email import message_from_string
from pathlib import Path

import contract
import moto
import pytest
from bot import requests
from bot.context import USERS
from bot.resources import PASSING
from support.aws_template import FILE, GIVEN, REGION, filled, offered


@pytest.mark.thorough
def test_cfn_lint_finds_nothing(template):
    """Once translated: cfn-lint follows no circle of resources through SAM's."""
    from cfnlint.api import ManualArgs, lint

    findings = lint(json.dumps(template), config=ManualArgs(regions=["eu-west-1", "us-east-1"]))
    assert [f"{each.path}: {each.rule.id} {each.message}" for each in findings] == []


def test_a_parameter_that_cannot_be_is_refused(template):
    for parameter, good, bad in (
        ("TokenParameter", "/painter/telegram-token", "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"),
        ("OwnerId", "4711", "@me"),
        ("Image", GIVEN["Image"], "painter:1"),
        ("AlarmEmail", "", "nobody"),
    ):
        pattern = template["Parameters"][parameter]["AllowedPattern"]
        assert re.search(pattern, good) and not re.search(pattern, bad)


def test_what_users_send_goes_in_time_and_the_rest_outlives_mistakes(template, resources):
    """A failed first deployment leaves no bucket."""
    bucket = resources["Bucket"]["Properties"]
    rules = {each.get("Prefix"): each for each in bucket["LifecycleConfiguration"]["Rules"]}
    days = {prefix: rule.get("ExpirationInDays") for prefix, rule in rules.items()}
    users_data = (contract.PHOTOS, contract.RESULTS, contract.OWN_STYLES)
    documents = (contract.REQUESTS, requests.QUEUE)
    expected = {f"{prefix}/": "30" for prefix in users_data + documents}
    assert days == expected | {f"{PASSING}/": 1, None: None}
    # Who may use the bot.
    assert not any(USERS.startswith(prefix) for prefix in expected)
    declared = template["Resources"]["Bucket"]
    kept = (declared["DeletionPolicy"], declared["UpdateReplacePolicy"])
    assert kept == ("RetainExceptOnCreate", "Retain")
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


def test_the_region_of_the_guide_has_the_instance_types_of_the_template(template):
    """Batch refuses a type that the region lacks, and the stack rolls back."""
    guide = FILE.with_name("README.md").read_text()
    [region] = set(re.findall(r"AWS_DEFAULT_REGION=(\S+)", guide))
    types = set(template["Parameters"]["InstanceTypes"]["Default"].split(","))
    assert types <= offered(region)
    # Ireland, the region before, is one of many that lack one of them.
    assert not types <= offered("eu-west-1")


def test_nothing_runs_where_nothing_waits_and_spot_goes_first(resources):
    spot, on_demand = (
        resources[name]["Properties"]["ComputeResources"]
        for name in ("SpotEnvironment", "OnDemandEnvironment")
    )
    assert spot["MinvCpus"] == on_demand["MinvCpus"] == 0
    assert (spot["Type"], on_demand["Type"]) == ("SPOT", "EC2")
    strategies = (spot["AllocationStrategy"], on_demand["AllocationStrategy"])
    assert strategies == ("SPOT_PRICE_CAPACITY_OPTIMIZED", "BEST_FIT_PROGRESSIVE")
    environments = resources["JobQueue"]["Properties"]["ComputeEnvironmentOrder"]
    ordered = sorted(environments, key=lambda environment: environment["Order"])
    assert [environment["ComputeEnvironment"] for environment in ordered] == [
        "SpotEnvironment",
        "OnDemandEnvironment",
    ]


def test_the_job_is_the_entrypoint_on_a_gpu_for_an_hour_at_most(template, resources):
    job = resources["JobDefinition"]["Properties"]
    container = job["ContainerProperties"]
    assert job["Timeout"] == {"AttemptDurationSeconds": "3600"}
    assert container["Command"] == ["python", "aws/entrypoint.py", "Ref::bucket", "Ref::key"]
    # Python as a container's first process loses a SIGTERM that comes before it has asked for it.
    assert container["LinuxParameters"] == {"InitProcessEnabled": True}
    variables = {each["Name"]: each["Value"] for each in container["Environment"]}
    wanted = {"DEVICE": "gpu", "LOG_FORMAT": "json", "OUTPUT_FORMAT": "same"}
    wanted |= {"PRESET": "fine"}
    bot = resources["BotFunction"]["Properties"]["Environment"]["Variables"]
    same = {name: bot[name] for name in ("STYLE_SIZE", "STYLES")}
    assert variables == wanted | {"AWS_DEFAULT_REGION": REGION} | same
    for name in ("BotLog", "JobLog", "ApiLog"):
        assert resources[name]["Properties"]["RetentionInDays"]
    assert template["Parameters"]["StyleSize"]["MaxValue"] == contract.LARGEST_SIDE


def test_what_it_costs_has_bounds_and_alarms_go_to_the_address_given(template, monkeypatch):
    made = filled(template)
    assert made["BotFunction"]["Properties"]["ReservedConcurrentExecutions"] == "10"
    assert "Budget" not in made, "nobody would hear of it"
    assert made["DeadLettersAlarm"]["Properties"]["AlarmActions"] == []
    monkeypatch.setitem(GIVEN, "BotConcurrency", "0")
    monkeypatch.setitem(GIVEN, "AlarmEmail", "me@example.org")
    made = filled(template)
    assert "ReservedConcurrentExecutions" not in made["BotFunction"]["Properties"]
    budget = made["Budget"]["Properties"]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": "20", "Unit": "USD"}
    for each in budget["NotificationsWithSubscribers"]:
        assert [it["Address"] for it in each["Subscribers"]] == ["me@example.org"]
    assert made["DeadLettersAlarm"]["Properties"]["AlarmActions"] == ["AlarmTopic"]
    [subscribed] = made["AlarmTopic"]["Properties"]["Subscription"]
    assert subscribed == {"Protocol": "email", "Endpoint": "me@example.org"}


def test_a_container_cannot_have_its_instances_role_and_what_spot_takes_gets_no_job(resources):
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


def test_the_guide_names_parameters_and_outputs_that_there_are(template):
    guide = FILE.with_name("README.md").read_text()
    named = set(re.findall(r"\*([A-Z][A-Za-z]+)\*", guide))
    assert named - {"RefusedPhotos"} <= set(template["Parameters"])
    assert set(re.findall(r"\$\(output (\w+)\)", guide)) <= set(template["Outputs"])
    assert not re.search(r"AWS_REGION[=.]", guide), "which neither boto3 nor SAM reads"


def test_no_secret_is_logged_or_read_into_the_template(template, resources):
    assert "{{resolve:" not in json.dumps(template)
    settings = resources["BotApiApiGatewayDefaultStage"]["Properties"]["AccessLogSettings"]
    assert settings["DestinationArn"] == "ApiLog.Arn"
    logged = json.loads(settings["Format"])
    assert logged["status"] == "$context.status" and "header" not in settings["Format"]
