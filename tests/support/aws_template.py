"""aws/template.yaml as CloudFormation gets it: translated by SAM, and with every name filled in."""

import json
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

FILE = Path(__file__).parents[2] / "aws" / "template.yaml"
REGION, ACCOUNT = "eu-west-1", "123456789012"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": "painter",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}
GIVEN = {
    "Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/my/painter:1",
    "OwnerId": "4711",
    "Styles": "none",
}
# What Ref and GetAtt give, where a test looks at it; others get a name made of theirs.
NAMES = {
    "Bucket": "painter-bucket",
    "Bucket.Arn": "arn:aws:s3:::painter-bucket",
    "JobQueue": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/painter",
    "JobDefinition": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/painter-paint:3",
}


def offered(region: str) -> set[str]:
    """Return the types of instances that EC2 offers in a region, by cfn-lint's copy of its list."""
    package = Path(find_spec("cfnlint").origin).parent  # Importing it takes seconds.
    file = package / "data/schemas/extensions/aws_ec2_instance/instancetype_enum.json"
    return set(json.loads(file.read_text())[region]["enum"])


def translated() -> dict[str, Any]:
    """Return the template as SAM translates it, with its code packaged, as `sam build` leaves it.
    AWS_DEFAULT_REGION has to be set."""
    from samtranslator.translator.transform import transform  # Takes a second.
    from samtranslator.yaml_helper import yaml_parse

    template = yaml_parse(FILE.read_text())
    template["Resources"]["BotFunction"]["Properties"]["CodeUri"] = "s3://code/bot.zip"
    no_managed_policies = SimpleNamespace(load=dict)
    return transform(template, {}, no_managed_policies)


def filled(template: dict[str, Any]) -> dict[str, Any]:
    """Return the resources of a translated template, with functions evaluated, and parameters at
    their defaults, or as GIVEN."""
    parameters = {name: _parameter(name, it) for name, it in template["Parameters"].items()}
    values = {**PSEUDO, **NAMES, **parameters}
    conditions = {name: _fill(it, values, {}) for name, it in template["Conditions"].items()}
    return {
        name: _fill(resource, values, conditions)
        for name, resource in template["Resources"].items()
        if conditions.get(resource.get("Condition"), True)
    }


def _parameter(name: str, declared: dict[str, Any]) -> str | list[str]:
    value = str(GIVEN.get(name, declared.get("Default")))
    return value.split(",") if declared["Type"] == "CommaDelimitedList" else value


def policies(resources: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the statements of every role, with actions and resources as lists."""
    return {
        name: [
            {**each, "Action": _list(each["Action"]), "Resource": _list(each["Resource"])}
            for policy in role["Properties"]["Policies"]
            for each in policy["PolicyDocument"]["Statement"]
        ]
        for name, role in resources.items()
        if role["Type"] == "AWS::IAM::Role"
    }


def allowed(pairs: set[tuple[str, str]], action: str, resource: str) -> set[tuple[str, str]]:
    """Return the pairs of action and resource, in the words of policies, that allow a call."""
    return {
        (each, pattern)
        for each, pattern in pairs
        if each == action and re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), resource)
    }


def _fill(node: Any, values: dict[str, Any], conditions: dict[str, Any]) -> Any:
    def fill(each: Any) -> Any:
        return _fill(each, values, conditions)

    if isinstance(node, list):
        return [found for each in node if (found := fill(each)) is not None]
    if not isinstance(node, dict):
        return node
    function = next(iter(node)) if len(node) == 1 else ""
    if function == "Ref":
        return values.get(node["Ref"], node["Ref"])
    if not function.startswith("Fn::"):
        return {key: found for key, each in node.items() if (found := fill(each)) is not None}
    value = node[function]
    evaluations: dict[str, Callable[[], Any]] = {
        "Fn::GetAtt": lambda: fill({"Ref": value if isinstance(value, str) else ".".join(value)}),
        "Fn::Sub": lambda: _substituted(value, values, fill),
        "Fn::Base64": lambda: fill(value),
        "Fn::Split": lambda: fill(value[1]).split(value[0]),
        "Fn::Select": lambda: fill(value[1])[int(value[0])],
        "Fn::GetAZs": lambda: [f"{REGION}{letter}" for letter in "abc"],
        "Fn::Equals": lambda: str(fill(value[0])) == str(fill(value[1])),
        "Fn::Not": lambda: not fill(value[0]),
        "Fn::If": lambda: fill(value[1] if conditions[value[0]] else value[2]),
    }
    return evaluations[function]()


def _substituted(value: Any, values: dict[str, Any], fill: Callable[[Any], Any]) -> str:
    text, local = value if isinstance(value, list) else (value, {})
    known = values | fill(local)
    return re.sub(r"\$\{([^!}]+)\}", lambda found: known.get(found[1], found[1]), text)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
