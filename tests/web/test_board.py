"""What the web process knows of the jobs in the bucket."""

import pytest
from support.web_service import stored_job

from styletransfer.errors import StorageError
from styletransfer.storage import open_bucket
from styletransfer.storage.address import Account
from styletransfer.web.board import Board
from styletransfer.web.estimates import Estimates
from styletransfer.web.schemas import JobState
from styletransfer.web.stored import JobStore


@pytest.fixture
def jobs(tmp_path):
    return JobStore(open_bucket(str(tmp_path / "out"), Account(), new=True))


@pytest.fixture
def board(jobs):
    return Board(jobs, Estimates())


def shown(board):
    """The states of all jobs by their ids."""
    return {job.id: job.state for job in board.all()}


def heard(board, seen):
    """The ids of the jobs of which there is news since a change, and the latest change."""
    changes = board.since(seen)
    ids = {job.id: job for job in board.all()}
    return {each for each in ids if any(each.encode() in text for _, text in changes)}, (
        changes[-1][0] if changes else seen
    )


def test_who_waits_hears_that_all_move_up_as_soon_as_the_worker_begins(board, jobs):
    first, second = (stored_job(jobs).id for _ in range(2))
    board.refresh()
    ids, seen = heard(board, None)
    assert ids == {first, second}
    board.progress(first, 1, 9, None)  # Sooner than the bucket was read once more.
    ids, seen = heard(board, seen)
    assert ids == {first, second}
    assert [job.place for job in board.all()] == [1, 0]
    board.progress(first, 2, 9, None)
    assert heard(board, seen)[0] == {first}


def test_a_job_that_this_instance_has_not_read_yet_is_known_at_once(board, jobs):
    queued, ended = stored_job(jobs), stored_job(jobs)
    assert jobs.end(ended.changed(state=JobState.DONE))
    assert board.stored(queued.id).state == JobState.QUEUED
    assert board.stored(ended.id).state == JobState.DONE
    assert board.stored("0" * 20) is None
    assert shown(board) == {queued.id: JobState.QUEUED}


def test_a_job_that_ends_while_it_is_asked_for_is_not_taken_for_none(board, jobs, monkeypatch):
    job, read = stored_job(jobs), jobs.read

    def read_late(*which):
        jobs.end(job.changed(state=JobState.DONE))
        return read(*which)

    monkeypatch.setattr(jobs, "read", read_late)
    assert board.stored(job.id).state == JobState.DONE


def test_the_ended_jobs_are_shown_though_something_else_in_the_bucket_fails(board, jobs):
    ended = stored_job(jobs)
    assert jobs.end(ended.changed(state=JobState.DONE))

    def fails():
        raise StorageError("the logouts may not be listed")

    board.now_and_then = fails
    with pytest.raises(StorageError):
        board.refresh()
    assert shown(board) == {ended.id: JobState.DONE}


def test_after_a_failure_the_ended_jobs_are_read_with_the_next_look(board, jobs, monkeypatch):
    ended = stored_job(jobs)
    assert jobs.end(ended.changed(state=JobState.DONE))
    with monkeypatch.context() as patches:
        patches.setattr(jobs, "ended", lambda: iter([1 / 0]))
        with pytest.raises(ZeroDivisionError):
            board.refresh()
    board.refresh()
    assert shown(board) == {ended.id: JobState.DONE}
