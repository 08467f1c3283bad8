"""Requests that must not keep the event loop from answering others."""

import ast
import contextlib
import json
import threading
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image
from support import workers
from support.pictures import saved
from support.polling import until

from painterly.jobs.worker.previews import Previews
from painterly.jobs.worker.supervisor import Supervisor
from painterly.settings.installation import PROGRAM

pytestmark = pytest.mark.slow  # The loop runs for some time.

# Calls in the event loop that wait for nothing and take no time worth mentioning. A new one belongs
# here only if that is true of it; else it is awaited, in `run_in_threadpool` for example.
NAMES = """
int isinstance len min str super suppress time.monotonic
HTTPConnection Request client_address is_open language_of form.get form.items form.values files.get
files.values message.get request.headers.get headers.get inner_path is_secure request.form
request.stream under_root source_of service.in_memory
ApiError EventResponse HTMLResponse problem Health InstantOrder Readiness Response own own_path
picture_response replace HEADERS.items Headers MutableHeaders cookie.replace headers.setdefault
asyncio.create_task asyncio.timeout asyncio.wrap_future Body self._stream _Parser job_form file_form
parsed_form self._receive run_in_threadpool picture.result anyio.create_task_group
asyncio.get_running_loop group.start_soon group.cancel_scope.cancel asked.result.cancel
picture.add_done_callback asked.answer.done self.asked.get threading.Timer end.start
service.clips.taken service.uploads.taken self._places.taken CLIENT.get CLIENT.set asyncio.Lock
self._turns.setdefault self._found self._made self._stopping.is_set _Asked copy_context self._keep
messages.pop scope[BODY].trust _parts service.sessions.is_logged_in
"""
# The last two lines would take time with more than they get: a header; JSON of 20 kB at most; a
# future that is done; the first bytes; a queue that is never full; hashes and a page of two lines;
# before the first request.
AT_ONCE = {*NAMES.split(), "kind_of", "_parsed", "asked.result.result", "is_sent_clip"}
AT_ONCE |= {"self._unsent.put", "self._unsent.qsize", "self._refusal", "service.start"}
# Methods of texts and bytes, whatever the text is.
OF_TEXTS = {"decode", "encode", "join", "lower", "partition", "removeprefix", "removesuffix"}
OF_TEXTS |= {"startswith", "strip"}
# Calls in the event loop of functions that are checked as if they were written there.
FOLLOWED = {
    "service.previews.leave": ("jobs/worker/previews.py", "Previews", "leave"),
    "service.previews.forget": ("jobs/worker/previews.py", "Previews", "forget"),
    "self._supervisor.send": ("jobs/worker/supervisor.py", "Supervisor", "send"),
    "outbox.add": ("jobs/worker/supervisor.py", "Outbox", "add"),
}
PACKAGE = PROGRAM / "painterly"


def calls(*nodes: ast.AST) -> Iterator[str]:
    """Yield the calls in a function's body that it makes itself, and does not await."""
    for child in nodes:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.Await):
            child = child.value
        elif isinstance(child, ast.Call):
            function = child.func
            while isinstance(function, ast.Subscript):  # As in `Future[bytes]()`.
                function = function.value
            yield ast.unparse(function)
        yield from calls(*ast.iter_child_nodes(child))


def in_the_loop(package: dict[str, ast.Module]) -> set[tuple[str, str]]:
    """Return the calls in the event loop that are not awaited, each after its function."""
    inside = [
        (f"{file}: {node.name}", node)
        for file, tree in package.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    for file, *names in FOLLOWED.values():
        node = package[file]
        for name in names:
            (node,) = (each for each in node.body if getattr(each, "name", "") == name)
        inside.append((f"{file}: {name}", node))
    return {(where, name) for where, node in inside for name in calls(*node.body)}


@pytest.fixture(scope="module")
def package():
    """The program's modules by their paths, as syntax trees."""
    files = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    return {name: ast.parse(path.read_text("utf-8")) for name, path in files.items()}


def waiting(package: dict[str, ast.Module]) -> set[tuple[str, str]]:
    """Return those of them that may wait."""
    found = in_the_loop(package)
    at_once = {*AT_ONCE, *FOLLOWED}
    return {
        (where, name)
        for where, name in found
        if name not in at_once and not ("." in name and name.rpartition(".")[2] in OF_TEXTS)
    }


def test_the_event_loop_waits_for_nothing(package):
    assert not waiting(package)


def test_the_list_of_calls_that_wait_for_nothing_is_no_longer_than_needed(package):
    made = {name for _, name in in_the_loop(package)}
    assert not {*AT_ONCE, *FOLLOWED} - made


@pytest.mark.parametrize(
    ("file", "now", "then"),
    [
        ("jobs/worker/supervisor.py", "outbox.add(message)", "self._pipe.send(message)"),
        ("web/events.py", "run_in_threadpool(self._text,", "self._jobs.changes("),
        (
            "web/api/jobs.py",
            "await run_in_threadpool(service.jobs.view, job)",
            "service.jobs.view(job)",
        ),
        ("web/app.py", "return Health()", "time.sleep(1)"),
    ],
)
def test_a_call_that_may_wait_is_found(package, file, now, then):
    source = (PACKAGE / file).read_text("utf-8")
    assert now in source
    changed = {**package, file: ast.parse(source.replace(now, then))}
    ((where, name),) = waiting(changed)
    assert where.startswith(f"{file}: ") and name == then.partition("(")[0]


def test_a_worker_that_reads_nothing_keeps_nobody_from_an_answer(web):
    """It may be paused, or wait for memory, while a photo is sent that no pipe holds."""
    service = web.service
    supervisor = Supervisor(workers.hangs_once, service.handle_worker_message)
    service.supervisor, service.previews = supervisor, Previews(supervisor)
    supervisor.start()
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), np.uint8)
    photo = {"photo": ("a.jpg", saved(Image.fromarray(noise), "JPEG", quality=95))}
    asked = {"request": json.dumps({"style": "monet"})}

    def ask():
        with contextlib.suppress(httpx.TimeoutException):  # The client leaves.
            web.post("/api/preview", data=asked, files=photo, timeout=2)

    asking = threading.Thread(target=ask, daemon=True)
    try:
        until(lambda: supervisor.device, every_s=0.005)
        asking.start()
        until(lambda: service.previews.asked, every_s=0.005)
        assert httpx.get(f"{web.base_url}/healthz", timeout=8, verify=False).status_code == 200
        asking.join()
        until(lambda: not service.previews.asked, every_s=0.005)
    finally:
        supervisor.stop()
