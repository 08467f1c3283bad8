"""`painterly init`: writes `.env`, creates the buckets, and prints what the cloud has to know."""

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from getpass import getpass
from typing import Annotated, TypeVar

from cyclopts import Parameter

from painterly.cli.app import ask, fail, on_terminal
from painterly.cli.bucket_management import check_buckets, create
from painterly.cli.options import File, Switch
from painterly.cli.places import STANDARD, here
from painterly.configuration import config, env_file
from painterly.errors import ConfigError
from painterly.settings.installation import WORKSPACE, command
from painterly.storage import open_bucket
from painterly.storage.address import CELLAR, REGION
from painterly.words.wording import listed, printable, shortened

NAME = command("init")
ENDINGS = dict(zip(config.BUCKETS, ("photos", "paintings", "results"), strict=True))
AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
AWS_REGION = "AWS_DEFAULT_REGION"
USUAL_AWS_REGION = "eu-west-1"
SECRET = frozenset((*CELLAR[1:], *AWS_KEYS, "AWS_SESSION_TOKEN"))  # Their values are never printed.
PREFIX_SYNTAX = (
    "expected up to 53 lowercase letters, digits and hyphens, with a letter or digit at both ends, "
    "such as anna-lake"
)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class _Provider:
    """A provider of buckets."""

    title: str  # its name in the question
    required: tuple[str, ...]  # the variables of an account
    optional: tuple[str, ...]  # variables that an account may have in addition


PROVIDERS = {
    "clever": _Provider("Clever Cloud", CELLAR, (REGION,)),
    "aws": _Provider("AWS", AWS_KEYS, (AWS_REGION, "AWS_SESSION_TOKEN")),
    "s3": _Provider("another S3 service", CELLAR, (REGION,)),
}
CHOICES = ", ".join(f"{n} {about.title}" for n, about in enumerate(PROVIDERS.values(), start=1))
PROVIDER_QUESTION = f"Where are the buckets? {CHOICES} [1]: "
PREFIX_QUESTION = (
    "Prefix of the names of your three buckets. All customers share these names, so choose "
    "something unique, such as anna-lake: "
)


def init(
    *,
    prefix: str | None = None,
    provider: Annotated[str | None, Parameter(choices=tuple(PROVIDERS))] = None,
    addon_env: File = None,
    yes: Switch = False,
    force: Switch = False,
) -> int:
    """Set up buckets: create them, and write .env.

    They are PREFIX-photos, PREFIX-paintings and PREFIX-results. What is not given is asked for. All
    lines of .env are kept, and no other user can read the file.

    Args:
        prefix: how the names of the buckets begin
        provider: Clever Cloud, AWS, or another S3 service
        addon_env: a file, or - for the input, with the account's variables, as `clever addon env`
            prints them: CELLAR_ADDON_HOST, CELLAR_ADDON_KEY_ID, CELLAR_ADDON_KEY_SECRET; for AWS,
            AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION
        yes: do not ask; keep values that .env has already
        force: replace values that .env has already
    """
    prefix = None if prefix is None else _prefix(prefix)
    if not yes and not on_terminal():
        raise ConfigError("no terminal to ask on; pass --yes, --prefix and --provider")
    file, existing = WORKSPACE / ".env", config.non_empty(env_file.read(WORKSPACE))
    name = provider or _answer(yes, "--provider", PROVIDER_QUESTION, _provider)
    account = _account(name, addon_env, yes, existing)
    prefix = prefix or _answer(yes, "--prefix", PREFIX_QUESTION, _prefix)
    buckets = {variable: f"{prefix}-{ending}" for variable, ending in ENDINGS.items()}
    changes = _changes(existing, {**account, **buckets}, yes, force)
    values = {**existing, **changes}

    loaded = config.load(values)
    os.environ.update({name: values[name] for name in values if name.startswith("AWS_")})
    opened = {name: open_bucket(values[name], loaded.account) for name in config.BUCKETS}
    for bucket in opened.values():
        create(bucket)
    if code := check_buckets(opened):
        return fail(NAME, f"{file} is unchanged, because of the problem above", code)
    env_file.update(file, changes)
    done = f"written to {file}: {', '.join(changes)}"
    print(f"\n{done if changes else f'{file} has all of it already'}")
    for variable in (*PROVIDERS[name].required, *config.BUCKETS):
        if os.environ.get(variable, "") not in ("", values.get(variable)):
            print(f"note: this shell's {variable} overrides the one in .env; unset it")
    _print_next_steps(name, values)
    return 0


def _print_next_steps(provider: str, values: Mapping[str, str]) -> None:
    """Print how the machine that paints gets the variables, without the values of keys."""
    if provider == "clever":
        print("\nThe application has its keys from the add-on. Run here, for its buckets:\n")
        for name in config.BUCKETS:
            print(f"    clever env set {name} {shlex.quote(values[name])}")
        print("\nWith several applications in this folder, add --alias NAME.")
        return
    print("\nThe machine that paints needs the same variables:\n")
    about = PROVIDERS[provider]
    for name in (*about.required, *about.optional, *config.BUCKETS):
        if name in values:
            shown = "(as in .env)" if name in SECRET else shlex.quote(values[name])
            print(f"    {name}={shown}")
    if provider == "aws" and AWS_KEYS[0] not in values:
        print("\nand credentials: a role of the machine, or AWS_ACCESS_KEY_ID and its secret")


def _changes(
    existing: Mapping[str, str], wanted: Mapping[str, str], yes: bool, force: bool
) -> dict[str, str]:
    new = {name: value for name, value in wanted.items() if name not in existing}
    others = {name: value for name, value in wanted.items() if existing.get(name, value) != value}
    if not others or force:
        return new | others
    if yes:
        print(f"kept as in .env: {', '.join(others)}; --force replaces them")
        return new
    question = f".env has other values for {', '.join(others)}. Replace them? [y/N] "
    return new | (others if ask(question).lower() in ("y", "yes") else {})


def _account(
    name: str, addon_env: str | None, yes: bool, existing: Mapping[str, str]
) -> dict[str, str]:
    provider, known = PROVIDERS[name], {**existing, **config.non_empty(os.environ)}
    if name == "aws" and any(variable in known for variable in CELLAR):
        cellar = ", ".join(variable for variable in CELLAR if variable in known)
        raise ConfigError(
            f"{cellar} set, in .env or the environment: buckets are not on AWS; remove them first"
        )
    if addon_env:
        return _needed(provider, _text_of(addon_env), f"the variables of {printable(addon_env)}")
    if all(variable in known for variable in provider.required):
        print("the account's variables are set already, in .env or the environment")
        variables = (*provider.required, *provider.optional)
        return {variable: known[variable] for variable in variables if variable in known}
    if yes and name == "aws":
        return {}  # boto3 finds its credentials, or says where it looks for them.
    if yes:
        raise ConfigError(f"--addon-env is missing, and .env lacks {provider.required[0]}")
    if name == "clever":
        return _needed(provider, _pasted(provider), "the add-on's variables")
    return _ask_for_keys(name)


def _needed(provider: _Provider, text: str, where: str) -> dict[str, str]:
    """Return the variables of an account from lines that may contain others.

    Raises ConfigError if one is missing. Messages contain no values.
    """
    variables = config.non_empty(env_file.parse(text))
    if missing := [name for name in provider.required if name not in variables]:
        raise ConfigError(f"{where} lack {', '.join(missing)}")
    names = (*provider.required, *provider.optional)
    return {name: variables[name] for name in names if name in variables}


def _text_of(addon: str) -> str:
    if addon == STANDARD:
        return sys.stdin.read()
    try:
        return here(addon).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ConfigError(f"{printable(addon)} cannot be read: {what}") from None


def _pasted(provider: _Provider) -> str:
    print("In another terminal, these print the add-ons and the variables of one:\n")
    print("    clever addon list\n    clever addon env ID --format shell\n")
    print(f"Paste the lines with {listed(provider.required)}. An empty line ends them.")
    lines: list[str] = []
    while not {*provider.required} <= env_file.parse("\n".join(lines)).keys():
        if not (line := ask("")):
            break
        lines.append(line)
    return "\n".join(lines)


def _ask_for_keys(name: str) -> dict[str, str]:
    if name == "aws":
        key_id = ask("Access key id (empty: as in ~/.aws, or the machine's role): ")
        if not key_id:
            return {}
        secret = _asked_secretly("Secret access key")
        region = ask(f"Region [{USUAL_AWS_REGION}]: ") or USUAL_AWS_REGION
        return dict(zip((*AWS_KEYS, AWS_REGION), (key_id, secret, region), strict=True))
    host = ask("Host of the S3 service, such as s3.example.org: ")
    key_id = ask("Access key id: ")
    secret = _asked_secretly("Secret access key")
    region = ask("Region (empty: none): ")
    account = dict(zip(CELLAR, (host, key_id, secret), strict=True))
    return account | ({REGION: region} if region else {})


def _answer(yes: bool, flag: str, question: str, parse: Callable[[str], _Answer]) -> _Answer:
    if yes:
        raise ConfigError(f"{flag} is missing")
    while True:
        answer = ask(question)  # The end of the input raises another ConfigError.
        try:
            return parse(answer)
        except ConfigError as error:
            print(error)


def _asked_secretly(what: str) -> str:
    """Return an answer that the terminal does not show. Raises ConfigError if there is none."""
    with contextlib.suppress(EOFError):
        if answer := getpass(f"{what} (not shown): ").strip():
            return answer
    raise ConfigError(f"{what}: no answer")


def _provider(text: str) -> str:
    names = [*PROVIDERS]
    numbered = {"": names[0], **{str(n): name for n, name in enumerate(names, start=1)}}
    if (name := numbered.get(text, text.lower())) not in PROVIDERS:
        raise ConfigError(f"{text!r} is none of 1, 2, 3, {', '.join(names)}")
    return name


def _prefix(text: str) -> str:
    if not re.fullmatch("[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?", text):
        what = f"{shortened(text)} cannot begin the name of a bucket"
        raise ConfigError(f"{what}; {PREFIX_SYNTAX}")
    return text
