"""Dockerfile, .dockerignore, compose.yaml and docs/kubernetes.yaml; tools/try_image.sh builds the
image."""

import fnmatch
import re
import tomllib
from importlib.util import find_spec

import yaml

from painterly.cli.command import VERBS
from painterly.configuration.web_options import load_options
from painterly.settings.installation import PROGRAM
from painterly.vgg.architectures import BUILTIN
from painterly.web.gate import OPEN_PATHS

MANIFEST = PROGRAM / "docs/kubernetes.yaml"
DOCKERFILE = (PROGRAM / "Dockerfile").read_text()


def lets_through(path: str) -> bool:
    """Whether .dockerignore lets a file into the build: the last rule that names it, or a folder
    that it is in, decides."""
    parts = path.split("/")
    paths = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    passes = True
    for rule in (PROGRAM / ".dockerignore").read_text().splitlines():
        pattern = rule.removeprefix("!")
        name = pattern.removeprefix("**/")
        candidates = paths if pattern == name else parts
        same_depth = [part for part in candidates if part.count("/") == name.count("/")]
        if rule and not rule.startswith("#") and fnmatch.filter(same_depth, name):
            passes = rule.startswith("!")
    return passes


def test_the_image_has_the_network_of_our_own_and_no_secret():
    assert lets_through(BUILTIN.relative_to(PROGRAM).as_posix())
    for path in ("painterly/runs/run.py", "aws/entrypoint.py", "aws/contract.py", "start.sh"):
        assert lets_through(path)
    for path in (".env", ".git/config", "samples/.env", "aws/bot/handler.py", "tests/conftest.py"):
        assert not lets_through(path)


def test_the_image_has_what_the_package_is_built_from():
    project = tomllib.loads((PROGRAM / "pyproject.toml").read_text())["project"]
    for path in ("pyproject.toml", "uv.lock", project["readme"], *project["license-files"]):
        assert lets_through(path)


def test_the_image_is_made_of_pinned_parts():
    lines = DOCKERFILE.splitlines()
    [base] = [line for line in lines if line.startswith("ARG PYTHON_IMAGE=")]
    assert re.search(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", base)
    assert "FROM $PYTHON_IMAGE" in lines
    [install] = [line for line in lines if "uv sync" in line]
    assert "--locked" in install


def test_compose_serves_the_page_and_keeps_its_pictures():
    compose = yaml.safe_load((PROGRAM / "compose.yaml").read_text())
    web = compose["services"]["web"]
    assert all(f"ARG {name}=" in DOCKERFILE for name in web["build"]["args"])
    python, option, module, verb = web["command"]
    assert (python, option) == ("python", "-m") and find_spec(module) and verb in VERBS

    options = load_options({**web["environment"], "WEB_PASSWORD": "a long one"})
    assert web["ports"] == [f"${{PUBLISH:-8080}}:{options.port}"] and not options.local
    check = web["healthcheck"]["test"][-1]
    [(port, path)] = re.findall(r'urlopen\("http://127\.0\.0\.1:(\d+)(/\w+)"', check)
    assert port == str(options.port) and path in OPEN_PATHS

    # A new volume belongs to the owner of the image's folder, who runs the service.
    [volume] = web["volumes"]
    name, folder = volume.split(":")
    assert name in compose["volumes"]
    [made] = re.findall(
        r"install --directory --owner=painter --group=0 --mode=775 (.+)", DOCKERFILE
    )
    assert folder in made.split() and folder == "/app/results"


def test_a_batch_and_https_start_only_on_request():
    compose = yaml.safe_load((PROGRAM / "compose.yaml").read_text())
    web, batch, caddy = (compose["services"][name] for name in ("web", "batch", "caddy"))
    assert "profiles" not in web
    assert (batch["profiles"], caddy["profiles"]) == (["batch"], ["https"])

    python, option, module = batch["entrypoint"]
    assert (python, option) == ("python", "-m") and find_spec(module) and not batch["command"]
    for shared in ("build", "image", "env_file", "volumes"):
        assert batch[shared] == web[shared]
    assert not batch["ports"] and batch["restart"] == "no" and batch["healthcheck"]["disable"]

    options = load_options({**web["environment"], "WEB_PASSWORD": "a long one"})
    assert caddy["command"][-2:] == ["--to", f"web:{options.port}"]
    assert caddy["ports"] == ["80:80", "443:443"]
    [volume] = caddy["volumes"]
    assert volume.partition(":")[0] in compose["volumes"]


def test_compose_reads_no_variable_but_those_that_its_page_explains():
    text = (PROGRAM / "compose.yaml").read_text()
    page = (PROGRAM / "docs/docker.md").read_text()
    assert all(f"{name}=" in page for name in re.findall(r"\$\{(\w+)", text))
    [version] = re.findall(r"Compose (\d+\.\d+) or later", text)
    assert f"Compose {version} or later" in page


def test_kubernetes_serves_the_page_and_keeps_its_pictures():
    claim, deployment, service = yaml.safe_load_all(MANIFEST.read_text())
    assert [each["kind"] for each in (claim, deployment, service)] == [
        *("PersistentVolumeClaim", "Deployment", "Service")
    ]
    spec = deployment["spec"]["template"]["spec"]
    [container] = spec["containers"]
    python, option, module, verb = container["args"]
    assert (python, option) == ("python", "-m") and find_spec(module) and verb in VERBS
    assert "ENTRYPOINT" not in DOCKERFILE  # It would come before the arguments.

    variables = {each["name"]: each["value"] for each in container["env"]}
    known = set(re.findall(r"^#?([A-Z_]+)=", (PROGRAM / ".env.example").read_text(), re.MULTILINE))
    assert set(variables) <= known
    options = load_options({**variables, "WEB_PASSWORD": "a long one"})
    [port] = container["ports"]
    assert port["containerPort"] == options.port and not options.local
    [exposed] = service["spec"]["ports"]
    assert exposed["targetPort"] == port["name"]
    probes = {name: each["httpGet"] for name, each in container.items() if name.endswith("Probe")}
    assert {each["port"] for each in probes.values()} == {port["name"]}
    paths = {name: each["path"] for name, each in probes.items()}
    assert paths == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert {*paths.values()} <= {*OPEN_PATHS}

    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels == service["spec"]["selector"]
    [mount] = container["volumeMounts"]
    [volume] = spec["volumes"]
    assert mount["name"] == volume["name"] and f"{mount['mountPath']}\n" in DOCKERFILE
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    user = spec["securityContext"]
    assert f"--uid {user['runAsUser']} " in DOCKERFILE and user["fsGroup"] == user["runAsUser"]
    # A second process, on another node, would wait for the volume forever.
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"]["type"] == "Recreate"

    [secret] = {each["secretRef"]["name"] for each in container["envFrom"]}
    assert f"kubectl create secret generic {secret} " in MANIFEST.read_text()
    assert f"service/{service['metadata']['name']} 8080:{exposed['port']} " in MANIFEST.read_text()
