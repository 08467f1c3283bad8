"""aws/webhook.sh, with a fake AWS CLI and a Telegram that shows what it got."""

import json
import os
import shutil
import subprocess

import contract
import pytest
from support.serving import serving
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from painterly.settings.installation import PROGRAM

TOKEN = "4242:AAF-not_a_real_token"
URL = "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/webhook"
AWS = f"""#!/bin/sh
case "$*" in
  *"--stack-name painter "*WebhookUrl*) echo {URL} ;;
  *"--stack-name painter "*TokenParameter*) echo /painter/telegram-token ;;
  *"--name /painter/telegram-token --with-decryption"*) echo "{TOKEN}" ;;
  *) echo "Stack does not exist" >&2; exit 254 ;;
esac
"""


@pytest.fixture
def webhook(tmp_path):
    """Run the script, and return what it did and the requests that Telegram got."""
    if not shutil.which("curl"):
        pytest.skip("curl is missing: apt-get install curl")
    aws = tmp_path / "aws"
    aws.write_text(AWS)
    aws.chmod(0o755)
    requests = []

    @Request.application
    def telegram(request):
        requests.append((request.path, request.get_data(as_text=True)))
        known = request.path.startswith(f"/bot{TOKEN}/")
        return Response(json.dumps({"ok": known}), 200 if known else 401)

    server = make_server("127.0.0.1", 0, telegram)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "TELEGRAM_API": f"http://127.0.0.1:{server.server_port}",
    }

    def run(*arguments):
        command = [PROGRAM / "aws/webhook.sh", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        return done, requests

    with serving(server):
        yield run


@pytest.mark.slow
def test_telegram_gets_the_address_and_the_secret_which_can_be_shown_and_removed(webhook):
    done, [(path, body)] = webhook("painter")
    assert done.returncode == 0 and json.loads(done.stdout) == {"ok": True}, done.stderr
    assert path == f"/bot{TOKEN}/setWebhook"
    assert f"\r\n\r\n{URL}\r\n" in body
    assert f"\r\n\r\n{contract.webhook_secret(TOKEN)}\r\n" in body
    assert '\r\n\r\n["message","callback_query"]\r\n' in body
    for action, method in (("info", "getWebhookInfo"), ("remove", "deleteWebhook")):
        done, requests = webhook("painter", action)
        assert done.returncode == 0 and requests[-1] == (f"/bot{TOKEN}/{method}", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "aws/webhook.sh STACK"), (("painter", "delete"), "remove"), (("x",), "does not exist")],
)
def test_a_mistake_reaches_no_telegram(webhook, arguments, message):
    done, requests = webhook(*arguments)
    assert done.returncode and message in done.stderr and requests == []
