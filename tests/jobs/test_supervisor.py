"""There is always a worker, and the supervisor reports why there is none."""

import multiprocessing
import signal
from unittest.mock import Mock

import pytest
from support import workers
from support.polling import until

from painterly.jobs.worker import supervisor as supervisors
from painterly.jobs.worker.supervisor import Supervisor

pytestmark = pytest.mark.slow  # Workers start.


@pytest.fixture
def started(monkeypatch):
    """Starts supervisors of a worker; returns one with the list of its messages."""
    monkeypatch.setattr(supervisors, "PAUSES_S", (0.0,))
    kept = []

    def start(worker):
        said = []
        kept.append(Supervisor(worker, said.append))
        kept[-1].start()
        return kept[-1], said

    yield start
    for each in kept:
        each.stop()


def test_a_worker_that_cannot_be_started_for_now_is_started_later(started, monkeypatch, caplog):
    """For example, no memory is left for a process after the system has killed the last worker."""
    start, refusals = multiprocessing.process.BaseProcess.start, iter([True])

    def refuse(process):
        if next(refusals, False):
            raise BlockingIOError(11, "Resource temporarily unavailable")
        start(process)

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", refuse)
    supervisor, said = started(workers.ready)
    until(lambda: supervisor.device == "a device", every_s=0.005)
    assert supervisor.problem == ""
    assert said == [("ready", "a device")]
    reason = "the worker cannot be started (Resource temporarily unavailable)"
    assert caplog.messages == [f"{reason} and is being restarted"]


def test_a_worker_that_dies_is_replaced_by_one_that_learns_its_name(started, caplog):
    _, said = started(workers.dies_once)
    until(lambda: len(said) == 3, every_s=0.005)
    assert caplog.messages == ["the worker ended (signal 9) and is being restarted"]
    (_, first), gone, (_, second) = said
    assert gone == ("gone",) and second == f"after {first}"


def test_whoever_stops_waits_for_the_end_of_the_worker_and_none_follows(started, caplog):
    supervisor, said = started(workers.ready)
    until(lambda: supervisor.device, every_s=0.005)
    [process] = multiprocessing.active_children()
    supervisor.stop()
    assert process.exitcode == -signal.SIGTERM
    assert said[1:] == [("gone",)] and not caplog.messages
    assert not supervisor.send("look"), "no process is there to read it"


def test_a_worker_saves_its_work_undisturbed_however_often_it_is_asked_to_stop(started):
    supervisor, said = started(workers.saves)
    until(lambda: supervisor.device, every_s=0.005)
    supervisor.ask_to_stop()
    until(lambda: len(said) == 2, every_s=0.005)
    [process] = multiprocessing.active_children()
    supervisor.stop()
    assert said == [("ready", "a device"), ("saving",), ("gone",)]
    assert process.exitcode == 0


def test_a_worker_that_takes_no_message_in_time_is_killed_and_replaced(
    started, monkeypatch, caplog
):
    monkeypatch.setattr(supervisors, "TAKING_S", 0.5)
    supervisor, said = started(workers.hangs_once)
    until(lambda: supervisor.device, every_s=0.005)
    assert supervisor.send("preview", bytes(4_000_000)), "more than a pipe holds"
    until(lambda: len(said) == 3, every_s=0.005)
    assert said[2][1] == f"after {said[0][1]}"
    assert "the worker has taken no message" in caplog.messages[0]
    assert "signal 9" in caplog.messages[1]


def test_what_a_worker_does_not_read_makes_nobody_wait_and_is_bounded(started):
    assert not Supervisor(Mock(), Mock()).send("look"), "there is no worker yet"
    supervisor, _ = started(workers.hangs_once)
    until(lambda: supervisor.device, every_s=0.005)
    taken = [supervisor.send("preview", bytes(4_000_000)) for _ in range(50)]
    assert supervisors.MAX_UNSENT <= sum(taken) <= supervisors.MAX_UNSENT + 1


def test_a_message_that_is_taken_in_time_costs_no_worker(monkeypatch):
    timer, process = Mock(), Mock()
    monkeypatch.setattr(supervisors.threading, "Timer", timer)
    outbox = supervisors.Outbox(Mock(), process)
    assert outbox.add(("preview", 1))
    until(lambda: timer.return_value.cancel.called)
    outbox.close()
    assert not process.kill.called


def test_only_early_deaths_make_a_restart_wait(started, monkeypatch):
    monkeypatch.setattr(supervisors, "PAUSES_S", (0.0, 0.0, 600.0))
    monkeypatch.setattr(supervisors, "EARLY_S", 0.0)
    _, said = started(workers.dies)
    until(lambda: said.count(("gone",)) > 3, every_s=0.005)
    monkeypatch.setattr(supervisors, "EARLY_S", 600.0)
    _, said = started(workers.dies)
    until(lambda: said.count(("gone",)) == 2, every_s=0.005)
    until(lambda: not multiprocessing.active_children(), every_s=0.005)
    assert said.count(("gone",)) == 2


def test_a_worker_that_has_ended_takes_no_messages():
    kept, process, pipe = Supervisor(Mock(), Mock()), Mock(exitcode=0), Mock()
    taken = []
    pipe.receive = lambda: taken.append(kept.send("preview", 1))  # Then it has ended.
    assert kept._followed(process, pipe) == 0
    assert taken == [True] and not kept.send("preview", 2)
    assert not process.terminate.called


def test_a_stop_before_there_is_a_process_stops_it_too():
    kept, process = Supervisor(Mock(), Mock()), Mock(exitcode=0)
    kept.ask_to_stop()
    kept._followed(process, Mock(receive=lambda: None))
    assert process.terminate.called
