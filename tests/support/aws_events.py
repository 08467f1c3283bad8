"""Events as S3 and Batch send them, and what EventBridge makes of them by the template's rules."""

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.events.models import EventPattern

from support.aws_template import ACCOUNT, NAMES, REGION


def created(key: str, bucket: str = NAMES["Bucket"], kind: str = "Object Created") -> dict:
    """An event as S3 sends it."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2026-01-02T03:04:05Z",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": 5, "etag": "d41d8cd98f00b204e9800998ecf8427e"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
    }


def job_state(status: str, time: str = "2026-01-02T03:04:05Z", **detail: Any) -> dict:
    """An event as Batch sends it; `detail` says what is to differ in it."""
    job = detail.get("jobId", "4c7599ae")
    return {
        "version": "0",
        "id": "c8f9c4b5-76e5-d76a-f980-7011e206042b",
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": ACCOUNT,
        "time": time,
        "region": REGION,
        "resources": [f"arn:aws:batch:{REGION}:{ACCOUNT}:job/{job}"],
        "detail": {
            "jobName": "paint",
            "jobId": job,
            "jobQueue": NAMES["JobQueue"],
            "status": status,
            "attempts": [],
            "parameters": {"bucket": NAMES["Bucket"], "key": "telegram/5/7-AQAD.jpg"},
            "container": {},
            **detail,
        },
    }


def matching(resources: Mapping[str, Any], event: dict) -> set[str]:
    """The names of the rules that an event matches, in moto's reading of patterns."""
    return {
        name
        for name, each in resources.items()
        if each["Type"] == "AWS::Events::Rule"
        and EventPattern(None, each["Properties"]["EventPattern"]).matches_event(event)
    }


def transformed(transformer: Mapping[str, Any], event: dict) -> Any:
    """The output of a target's InputTransformer for an event."""
    values = {}
    for name, path in transformer["InputPathsMap"].items():
        values[name] = event
        for step in path.removeprefix("$.").split("."):
            values[name] = values[name][step]
    template = transformer["InputTemplate"]
    # EventBridge puts a string in as JSON, quotes and all, where the template has none.
    return json.loads(re.sub(r"<(\w+)>", lambda found: json.dumps(values[found[1]]), template))


def is_retried(retry: Mapping[str, Any], status: str, code: int | None) -> bool:
    """Whether the first rule of a job's RetryStrategy that matches an attempt retries it."""
    seen = {
        "OnStatusReason": status,
        "OnExitCode": "" if code is None else str(code),
        "OnReason": "",
    }

    def holds(rule: Mapping[str, str]) -> bool:
        conditions = {key: value for key, value in rule.items() if key != "Action"}
        return all(
            seen[key].startswith(value[:-1]) if value.endswith("*") else seen[key] == value
            for key, value in conditions.items()
        )

    return next(rule for rule in retry["EvaluateOnExit"] if holds(rule))["Action"] == "RETRY"
