"""Requests with JSON to addresses that users name: a run has ended, a job is done.

An address may hold a token: messages name its host alone.
"""

import builtins
import hmac
import ipaddress
import json
import math
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from painterly.errors import PainterlyError
from painterly.words.wording import duration

if TYPE_CHECKING:  # Loaded when something is sent.
    from urllib3 import BaseHTTPResponse

ADDRESS_SYNTAX = "an address such as https://example.com/hook"
SIGNATURE = "X-Painterly-Signature"
TIMEOUT_S = 10.0  # for the connection, and for each part of the answer
LONGEST_S = 25.0  # for all of it: some servers send their answer byte by byte
_PASSING = (408, 425, 429)  # statuses below 500 after which another attempt may succeed
_PORTS = {"http": 80, "https": 443}
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # The last four bytes are of IPv4.
_GLOBAL = ipaddress.IPv6Network("2000::/3")  # all that is assigned to hosts anywhere
# For protocols, 6to4 and documentation: Python's lists have some only in its later versions.
_RARE = [
    ipaddress.ip_network(each)
    for each in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")
]


class WebhookError(PainterlyError):
    """A host cannot be reached, may not be asked, or did not accept a message.

    Attributes:
        passes: Whether a later attempt may succeed.
        retry_s: The seconds after which the host asks for it, if it does.
    """

    def __init__(self, text: str, passes: bool = False, retry_s: float | None = None) -> None:
        super().__init__(text)
        self.passes, self.retry_s = passes, retry_s


def parse_address(text: str) -> SplitResult | None:
    """Parse an address of `http` or `https`; None for any other text."""
    try:
        parts = urlsplit(text)
        is_plain = text.isprintable() and not {" ", "\\"} & {*text} and parts.port != 0
    except ValueError:  # A port that is not a number, or half an IPv6 address.
        return None
    return parts if is_plain and parts.scheme in _PORTS and parts.hostname else None


def deliver(
    send: Callable[[float], None],
    failed: Callable[[str], None],
    pauses_s: Sequence[float],
    within_s: float,
    rest: Callable[[float], object] | None = None,
) -> None:
    """Send a message, and again after a failure that passes.

    Args:
        send: Sends it, within a number of seconds, as `post`.
        failed: Gets a line about each failure.
        pauses_s: The pause before each further attempt, unless the host asks for another.
        within_s: The seconds that all attempts and pauses may take.
        rest: Waits for some seconds; by default, it sleeps.
    """
    end = time.monotonic() + within_s
    for pause_s in (*pauses_s, None):
        try:
            send(end - time.monotonic())
            return
        except WebhookError as error:
            if pause_s is not None:
                pause_s = error.retry_s or pause_s
            if pause_s is None or not error.passes or time.monotonic() + pause_s >= end:
                failed(str(error))
                return
            failed(f"{error}; retrying in {duration(pause_s)}")
            (rest or time.sleep)(pause_s)


def post(
    address: str,
    content: Mapping[str, Any],
    within_s: float = LONGEST_S,
    *,
    method: str = "POST",
    public_only: bool = False,
    secret: str | None = None,
    token: str | None = None,
) -> None:
    """Send a message to an address that `parse_address` accepts, within LONGEST_S at most.
    Redirects are not followed. Raises WebhookError if it was not accepted.

    Args:
        public_only: Whether addresses of private networks and of this machine are refused.
        secret: The key of the signature in the header SIGNATURE; None sends none.
        token: The token of a bearer, if the host asks for one.
    """
    from urllib3.exceptions import HTTPError, NewConnectionError, TimeoutError

    parts = urlsplit(address)
    request = _request(parts, content, secret) | {"method": method}
    if token:
        request["headers"]["authorization"] = f"Bearer {token}"
    answered: Future[tuple[int, str | None]] = Future()

    def ask() -> None:
        try:
            answer = (_post_to_public if public_only else _post)(parts, request)
            answer.close()
            answered.set_result((answer.status, answer.headers.get("retry-after")))
        except Exception as error:
            answered.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        status, retry_after = answered.result(max(0.0, min(within_s, LONGEST_S)))
    except (HTTPError, OSError, ValueError) as error:
        late = isinstance(error, TimeoutError | builtins.TimeoutError)
        if late and not isinstance(error, NewConnectionError):
            raise WebhookError(f"{parts.hostname} did not answer in time", passes=True) from None
        reason = f"{parts.hostname} cannot be reached ({_reason(error)})"
        raise WebhookError(reason, passes=True) from None
    if not 200 <= status < 300:
        text, passes = f"{parts.hostname} answered with the status {status}", status >= 500
        raise WebhookError(text, passes or status in _PASSING, retry_after_s(retry_after))


def check_public(parts: SplitResult) -> str:
    """Return an IP address of a host. Raises WebhookError if it has none, or a private one."""
    assert parts.hostname is not None
    try:
        found = socket.getaddrinfo(parts.hostname, _port(parts), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise WebhookError(f"{parts.hostname} has no address") from None
    addresses = [str(each[4][0]) for each in found]
    if not all(map(_is_public, addresses)):
        raise WebhookError(f"{parts.hostname} is in a private network")
    return addresses[0]


def _post(parts: SplitResult, request: dict[str, Any]) -> "BaseHTTPResponse":
    from urllib.request import getproxies, proxy_bypass

    from urllib3 import PoolManager, ProxyManager

    proxy = None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
    with ProxyManager(proxy) if proxy else PoolManager() as manager:
        plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        return manager.request(url=plain, **request)


def _post_to_public(parts: SplitResult, request: dict[str, Any]) -> "BaseHTTPResponse":
    """Connect to the IP address that was checked: its name may mean another one a moment later."""
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

    host, at = parts.hostname, check_public(parts)
    pool = (
        HTTPSConnectionPool(at, _port(parts), server_hostname=host, assert_hostname=host)
        if parts.scheme == "https"
        else HTTPConnectionPool(at, _port(parts))
    )
    with pool:
        request["headers"]["host"] = parts.netloc.rpartition("@")[2]
        path = parts._replace(scheme="", netloc="", fragment="").geturl()
        return pool.request(url=path if path.startswith("/") else f"/{path}", **request)


def signature(body: bytes, secret: str) -> str:
    """Return the signature of a message's body: its HMAC, so that the receiver, who knows the
    secret as well, can tell who sent it."""
    return f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"


def _request(parts: SplitResult, content: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    from urllib3.util import make_headers

    login, at, _ = parts.netloc.rpartition("@")
    body = json.dumps(content).encode()
    return {
        "body": body,
        "headers": {
            "content-type": "application/json",
            **({SIGNATURE: signature(body, secret)} if secret else {}),
            **make_headers(user_agent="painterly", basic_auth=unquote(login) if at else None),
        },
        "timeout": TIMEOUT_S,
        "retries": False,
        "redirect": False,
        "preload_content": False,
    }


def retry_after_s(retry_after: str | None) -> float | None:
    """Return the seconds that a Retry-After asks for, which may name a time; None without one."""
    with suppress(ValueError):
        seconds = float(retry_after or "")
        return max(0.0, seconds) if math.isfinite(seconds) else None
    with suppress(ValueError):
        at = parsedate_to_datetime(retry_after or "")
        return max(0.0, at.timestamp() - time.time())
    return None


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped or ip in _TRANSLATED:
            return _is_public(str(ipaddress.IPv4Address(ip.packed[-4:])))
        if ip not in _GLOBAL:
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in each for each in _RARE)


def _reason(error: Exception) -> str:
    """Return the cause of a failed request, without the address that the error's text contains."""
    cause = error.__cause__ or error.__context__ or error
    return getattr(cause, "strerror", None) or type(error).__name__
