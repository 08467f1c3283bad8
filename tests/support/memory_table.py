"""A DynamoDB table in memory, as far as the bot uses one: for tests of thousands of updates."""

import copy
import operator
import re
from collections.abc import Callable
from typing import Any

from boto3.dynamodb import conditions
from botocore.exceptions import ClientError


class MemoryTable:
    """`items` are the table's, by key."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}

    def get_item(self, Key: dict[str, str], **_: Any) -> dict[str, Any]:
        item = self.items.get(Key["pk"])
        return {"Item": copy.deepcopy(item)} if item else {}

    def delete_item(self, Key: dict[str, str]) -> None:
        self.items.pop(Key["pk"], None)

    def scan(self, FilterExpression: conditions.ConditionBase, **_: Any) -> dict[str, Any]:
        return {"Items": [it for it in self.items.values() if _holds(FilterExpression, it)]}

    def update_item(
        self,
        Key: dict[str, str],
        UpdateExpression: str,
        ExpressionAttributeValues: dict[str, Any],
        ExpressionAttributeNames: dict[str, str] | None = None,
        ConditionExpression: conditions.ConditionBase | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        item = copy.deepcopy(self.items.get(Key["pk"], {}))
        if ConditionExpression and not _holds(ConditionExpression, item):
            refusal = {"Code": "ConditionalCheckFailedException", "Message": ""}
            raise ClientError({"Error": refusal}, "UpdateItem")
        names = ExpressionAttributeNames or {}
        for verb, parts in re.findall(r"(SET|ADD) (.*?)(?= SET | ADD |$)", UpdateExpression):
            for part in parts.split(", "):
                name, value = part.split(" = " if verb == "SET" else " ")
                name, value = names.get(name, name), ExpressionAttributeValues[value]
                item[name] = value if verb == "SET" else item.get(name, set()) | value
        self.items[Key["pk"]] = item | Key
        return {"Attributes": copy.deepcopy(self.items[Key["pk"]])}


_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    conditions.Equals: operator.eq,
    conditions.LessThan: operator.lt,
    conditions.LessThanEquals: operator.le,
    conditions.In: lambda found, values: found in values,
    conditions.BeginsWith: str.startswith,
    conditions.Contains: operator.contains,
}


def _holds(condition: Any, item: dict[str, Any]) -> bool:
    operand, *values = condition.get_expression()["values"]
    match condition:
        case conditions.And():
            return _holds(operand, item) and _holds(*values, item)
        case conditions.Or():
            return _holds(operand, item) or _holds(*values, item)
        case conditions.Not():
            return not _holds(operand, item)
        case conditions.AttributeExists():
            return operand.name in item
        case conditions.AttributeNotExists():
            return operand.name not in item
    if isinstance(operand, conditions.Size):
        [attribute] = operand.get_expression()["values"]
        found = len(item[attribute.name]) if attribute.name in item else None
    else:
        found = item.get(operand.name)
    return found is not None and bool(_COMPARISONS[type(condition)](found, *values))
