"""The page for phones in the local network: its address, a password, and a code for cameras."""

import io
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import psutil
import segno

from painterly.configuration.config import switch
from painterly.configuration.web_options import LOOPBACK, WebOptions
from painterly.errors import ConfigError

WORDS_OF_PASSWORD = 4
EVERYWHERE = "0.0.0.0"
ELSEWHERE = "192.0.2.1", 9  # an address of documentation; nothing is sent there
ON_BLACK, AS_BEFORE = "\x1b[97;40m", "\x1b[0m"  # colours of a terminal: white on black, and its own
CORRECTION = "m"  # repairs 15 %
BORDER = 4  # modules, as the standard asks
# 256 words, short and spelt as they sound, for thumbs. Four are as good as 32 random bits: the
# service takes at most 20 wrong passwords in a minute.
WORDS = Path(__file__).with_name("password_words.txt")


@dataclass(frozen=True)
class Lan:
    """The way for phones to reach the service."""

    address: str  # the page's
    password: str  # the one that was made up; empty if the user has chosen it, or none is needed

    def code(self, path: str) -> str:
        """Return the code of a path of the service as the address of an SVG."""
        return str(self._code(path).svg_data_uri(border=BORDER, omitsize=True))

    def code_lines(self, path: str) -> Iterator[str]:
        """Yield the code of a path as lines of a terminal with any colours."""
        drawn = io.StringIO()
        self._code(path).terminal(drawn, border=BORDER, compact=True)
        for line in drawn.getvalue().splitlines():
            yield f"{ON_BLACK}{line}{AS_BEFORE}"

    def _code(self, path: str) -> segno.QRCode:
        return segno.make(self.address + path.lstrip("/"), error=CORRECTION, micro=False)


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a service for the local network that are not set: the address to
    listen on, and a password that is made up unless anyone may use the service.

    Raises ConfigError if WEB_HOST allows only this machine, or WEB_PUBLIC is wrong.
    """
    values = {name: text.strip() for name, text in environment.items() if text.strip()}
    host = values.get("WEB_HOST", "")
    if host in LOOPBACK:
        raise ConfigError(
            f"WEB_HOST is {host}, which only this machine reaches; leave out --lan, or unset it"
        )
    made = {} if host else {"WEB_HOST": EVERYWHERE}
    if "WEB_PASSWORD" not in values and not switch(values, "WEB_PUBLIC"):
        made["WEB_PASSWORD"] = made_up_password()
    return made


def options_for_lan(options: WebOptions, password: str) -> tuple[WebOptions, Lan]:
    """Return the options, made with `variables`, with which the service answers for this machine's
    address in the local network, and what a phone needs, with a password that was made up, if any.
    Raises ConfigError if this machine has no address in a local network."""
    host = local_host() if options.host in (EVERYWHERE, "::") else options.host
    # Without names, the service answers for any, as it has a password, or is public.
    hosts = options.hosts | {host} if options.hosts else options.hosts
    name = f"[{host}]" if ":" in host else host
    return replace(options, hosts=hosts), Lan(
        f"http://{name}:{options.port}{options.path}/", password
    )


def made_up_password() -> str:
    """Return four words with spaces between them."""
    words = WORDS.read_text(encoding="ascii").split()
    return " ".join(secrets.choice(words) for _ in range(WORDS_OF_PASSWORD))


def local_host() -> str:
    """Return this machine's address in the local network.

    Raises ConfigError if it has none, or one that the whole Internet may reach.
    """
    found = [*addresses()]
    local = [each for each in found if not ip_address(each).is_global]
    if local:
        return local[0]
    if found:
        raise ConfigError(
            f"this machine's address {found[0]} is not in a local network; leave out --lan, and "
            "set WEB_HOST and WEB_PASSWORD (docs/serve.md)"
        )
    raise ConfigError("this machine is in no network that a phone could reach it by")


def addresses() -> Iterator[str]:
    """Yield this machine's addresses, the one that leads elsewhere first."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(ELSEWHERE)  # There may be no way out of the local network.
        yield str(sender.getsockname()[0])
    states = psutil.net_if_stats()
    for name, its in psutil.net_if_addrs().items():
        if name in states and states[name].isup:
            for each in its:
                usable = each.family == socket.AF_INET and not each.address.startswith("127.")
                if usable and not ip_address(each.address).is_link_local:
                    yield each.address
