"""Logins: the key of the session cookie, the password, the API token, tickets for the browser that
the program opens and for phones, and a limit on guesses."""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any

from painterly.configuration.web_options import WebOptions

COOKIE = "painterly_session"
SESSION_S = 7 * 24 * 3600
# Wrong passwords within WRONG_S seconds: from one client, and from all clients.
MAX_WRONG, MAX_WRONG_OF_ALL, WRONG_S = 5, 100, 300
MAX_GUESSES = 20  # wrong ones from an address, after which it is refused a right token, too
MAX_CLIENTS = 10_000  # clients with counted tries
# Seconds in which the browser that the program opens has to use its ticket, and a phone the one in
# its code; and the tickets that are valid at a time, the latest.
BROWSER_TICKET_S, PHONE_TICKET_S, MAX_TICKETS = 120.0, 3600.0, 50
TICKET_BYTES = 16
_NAME = "name"


class Sessions:
    """Logins of browsers, as entries of the session that Starlette keeps in a signed cookie.

    Instances with the same options accept the cookies of each other, so a restart ends no session
    and a new password ends all of them.

    Attributes:
        needed: Whether a login is needed.
        key: The key that signs the cookies.
    """

    def __init__(self, options: WebOptions, secret: str = "") -> None:
        """Args:
        options: They have the password and the token.
        secret: A further value that only the instances of this service share.
        """
        self._password, self._token = options.password, options.token or options.password
        self._metrics: str | None = None
        if options.metrics_user is not None:
            self._metrics = f"{options.metrics_user}:{options.metrics_password}"
        self.needed = options.password is not None
        self.key = secrets.token_hex()
        if self.needed:
            # scrypt is slow: otherwise an owner of a cookie could test passwords on it.
            known = "\0".join((options.password or "", options.token or "", secret)).encode()
            salt = b"painterly sessions"
            self.key = hashlib.scrypt(known, salt=salt, n=2**14, r=8, p=1).hex()
        self._ended: dict[str, float] = {}  # sessions, and when their cookies are worthless
        self._tickets: dict[bytes, float] = {}  # the digests of tickets, and when they end

    def log_in(self, session: dict[str, Any]) -> None:
        """Mark a session as logged in."""
        session[_NAME] = secrets.token_urlsafe(18)

    def path_with_ticket(self, seconds: float) -> str:
        """Return the path, below the service's own, of the page that a browser opens: with a text
        that replaces the password, once and for some seconds, if one is needed."""
        if not self.needed:
            return "/"
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        self._tickets[_digest(ticket)] = time.monotonic() + seconds
        for oldest in [*self._tickets][:-MAX_TICKETS]:
            self._tickets.pop(oldest, None)
        return f"/login?ticket={ticket}"

    def take_ticket(self, text: str) -> bool:
        """Return whether a text is a ticket, which is worth nothing from then on."""
        return time.monotonic() < self._tickets.pop(_digest(text), 0.0)

    def log_out(self, session: dict[str, Any]) -> None:
        """End a session. This process rejects copies of its cookie from now on, as long as they
        would be valid."""
        now = time.monotonic()
        for name, until in [*self._ended.items()]:
            if until <= now:
                self._ended.pop(name, None)
        if _NAME in session:
            self._ended[session[_NAME]] = now + SESSION_S
        session.clear()

    def is_logged_in(self, session: dict[str, Any]) -> bool:
        """Return whether the password was given in this session."""
        return _NAME in session and session[_NAME] not in self._ended

    def may_enter(self, session: dict[str, Any]) -> bool:
        """Return whether a session is logged in, or none has to be."""
        return not self.needed or self.is_logged_in(session)

    def is_password(self, text: str) -> bool:
        """Return whether a text is the password, in constant time."""
        return self._password is not None and _same(self._password, text)

    def may_read_metrics(self, login: str) -> bool:
        """Return whether a text is the user and the password for the metrics, with a colon
        between."""
        return self._metrics is not None and _same(self._metrics, login)

    def is_token(self, text: str) -> bool:
        """Return whether a text is the API token: WEB_TOKEN, or else the password."""
        return self._token is not None and _same(self._token, text)


class LoginRateLimiter:
    """Counts different wrong passwords: a program that repeats one guesses nothing. A client with
    too many has to wait; after very many, all clients have to, because one attacker can have many
    addresses."""

    def __init__(self) -> None:
        # The latest guesses of each client, as digests, and when they were made.
        self._of_clients: OrderedDict[str, dict[bytes, float]] = OrderedDict()
        self._all: deque[float] = deque(maxlen=MAX_WRONG_OF_ALL)
        self._lock = threading.Lock()

    def wait_s(self, client: str) -> int:
        """Return how many seconds a client's address has to wait before the next try."""
        with self._lock:
            return max(self._wait_s(client, MAX_WRONG), _left([*self._all], MAX_WRONG_OF_ALL))

    def wait_s_alone(self, client: str, most: int) -> int:
        """Return the same after `most` wrong ones of this address, whatever others have tried."""
        with self._lock:
            return self._wait_s(client, most)

    def _wait_s(self, client: str, most: int) -> int:
        return _left([*self._of_clients.get(client, {}).values()], most)

    def failed(self, client: str, guess: str) -> None:
        """Count a wrong password."""
        now, digest = time.monotonic(), _digest(guess)
        with self._lock:
            guesses = self._of_clients.setdefault(client, {})
            self._of_clients.move_to_end(client)
            if guesses.get(digest, -WRONG_S) > now - WRONG_S:
                return
            guesses.pop(digest, None)
            guesses[digest] = now
            self._all.append(now)
            if len(guesses) > MAX_GUESSES:
                del guesses[next(iter(guesses))]
            if len(self._of_clients) > MAX_CLIENTS:
                self._of_clients.popitem(last=False)

    def succeeded(self, client: str) -> None:
        """Forget a client's wrong passwords."""
        with self._lock:
            self._of_clients.pop(client, None)


def _left(tries: Sequence[float], most: int) -> int:
    if len(tries) < most:
        return 0
    return max(0, round(tries[-most] + WRONG_S - time.monotonic() + 0.5))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(_digest(one), _digest(other))
