"""POST requests with JSON to addresses that users name, as word that something is done.

An address may hold a token: messages name its host alone.
"""

import builtins
import hmac
import ipaddress
import json
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from painterly.errors import PainterlyError

if TYPE_CHECKING:  # Loaded when something is sent.
    from urllib3 import BaseHTTPResponse

ADDRESS_SYNTAX = "an address such as https://example.com/hook"
SIGNATURE = "X-Painterly-Signature"
TIMEOUT_S = 10.0  # for the connection, and for each part of the answer
LONGEST_S = 25.0  # for all of it: some servers send their answer byte by byte
_PORTS = {"http": 80, "https": 443}
# In these networks of IPv6, the last four bytes are an address of IPv4.
_TRANSLATED = [*map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))]


class WebhookError(PainterlyError):
    """A host cannot be reached, may not be asked, or did not accept a message."""


def parse_address(text: str) -> SplitResult | None:
    """Parse an address of `http` or `https`; None for any other text."""
    try:
        parts = urlsplit(text)
        is_plain = text.isprintable() and not {" ", "\\"} & {*text} and parts.port != 0
    except ValueError:  # A port that is not a number, or half an IPv6 address.
        return None
    return parts if is_plain and parts.scheme in _PORTS and parts.hostname else None


def post(
    address: str,
    content: Mapping[str, Any],
    *,
    public_only: bool = False,
    secret: str | None = None,
) -> None:
    """Send a message. Redirects are not followed.

    Args:
        address: The address, which `parse_address` accepts.
        content: The message.
        public_only: Whether addresses of private networks and of this machine are refused.
        secret: The key of the signature in the header SIGNATURE; None sends none.

    Raises:
        WebhookError: It was not accepted.
    """
    from urllib3.exceptions import HTTPError, NewConnectionError, TimeoutError

    parts = urlsplit(address)
    request = _request(parts, content, secret)
    answered: Future[int] = Future()

    def ask() -> None:
        try:
            answer = (_post_to_public if public_only else _post)(parts, request)
            answer.close()
            answered.set_result(answer.status)
        except Exception as error:
            answered.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        status = answered.result(LONGEST_S)
    except (HTTPError, OSError, ValueError) as error:
        late = isinstance(error, TimeoutError | builtins.TimeoutError)
        if late and not isinstance(error, NewConnectionError):
            raise WebhookError(f"{parts.hostname} did not answer in time") from None
        raise WebhookError(f"{parts.hostname} cannot be reached ({_reason(error)})") from None
    if not 200 <= status < 300:
        raise WebhookError(f"{parts.hostname} answered with the status {status}")


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
        return manager.request("POST", plain, **request)


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
        return pool.request("POST", path if path.startswith("/") else f"/{path}", **request)


def signature(body: bytes, secret: str) -> str:
    """Return the signature of a message's body: its HMAC, so that the receiver, who knows the
    secret as well, can tell who sent it."""
    return f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"


def _request(parts: SplitResult, content: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    """Return what all requests have in common."""
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


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):  # Some of them stand for one of IPv4.
        if any(ip in each for each in _TRANSLATED):
            return _is_public(str(ipaddress.IPv4Address(ip.packed[-4:])))
        ip = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, ip))[1]
    return ip.is_global and not ip.is_multicast


def _reason(error: Exception) -> str:
    """Return why a request failed: the texts of such errors contain addresses."""
    cause = error.__cause__ or error.__context__ or error
    return getattr(cause, "strerror", None) or type(error).__name__
