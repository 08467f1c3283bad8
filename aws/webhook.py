#!/usr/bin/env python3
"""Sets the address at which Telegram reaches the bot: see --help. Runs on a laptop, once after the
first deployment and whenever the token or the address has changed."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import boto3
from bot import menu
from bot.resources import TELEGRAM
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
from layout import webhook_secret
from telegram import Bot, WebhookInfo
from telegram.error import InvalidToken, TelegramError

from styletransfer.cli.app import run_program
from styletransfer.cli.parser import new_parser
from styletransfer.errors import ConfigError, StorageError

# The updates that the bot handles; Telegram does not send others.
UPDATES = ("message", "callback_query")
NOTES = """\
The account and the region are those of the AWS CLI (AWS_PROFILE,
AWS_DEFAULT_REGION, ~/.aws).

exit codes: 0 done, 2 wrong arguments, stack or token, 5 AWS or Telegram unreachable
or access refused"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Sets, removes or shows the webhook; returns the exit code."""
    parser = new_parser(
        "aws/webhook.py", "Sets the address at which Telegram reaches a stack's bot.", notes=NOTES
    )
    parser.add_argument("--stack", required=True, metavar="NAME", help="the name of the stack")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--remove", action="store_true", help="remove the address")
    action.add_argument("--info", action="store_true", help="only show the current address")
    args = parser.parse_args(arguments)

    def run() -> int:
        outputs = _outputs(args.stack)
        address = outputs["WebhookUrl"]
        new_address = None if args.info else "" if args.remove else address
        info = asyncio.run(_webhook(_token(outputs["TokenParameter"]), new_address))
        print(*describe(info, address), sep="\n")
        return 0

    return run_program(parser.prog, run)


def describe(info: WebhookInfo, address: str) -> list[str]:
    """The state of the webhook in lines; `address` is the stack's."""
    if not info.url:
        lines = ["Telegram has no address for the bot: it gets no messages."]
    elif info.url == address:
        lines = [f"Telegram sends to {address}"]
    else:
        lines = [f"Telegram sends to {info.url}, not to this stack's {address}"]
    if info.pending_update_count:
        lines.append(f"updates waiting: {info.pending_update_count}")
    if info.last_error_message and info.last_error_date:
        age = _age(info.last_error_date.astimezone(UTC))
        lines.append(f"last error, {age} ago: {info.last_error_message}")
    return lines


async def _webhook(token: str, address: str | None) -> WebhookInfo:
    """Sets the address, removes it if it is empty, or leaves it if it is None; the state then."""
    api = os.environ.get("TELEGRAM_API") or TELEGRAM
    try:
        async with Bot(token, base_url=f"{api}/bot") as bot:
            if address:
                await bot.set_webhook(
                    address, secret_token=webhook_secret(token), allowed_updates=UPDATES
                )
                await menu.publish(bot)
            elif address is not None:
                await bot.delete_webhook()
            return await bot.get_webhook_info()
    except InvalidToken:  # Its message contains the token.
        raise ConfigError(
            "Telegram refuses the bot's token; ask @BotFather for it and store it again "
            "(aws ssm put-parameter --overwrite …, see aws/README.md)"
        ) from None
    except TelegramError as error:
        text = str(error).replace(token, "<token>")
        raise StorageError(f"Telegram at {api}: {text}; try again") from None


def _outputs(stack: str) -> dict[str, str]:
    """The outputs of a stack. Raises ConfigError if it is not a stack of the template."""
    with _aws_errors(f"stack {stack}"):
        client = boto3.client("cloudformation")
        try:
            described = client.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            raise ConfigError(
                f"there is no stack {stack} in {client.meta.region_name}; check its name and "
                "AWS_DEFAULT_REGION"
            ) from None
    found = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", ())}
    missing = [name for name in ("WebhookUrl", "TokenParameter") if name not in found]
    if missing:
        raise ConfigError(
            f"stack {stack} has no output {' and '.join(missing)}; it is not a stack of "
            "aws/template.yaml, or its deployment failed"
        )
    return found


def _token(name: str) -> str:
    """The bot's token in an SSM parameter. Raises ConfigError if it is missing or unencrypted."""
    with _aws_errors(f"SSM parameter {name}"):
        client = boto3.client("ssm")
        try:
            found = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
        except client.exceptions.ParameterNotFound:
            raise ConfigError(
                f"there is no SSM parameter {name}; store the token there: aws ssm put-parameter "
                f"--type SecureString --name {name} --value …"
            ) from None
    if found["Type"] != "SecureString":
        raise ConfigError(
            f"SSM parameter {name} is a {found['Type']}, readable by everybody who may list it; "
            "delete it and store the token as a SecureString (see aws/README.md)"
        )
    return found["Value"].strip()


@contextmanager
def _aws_errors(what: str) -> Iterator[None]:
    """Turns boto3's errors about something into ConfigError and StorageError."""
    try:
        yield
    except (NoCredentialsError, NoRegionError) as error:
        advice = "log in (aws configure, or AWS_PROFILE and AWS_DEFAULT_REGION)"
        raise ConfigError(f"{error}; {advice}") from None
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        raise StorageError(f"AWS refused {what} ({code}): {message}") from None
    except BotoCoreError as error:
        raise StorageError(f"AWS: {error}") from None


def _age(when: datetime) -> str:
    minutes = int((datetime.now(UTC) - when).total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


if __name__ == "__main__":
    sys.exit(main())
