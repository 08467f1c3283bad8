"""The process that decodes pictures: its death costs one picture, and it ends with its program."""

import contextlib
import io
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from unittest.mock import Mock

import numpy as np
import psutil
import pytest
from PIL import Image
from support.pictures import decode, gradient, saved
from support.polling import DEADLINE_S, has_ended, until

from painterly.errors import PictureError
from painterly.images.contained import decoder
from painterly.images.contained import process as contained
from painterly.images.contained.decoding import OpenedPicture, opened_here
from painterly.images.picture_file import UNLIMITED, PictureFile, opening_here
from painterly.settings import limits
from painterly.signals import Stop, Stopped

pytestmark = pytest.mark.slow

JPEG, WEBP = saved(gradient(), "JPEG"), saved(gradient(), "WEBP", lossless=True)


def processes():
    """The processes that wait for a picture, or decode one."""
    return [
        each
        for each in psutil.Process().children()
        if "painterly.images.contained.decoding" in command(each)
    ]


def command(process):
    """Return the command line of a process, empty if another thread has just ended it."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def waiting():
    """One process that waits, and no other one."""
    decoder.end_all()
    decode(WEBP)
    (process,) = processes()
    return process


def asked(data=WEBP):
    """A thread that decodes a picture, and a list for its error."""
    errors = []

    def run():
        try:
            decode(data)
        except PictureError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "photo: was being decoded when the system ended that"),
        (signal.SIGXCPU, "photo: takes too long to decode; export it anew"),
        (signal.SIGSEGV, "photo: is damaged or incomplete"),
    ],
)
def test_a_process_that_dies_costs_the_picture_that_it_had(waiting, number, said, monkeypatch):
    has_it, real = threading.Event(), contained.ContainedProcess.ask
    monkeypatch.setattr(
        contained.ContainedProcess, "ask", lambda *request: (has_it.set(), real(*request))[1]
    )
    waiting.suspend()
    thread, errors = asked()
    assert has_it.wait(DEADLINE_S)
    waiting.send_signal(number)
    with contextlib.suppress(psutil.NoSuchProcess):  # SIGKILL does not wait for this.
        waiting.resume()
    thread.join(DEADLINE_S)
    assert len(errors) == 1 and errors[0].startswith(said)
    assert np.array_equal(decode(WEBP).pixels_int, gradient()), "a new one reads the next"
    assert not waiting.is_running()


def test_a_process_that_died_while_it_waited_costs_nothing(waiting):
    waiting.kill()
    until(lambda: has_ended(waiting))
    assert np.array_equal(decode(WEBP).pixels_int, gradient())
    assert not waiting.is_running(), "no zombie stays"


def test_a_stop_is_obeyed_while_a_picture_is_decoded(waiting, monkeypatch):
    receive = contained.receive

    def stopped(*answers):
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM)).start()
        return receive(*answers)

    monkeypatch.setattr(contained, "receive", stopped)
    waiting.suspend()
    with pytest.raises(Stopped), Stop():
        decode(WEBP)
    assert not waiting.is_running() and not processes()


def test_signals_for_all_programs_of_a_terminal_or_service_do_not_end_it(waiting):
    assert os.getsid(waiting.pid) != os.getsid(0), "before it can ignore them"
    for number in (signal.SIGINT, signal.SIGTERM):
        waiting.send_signal(number)
    decode(WEBP)
    assert processes() == [waiting]


def test_it_ends_with_the_program_that_asks_it():
    code = (
        "from painterly.images.contained import decoder\nfrom painterly.images.picture_file import "
        "PictureFile\nPictureFile(bytes.fromhex(input()), 'a').decode(10**9)\n"
        "print(decoder._idle[0]._process.pid, flush=True)\ninput()"
    )
    for end in ("kill", "terminate"):
        asking = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        asking.stdin.write(WEBP.hex() + "\n")
        asking.stdin.flush()
        number = int(asking.stdout.readline())
        assert psutil.pid_exists(number)
        getattr(asking, end)()
        asking.communicate()
        until(lambda number=number: not psutil.pid_exists(number))


def test_its_memory_and_time_are_limited_by_what_the_header_says(waiting):
    resource = pytest.importorskip("resource")
    seen = []
    large = saved(gradient(1200, 900), "PNG")
    done = threading.Event()

    def watch():
        while not done.is_set():
            seen.append(
                (
                    *(
                        waiting.rlimit(each)[0]
                        for each in (resource.RLIMIT_DATA, resource.RLIMIT_CPU)
                    ),
                )
            )

    if not hasattr(waiting, "rlimit"):
        pytest.skip("only Linux limits memory")
    file = PictureFile(large, "photo")

    def limits():
        """The limits that were seen, after the picture was decoded within much and little memory. A
        busy processor may look too late."""
        file.decode(UNLIMITED)
        file.decode(file.header.bytes_to_decode + len(large))
        found = {most for most, _ in seen if most != resource.RLIM_INFINITY}
        return found if found and min(found) < 200_000_000 < max(found) else None

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        assert max(until(limits)) < 4_000_000_000
    finally:
        done.set()
        watching.join()
    assert all(0 < seconds < 100 for _, seconds in seen)


GREEDY_READER = """
from PIL import Image
taken = []
def opens(file, name):
    while True:
        taken.append(bytearray(50_000_000))
def register_heif_opener():
    Image.register_open("HEIF", opens, lambda start: start[4:8] == b"ftyp")
"""


def test_what_opens_a_file_cannot_take_more_than_a_web_service_has_for_it(
    monkeypatch, tmp_path, cost
):
    """MEMORY_LIMIT=500MB leaves 300 MB for a picture."""
    (tmp_path / "pillow_heif.py").write_text(GREEDY_READER)
    monkeypatch.setattr(contained, "FOLDERS", f"{tmp_path}{os.pathsep}{contained.FOLDERS}")
    decoder.end_all()
    with cost() as spent, pytest.raises(PictureError, match=r"^photo: needs more memory than 0\."):
        PictureFile(b"\0\0\0\x18ftypheic", "photo")
    assert spent.memory < 300_000_000 + decoder.BYTES
    decoder.end_all()


def test_what_opening_reserves_for_a_webp_is_not_what_it_takes(cost):
    large = bytearray(WEBP)
    struct.pack_into("<L", large, 21, 13_999 | 13_999 << 14)
    with cost() as spent:
        assert PictureFile(bytes(large), "photo").header.size == (14_000, 14_000)
    assert spent.memory < 100_000_000


def test_its_time_counts_from_what_it_has_used_and_its_beginning_once(monkeypatch):
    resource = pytest.importorskip("resource")
    most, waits = {}, []
    monkeypatch.setattr(limits, "_set", most.__setitem__)
    monkeypatch.setattr(resource, "getrusage", lambda _: (7.25, 3.5))
    limits.limit_time(10)
    assert most[resource.RLIMIT_CPU] == 20

    timer = Mock()
    monkeypatch.setattr(threading, "Timer", lambda seconds, _: waits.append(seconds) or timer)
    monkeypatch.setattr(contained, "send", lambda *_: None)
    monkeypatch.setattr(contained, "receive", lambda *_: ({}, []))
    process = object.__new__(contained.ContainedProcess)
    process._requests = process._answers = None
    process._beginning = contained.BEGINNING
    for _ in range(2):
        process.ask({}, (), 10, 100)
    assert waits == [contained.BEGINNING + 40, 40]
    assert timer.cancel.call_count >= 2, "or it would end the next picture"


@pytest.mark.parametrize("lengths", [[10**12], [60, None, 60]])
def test_an_answer_that_says_to_be_too_long_takes_no_memory(lengths):
    with pytest.raises(ValueError, match="too long"):
        head = json.dumps({"lengths": lengths})
        answered(struct.pack(">L", len(head)), head)


def test_values_that_say_to_be_too_long_take_no_memory():
    with pytest.raises(ValueError, match="Expecting value"):
        answered(b"\xff" * 4, "x" * 200)


def answered(*parts):
    """Receive an answer of 100 bytes at most."""
    reading, writing = (FileIO(each, how) for each, how in zip(os.pipe(), "rw", strict=True))
    with reading, writing:
        for each in parts:
            writing.write(each if isinstance(each, bytes) else each.encode())
        writing.close()
        return contained.receive(reading, 100)


def test_if_it_cannot_be_started_the_reason_is_said(monkeypatch):
    decoder.end_all()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(PictureError, match=r"^photo: cannot be decoded: .*No such file"):
        decode(WEBP)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PictureError, match=r"^photo: cannot be decoded: .*exit code 1"):
        decode(WEBP)


def test_it_gets_no_secrets(monkeypatch):
    secrets = ("CELLAR_ADDON_KEY_SECRET", "LANGSMITH_API_KEY", "TEMPORAL_API_KEY", "PATH_TO_SECRET")
    for name in secrets:
        monkeypatch.setenv(name, "secret")
    decoder.end_all()
    decode(WEBP)
    (process,) = processes()
    assert not {*secrets, "HOME"} & process.environ().keys()


@pytest.mark.thorough
def test_many_threads_share_few_processes():
    decoder.end_all()
    at_work = []

    def decoded(_):
        at_work.append(len(processes()))
        return decode(WEBP).pixels_int

    with ThreadPoolExecutor(6) as pool:
        found = [*pool.map(decoded, range(24))]
    assert all(np.array_equal(each, gradient()) for each in found)
    assert max(at_work) <= 4
    assert 1 <= len(processes()) <= 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_program_has_a_process_of_its_own(waiting):
    reading, writing = os.pipe()
    number = os.fork()
    if not number:
        try:
            os.write(writing, decode(WEBP).pixels_int.tobytes()[:3])
        finally:
            os._exit(0)
    assert os.read(reading, 3) == bytes(decode(WEBP).pixels_int.flat[:3])
    os.waitpid(number, 0)
    assert processes() == [waiting]


def test_a_persons_own_jpeg_is_decoded_without_a_process():
    decoder.end_all()
    with opening_here(opened_here):
        own = decode(JPEG)
        assert not processes()
        decode(WEBP)
        assert len(processes()) == 1, "of other formats, headers do not say all"
        decoder.end_all()
        out = io.BytesIO()
        Image.new("RGB", (64, 64)).save(out, "JPEG", progressive=True)
        *before, last = out.getvalue()[:-2].split(b"\xff\xda")
        decode(b"\xff\xda".join([*before, *30 * [last]]) + b"\xff\xd9")
        assert len(processes()) == 1, "each scan takes as long as a picture"
    assert np.array_equal(own.pixels_int, decode(JPEG).pixels_int)


def test_where_nothing_can_be_limited_it_decodes_as_well(monkeypatch, tmp_path):
    """As on Windows, which has no module `resource`."""
    (tmp_path / "resource.py").write_text("raise ModuleNotFoundError")
    monkeypatch.setattr(contained, "FOLDERS", f"{tmp_path}{os.pathsep}{contained.FOLDERS}")
    decoder.end_all()
    assert np.array_equal(decode(WEBP).pixels_int, gradient())
    assert len(processes()) == 1
    decoder.end_all()


def test_a_library_that_another_thread_imports_hides_no_module_from_the_process(
    monkeypatch, tmp_path
):
    (tmp_path / "typing.py").write_text("raise ImportError")
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])
    decoder.end_all()
    assert np.array_equal(decode(WEBP).pixels_int, gradient())


def test_a_picture_that_takes_too_long_is_refused_by_the_clock_too(waiting, monkeypatch):
    monkeypatch.setattr(contained, "WAITING_FACTOR", 0.02)
    waiting.suspend()
    with pytest.raises(PictureError, match=r"^photo: takes too long to decode; export it anew"):
        decode(WEBP)
    assert not waiting.is_running()


def test_pictures_are_the_same_in_both_places():
    files = [saved(gradient(), each) for each in ("PNG", "TIFF", "GIF", "BMP", "HEIF", "AVIF")]
    with opening_here(OpenedPicture):
        here = [decode(each) for each in (JPEG, WEBP, *files)]
    for one, data in zip(here, (JPEG, WEBP, *files), strict=True):
        other = decode(data)
        assert np.array_equal(one.pixels_int, other.pixels_int)
        assert (one.format, one.exif, one.profile, one.dpi) == (
            *(other.format, other.exif, other.profile, other.dpi),
        )


@pytest.mark.thorough
def test_a_long_file_is_read_after_a_small_picture():
    small = decode(JPEG)
    long = decode(JPEG + bytes(250_000_000))  # Twice as much is more than the former may take.
    assert np.array_equal(small.pixels_int, long.pixels_int)
