"""The service behind a proxy: under another name and under a path, also behind real ones."""

import json
import os
import re
import shutil
import subprocess
from contextlib import ExitStack
from types import SimpleNamespace

import httpx
import pytest
from support.polling import until
from support.s3_servers import free_ports
from support.web_service import send, served

from painterly.configuration.web_options import load_options
from painterly.errors import ConfigError
from painterly.jobs import callbacks
from painterly.jobs.schemas import JobState
from painterly.settings.installation import PROGRAM

PASSWORD = "a long password"
HTML = {"Accept": "text/html"}
PREFIX = {"X-Forwarded-Prefix": "/painter"}
LINK = re.compile(r'(?:href|src|action)="(/[^"]*)"')
NGINX = """
user root; pid {0}/pid; error_log {0}/log; worker_processes 1; daemon off;
events {{}}
http {{ access_log off; client_body_temp_path {0}/b; proxy_temp_path {0}/p;
  fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s;
  server {{ listen 127.0.0.1:{1}; {2} }}
  server {{ listen 127.0.0.1:{3}; location / {{ proxy_pass http://127.0.0.1:{4}; }} }}
}}
"""
CADDY = "{{\n admin off\n auto_https off\n}}\n{2}"
# The program, the line with which its example begins, its arguments, and its whole file.
PROXIES = [("nginx", r"location /painter/", "-c {0}/file -e {0}/log", NGINX)]
PROXIES += [("caddy", r"paint\.example\.org", "run --adapter caddyfile --config {0}/file", CADDY)]


def log_in(client, root="", **headers):
    form = {"password": PASSWORD, "next": "/"}
    return client.post(f"{root}/login", data=form, headers=headers)


@pytest.mark.parametrize(
    "allowed",
    [
        {"WEB_PASSWORD": PASSWORD},
        {"WEB_PROXIES": "1"},
        {"WEB_HOSTS": "other.example, home.example"},
        {"WEB_HOSTS": "home.example."},
    ],
)
def test_a_password_a_proxy_or_a_list_allows_the_sites_name_on_this_machine(place, allowed):
    with served({**place, **allowed}) as client:
        for name in ("home.example:8443", "home.example.", "Home.Example.:8443"):
            answer = client.get("/login", headers={"Host": name})
            assert answer.status_code in (200, 303), name
        others = client.get("/", headers={"Host": "evil.example"}).status_code
        assert (others == 400) == ("WEB_HOSTS" in allowed)
        assert client.get("/healthz", headers={"Host": "10.0.0.9"}).status_code == 200, "probes"


def test_a_proxy_may_pass_on_the_name_of_a_list_beside_its_own(place):
    told = {"Host": "web:8080", "X-Forwarded-Host": "home.example"}
    for proxies, status in (("1", 200), ("0", 400)):
        with served({**place, "WEB_HOSTS": "home.example", "WEB_PROXIES": proxies}) as client:
            assert client.get("/", headers=told).status_code == status
            assert client.get("/", headers={"Host": "web:8080"}).status_code == 400


def test_a_name_that_is_not_allowed_is_answered_by_what_to_set(web):
    for headers, kind in (({}, "application/json"), (HTML, "text/html; charset=utf-8")):
        answer = web.get("/", headers={"Host": "home.example", **headers})
        assert (answer.status_code, answer.headers["content-type"]) == (400, kind)
        assert "home.example" in answer.text and "WEB_HOSTS" in answer.text


def test_a_login_through_a_proxy_that_hides_the_name_gets_a_page_with_the_remedy(place):
    with served({**place, "WEB_PASSWORD": PASSWORD}) as client:
        hidden = {"Host": "127.0.0.1:18080", "Origin": "http://home.example<b>"}
        page = log_in(client, **hidden, **HTML)
        assert page.status_code == 403 and page.headers["content-type"].startswith("text/html")
        assert "proxy_set_header Host $http_host" in page.text and "<b>" not in page.text
        assert "$http_host" in log_in(client, **hidden).json()["detail"]
        german = log_in(client, **hidden, **HTML, **{"Accept-Language": "de"})
        assert "muss er den Namen weitergeben" in german.text
        told = {"Origin": "http://home.example", "X-Forwarded-Host": "home.example"}
        assert log_in(client, **told).status_code == 403, "no proxy is trusted"
        for host in ("home.example", "home.example:80"):
            assert log_in(client, Host=host, Origin="http://home.example").status_code == 303
    with served({**place, "WEB_PASSWORD": PASSWORD, "WEB_PROXIES": "1"}) as client:
        assert log_in(client, **told).status_code == 303


@pytest.mark.parametrize("stripped", [True, False])
@pytest.mark.parametrize(
    ("variables", "headers"),
    [({"WEB_PATH": "/painter/"}, {}), ({"WEB_PROXIES": "1"}, PREFIX)],
)
def test_a_service_under_a_path_has_it_in_every_address(
    place, stripped, variables, headers, monkeypatch
):
    sent = []
    monkeypatch.setattr(callbacks, "post", lambda address, job, *_, **__: sent.append(job))
    with served({**place, **variables, "WEB_PASSWORD": PASSWORD}) as client:
        client.headers.update(headers)
        root = "" if stripped else "/painter"
        refused = client.get(f"{root}/gallery/?x=1", headers=HTML)
        assert refused.headers["location"] == "/painter/login?next=%2Fpainter%2Fgallery%2F%3Fx%3D1"
        entered = log_in(client, root)
        assert (entered.status_code, entered.headers["location"]) == (303, "/painter/")
        assert "path=/painter;" in entered.headers["set-cookie"].lower()
        cookie = {"Cookie": entered.headers["set-cookie"].partition(";")[0]}
        client.headers.update(cookie)
        for page in ("/", "/gallery/", "/plain"):
            text = client.get(f"{root}{page}").text
            links = LINK.findall(text)
            assert links and all(each.startswith("/painter/") for each in links), page
            for each in links:
                if "/static/" in each:
                    inner = each.removeprefix("/painter") if stripped else each
                    assert client.get(inner).status_code == 200, each
            assert 'data-root="/painter"' in text
        assert client.get(f"{root}/gallery").headers["location"].endswith("/painter/gallery/")
        assert client.get(f"{root}/openapi.json").json()["servers"] == [{"url": "/painter"}]
        [style, *_] = client.get(f"{root}/api/styles").json()
        assert style["thumbnail"].startswith("/painter/api/paintings/")
        answer = send(SimpleNamespace(post=lambda path, **how: client.post(root + path, **how)))
        job = answer.json()
        assert answer.headers["location"] == job["links"]["self"]
        assert job["links"]["photo"] == f"/painter/api/jobs/{job['id']}/photo"
        with client.stream("GET", f"{root}/api/events") as events:
            [event] = [next(line for line in events.iter_lines() if line.startswith("data:"))]
        assert json.loads(event[5:])["links"]["self"] == job["links"]["self"]
        stored = client.service.jobs.stored(job["id"])
        client.service.jobs._store.end(
            stored.changed(state=JobState.CANCELLED, callback="https://example.com")
        )
        until(lambda: sent)
        assert sent[0]["links"]["photo"] == job["links"]["photo"]


def test_a_prefix_of_a_client_or_of_another_site_is_not_believed(place):
    with served(place) as client:
        assert 'data-root=""' in client.get("/", headers=PREFIX).text
    with served({**place, "WEB_PROXIES": "1"}) as client:
        for evil in ("//evil.example", "/a/../b", '/"><b>', "https://evil.example", "/"):
            assert 'data-root=""' in client.get("/", headers={"X-Forwarded-Prefix": evil}).text, (
                evil
            )


def test_a_path_of_the_services_own_names_is_no_page_of_it(place):
    with served({**place, "WEB_PATH": "/gallery"}) as client:
        assert "gallery" in client.get("/gallery/").text and client.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/a b", "/../up", "https://x/y", "/a//b", "/é"])
def test_a_wrong_path_is_named(path):
    with pytest.raises(ConfigError, match=r"WEB_PATH is .*such as /painter"):
        load_options({"WEB_PATH": path, "WEB_PUBLIC": "1"})


@pytest.mark.slow
@pytest.mark.parametrize(("name", "start", "command", "whole"), PROXIES, ids=["nginx", "caddy"])
def test_the_files_for_proxies_work(place, tmp_path, name, start, command, whole):
    if not shutil.which(name):
        pytest.skip(f"apt-get install {'nginx-light' if name == 'nginx' else name}")
    page = (PROGRAM / "docs/serve.md").read_text()
    [example] = re.findall(rf"^    {start} \{{.+?^    \}}\n\n", page, re.M | re.S)
    ports, away = free_ports(2), tmp_path / "painter-away.html"
    variables = {"WEB_HOST": "127.0.0.1", "WEB_PROXIES": "1", "WEB_PASSWORD": PASSWORD}
    with ExitStack() as running_until:
        with served({**place, **variables}) as client:
            port = client.base_url.port
            away.write_bytes(client.get("/away").content)
            site, bare = (f"http://127.0.0.1:{each}" for each in ports)
            example = example.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
            example = example.replace("paint.example.org", site).replace("/var/www", str(tmp_path))
            file = tmp_path / "file"
            file.write_text(whole.format(tmp_path, ports[0], example, ports[1], port))
            home = os.environ | {"HOME": str(tmp_path)}
            running = subprocess.Popen([name, *command.format(tmp_path).split()], env=home)
            running_until.callback(running.wait)
            running_until.callback(running.terminate)
            with httpx.Client(base_url=f"{site}/painter", timeout=30) as browser:
                until(lambda: _answers(browser))
                origin = {"Origin": site}
                entered = browser.post(
                    "/login", data={"password": PASSWORD, "next": "/painter/"}, headers=origin
                )
                assert entered.headers["location"].removeprefix(site) == "/painter/"
                job = send(browser, **origin).json()
                assert httpx.get(site + job["links"]["photo"], cookies=browser.cookies).content
                with browser.stream("GET", "/api/events") as events:
                    assert any(job["id"] in line for line in events.iter_lines())
                missing = browser.get("/nowhere", headers=HTML)
                assert missing.status_code == 404 and "Nothing hangs here" in missing.text
            if name == "nginx":
                with httpx.Client(base_url=bare, timeout=30) as browser:
                    until(lambda: _answers(browser))
                    told = log_in(browser, Origin=bare, **HTML)
                    assert told.status_code == 403 and "$http_host" in told.text
        until(lambda: httpx.get(f"{site}/painter/", headers=HTML).status_code == 502)
        assert httpx.get(f"{site}/painter/gallery/", headers=HTML).content == away.read_bytes()


def _answers(client):
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
