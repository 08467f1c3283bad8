"""A proxy before an S3 server that answers as other services do.

    with other_service("http://127.0.0.1:7480", "shuffled") as url:
        ...  # a client of that URL

Ways to answer:
    shuffled, reversed       listings in such an order
    unnamed                  listings without the bucket's name
    stuck                    the first three objects in each listing, and that there are more
    no ETag in lists, heads, gets, puts   none there; "no ETag" none at all
    late                     no ETag, and the time of an object a second later in heads
    odd times                times that cannot be read
    lost uploads             uploads in parts are confirmed and lost
    timeless                 no ETag, and no time of an object but in listings
    empty ETag               an empty one in listings
    weak ETag                that of a proxy that compresses
    capitals                 ETags in capitals
    opaque                   ETags that are no MD5, the same each time
    KMS                      such ETags, of objects that are encrypted with a key of AWS KMS
    passing                  ETags that are no MD5, others in each answer but listings
    no ranges                objects are sent whole, whatever part is asked for
    no conditions            conditional writes are refused as not implemented
    bad request              conditional writes are refused as a bad request
    ignored conditions       conditional writes are made in any case
    object lock              uploads without a checksum are refused
    no expectations          requests that ask before they send their body are refused
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from support.serving import serving

CONDITIONS = ("if-match", "if-none-match")
KINDS = {"HEAD": "heads", "GET": "gets", "PUT": "puts"}
# The answers to requests of a kind.
REFUSALS = {
    ("no conditions", "conditional"): (501, "NotImplemented"),
    ("bad request", "conditional"): (400, "InvalidArgument"),
    ("object lock", "unchecked"): (400, "InvalidRequest"),
    ("lost uploads", "completing"): (200, ""),
}
PAGE = 3  # objects
IGNORED = {"ignored conditions": CONDITIONS, "no ranges": ("range",)}
OF_CONNECTION = ("content-length", "transfer-encoding", "connection")
_LISTED_ETAG = re.compile('<ETag>(?:&quot;|&#34;|")?(.*?)(?:&quot;|&#34;|")?</ETag>')


class _Service(ThreadingHTTPServer):
    def __init__(self, url: str, way: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.up, self.way = urlsplit(url).netloc, way
        self.dice = random.Random(5)
        self.first = ""  # listing

    def etag(self, etag: str, kind: str) -> str:
        """The ETag in an answer of a kind, for the server's own; empty for none."""
        lists = kind == "lists"
        if self.way in ("no ETag", f"no ETag in {kind}", "late", "timeless"):
            return ""
        if self.way == "weak ETag" and not lists:
            return f"W/{etag}"
        if self.way == "passing" and not lists:
            return f'"{self.dice.getrandbits(128):032x}"'
        reverse = etag[::-1]
        return {"opaque": reverse, "KMS": reverse, "capitals": etag.upper()}.get(self.way, etag)

    def time(self, modified: str, kind: str) -> str:
        """The time of an object in an answer of a kind, for the server's own; empty for none."""
        if self.way == "late" and kind == "heads":
            return format_datetime(parsedate_to_datetime(modified) + timedelta(seconds=1), True)
        return {"timeless": "", "odd times": "yesterday"}.get(self.way, modified)

    def own(self, etag: str) -> str:
        """The server's ETag for one that a client was given."""
        reverse = etag[::-1]
        return {"opaque": reverse, "KMS": reverse, "capitals": etag.lower()}.get(self.way, etag)

    def relisted(self, body: str) -> str:
        """A listing as the service has it."""
        if self.way == "stuck":
            return self._stuck(body)
        if self.way == "odd times":
            body = re.sub("<LastModified>.*?</", "<LastModified></", body)
        if self.way == "unnamed":
            body = re.sub("<Name>.*?</Name>", "", body)
        items = re.findall("<Contents>.*?</Contents>", body, re.DOTALL)
        if not items:
            return body
        start, end = body.partition("<Contents>")[0], body.rpartition("</Contents>")[2]
        if self.way == "shuffled":
            self.dice.shuffle(items)
        if self.way == "reversed":
            items.reverse()
        return start + "".join(map(self._with_etag, items)) + end

    def _stuck(self, body: str) -> str:
        self.first = body = self.first or body
        for item in re.findall("<Contents>.*?</Contents>", body, re.DOTALL)[PAGE:]:
            body = body.replace(item, "")
        return body.replace("<IsTruncated>false<", "<IsTruncated>true<")

    def _with_etag(self, item: str) -> str:
        if self.way == "empty ETag":
            return _LISTED_ETAG.sub("<ETag></ETag>", item)
        etag = self.etag(_LISTED_ETAG.search(item)[1], "lists")
        return _LISTED_ETAG.sub(f"<ETag>&quot;{etag}&quot;</ETag>" if etag else "", item)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Service

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if refused := REFUSALS.get((self.server.way, self.kind(body))):
            code, name = refused
            self.send(code, [], f"<Error><Code>{name}</Code></Error>".encode() if name else b"")
        else:
            self.pass_on(body)

    def handle_expect_100(self) -> bool:
        if self.server.way == "no expectations":
            self.send(417, [], b"")
            return False
        return super().handle_expect_100()

    def kind(self, body: bytes) -> str:
        """Of which kind a request is."""
        if any(map(self.headers.get, CONDITIONS)):
            return "conditional"
        if self.command == "POST" and "uploadId=" in self.path:
            return "completing"
        is_put = self.command == "PUT" and body
        return "unchecked" if is_put and not self.headers.get("content-md5") else ""

    def pass_on(self, body: bytes) -> None:
        """Ask the server, and change its answer."""
        up = HTTPConnection(self.server.up, timeout=60)
        up.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in IGNORED.get(self.server.way, ()):
                name = name.lower()
                up.putheader(name, self.server.own(value) if name in CONDITIONS else value)
        up.endheaders(body or None)
        got = up.getresponse()
        data, kept, kind = got.read(), [], KINDS.get(self.command, "")
        query = parse_qs(urlsplit(self.path).query)
        if kind == "gets" and query.keys() & {"list-type", "marker"}:
            data = self.server.relisted(data.decode()).encode()
        for name, value in got.getheaders():
            if name.lower() == "etag":
                value = self.server.etag(value, kind)
            if name.lower() == "last-modified":
                value = self.server.time(value, kind)
            if value and name.lower() not in OF_CONNECTION:
                kept.append((name, value))
        if self.server.way == "KMS" and got.getheader("etag"):
            kept.append(("x-amz-server-side-encryption", "aws:kms"))
        self.send(got.status, kept, data, got.getheader("content-length"))
        up.close()

    def send(
        self, status: int, headers: list[tuple[str, str]], data: bytes, length: str | None = None
    ) -> None:
        """Answer. length: the size of the body, if HEAD leaves it out."""
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            of_head = length if self.command == "HEAD" else None
            self.send_header("content-length", of_head or str(len(data)))
        self.end_headers()
        self.wfile.write(data if self.command != "HEAD" else b"")


@contextmanager
def other_service(server_url: str, way: str) -> Iterator[str]:
    """Answer for the server at a URL until the block ends, at the URL that is yielded."""
    with serving(_Service(server_url, way)) as running:
        yield f"http://127.0.0.1:{running.server_port}"
