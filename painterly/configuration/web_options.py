"""WEB_* and PORT: where the service listens, who may use it, and how much of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from painterly.configuration.config import switch, whole_number
from painterly.errors import ConfigError
from painterly.words.webhook import parse_address
from painterly.words.wording import shortened

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHORTEST_PASSWORD = 8  # characters
MEGA = 1_000_000
DEFAULT_PORTS = {"http": 80, "https": 443}
PATH_SYNTAX = r"[\w~-][\w.~-]*(/[\w~-][\w.~-]*)*"  # without slashes at its ends


@dataclass(frozen=True)
class WebOptions:
    """The options of the web service."""

    host: str
    port: int
    password: str | None = field(default=None, repr=False)  # None if no login is needed
    token: str | None = field(default=None, repr=False)  # the token for programs (WEB_TOKEN)
    public: bool = False  # whether anyone may use the service (WEB_PUBLIC)
    max_upload: int = 40 * MEGA  # maximum size of a file in bytes
    max_pixels: int = 52 * MEGA  # maximum number of pixels of a picture
    max_waiting: int = 50  # maximum number of jobs in the queue
    # The days after which jobs that have ended are deleted; None for never.
    keep_days: int | None = None
    proxies: int = 0  # number of proxies in front, which add to X-Forwarded-For
    # The names that the service answers for (WEB_HOSTS); empty if they are not named.
    hosts: frozenset[str] = frozenset()
    path: str = ""  # the path that a proxy shows it under, such as /painter; empty for none
    # The origins of other sites with pages that may use the API by a token (WEB_ORIGINS), as
    # browsers send them.
    origins: frozenset[str] = frozenset()
    callback_hosts: frozenset[str] = frozenset()  # the hosts that callbacks may be sent to
    # The key that signs callbacks; None if they are not signed.
    callback_secret: str | None = field(default=None, repr=False)
    # A login for the metrics alone; None if there is none.
    metrics_user: str | None = None
    metrics_password: str | None = field(default=None, repr=False)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK


def load_options(environment: Mapping[str, str], demo: bool = False) -> WebOptions:
    """Load the options from an environment.

    Args:
        demo: Whether the service shows only samples, because no buckets are named. By default it
            then serves only this machine.

    Raises:
        ConfigError: A value is wrong, there is a token without a password, or half of a login, or
            the network can reach the service, which has neither a password nor WEB_PUBLIC=1.
    """
    values = {name: text.strip() for name, text in environment.items() if text.strip()}
    password, public = values.get("WEB_PASSWORD"), switch(values, "WEB_PUBLIC")
    hosted = "PORT" in values or "INSTANCE_NUMBER" in values
    alone = demo and not (password or public or hosted)
    port_name = "WEB_PORT" if "WEB_PORT" in values else "PORT"
    options = WebOptions(
        host=values.get("WEB_HOST", "127.0.0.1" if alone else "0.0.0.0"),
        port=whole_number(values, port_name, 8080, 1, 65535),
        password=password,
        token=values.get("WEB_TOKEN"),
        public=public,
        max_upload=whole_number(values, "WEB_MAX_MEGABYTES", 40, 1, 1000) * MEGA,
        max_pixels=whole_number(values, "WEB_MAX_MEGAPIXELS", 52, 1, 200) * MEGA,
        max_waiting=whole_number(values, "WEB_MAX_WAITING", 50, 1, 10_000),
        keep_days=whole_number(values, "WEB_KEEP_DAYS", 0, 1, 36_500) or None,
        # Clever Cloud has one proxy in front of every application.
        proxies=whole_number(values, "WEB_PROXIES", 1 if "INSTANCE_NUMBER" in values else 0, 0, 10),
        hosts=_hosts(values, "WEB_HOSTS"),
        path=_path(values),
        origins=_origins(values),
        callback_hosts=_hosts(values, "WEB_CALLBACK_HOSTS"),
        callback_secret=values.get("WEB_CALLBACK_SECRET"),
        metrics_user=values.get("WEB_METRICS_USER"),
        metrics_password=values.get("WEB_METRICS_PASSWORD"),
    )
    _check_logins(options)
    return options


def _check_logins(options: WebOptions) -> None:
    secrets = {
        "WEB_PASSWORD": options.password,
        "WEB_TOKEN": options.token,
        "WEB_METRICS_PASSWORD": options.metrics_password,
        "WEB_CALLBACK_SECRET": options.callback_secret,
    }
    for name, secret in secrets.items():
        if secret is not None and len(secret) < SHORTEST_PASSWORD:
            raise ConfigError(
                f"{name} is too short; it needs {SHORTEST_PASSWORD} characters or more"
            )
    if options.public and options.password:
        raise ConfigError("WEB_PUBLIC is 1, though WEB_PASSWORD is set; set one of them")
    if options.token and not options.password:
        raise ConfigError("WEB_TOKEN is set without WEB_PASSWORD; set both, or none of them")
    if (options.metrics_user is None) != (options.metrics_password is None):
        raise ConfigError(
            "only one of WEB_METRICS_USER and WEB_METRICS_PASSWORD is set; set both, or none"
        )
    if ":" in (options.metrics_user or ""):
        raise ConfigError("WEB_METRICS_USER has a colon, which no user of HTTP can have")
    if not (options.password or options.public or options.local):
        raise ConfigError(
            f"WEB_PASSWORD is not set, and the service would listen on {options.host}, where "
            "others reach it; set WEB_PASSWORD, or WEB_PUBLIC=1 to let everybody use it, or "
            "WEB_HOST=127.0.0.1 to serve this machine alone"
        )


def _path(values: Mapping[str, str]) -> str:
    path = values.get("WEB_PATH", "").strip("/")
    if path and not re.fullmatch(PATH_SYNTAX, path, re.ASCII):
        raise ConfigError(f"WEB_PATH is {shortened(path)}; expected a path such as /painter")
    return f"/{path}" if path else ""


def _origins(values: Mapping[str, str]) -> frozenset[str]:
    origins = []
    for written in filter(None, map(str.strip, values.get("WEB_ORIGINS", "").lower().split(","))):
        parts = parse_address(written)
        is_whole = parts and written == f"{parts.scheme}://{parts.netloc}" and written.isascii()
        if parts is None or not is_whole or {"@", "*"} & {*written}:
            raise ConfigError(
                f"WEB_ORIGINS has {shortened(written)}; expected origins, separated by commas, "
                "such as https://booth.example.org: with https:// or http://, without a path, a "
                "slash at the end or *, and other letters than a to z as browsers send them (xn--)"
            )
        origins.append(written.removesuffix(f":{DEFAULT_PORTS[parts.scheme]}"))
    return frozenset(origins)


def _hosts(values: Mapping[str, str], name: str) -> frozenset[str]:
    hosts = [host.strip().lower().removesuffix(".") for host in values.get(name, "").split(",")]
    for host in hosts:
        parts = parse_address(f"https://{f'[{host}]' if ':' in host else host}/")
        if host and (parts is None or parts.hostname != host or "*" in host):
            raise ConfigError(
                f"{name} has {shortened(host)}; expected hosts, as in example.com,example.org"
            )
    return frozenset(filter(None, hosts))
