"""The permissions that code needs: its calls of boto3, as IAM names them."""

import contextlib
from collections.abc import Iterator
from unittest import mock

from botocore.client import BaseClient

from support.aws_template import ACCOUNT, REGION

# As the Service Authorization Reference has them; a HEAD is a read to IAM.
ACTIONS = {
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "GetObject"): "s3:GetObject",
    ("s3", "PutObject"): "s3:PutObject",
    ("s3", "DeleteObject"): "s3:DeleteObject",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "ListMultipartUploads"): "s3:ListBucketMultipartUploads",
    ("s3", "AbortMultipartUpload"): "s3:AbortMultipartUpload",
    ("dynamodb", "GetItem"): "dynamodb:GetItem",
    ("dynamodb", "UpdateItem"): "dynamodb:UpdateItem",
    ("dynamodb", "DeleteItem"): "dynamodb:DeleteItem",
    ("dynamodb", "Scan"): "dynamodb:Scan",
    ("ssm", "GetParameter"): "ssm:GetParameter",
    ("batch", "TerminateJob"): "batch:TerminateJob",
}


@contextlib.contextmanager
def recorded(*ignored: BaseClient) -> Iterator[set[tuple[str, str]]]:
    """Collects the action and the resource's ARN of every call, in all threads, by all clients
    except the ones ignored, which are the test's.

    A call that is missing from ACTIONS raises KeyError.
    """
    calls: set[tuple[str, str]] = set()
    call = BaseClient._make_api_call

    def record(client: BaseClient, operation: str, given: dict[str, object]) -> object:
        if client not in ignored:
            service = client.meta.service_model.service_name
            calls.add((ACTIONS[service, operation], _resource(service, given)))
        return call(client, operation, given)

    with mock.patch.object(BaseClient, "_make_api_call", record):
        yield calls


def _resource(service: str, given: dict[str, object]) -> str:
    if service == "s3":
        return f"arn:aws:s3:::{given['Bucket']}" + (f"/{given['Key']}" if "Key" in given else "")
    name = {
        "dynamodb": f"table/{given.get('TableName')}",
        "ssm": f"parameter{given.get('Name')}",
        "batch": f"job/{given.get('jobId')}",
    }[service]
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"
