"""Who may use the service: signed cookies, the token of the API, and how often one may try."""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from itsdangerous import BadSignature, URLSafeTimedSerializer

from styletransfer.web.options import WebOptions

COOKIE = "styletransfer_session"
SESSION_S = 7 * 24 * 3600
# Wrong passwords: of one client, of all, in these seconds.
MOST_WRONG, MOST_WRONG_OF_ALL, WRONG_S = 5, 100, 300
MOST_CLIENTS = 10_000  # whose tries are counted


@dataclass(frozen=True)
class Session:
    """A browser. logged_in: whether it gave the password."""

    name: str
    logged_in: bool


class Sessions:
    """Makes and reads the cookie's value. Instances with the same options accept each other's, so
    that nobody has to log in anew after a restart; a new password ends all sessions."""

    def __init__(self, options: WebOptions, secret: str = "") -> None:
        """secret: something else that all instances know and nobody else does."""
        self._password, self._token = options.password, options.token or options.password
        self.needed = options.password is not None
        # Slow on purpose: whoever has a cookie could otherwise try out passwords on it.
        known = "\0".join((options.password or "", options.token or "", secret)).encode()
        self._key = hashlib.scrypt(known, salt=b"styletransfer sessions", n=2**14, r=8, p=1)
        self._signer = URLSafeTimedSerializer(self._key, salt="session")
        self._ended: set[str] = set()

    def new(self, logged_in: bool = False) -> Session:
        """A session that nobody else can guess."""
        return Session(secrets.token_urlsafe(18), logged_in)

    def cookie(self, session: Session) -> str:
        """The value of the session's cookie."""
        return str(self._signer.dumps([session.name, session.logged_in]))

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie's value; None where it is missing, forged, or has ended."""
        if not cookie:
            return None
        try:
            (name, logged_in), made = self._signer.loads(cookie, return_timestamp=True)
        except (BadSignature, ValueError, TypeError):
            return None
        # With `max_age`, a cookie from an instance whose clock is fast would not count yet.
        too_old = (datetime.now(UTC) - made).total_seconds() > SESSION_S
        return None if too_old or _digest(name) in self._ended else Session(name, logged_in)

    def end(self, session: Session) -> str:
        """Logs a browser out: its cookie counts no longer. What other instances, and later ones,
        get for `know_ended`."""
        self._ended.add(_digest(session.name))
        return _digest(session.name)

    def know_ended(self, digests: Iterable[str]) -> None:
        """Takes sessions that have ended elsewhere, or before this process began."""
        self._ended.update(digests)

    def form_token(self, session: Session) -> str:
        """What the pages of a session send with each request that changes something: another site
        can neither read nor guess it."""
        digest = hmac.new(self._key, f"form {session.name}".encode(), hashlib.sha256)
        return digest.hexdigest()

    def is_form_token(self, session: Session | None, given: str | None) -> bool:
        """Whether a request comes from a page of the session."""
        return bool(session and given) and _same(self.form_token(session), given)  # type: ignore[arg-type]

    def is_password(self, given: str) -> bool:
        """Whether it is the password, compared in a time that does not depend on it."""
        return self._password is not None and _same(self._password, given)

    def is_token(self, given: str) -> bool:
        """Whether it is the API's token: WEB_TOKEN, or else the password."""
        return self._token is not None and _same(self._token, given)


class Tries:
    """Counts wrong passwords. Whoever gave too many has to wait, and so has everybody when there
    are very many, since one guesser can have many addresses."""

    def __init__(self) -> None:
        self._of_clients: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque(maxlen=MOST_WRONG_OF_ALL)
        self._lock = threading.Lock()

    def wait_s(self, client: str, alone: bool = False) -> int:
        """Seconds that a client has to wait before the next try; 0: none. alone: others' tries do
        not count."""
        with self._lock:
            own = _left(self._of_clients.get(client, deque()), MOST_WRONG)
            return own if alone else max(own, _left(self._all, MOST_WRONG_OF_ALL))

    def failed(self, client: str) -> None:
        """A client gave a wrong password."""
        now = time.monotonic()
        with self._lock:
            tries = self._of_clients.setdefault(client, deque(maxlen=MOST_WRONG))
            self._of_clients.move_to_end(client)
            tries.append(now)
            self._all.append(now)
            while len(self._of_clients) > MOST_CLIENTS:
                self._of_clients.popitem(last=False)

    def succeeded(self, client: str) -> None:
        """A client gave the right password."""
        with self._lock:
            self._of_clients.pop(client, None)


def _digest(name: str) -> str:
    """Of a session's name: what is stored of it lets nobody in."""
    return hashlib.sha256(name.encode()).hexdigest()[:40]


def _left(tries: deque[float], most: int) -> int:
    if len(tries) < most:
        return 0
    return max(0, round(tries[-most] + WRONG_S - time.monotonic() + 0.5))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(
        hashlib.sha256(one.encode()).digest(),
        hashlib.sha256(other.encode("utf-8", "surrogateescape")).digest(),
    )
