"""Events as S3 and Batch send them, and what EventBridge makes of them by the template's rules."""

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.events.models import EventPattern

from support.aws_template import NAMES


def created(key: str, bucket: str = NAMES["Bucket"], kind: str = "Object Created") -> dict:
    """Return an event as S3 sends it, with the parts that rules and bot read."""
    return {
        "detail-type": kind,
        "source": "aws.s3",
        "time": "2026-01-02T03:04:05Z",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key, "size": 5}},
    }


def job_state(status: str, time: str = "2026-01-02T03:04:05Z", **detail: Any) -> dict:
    """Return an event as Batch sends it; `detail` says what is to differ in it."""
    return {
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "time": time,
        "detail": {
            "jobName": "paint",
            "jobId": "4c7599ae",
            "jobQueue": NAMES["JobQueue"],
            "status": status,
            "attempts": [],
            "parameters": {"bucket": NAMES["Bucket"], "key": "telegram/5/7-AQAD.jpg"},
            "container": {},
            **detail,
        },
    }


def matching(resources: Mapping[str, Any], event: dict) -> set[str]:
    """Return the names of the rules that an event matches, in moto's reading of patterns."""
    return {
        name
        for name, each in resources.items()
        if each["Type"] == "AWS::Events::Rule"
        and EventPattern(None, each["Properties"]["EventPattern"]).matches_event(event)
    }


def transformed(transformer: Mapping[str, Any], event: dict) -> Any:
    """Return the output of a target's InputTransformer for an event."""
    values = {}
    for name, path in transformer["InputPathsMap"].items():
        values[name] = event
        for step in path.removeprefix("$.").split("."):
            values[name] = values[name][step]
    template = transformer["InputTemplate"]
    # EventBridge puts a string in as JSON, quotes and all, where the template has none.
    return json.loads(re.sub(r"<(\w+)>", lambda found: json.dumps(values[found[1]]), template))
