"""A job's callback: the address that gets the job once it has ended."""

import hashlib
import hmac
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.polling import until
from support.receiver import receiving
from support.web_service import DRAFT, WebProcess, send, served, stored_job

from painterly.jobs import callbacks
from painterly.jobs.callbacks import Callbacks
from painterly.jobs.index import JobIndex
from painterly.jobs.schemas import JobState
from painterly.jobs.store import JobStore
from painterly.settings.installation import PROGRAM
from painterly.words.webhook import WebhookError

PUBLIC = "93.184.215.14"  # in a separate network, an address of this machine
SECRET = "the key of signatures"
SLEEPING = PROGRAM / "tests" / "support" / "sleeping"


def callback(address: str) -> dict[str, str]:
    return {**DRAFT, "callback": address}


def test_a_callback_goes_to_no_other_host_and_into_no_private_network(place):
    hosts = (
        "localhost, 127.0.0.1,10.0.0.8,::1,::ffff:10.0.0.8,64:ff9b::a00:8,::10.0.0.8,"
        # Of protocols that carry IPv4, of one site, and of none.
        "64:ff9b:1::808:808,2002:808:808::1,2001::1,::ffff:0:808:808,fec0::1,5f00::1,3fff::1,"
        "192.0.0.9,192.88.99.1,100.64.0.1,198.18.0.1,240.0.0.1,"
        "169.254.169.254,0.0.0.0,Example.COM"
    )
    with served({**place, "WEB_CALLBACK_HOSTS": hosts}) as web:
        for host in (*hosts.split(",")[:-1], "LOCALHOST"):
            name = host.strip()
            address = f"http://{f'[{name}]' if ':' in name else name}:8000/?token=s3cr3t"
            refused = send(web, callback(address))
            assert refused.status_code == 422, name
            assert "is in a private network" in refused.json()["detail"], name
            assert "s3cr3t" not in refused.text
        for address in (
            *("https://example.org/", "https://example.com.evil.org/", "http://2130706433/"),
            "https://example.com@evil.org/",
        ):
            refused = send(web, callback(address))
            assert refused.status_code == 422, address
            assert "are not allowed here" in refused.json()["detail"], address
        for address in (
            *("ftp://example.com/", "example.com", "https://exa mple.com", "https://"),
            *("https://evil.org\\@example.com/", "https://example.com\r\n.evil.org/"),
        ):
            refused = send(web, callback(address))
            assert refused.status_code == 422, address
            assert "callback is wrong; expected an address" in refused.json()["detail"], address
        assert web.get("/api/jobs").json()["jobs"] == []
    with served(place) as web:
        assert "WEB_CALLBACK_HOSTS" in send(web, callback("https://example.com/")).json()["detail"]


def stored_jobs(place: dict[str, str]) -> list[str]:
    return [path.read_text() for path in Path(place["BUCKET_RESULT"]).rglob("_web/**/*.json")]


ADDRESS = "https://example.com/hook"


@pytest.fixture
def posts(monkeypatch):
    """The jobs that were sent. `posts.answers` has errors to raise at first."""
    sent = SimpleNamespace(ids=[], answers=[])

    def post(address, content, within_s, **about):
        assert address == ADDRESS
        if sent.answers:
            raise sent.answers.pop(0)
        sent.ids.append(content["id"])

    monkeypatch.setattr(callbacks, "post", post)
    return sent


@pytest.fixture
def process(buckets):
    """Makes the part of a web process that ends jobs: its store, and what sends callbacks."""
    made = []

    def start():
        made.append(Callbacks(None))
        return JobStore(buckets.result, made[-1].send), made[-1]

    yield start
    for each in made:
        each.close()


def test_the_process_that_ends_a_job_posts_it_and_no_other(store, posts, process):
    job = stored_job(store, callback=ADDRESS).changed(state=JobState.DONE)
    stores = [process()[0] for _ in range(3)]
    firsts = [each.end(job.changed(step=step)) for step, each in enumerate(stores)]
    assert firsts == [True, False, False]
    index = JobIndex(process()[0])  # Of a process that starts later.
    index.refresh()
    assert [each.id for each in index.all()] == [job.id]
    until(lambda: posts.ids == [job.id], every_s=0.005)
    assert store.read_ended(job.id).callback is None, "its address is not kept"


def test_a_callback_is_tried_three_times_and_each_failure_logged(
    store, posts, process, monkeypatch, caplog
):
    monkeypatch.setattr(callbacks, "PAUSES_S", (0.0, 0.0))
    posts.answers = [WebhookError("no answer", passes=True)] * 4
    job = stored_job(store, callback=ADDRESS).changed(state=JobState.FAILED)
    process()[0].end(job)
    failed = f"job {job.id}: no callback was sent: no answer"
    lines = [f"{failed}; retrying in 0 s"] * 2 + [failed]
    until(lambda: caplog.messages == lines, every_s=0.005)
    assert len(posts.answers) == 1 and not posts.ids


def test_a_service_that_ends_between_two_attempts_says_what_is_lost(store, posts, process, caplog):
    posts.answers = [WebhookError("no answer", passes=True)]
    ending, sender = process()
    job = stored_job(store, callback=ADDRESS).changed(state=JobState.DONE)
    ending.end(job)
    until(lambda: not posts.answers, every_s=0.005)
    sender.close()
    lost = f"job {job.id}: its callback is lost: the service ends"
    until(lambda: lost in caplog.messages, every_s=0.005)
    assert not posts.ids


@pytest.mark.thorough
def test_a_job_that_has_ended_is_posted_to_its_callback(place, tmp_path):
    """In a separate network, where this machine has a public address."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("needs unshare and ip: apt-get install util-linux iproute2")
    address = f"ip link set lo up && ip address add {PUBLIC}/32 dev lo"
    network = ("unshare", "--map-root-user", "--net", "sh", "-c", f'{address} && exec "$@"', "sh")
    if subprocess.run((*network, "true"), capture_output=True).returncode:
        pytest.skip("needs user namespaces, for a separate network")
    code = (
        f"import sys; sys.path[:0] = {[str(PROGRAM), str(PROGRAM / 'tests')]!r}\n"
        f"from jobs import test_callbacks\n"
        f"test_callbacks.deliver({place!r}, {str(tmp_path)!r})"
    )
    ran = subprocess.run(
        (*network, sys.executable, "-c", code), text=True, capture_output=True, timeout=240
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def deliver(place: dict[str, str], folder: str) -> None:
    """Order jobs of a service, and check what their callbacks get."""
    own = {
        "PYTHONPATH": f"{SLEEPING}:{PROGRAM}",
        "PAINTING_S": "1",
        "VGG_WEIGHTS": "builtin",
        "STYLES": "none",
        "WEB_CALLBACK_HOSTS": f"other.example,{PUBLIC}",
        "WEB_CALLBACK_SECRET": SECRET,
    }
    web = WebProcess({**place, **own}, Path(folder, "log"))
    web.start()
    with receiving(PUBLIC) as receiver:
        try:
            done = send(web.client, callback(receiver.address)).json()
            cancelled = send(web.client, callback(receiver.address)).json()
            assert "callback" not in done
            assert web.client.post(cancelled["links"]["cancel"]).status_code == 202
            until(lambda: len(receiver.posts) == 2)
            jobs = {content["id"]: content for _, _, content in receiver.posts}
            assert jobs[cancelled["id"]]["state"] == "cancelled"
            until(lambda: web.client.get(done["links"]["self"]).json() == jobs[done["id"]])
            assert jobs[done["id"]]["links"]["result"] and jobs[done["id"]]["state"] == "done"
            assert {path for path, _, _ in receiver.posts} == {"/hook?token=s3cr3t"}
            assert receiver.posts[0][1]["host"] == receiver.address.split("/")[2]
            for (_, headers, _), body in zip(receiver.posts, receiver.bodies, strict=True):
                digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
                assert headers["x-painterly-signature"] == f"sha256={digest}"

            receiver.first = [503]  # It asks for another attempt at once.
            send(web.client, callback(receiver.address))
            until(lambda: "answered with the status 503; retrying in 0 s" in web.log.read_text())
            until(lambda: len(receiver.posts) == 4)
            receiver.status = 302  # To itself: not followed, and not tried again.
            send(web.client, callback(receiver.address))
            until(lambda: "answered with the status 302" in web.log.read_text())
            assert len(receiver.posts) == 5
            until(lambda: not any("s3cr3t" in text for text in stored_jobs(place)))
        finally:
            web.stop()
    stored = stored_jobs(place)
    for text in (*stored, web.log.read_text()):
        assert "s3cr3t" not in text and SECRET not in text
    assert stored
