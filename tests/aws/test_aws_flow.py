"""The path through AWS, from a message to the painting in its chat. Events go to the targets of the
template's rules, and jobs are the template's command, in this process."""

import io
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import entrypoint
import pytest
from PIL import Image
from support import aws_events, tiny
from support.aws_template import NAMES
from support.bot_world import ANNA, BORIS, EN, GROUP, OWNER, Context, texts
from support.folder_batches import QUICK

PHOTO = tiny.file(60, 80, 1)
ENDED = "Essential container in task exited"  # Batch's reason if the container ended by itself


class Cloud:
    """EventBridge and Batch between the bot and its jobs, which have an exit code once they ended.
    Each event is delivered twice.

    Args:
        resources: The template's resources.
        world: The bot.
    """

    def __init__(self, resources, world):
        self._resources, self._world = resources, world
        self._definition = resources["JobDefinition"]["Properties"]
        self.jobs, self._waiting, self._seen = [], [], set()
        self.deliver_new_objects()

    def deliver_new_objects(self):
        entries = self._world.s3.list_objects_v2(Bucket=self._world.bucket).get("Contents", [])
        for entry in entries:
            if (version := (entry["Key"], entry["ETag"])) not in self._seen:
                self._seen.add(version)
                self.deliver(aws_events.created(entry["Key"]))

    def work(self):
        """Run the jobs that wait."""
        while self._waiting:
            job = self._waiting.pop(0)
            self._report(job, "RUNNING")
            job.code = self._run(job)
            self.deliver_new_objects()
            container = {"exitCode": job.code}
            status = "FAILED" if job.code else "SUCCEEDED"
            self._report(job, status, container=container, statusReason=ENDED)

    def _run(self, job):
        refs = {f"Ref::{name}": value for name, value in job.parameters.items()}
        command = self._definition["ContainerProperties"]["Command"]
        python, script, *arguments = (refs.get(word, word) for word in command)
        assert (python, script) == ("python", "aws/entrypoint.py")
        return entrypoint.main(arguments)

    def deliver(self, event):
        for name in sorted(aws_events.matching(self._resources, event)) * 2:
            [target] = self._resources[name]["Properties"]["Targets"]
            if target["Arn"] == NAMES["JobQueue"]:
                submitted = aws_events.transformed(target["InputTransformer"], event)
                number, parameters = len(self.jobs) + 1, submitted["Parameters"]
                job = SimpleNamespace(id=f"job-{number}", parameters=parameters, code=None)
                self.jobs.append(job)
                self._waiting.append(job)
                for status in ("SUBMITTED", "RUNNABLE"):
                    self._report(job, status)
            else:
                self._world.handler(event, Context())

    def _report(self, job, status, **detail):
        detail |= {"jobId": job.id, "parameters": job.parameters}
        self.deliver(aws_events.job_state(status, **detail))


@pytest.fixture
def cloud(world, resources, stand_in, monkeypatch):
    """Return the cloud around the bot, with photos painted small and by support.stand_in."""
    container = resources["JobDefinition"]["Properties"]["ContainerProperties"]
    variables = {each["Name"]: each["Value"] for each in container["Environment"]}
    for name, value in (variables | {"DEVICE": "cpu"} | QUICK).items():
        monkeypatch.setenv(name, value)
    return Cloud(resources, world)


def painting(world, update):
    """Return the file that came back in reply to a photo, to its chat."""
    message = update["message"]
    files = world.telegram.sent("sendDocument", message["chat"]["id"])
    [file] = [call for call in files if call.reply_to == message["message_id"]]
    return file.files["document"][1]


@pytest.mark.thorough
def test_each_photo_comes_back_once_to_its_chat_and_a_corrupt_one_stops_no_other(world, cloud):
    """Though all is sent twice, and Telegram stumbles."""
    anna, corrupt = world.photo(ANNA, PHOTO), world.photo(BORIS, PHOTO[:500])
    album = [world.photo(ANNA, PHOTO, GROUP, media_group_id="7") for _ in range(2)]
    for _ in range(2):
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(world.update, [anna, *album, corrupt])) == [200] * 4
    [acknowledged] = world.telegram.sent(chat=GROUP)
    assert "album" in acknowledged.text
    cloud.deliver_new_objects()
    world.telegram.fail("sendPhoto", 502)
    world.telegram.fail("sendDocument", 429)
    cloud.work()
    assert sorted(job.code for job in cloud.jobs) == [0] * 6 + [1] * 2
    accepted, preview, result, file = world.telegram.sent(chat=ANNA)
    assert "Got it" in accepted.text and "Monet" in result.text
    methods = [each.method for each in (preview, result, file)]
    assert methods == ["sendPhoto", "sendPhoto", "sendDocument"]
    message = anna["message"]["message_id"]
    assert [call.reply_to for call in (accepted, preview, result, file)] == [message] * 4
    assert world.telegram.refused == [("sendPhoto", 502), ("sendDocument", 429)]
    assert Image.open(io.BytesIO(painting(world, anna))).size == (64, 48)
    for update in (anna, *album):
        message = update["message"]
        name = f"results/{message['chat']['id']}/monet/{message['message_id']}-"
        assert painting(world, update) == world.get(*world.keys(name))
    assert len(world.telegram.sent("sendDocument")) == 3
    shown = texts(world.telegram.sent("sendPhoto"))
    assert shown.count(EN.style("result", "Monet")) == 3
    assert shown.count(EN.text("preview")) == 2, "Anna's and the album's"
    [answer] = [call for call in world.telegram.sent(chat=BORIS) if "could not" in call.text]
    assert answer.reply_to == corrupt["message"]["message_id"]
    assert "damaged or incomplete" in answer.text
    assert world.telegram.sent(chat=OWNER) == []
    assert "None of your photos" in world.says(ANNA, "/status")[0].text
