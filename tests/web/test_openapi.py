"""The API's description, and requests that it allows and that make no sense."""

import json
import random
from itertools import product

from styletransfer.web.schemas import JobRequest

STRANGE = ["", "0", "-1", "1e400", "NaN", "null", "[]", "{}", "é" * 300, "%00", "\ud800", "a/../b"]
VALUES = [None, True, -1, 0, 1e308, "", "x", [], {}, [[]], {"": ""}, "\0", "💥" * 400]


def referenced(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        node = [*node.values()]
    if isinstance(node, list):
        for each in node:
            yield from referenced(each)


def test_the_description_is_whole_and_its_examples_are_allowed(web):
    described = web.get("/openapi.json").json()
    schemas = described["components"]["schemas"]
    assert {each.rpartition("/")[2] for each in referenced(described)} <= schemas.keys()
    for example in JobRequest.model_config["json_schema_extra"]["examples"]:
        JobRequest.model_validate(example)
    paths = described["paths"]
    assert {"/healthz", "/readyz", "/api/jobs", "/api/jobs/{job_id}/events"} <= paths.keys()
    assert {"408", "422", "429", "503"} <= paths["/api/jobs"]["post"]["responses"].keys()
    assert all("description" in each for path in paths.values() for each in path.values())


def test_no_request_is_an_error_of_the_server(web):
    """A quick replacement for schemathesis, which takes minutes."""
    chance = random.Random(8)
    described = web.get("/openapi.json").json()["paths"]
    answers = []
    for path, methods in described.items():
        for method, about in methods.items():
            if path.endswith("/events"):
                continue
            names = [each["name"] for each in about.get("parameters", ()) if each["in"] == "query"]
            for _ in range(3):
                address = path
                while "{" in address:
                    before, _, rest = address.partition("{")
                    strange = chance.choice(STRANGE).encode("utf-8", "surrogatepass")
                    inside = "".join(f"%{byte:02x}" for byte in strange[:80]) or "%20"
                    address = before + inside + rest.partition("}")[2]
                query = "&".join(f"{name}={chance.choice(STRANGE[:8])}" for name in names)
                body = json.dumps(chance.choice(VALUES)).encode()
                kind = chance.choice(["application/json", "multipart/form-data; boundary=x", "x"])
                headers = {"Content-Type": kind, "Idempotency-Key": "x" * chance.randint(0, 300)}
                found = web.request(method, f"{address}?{query}", content=body, headers=headers)
                answers.append((found.status_code, method, address, query, body, found.text[:200]))
    for name, value in product(["again", "style", "paintings", "quality", "settings"], VALUES):
        found = web.post("/api/jobs", json={"style": "monet", name: value})
        answers.append((found.status_code, name, value, found.text[:200]))
    assert [each for each in answers if each[0] >= 500] == []
    assert len(answers) > 100
