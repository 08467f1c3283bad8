"""The page for phones in the local network: its password, address and code, and its limits."""

import re
from dataclasses import replace
from urllib.parse import unquote

import httpx
import pytest
from support.web_service import send, served

from painterly.configuration.web_options import load_options
from painterly.errors import ConfigError
from painterly.web import lan, sessions

PHONES = "192.168.1.20"
BLOCKS = dict(zip(" ▀▄█", ((0, 0), (1, 0), (0, 1), (1, 1)), strict=True))


@pytest.fixture
def network(monkeypatch):
    """This machine's addresses, which are a phone's network's at first."""
    addresses = [PHONES]
    monkeypatch.setattr(lan, "addresses", lambda: iter(addresses))
    return addresses


def started(environment, **set_by_user):
    """The options of a service for phones, what these need, and the variables that were made."""
    given = environment | set_by_user
    made = lan.variables(given)
    return *lan.options_for_lan(load_options(given | made), made.get("WEB_PASSWORD", "")), made


def test_it_listens_for_the_network_with_a_password_of_four_words_that_no_other_start_has(network):
    options, phones, _ = started({})
    assert options.host == "0.0.0.0" and options.password == phones.password
    assert phones.address == f"http://{PHONES}:8080/"
    passwords = {started({})[1].password for _ in range(20)}
    assert len(passwords) == 20
    assert all(re.fullmatch(r"([a-z]{3,8} ){3}[a-z]{3,8}", each) for each in passwords)
    words = lan.WORDS.read_text().split()
    assert len(words) == len(set(words)) == 256


def test_what_the_user_has_set_stays_and_his_password_is_not_shown(network):
    own = {"WEB_PASSWORD": "a long password", "WEB_PORT": "9000", "WEB_HOST": "192.168.7.1"}
    options, phones, made = started(own)
    assert made == {} and options.password == "a long password"
    assert phones == lan.Lan("http://192.168.7.1:9000/", "")
    options, phones, _ = started({"WEB_PUBLIC": "1"})
    assert options.password is None and phones.password == ""
    with pytest.raises(ConfigError, match="only this machine reaches; leave out --lan"):
        started({"WEB_HOST": "localhost"})


def test_without_an_address_in_a_local_network_it_does_not_start(network):
    network[:] = ["8.8.8.8"]
    with pytest.raises(ConfigError, match=r"8\.8\.8\.8 is not in a local network"):
        started({})
    network[:] = ["8.8.8.8", PHONES]  # By a cable to the Internet, and at home.
    assert started({})[1].address == f"http://{PHONES}:8080/"
    network.clear()
    with pytest.raises(ConfigError, match="in no network"):
        started({})


def test_a_service_that_answers_for_some_names_answers_for_its_address_as_well(network, place):
    options, _, made = started({**place, "WEB_HOSTS": "paint.example.org"})
    names = ",".join(options.hosts)
    with served({**place, **made, "WEB_HOST": "127.0.0.1", "WEB_HOSTS": names}) as client:
        for host, status in ((PHONES, 200), ("paint.example.org", 200), ("evil.example", 400)):
            answer = client.get("/login", headers={"host": f"{host}:8080"})
            assert answer.status_code == status, host
    assert started(place)[0].hosts == frozenset()


def test_nobody_enters_without_the_password_and_no_other_site_sends_anything(network, place):
    _, phones, made = started(place)
    phone = {"host": f"{PHONES}:8080", "origin": f"http://{PHONES}:8080"}
    with served({**place, **made, "WEB_HOST": "127.0.0.1"}, lan=phones) as client:
        for path in ("/api/jobs", "/api/styles", "/gallery/"):
            assert client.get(path, headers=phone).status_code == 401
        password = {"password": phones.password}
        evil = phone | {"origin": "http://evil.example"}
        assert client.post("/login", data=password, headers=evil).status_code == 403
        wrong = client.post("/login", data={"password": "river lamp"}, headers=phone)
        assert wrong.status_code == 401 and phones.password not in wrong.text
        assert client.post("/login", data=password, headers=phone).status_code == 303
        assert send(client, **phone).status_code == 202
        assert send(client, **evil).status_code == 403


def test_the_page_shows_phones_the_way_and_only_there(network, place, web):
    assert "phone-open" not in web.get("/").text
    _, phones, made = started(place)
    with served({**place, **made, "WEB_HOST": "127.0.0.1"}, lan=phones) as client:
        login = client.get("/login").text
        assert phones.password not in login and PHONES not in login
        client.post("/login", data={"password": phones.password})
        page = client.get("/").text
    assert 'id="phone-open"' in page and phones.address in page and phones.password in page
    for own in (lan.Lan(phones.address, ""), replace(phones, password="")):
        with served({**place, "WEB_PUBLIC": "1", "WEB_HOST": "127.0.0.1"}, lan=own) as client:
            assert "phone-password" not in client.get("/").text


def test_the_code_is_a_path_on_white_with_a_border_and_without_the_password(network):
    _, phones, _ = started({})
    assert lan.Lan(phones.address, "other words").code("/x") == phones.code("/x")
    drawn = unquote(phones.code("/x"))
    assert drawn.startswith("data:image/svg+xml") and "stroke='#000'" in drawn
    lines = [line.removeprefix(lan.ON_BLACK) for line in phones.code_lines("/x")]
    assert all(line.endswith(lan.AS_BEFORE) for line in lines)
    rows = [line.removesuffix(lan.AS_BEFORE) for line in lines]
    light = [[BLOCKS[sign][half] for sign in row] for row in rows for half in (0, 1)]
    side = len(light[0])
    assert all(sum(row[:4] + row[-4:]) == 8 for row in light[:side]), "a quiet zone"
    assert all(sum(row) == side for row in light[:4])


def test_a_browser_with_a_ticket_needs_no_password_once_and_soon(network, place, monkeypatch):
    _, phones, made = started(place)
    now = [1000.0]
    monkeypatch.setattr(sessions.time, "monotonic", lambda: now[0])
    with served({**place, **made, "WEB_HOST": "127.0.0.1"}, lan=phones) as client:
        path = client.service.sessions.path_with_ticket(60)
        for wrong in ("/login", "/login?ticket=x", path[:-1]):
            assert client.get(wrong).status_code == 200
            assert client.get("/api/jobs").status_code == 401
        entered = client.get(path)
        assert entered.status_code == 303 and entered.headers["location"] == "/"
        assert client.get("/api/jobs").status_code == 200
        other = httpx.Client(verify=False, base_url=client.base_url)
        used = other.get(path)
        assert used.status_code == 200 and "This code has been used" in used.text
        late = client.service.sessions.path_with_ticket(60)
        now[0] += 60
        assert other.get(late).status_code == 200
        assert other.get("/api/jobs").status_code == 401


def test_the_page_makes_a_code_that_lets_one_phone_in(network, place, caplog, monkeypatch):
    _, phones, made = started(place)
    drawn, real = [], lan.Lan.code
    monkeypatch.setattr(lan.Lan, "code", lambda *of: (drawn.append(of[1]), real(*of))[1])
    with served({**place, **made, "WEB_HOST": "127.0.0.1"}, lan=phones) as client:
        assert client.post("/phone").status_code == 401, "not to those who are out"
        client.post("/login", data={"password": phones.password})
        assert client.post("/phone", headers={"origin": "http://evil.example"}).status_code == 403
        codes = [client.post("/phone").json()["code"] for _ in range(2)]
        assert all(each.startswith("data:image/svg+xml") for each in codes)
        assert len({*codes}) == len({*drawn}) == 2
        for path, status in ((drawn[0], 200), (drawn[0], 401), (drawn[1], 200)):
            with httpx.Client(verify=False, base_url=client.base_url) as phone:
                phone.get(path)
                assert phone.get("/api/jobs").status_code == status
        assert not any("ticket" in each for each in caplog.messages)
        for _ in range(sessions.MAX_TICKETS):
            client.post("/phone")
        assert len(client.service.sessions.tickets) == sessions.MAX_TICKETS, "the latest"


def test_without_a_login_the_code_is_the_page_and_without_lan_there_is_none(network, place, web):
    assert web.post("/phone").status_code == 404
    _, phones, made = started({**place, "WEB_PUBLIC": "1"})
    public = {**place, **made, "WEB_PUBLIC": "1", "WEB_HOST": "127.0.0.1"}
    with served(public, lan=phones) as client:
        assert client.post("/phone").json()["code"] == phones.code("/")
