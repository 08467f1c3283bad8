"""The API as a page: examples for a shell, and openapi.json in tables, without scripts."""

from collections.abc import Iterator, Mapping
from typing import Any

Table = dict[str, Any]
_METHODS = ("get", "post", "put", "delete")
_FIRST, _LAST = "/api/paint", "system"  # a path, and a tag
# Command lines of a shell, by method and path. `{curl}` has the token if one is needed, and ADDRESS
# is the service's.
_EXAMPLES = {
    "POST /api/paint": """\
{curl} -F photo=@beach.jpg -F style=hokusai -o painted.jpg ADDRESS/api/paint
{curl} -F photo=@beach.jpg -F painting=@monet.jpg -F size=640 -F format=png -o painted.png \\
  ADDRESS/api/paint""",
    "GET /api/styles": "{curl} -H 'Accept-Language: fr' ADDRESS/api/styles",
    "POST /api/jobs": """\
{curl} -F photo=@beach.jpg -F 'request={{"style": "hokusai", "preset": "instant"}}' ADDRESS/api/jobs
{curl} -H 'Idempotency-Key: beach-1' -F photo=@beach.jpg \\
  -F 'request={{"paintings": {{"monet.jpg": 1}}, "settings": {{"strength": 0.7}}}}' \\
  ADDRESS/api/jobs""",
    "GET /api/jobs": "{curl} ADDRESS/api/jobs",
    "POST /api/paintings": "{curl} -F file=@monet.jpg ADDRESS/api/paintings",
    "GET /api/estimate": "{curl} ADDRESS/api/estimate",
}
_REFUSALS = {
    400: "the request cannot be read, or names a host that is not this service's",
    401: "there is no login, or the token is wrong",
    403: "a page of another site sent it, or it may not be deleted",
    404: "there is no such job, picture or painting",
    408: "the request arrived too slowly",
    409: "it does not fit what has happened to the job since",
    413: "a file or a field is too large",
    415: "it is not a form, or no picture",
    422: "a style, a setting or a file is wrong; the line names it",
    429: "the queue is full, or too many passwords were wrong; `Retry-After` has the seconds",
    503: "the service paints something else, or its storage is away; `Retry-After` has the seconds",
}


def docs_context(api: Mapping[str, Any], address: str, needs_token: bool) -> Table:
    """Return the variables of the template `docs.html`, for an OpenAPI document, the service's
    address without a slash at its end, and whether programs have to send a token."""
    curl = 'curl -H "Authorization: Bearer $TOKEN"' if needs_token else "curl"
    examples = {
        name: text.format(curl=curl).replace("ADDRESS", address) for name, text in _EXAMPLES.items()
    }
    schemas: Mapping[str, Table] = api["components"]["schemas"]
    shown = (name for name, schema in schemas.items() if "properties" in schema)
    return {
        "api": api,
        "needs_token": needs_token,
        "operations": sorted(
            ({**each, "example": examples.get(each["name"])} for each in _operations(api["paths"])),
            key=lambda each: (each["path"] != _FIRST, each["tag"] == _LAST),
        ),
        "refusals": _REFUSALS,
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
                "name": f"{method.upper()} {path}",
                "path": path,
                "tag": about["tags"][0],
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
    for status, about in responses.items():
        if not status.startswith(("4", "5")):
            content = about.get("content", {})
            kinds = (_type(each.get("schema", {})) or kind for kind, each in content.items())
            yield {"status": status, "type": ", ".join(dict.fromkeys(kinds))}


def _type(schema: Mapping[str, Any]) -> str:
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
    limits = [f"{word} {schema[key]:g}" for key, word in _LIMITS.items() if key in schema]
    return " ".join([str(kind), *limits])


_LIMITS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
