"""aws/template.yaml: which events start what, and what is tried again."""

import json
from fnmatch import fnmatchcase

import contract
from bot.resources import INVOCATION_S
from support import aws_template
from support.aws_events import created, job_state, matching, transformed

from painterly.images import output
from painterly.settings import bucket_layout


def action(rules, status, code):
    """Return the action of the first rule that matches an attempt with a status and exit code."""
    attempt = {"OnStatusReason": status, "OnExitCode": str(code), "OnReason": ""}
    for rule in rules:
        conditions = [name for name in rule if name != "Action"]
        if all(fnmatchcase(attempt[name], rule[name]) for name in conditions):
            return rule["Action"]
    return "RETRY"


def test_only_what_spot_took_is_retried(resources):
    retry = resources["JobDefinition"]["Properties"]["RetryStrategy"]
    assert 3 <= retry["Attempts"] <= 5
    for status, code, retried in (
        ("Host EC2 (instance i-0123456789abcdef0) terminated.", None, True),
        ("Essential container in task exited", 143, True),
        ("Essential container in task exited", 1, False),
        ("Essential container in task exited", 137, False),
        ("Task failed to start", None, False),
    ):
        expected = "RETRY" if retried else "EXIT"
        assert action(retry["EvaluateOnExit"], status, code) == expected, (status, code)


def test_previews_can_be_turned_off(template, monkeypatch):
    monkeypatch.setitem(aws_template.GIVEN, "Previews", "no")
    without = aws_template.filled(template)
    assert matching(without, created("telegram/5/7-AQAD.jpg")) == {"NewPhotoRule"}
    assert not any("Preview" in name for name in without)


def test_an_event_starts_what_it_is_for_and_nothing_else(resources):
    for suffix in bucket_layout.picture_extensions():
        photo = contract.Photo(-100123, 7, "AQAD_x-9", suffix.removeprefix("."))
        assert matching(resources, created(photo.key)) == {"NewPhotoRule", "PreviewRule"}
        assert matching(resources, created(photo.request_key)) == set()
    for suffix in ("jpg", "png", "webp", "tiff"):
        assert output.OutputFormat(suffix).extension("a.jpg") == suffix
        key = f"{contract.result_prefix(-100123)}/monet and hokusai/7-AQAD_x-9.{suffix}"
        assert contract.Photo.of_result(key)
        assert matching(resources, created(key)) == {"ResultRule"}
    for status in ("SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"):
        assert matching(resources, job_state(status)) == {"JobStateRule"}
    for event in (
        created("results/5/_records/monet/7-AQAD.jpg.json"),
        created("results/5/_checkpoints/monet/7-AQAD.jpg.npz"),
        created("styles/monet.jpg"),
        created("own/5/grandma.png"),
        created("state/users/5.json"),
        created("state/queue/1767323045000/5/5.0123456789abcdef"),
        created("state/passing/updates/7.json"),
        created("style.jpg"),
        created("imagenet-vgg-verydeep-19.mat"),
        created("telegram/5/7-AQAD.jpg", bucket="another"),
        created("telegram/5/7-AQAD.jpg", kind="Object Deleted"),
        job_state("FAILED", jobQueue="arn:aws:batch:eu-west-1:123456789012:job-queue/another"),
        job_state("PENDING"),
    ):
        assert matching(resources, event) == set()


def test_a_results_key_names_photo_and_style_and_no_other_key_does():
    for key, style in (
        ("results/-5/monet/7-A-Q.jpg", "monet"),
        ("results/-5/waves/great wave/7-A-Q.png", "waves/great wave"),
        ("results/-5/_große Welle%20+/7-A-Q.png", "_große Welle%20+"),
    ):
        assert contract.Photo.of_result(key) == (contract.Photo(-5, 7, "A-Q"), style)
    for key in (
        *(
            "state/requests/5/7-AQ.json",
            "telegram/5/7-AQ",
            "telegram/5/x-AQ.jpg",
            "telegram/a/7-AQ.jpg",
        ),
        *("telegram/5/sub/7-AQ.jpg", "own/5/7-AQ.jpg", "x/telegram/5/7-AQ.jpg", "style.jpg", ""),
        *("telegram/5/7-AQ.jpg\n", "telegram/05/7-AQ.jpg", "telegram/5/7-A.Q.jpg"),
        *("results/5/_records/monet/7-AQ.jpg.json", "results/5/_checkpoints/monet/7-AQ.jpg.npz"),
        *("results/5/index.html", "results/5/_gallery/7-AQ.jpg", "results/5/7-AQ.jpg"),
        "results/5/monet/beach.jpg",
    ):
        assert contract.Photo.of_key(key) is contract.Photo.of_result(key) is None


def test_a_pattern_has_no_more_wildcards_than_eventbridge_takes(resources):
    """Each `*` in the middle counts two in EventBridge's measure of complexity: four of them, 8,
    are known to be taken, six, 12, known to be refused."""
    assert json.dumps(resources["ResultRule"]["Properties"]["EventPattern"]).count("*") <= 4


def test_the_job_gets_bucket_and_key_whatever_the_key(resources):
    [target] = resources["NewPhotoRule"]["Properties"]["Targets"]
    for key in ("telegram/-5/7-AQAD_x-9.jpg", 'telegram/5/"é\\ \n<bucket>&.jpg'):
        submitted = transformed(target["InputTransformer"], created(key))
        assert submitted == {"Parameters": {"bucket": "painter-bucket", "key": key}}
    assert "RetryStrategy" not in target["BatchParameters"]


def test_photos_go_on_being_painted_while_the_stack_is_updated(resources):
    """An update deregisters the job definition's revision: the rule names none."""
    rule, definition = resources["NewPhotoRule"], resources["JobDefinition"]
    [target] = rule["Properties"]["Targets"]
    name = definition["Properties"]["JobDefinitionName"]
    assert target["BatchParameters"]["JobDefinition"] == name == "painter-paint"
    assert rule["DependsOn"] == "JobDefinition"


def test_what_cannot_be_delivered_goes_to_the_dead_letters_and_raises_an_alarm(resources):
    dead, refused = "DeadLetters.Arn", "RefusedPhotos.Arn"
    for name, each in resources.items():
        if each["Type"] == "AWS::Events::Rule":
            for target in each["Properties"]["Targets"]:
                queue = refused if name == "NewPhotoRule" else dead
                # A lost preview raises no alarm: the photo is painted nevertheless.
                kept = None if name == "PreviewRule" else {"Arn": queue}
                assert target.get("DeadLetterConfig") == kept, name
    [source] = [it for it in resources.values() if it["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert source["Properties"]["EventSourceArn"] == refused
    waiting = resources["RefusedPhotos"]["Properties"]
    assert waiting["RedrivePolicy"]["deadLetterTargetArn"] == dead
    timeout = resources["BotFunction"]["Properties"]["Timeout"]
    assert waiting["VisibilityTimeout"] == 6 * timeout, "as Lambda advises"
    assert timeout == INVOCATION_S, "what an invocation claims outlasts it by nothing"
    [config] = [it for it in resources.values() if it["Type"] == "AWS::Lambda::EventInvokeConfig"]
    destination = config["Properties"]["DestinationConfig"]["OnFailure"]
    assert destination["Destination"] == dead
    alarm = resources["DeadLettersAlarm"]["Properties"]
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible" and alarm["Threshold"] == 0
