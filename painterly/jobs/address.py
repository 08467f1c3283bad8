"""The address of the service, as its users see it: names of hosts, and a path that a proxy adds;
and the address of the client."""

import re
from contextvars import ContextVar
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from painterly.configuration.web_options import DEFAULT_PORTS, PATH_SYNTAX, WebOptions

# The path that a proxy adds for the present request or callback; empty for none.
ROOT: ContextVar[str] = ContextVar("root", default="")
CLIENT: ContextVar[str] = ContextVar("client", default="")  # the address that asks at present
OWN_FOLDERS = ("api", "gallery", "login", "static", "styles")  # first parts of own paths
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def own(path: str) -> str:
    """Return the address of a path of this service."""
    return ROOT.get() + path


def under_root(scope: Scope, options: WebOptions) -> Scope:
    """Return a request's scope with the path that a proxy adds as its `root_path`, and set ROOT.

    The proxy may have removed that path from the request's, or not.
    """
    root = options.path
    if options.proxies:
        sent = Headers(scope=scope).get("x-forwarded-prefix", "").rpartition(",")[2]
        sent = sent.strip().rstrip("/")
        if re.fullmatch(f"/{PATH_SYNTAX}", sent, re.ASCII):
            root = sent
    ROOT.set(root)
    if not root:
        return scope
    path = scope["path"]
    # Otherwise /gallery/ would be two pages of a service under /gallery.
    is_whole = root.split("/")[1] not in OWN_FOLDERS and f"{path}/".startswith(f"{root}/")
    inner = path.removeprefix(root) or "/" if is_whole else path
    return {**scope, "root_path": root, "path": root + inner}


def inner_path(scope: Scope) -> str:
    """Return a request's path without that of `under_root`."""
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def is_own_name(headers: Headers, options: WebOptions) -> bool:
    """Return whether a request names a host that the service answers for.

    A name of another site that resolves to this machine would give its pages our origin. With a
    password they have no session there, and a proxy answers for its own names only.
    """
    if not options.hosts and (not options.local or options.password or options.proxies):
        return True
    hosts = map(host_of, named_hosts(headers, options))
    return any(host is not None and host[0] in LOCAL_NAMES | options.hosts for host in hosts)


def host_of(named: str, scheme: str = "http") -> tuple[str, int] | None:
    """Return the host and the port of a header; None if it names none. A dot at the end of a name
    says that it is a whole one."""
    try:
        parts = urlsplit(f"{scheme}://{named}")
        port = parts.port
    except ValueError:
        return None
    name = (parts.hostname or "").removesuffix(".")
    plain = re.fullmatch(r"[\w.:\-]+", name) and parts.netloc == named
    return (name, port or DEFAULT_PORTS[scheme]) if plain else None


def is_cross_site(headers: Headers, options: WebOptions) -> bool:
    """Return whether a browser sent a request for a page of another origin.

    Pages cannot change these headers. Over plain HTTP, browsers send only the second one; other
    programs send neither.
    """
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    sent_by, _, named = origin.partition("://")
    if sent_by not in DEFAULT_PORTS or (by := host_of(named, sent_by)) is None:
        return True
    return by not in (host_of(each, sent_by) for each in named_hosts(headers, options))


def is_invited(headers: Headers, options: WebOptions) -> bool:
    """Return whether a browser sent a request for a page of another site that may use the API."""
    return headers.get("origin", "") in options.origins


def named_hosts(headers: Headers, options: WebOptions) -> list[str]:
    """Return the hosts to which a request was sent, as it and the nearest trusted proxy say."""
    hosts = [headers.get("host", "")]
    if options.proxies and (forwarded := headers.get("x-forwarded-host")):
        hosts.append(forwarded.rpartition(",")[2].strip())
    return hosts
