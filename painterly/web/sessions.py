"""Logins: the key of the session cookie, the password, the API token, tickets for the browser that
the program opens and for phones, and a limit on guesses."""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from painterly.configuration.web_options import WebOptions

COOKIE = "painterly_session"
SESSION_S = 7 * 24 * 3600
# Wrong passwords within WRONG_S seconds: from one client, and from all clients.
MAX_WRONG, MAX_WRONG_OF_ALL, WRONG_S = 5, 100, 300
MAX_GUESSES = 20  # wrong ones from an address, after which it is refused a right token, too
MAX_CLIENTS = 10_000  # clients that are known to have been right
RIGHT_S = SESSION_S  # for which they are
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
        self._password, self._token = options.password, options.token
        if options.local and not options.proxies:
            self._token = options.token or options.password
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
        self.ended: dict[str, float] = {}  # sessions, and when their cookies are worthless
        self.tickets: dict[bytes, float] = {}  # the digests of tickets, and when they end

    def log_in(self, session: dict[str, Any]) -> None:
        """Mark a session as logged in."""
        session[_NAME] = secrets.token_urlsafe(18)

    def path_with_ticket(self, seconds: float) -> str:
        """Return the path, below the service's own, of the page that a browser opens: with a text
        that replaces the password, once and for some seconds, if one is needed."""
        if not self.needed:
            return "/"
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        self.tickets[_digest(ticket)] = time.monotonic() + seconds
        for oldest in [*self.tickets][:-MAX_TICKETS]:
            self.tickets.pop(oldest, None)
        return f"/login?ticket={ticket}"

    def take_ticket(self, text: str) -> bool:
        """Return whether a text is a ticket, which is worth nothing from then on."""
        return time.monotonic() < self.tickets.pop(_digest(text), 0.0)

    def log_out(self, session: dict[str, Any]) -> None:
        """End a session. This process rejects copies of its cookie from now on, as long as they
        would be valid."""
        now = time.monotonic()
        for name, until in [*self.ended.items()]:
            if until <= now:
                self.ended.pop(name, None)
        if _NAME in session:
            self.ended[session[_NAME]] = now + SESSION_S
        session.clear()

    def is_logged_in(self, session: dict[str, Any]) -> bool:
        """Return whether the password was given in this session."""
        return _NAME in session and session[_NAME] not in self.ended

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
        """Return whether a text is the API token: WEB_TOKEN, or else, if only this machine can
        reach the service, the password."""
        return self._token is not None and _same(self._token, text)


class Guesses:
    """Counts different wrong passwords and tokens: a program that repeats one guesses nothing. A
    client with too many has to wait. After very many, all clients have to but those that were right
    lately, because one attacker can have many addresses. Thread-safe."""

    def __init__(self) -> None:
        self.wrong = dict[tuple[str, bytes], float]()  # when, by client and digest
        self.right = OrderedDict[str, float]()  # when last, by client
        self._lock = threading.Lock()

    def wait_s(self, client: str, text: str, right: bool, most: int = MAX_WRONG) -> int:
        """Return how many seconds a client has to wait, or 0 if what it has given counts now.

        Args:
            client: Its address, as `client_address`.
            text: What it has given.
            right: Whether that is right.
            most: The wrong ones of this client after which a right one is refused, too.
        """
        now = time.monotonic()
        with self._lock:
            self.wrong = {each: at for each, at in self.wrong.items() if at > now - WRONG_S}
            if now - self.right.get(client, -RIGHT_S) >= RIGHT_S:
                wait_s = _left([*self.wrong.values()], MAX_WRONG_OF_ALL, now)
                if wait_s:  # What it has given is not even looked at.
                    return wait_s
            of_client = [at for (by, _), at in self.wrong.items() if by == client]
            wait_s = _left(of_client, most if right else MAX_WRONG, now)
            if not right and len(of_client) < most:
                self.wrong.setdefault((client, _digest(text)), now)
        if right and not wait_s:
            self.was_right(client)
        return wait_s

    def was_right(self, client: str) -> None:
        """Let a client that was right, or has a session, go on whatever others try."""
        with self._lock:
            self.right[client] = time.monotonic()
            self.right.move_to_end(client)
            if len(self.right) > MAX_CLIENTS:
                self.right.popitem(last=False)

    def forget(self, client: str) -> None:
        """Forget the wrong passwords of a client that has logged in."""
        with self._lock:
            self.wrong = {each: at for each, at in self.wrong.items() if each[0] != client}


def _left(tries: Sequence[float], most: int, now: float) -> int:
    return 0 if len(tries) < most else max(1, round(tries[-most] + WRONG_S - now + 0.5))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(_digest(one), _digest(other))
