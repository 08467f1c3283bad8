"""The API's description, and requests that it allows and forbids."""

import subprocess
import sys

import pytest
from support.web_page import staged

from painterly.jobs.schemas import JobRequest
from painterly.web import events

# Only the service can tell whether a file is a picture, and which styles there are. Starlette names
# the methods of one route in `Allow`, although a path may have several.
CHECKED = """
seed = 1
suppress-health-check = ["too_slow"]
[generation]
max-examples = 12
deterministic = true
allow-extra-parameters = false
[checks]
positive_data_acceptance.enabled = false
allow_header_conformance.enabled = false
[dictionaries]
jobs.values = JOBS
paintings.values = ["monet.jpg", "both/a.png"]
[parameters]
"path.job_id" = { dictionary = "jobs", probability = 0.5 }
"path.name" = { dictionary = "paintings", probability = 0.5 }
"""


def test_the_description_has_all_requests_and_its_examples_are_allowed(web, locked):
    assert web.get("/docs").status_code == 404 and locked.get("/openapi.json").status_code == 401
    paths = web.get("/openapi.json").json()["paths"]
    for example in JobRequest.model_config["json_schema_extra"]["examples"]:
        JobRequest.model_validate(example)
    assert {"/healthz", "/readyz", "/metrics", "/api/jobs", "/api/events"} <= paths.keys()
    assert {"408", "422", "429", "503"} <= paths["/api/jobs"]["post"]["responses"].keys()
    assert all("description" in each for path in paths.values() for each in path.values())
    body = paths["/api/paint"]["post"]["requestBody"]["content"]["multipart/form-data"]
    stroke_size, switch = (
        body["schema"]["properties"][name] for name in ("stroke_size", "preserve_color")
    )
    limits = {"type": "number", "minimum": 0.25, "maximum": 4}
    assert limits.items() <= stroke_size.items() and switch.keys() == {"type", "description"}


@pytest.mark.thorough
def test_schemathesis_finds_no_answer_that_is_not_as_described(place, tmp_path, monkeypatch):
    monkeypatch.setattr(events, "MAX_STREAM_S", 0)  # Streams of events end at once.
    with staged({**place, "WEB_MAX_WAITING": "10000"}) as server:
        jobs = [server.add() for _ in range(3)]
        server.end(jobs[0])
        known = str([each.id for each in jobs])
        (tmp_path / "schemathesis.toml").write_text(CHECKED.replace("JOBS", known))
        address = f"{server.address}/openapi.json"
        command = (sys.executable, "-m", "schemathesis.cli", "--no-color", "run", address)
        found = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, timeout=200)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Unresolvable references" not in found.stdout, found.stdout
    assert server.jobs.deleted() & {each.id for each in jobs}, "requests have reached jobs"
