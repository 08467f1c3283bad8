"""Orders, claims, deaths and cancellations in any order: no job is lost, and each ends once."""

from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import strategies as some
from hypothesis.stateful import invariant, precondition, rule
from support.machines import Machine, play
from support.web_service import stored_job

from painterly.jobs.schemas import JobState
from painterly.jobs.store import JobStore
from painterly.jobs.worker import lease as leases
from painterly.jobs.worker.lease import LEASE_S, Cancelled, JobClaimer, LeaseLost
from painterly.storage.folder import FolderBucket

WORKERS = some.sampled_from("ab")


@pytest.mark.thorough
def test_each_job_ends_once_whatever_workers_and_people_do(tmp_path, monkeypatch):  # noqa: C901
    """Only the machine's clock passes. A worker that renews its lease in time keeps its job."""
    clock, number = [0.0], iter(range(10**6))
    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    class Jobs(Machine):
        def __init__(self):
            super().__init__()
            bucket = FolderBucket(tmp_path / str(next(number)), new=True)
            self.ends = Counter()
            self.store = JobStore(bucket, lambda job: self.ends.update([job.id]))
            self.jobs, self.cancelled = [], set()
            self.claimers, self.leases = {}, {}
            # The last claim of each job, and the time of the last version by its worker.
            self.holds, self.renewed = {}, {}
            for name in "ab":
                self.start(name)
                self.order()

        def start(self, name):
            self.claimers[name] = JobClaimer(self.store, f"{name} {next(number)}")
            self.leases.pop(name, None)

        def claimed(self, name):
            lease = self.claimers[name].claim_next()
            if lease is None:
                return None
            job = lease.job.id
            if job in self.holds:
                assert clock[0] - self.renewed[job] >= LEASE_S, "its worker is alive"
                self.reach("a job of another worker")
            self.holds[job], self.renewed[job] = lease, clock[0]
            return lease

        def is_held(self, lease):
            return self.holds.get(lease.job.id) is lease and not self.store.read_ended(lease.job.id)

        def confirmed(self, name):
            """Tell whether a worker may go on. If it may not, it has no job any more."""
            lease = self.leases[name]
            job, holds = lease.job.id, self.is_held(lease)
            try:
                lease.confirm()
            except LeaseLost:
                assert not holds
                self.reach("a lost job")
            except Cancelled:
                assert holds and job in self.cancelled
                lease.end(state=JobState.CANCELLED)
                self.reach("a cancelled job")
            else:
                assert holds and job not in self.cancelled
                self.renewed[job] = clock[0]
                return True
            del self.leases[name]
            return False

        @precondition(lambda self: len(self.jobs) < 4)
        @rule()
        def order(self):
            self.jobs.append(stored_job(self.store).id)

        @precondition(lambda self: self.jobs)
        @rule(which=some.integers(0, 3), notices=WORKERS)
        def cancel(self, which, notices):
            job = self.jobs[which % len(self.jobs)]
            if found := self.store.read(job):
                assert self.store.replace(found[0].changed(cancel=True), found[1])
                self.cancelled.add(job)
            self.look(notices)
            self.paint(notices, 5)

        @rule(name=WORKERS)
        def look(self, name):
            if name not in self.leases and (lease := self.claimed(name)):
                self.leases[name] = lease

        @rule(name=WORKERS, step=some.integers(1, 9))
        def paint(self, name, step):
            if name in self.leases:
                self.leases[name].update(step=step)
                self.confirmed(name)

        @rule(name=WORKERS)
        def finish(self, name):
            if name in self.leases and self.confirmed(name):
                self.leases.pop(name).end(state=JobState.DONE)
                self.reach("a painted job")

        @rule(name=WORKERS)
        def give_back(self, name):
            if name in self.leases:
                lease = self.leases.pop(name)
                held = self.is_held(lease)
                lease.give_back()
                if held:
                    del self.holds[lease.job.id]
                    self.reach("a job that is given back")

        @rule(name=WORKERS)
        def die(self, name):
            self.reach("the death of a worker with a job", name in self.leases)
            self.start(name)

        @rule(seconds=some.sampled_from([1.0, LEASE_S / 2, LEASE_S + 1]))
        def wait(self, seconds):
            clock[0] += seconds

        @rule(name=WORKERS)
        def hang_while_the_other_looks(self, name):
            for who in (name, *"ab".replace(name, "")):
                self.look(who)
            self.wait(LEASE_S + 1)
            self.look(who)
            self.paint(name, 5)

        @invariant()
        def nothing_is_lost(self):
            assert {*self.jobs} == {*self.store.queue().jobs} | {*self.store.ended()}

        def teardown(self):
            self.start("a")
            for _ in range(9):
                clock[0] += LEASE_S + 1
                if lease := self.claimed("a"):
                    lease.end(state=JobState.DONE)
            assert not self.store.queue().jobs and self.ends == Counter(self.jobs)

    reaches = {"a job of another worker", "a lost job", "a cancelled job", "a painted job"}
    reaches |= {"a job that is given back", "the death of a worker with a job"}
    play(Jobs, examples=60, steps=20, reaches=reaches)
