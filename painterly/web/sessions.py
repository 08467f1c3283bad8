"""Logins: the key of the session cookie, the password, the API token, a ticket for the browser that
the program opens, and a limit on guesses."""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict, deque
from typing import Any

from painterly.configuration.web_options import WebOptions

COOKIE = "painterly_session"
SESSION_S = 7 * 24 * 3600
# Wrong passwords within WRONG_S seconds: from one client, and from all clients.
MAX_WRONG, MAX_WRONG_OF_ALL, WRONG_S = 5, 100, 300
MAX_CLIENTS = 10_000  # clients with counted tries
TICKET_S = 120.0  # seconds in which the browser that the program opens has to use its ticket
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
        self._ended: set[str] = set()
        self._ticket, self._ticket_ends = "", 0.0

    def log_in(self, session: dict[str, Any]) -> None:
        """Mark a session as logged in."""
        session[_NAME] = secrets.token_urlsafe(18)

    def new_ticket(self) -> str:
        """Return a text that replaces the password once, soon, and this process's earlier one."""
        self._ticket, self._ticket_ends = secrets.token_urlsafe(), time.monotonic() + TICKET_S
        return self._ticket

    def take_ticket(self, text: str) -> bool:
        """Return whether a text is the ticket, which is worth nothing from then on."""
        valid = self._ticket != "" and time.monotonic() < self._ticket_ends
        taken = valid and _same(self._ticket, text)
        if taken:
            self._ticket = ""
        return taken

    def log_out(self, session: dict[str, Any]) -> None:
        """End a session. This process rejects copies of its cookie from now on."""
        self._ended.add(session.get(_NAME, ""))
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
    """Counts wrong passwords. A client with too many has to wait; after very many, all clients
    have to, because one attacker can have many addresses."""

    def __init__(self) -> None:
        self._of_clients: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque(maxlen=MAX_WRONG_OF_ALL)
        self._lock = threading.Lock()

    def wait_s(self, client: str, alone: bool = False) -> int:
        """Return how many seconds a client's address has to wait before the next try; `alone`
        ignores the tries of other clients."""
        with self._lock:
            wait = _left(self._of_clients.get(client, deque()), MAX_WRONG)
            return wait if alone else max(wait, _left(self._all, MAX_WRONG_OF_ALL))

    def failed(self, client: str) -> None:
        """Count a wrong password."""
        now = time.monotonic()
        with self._lock:
            tries = self._of_clients.setdefault(client, deque(maxlen=MAX_WRONG))
            self._of_clients.move_to_end(client)
            tries.append(now)
            self._all.append(now)
            while len(self._of_clients) > MAX_CLIENTS:
                self._of_clients.popitem(last=False)

    def succeeded(self, client: str) -> None:
        """Forget a client's wrong passwords."""
        with self._lock:
            self._of_clients.pop(client, None)


def _left(tries: deque[float], most: int) -> int:
    if len(tries) < most:
        return 0
    return max(0, round(tries[-most] + WRONG_S - time.monotonic() + 0.5))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(
        hashlib.sha256(one.encode()).digest(),
        hashlib.sha256(other.encode("utf-8", "surrogateescape")).digest(),
    )
