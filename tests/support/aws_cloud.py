"""EventBridge and Batch for tests: new objects in the bucket and the states of jobs go where the
template's rules say; jobs are the template's command, as processes of this machine."""

import json
import os
import sys
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from support import aws_events, programs
from support.aws_template import NAMES
from support.bot_running import Context, World
from support.processes import Starter

DEADLINE_S = 60
ENDED = "Essential container in task exited"  # what Batch says of whatever ended by itself


@dataclass
class Job:
    """`codes` are the exit codes of its attempts so far."""

    id: str
    parameters: dict[str, str]
    log: Path
    codes: list[int] = field(default_factory=list)
    process: BaseProcess | None = None

    @property
    def messages(self) -> list[str]:
        """What it logged, as JSON, which the template asks for; not its words on stderr."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line)["message"] for line in lines if line.startswith("{")]


class Cloud:
    """What is between the bot and its jobs. `made` are the template's resources, filled in;
    `repeats` is how often each event is delivered, `jobs` all that there were."""

    def __init__(
        self,
        made: dict[str, Any],
        world: World,
        start_program: Starter,
        environment: dict[str, str],
        folder: Path,
    ) -> None:
        self._made, self._world, self._folder = made, world, folder
        self._start_program = start_program
        self._definition = made["JobDefinition"]["Properties"]
        container = self._definition["ContainerProperties"]
        variables = {each["Name"]: each["Value"] for each in container["Environment"]}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = variables | {"PATH": path} | environment
        self.repeats = 1
        self.jobs: list[Job] = []
        self._waiting: list[Job] = []
        self._seen: set[tuple[str, str]] = set()
        self._seconds = 0
        self.look_around()

    def look_around(self) -> None:
        """Delivers the events of new objects in the bucket."""
        found = self._world.s3.list_objects_v2(Bucket=self._world.bucket).get("Contents", [])
        for each in found:
            if (version := (each["Key"], each["ETag"])) not in self._seen:
                self._seen.add(version)
                self.deliver(aws_events.created(each["Key"], self._world.bucket))

    def deliver(self, event: dict[str, Any]) -> None:
        """Delivers an event to the targets of the rules that it matches."""
        for name in sorted(aws_events.matching(self._made, event)) * self.repeats:
            [target] = self._made[name]["Properties"]["Targets"]
            if target["Arn"] == NAMES["JobQueue"]:
                submitted = aws_events.transformed(target["InputTransformer"], event)
                self._submit(submitted["Parameters"])
            else:
                self._world.handler(event, Context())

    def command(self, job: Job) -> list[str]:
        """The template's, with the job's parameters."""
        refs = {f"Ref::{name}": value for name, value in job.parameters.items()}
        command = self._definition["ContainerProperties"]["Command"]
        return [refs.get(each, each) for each in command]

    def work(self, at_once: int = 2) -> None:
        """Runs what waits, so many at once, until nothing waits any more."""
        running: list[Job] = []
        while running or self._waiting:
            while self._waiting and len(running) < at_once:
                running.append(self.start())
            ended = connection.wait([job.process.sentinel for job in running], DEADLINE_S)
            assert ended, f"no job ended within {DEADLINE_S} s"
            for job in [each for each in running if each.process.sentinel in ended]:
                running.remove(job)
                self.end(job)

    def start(self) -> Job:
        """Starts an attempt of the job that waits longest."""
        job = self._waiting.pop(0)
        python, script, *arguments = self.command(job)
        assert (python, script) == ("python", "aws/entrypoint.py")
        program = self._start_program(
            programs.aws_job, *arguments, environment=self.environment, log=job.log
        )
        job.process = program.process
        self._deliver_state(job, "RUNNING")
        return job

    def end(self, job: Job, code: int | None = None) -> None:
        """Waits for an attempt's end, or takes its exit code, and does what the template's job
        definition says: that was it, or the job waits again."""
        if code is None:
            job.process.join(DEADLINE_S)
            code = job.process.exitcode
        job.codes.append(code)
        self.look_around()
        retry = self._definition["RetryStrategy"]
        more = len(job.codes) < int(retry["Attempts"])
        if code == 0:
            self._deliver_state(job, "SUCCEEDED", container={"exitCode": 0}, statusReason=ENDED)
        elif more and aws_events.is_retried(retry, ENDED, code):
            self._waiting.append(job)
            self._deliver_state(job, "RUNNABLE")
        else:
            self._deliver_state(job, "FAILED", container={"exitCode": code}, statusReason=ENDED)

    def _submit(self, parameters: dict[str, str]) -> None:
        number = len(self.jobs) + 1
        job = Job(f"job-{number}", parameters, self._folder / f"{number}.log")
        self.jobs.append(job)
        self._waiting.append(job)
        for status in ("SUBMITTED", "RUNNABLE"):
            self._deliver_state(job, status)

    def _deliver_state(self, job: Job, status: str, **detail: Any) -> None:
        self._seconds += 1
        attempts = [{"container": {"exitCode": code}} for code in job.codes]
        detail = {"jobId": job.id, "parameters": job.parameters, "attempts": attempts, **detail}
        time = f"2026-01-02T03:{self._seconds // 60:02}:{self._seconds % 60:02}Z"
        self.deliver(aws_events.job_state(status, time, **detail))
