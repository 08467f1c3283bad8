#!/usr/bin/env python3
"""Tells Telegram where the bot lives: see --help. Runs on a laptop, once after the first deployment
and again when the token or the address has changed."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

# Python looks for modules beside a script only.
sys.path.append(str(Path(__file__).resolve().parents[1]))

import boto3
from bot.resources import TELEGRAM
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
from layout import webhook_secret
from telegram import Bot, WebhookInfo
from telegram.error import InvalidToken, TelegramError

from styletransfer.errors import ConfigError, StorageError, StyleTransferError

PROG = "aws/webhook.py"
# What the bot answers to; Telegram keeps all else to itself.
UPDATES = ("message", "callback_query")
EPILOG = """\
The account and the region are those of AWS's command line (AWS_PROFILE, AWS_REGION, ~/.aws).

exit codes: 0 done, 2 wrong arguments, stack or token, 5 AWS or Telegram unreachable or refused"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Sets, removes or shows the webhook; the exit code."""
    parser = argparse.ArgumentParser(
        prog=PROG,
        description="Tells Telegram where the bot of a stack lives.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", required=True, metavar="NAME", help="the stack's name")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--remove", action="store_true", help="Telegram forgets the address")
    action.add_argument("--info", action="store_true", help="only show what Telegram knows")
    told = parser.parse_args(arguments)
    try:
        outputs = _outputs(told.stack)
        token = _token(outputs["TokenParameter"])
        url = None if told.info else "" if told.remove else outputs["WebhookUrl"]
        info = asyncio.run(_told(token, url))
    except StyleTransferError as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return error.exit_code
    for line in describe(info, outputs["WebhookUrl"]):
        print(line)
    return 0


def describe(info: WebhookInfo, url: str) -> list[str]:
    """What Telegram knows of the webhook, in lines; `url` is the stack's address."""
    if not info.url:
        lines = ["Telegram knows no address: the bot is asleep."]
    elif info.url == url:
        lines = [f"Telegram sends to {url}"]
    else:
        lines = [f"Telegram sends to {info.url}, which is not this stack's {url}"]
    if info.pending_update_count:
        lines.append(f"updates that wait: {info.pending_update_count}")
    if info.last_error_message and info.last_error_date:
        when = info.last_error_date.astimezone(UTC)
        lines.append(f"last error, {_ago(when)} ago: {info.last_error_message}")
    return lines


async def _told(token: str, url: str | None) -> WebhookInfo:
    """What Telegram knows after it was told an address; empty removes it, None leaves it."""
    api = os.environ.get("TELEGRAM_API") or TELEGRAM
    try:
        async with Bot(token, base_url=f"{api}/bot") as bot:
            if url:
                await bot.set_webhook(
                    url, secret_token=webhook_secret(token), allowed_updates=UPDATES
                )
            elif url is not None:
                await bot.delete_webhook()
            return await bot.get_webhook_info()
    except InvalidToken:  # Its message has the token in it.
        raise ConfigError(
            "Telegram refuses the bot's token; ask @BotFather for it and store it again "
            "(aws ssm put-parameter --overwrite …, see aws/README.md)"
        ) from None
    except TelegramError as error:
        text = str(error).replace(token, "<token>")
        raise StorageError(f"Telegram at {api}: {text}; try again") from None


def _outputs(stack: str) -> dict[str, str]:
    """The outputs of a stack. Raises ConfigError where it has none of ours."""
    described = _asked("cloudformation", "describe_stacks", StackName=stack)
    found = {
        each["OutputKey"]: each["OutputValue"] for each in described["Stacks"][0].get("Outputs", ())
    }
    missing = [name for name in ("WebhookUrl", "TokenParameter") if name not in found]
    if missing:
        raise ConfigError(
            f"stack {stack} has no output {' and '.join(missing)}; it is not the bot's, or its "
            "deployment did not succeed"
        )
    return found


def _token(parameter: str) -> str:
    """The bot's token. Raises ConfigError where the parameter is missing or has none."""
    found = _asked("ssm", "get_parameter", Name=parameter, WithDecryption=True)["Parameter"]
    if found["Type"] != "SecureString":
        raise ConfigError(
            f"SSM parameter {parameter} is a {found['Type']}, which anybody can read who may list "
            "it; delete it and store the token as SecureString (see aws/README.md)"
        )
    return found["Value"].strip()


def _asked(service: str, operation: str, **given: object) -> dict:
    """AWS's answer. What it refuses is a ConfigError or StorageError of one line."""
    what = given.get("StackName") or given.get("Name")
    try:
        client = boto3.client(service)
        return getattr(client, operation)(**given)
    except (NoCredentialsError, NoRegionError) as error:
        advice = "log in (aws configure, or AWS_PROFILE and AWS_REGION)"
        raise ConfigError(f"{error}; {advice}") from None
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code == "ParameterNotFound":
            raise ConfigError(
                f"there is no SSM parameter {what}; store the token there: aws ssm put-parameter "
                f"--type SecureString --name {what} --value …"
            ) from None
        if "does not exist" in message:
            told = f"there is no stack {what} in {client.meta.region_name}"
            raise ConfigError(f"{told}; check its name and AWS_REGION") from None
        raise StorageError(f"AWS refused {service} {what} ({code}): {message}") from None
    except BotoCoreError as error:
        raise StorageError(f"AWS: {error}") from None


def _ago(when: datetime) -> str:
    minutes = int((datetime.now(UTC) - when).total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


if __name__ == "__main__":
    sys.exit(main())
