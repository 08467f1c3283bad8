"""The API as a page: openapi.json in tables, without scripts."""

from collections.abc import Iterator, Mapping
from typing import Any

Table = dict[str, Any]
_METHODS = ("get", "post", "put", "delete")


def docs_context(api: Mapping[str, Any]) -> Table:
    """Return the variables of the template `docs.html` for an OpenAPI document."""
    schemas: Mapping[str, Table] = api["components"]["schemas"]
    shown = (name for name, schema in schemas.items() if "properties" in schema)
    return {
        "api": api,
        "operations": [*_operations(api["paths"])],
        "types": [
            {"name": name, "description": schemas[name].get("description", "")}
            | {"fields": [*_fields(schemas[name])]}
            for name in shown
        ],
    }


def _operations(paths: Mapping[str, Table]) -> Iterator[Table]:
    for path, methods in paths.items():
        for method in filter(methods.__contains__, _METHODS):
            about = methods[method]
            yield {
                "id": about["operationId"],
                "method": method.upper(),
                "path": path,
                "description": about.get("description", about["summary"]),
                "parameters": [_parameter(each) for each in about.get("parameters", ())],
                "fields": [*_body_fields(about.get("requestBody", {}))],
                "answers": [*_answers(about["responses"])],
            }


def _parameter(about: Mapping[str, Any]) -> Table:
    return {
        "name": about["name"],
        "place": about["in"],
        "type": _type(about["schema"]),
        "description": about.get("description", ""),
        "required": about.get("required", False),
    }


def _body_fields(body: Mapping[str, Any]) -> Iterator[Table]:
    for kind, about in body.get("content", {}).items():
        for field in _fields(about.get("schema", {})):
            yield field | {"place": "form" if kind.startswith("multipart") else "JSON"}


def _fields(schema: Mapping[str, Any]) -> Iterator[Table]:
    required = schema.get("required", ())
    for name, about in schema.get("properties", {}).items():
        yield {
            "name": name,
            "type": _type(about),
            "description": about.get("description", ""),
            "required": name in required,
        }


def _answers(responses: Mapping[str, Table]) -> Iterator[Table]:
    """Yield the answers of an operation, refusals only by their status."""
    for status, about in responses.items():
        content = about.get("content", {})
        kinds = (_type(each.get("schema", {})) or kind for kind, each in content.items())
        shown = "" if status.startswith(("4", "5")) else ", ".join(dict.fromkeys(kinds))
        yield {"status": status, "type": shown}


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a value in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "contentSchema" in schema:
        return "JSON, see the fields in JSON"
    if schema.get("format") == "binary":
        return "file"
    kind = schema.get("type", "")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = [f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema]
    return " ".join([str(kind), *limits])


_LIMITS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
