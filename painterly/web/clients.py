"""Clients, by their addresses, and how many of the places of something one of them may have."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection

from painterly.configuration.web_options import WebOptions
from painterly.jobs.address import CLIENT
from painterly.jobs.schemas import ApiError

_WITH_PORT = re.compile(r"\[(.+)\](?::\d+)?|([\d.]+):\d+", re.ASCII)


class Shares:
    """Places for requests, of which a client may have half as many as are free: one alone has a
    third of all, and whoever has some addresses leaves places for others. Only the event loop's
    thread uses it.

    Attributes:
        most: The number of places.
    """

    def __init__(self, most: int, what: str, retry_s: int) -> None:
        """`what` takes the places, and `retry_s` is the time after which there may be one again."""
        self.most, self._what, self._retry_s = most, what, retry_s
        self._taken = Counter[str]()

    @property
    def full(self) -> bool:
        """Whether there is no place for the present client."""
        return 2 * self._taken[CLIENT.get()] >= self.most - self._taken.total()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Have a place. Raises ApiError if there is none for the present client."""
        if self.full:
            many = f"many {self._what} are being sent at once; try again in a moment"
            raise ApiError(429, many, self._retry_s)
        client = CLIENT.get()
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]


def client_address(request: HTTPConnection, options: WebOptions) -> str:
    """Return a client's address, as the outermost trusted proxy saw it: of IPv6 the /64, which
    everyone has to himself. The client itself may have written the entries before that in
    X-Forwarded-For."""
    direct = request.client.host if request.client else "?"
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    addresses = [each.strip() for each in forwarded if each.strip()]
    if not options.proxies or not addresses:
        return _network(direct)
    return _network(addresses[-min(options.proxies, len(addresses))])


def _network(written: str) -> str:
    plain = _WITH_PORT.fullmatch(written)  # As some proxies write it.
    try:
        ip = ip_address((plain[1] or plain[2]) if plain else written.partition("%")[0])
    except ValueError:
        return written
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return str(ip_network((ip, 64), strict=False))
    return str(getattr(ip, "ipv4_mapped", None) or ip)
