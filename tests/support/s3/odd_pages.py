"""A stand-in for S3 services with other pages of listings than Amazon's.

    with odd_pages("no token") as service:
        ...  # a client of service.url; service.asked has the queries

A page has three items.

    amazon                  a token that leads to the next page
    one token               always the same token, which leads to the next page
    empty pages             each second page has no items
    shuffled                items in no order, and tokens
    all prefixes            items with other prefixes as well
    token at the end        a token on the last page, too, which leads to the first one
    encoded                 keys that are encoded, which is not said

These show no way to the rest, or none that S3 has:
    no token, empty token   no token, or an empty one
    first version           the first version's answers to all requests
    same page               always a new token, which is ignored
    same token              always the same token, which is ignored
    token as key            always the same token, which is taken for a key
    refused token           tokens that are then refused
    unfinished              that there is no more, and a token that leads to more
    full                    that there is no more, after as many items as a page may have
    silent                  not whether there is more
    True                    with a capital letter that there is more, and no token
    no number               of versions and uploads, a token with the key only
    shuffled, no token      items in no order, and no token
    stuck                   always the first page
    endless                 always that there is more, at last without items
    empty to the end        no items after the first page, and always a new token
"""

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from support.serving import serving

PAGE = 3
WAYS = ("amazon", "one token", "empty pages", "shuffled", "all prefixes", "token at the end")
CUT = (
    *("no token", "empty token", "first version", "same page", "same token", "unfinished", "full"),
    *("silent", "token as key", "True", "shuffled, no token", "stuck", "endless"),
    "empty to the end",
)
REFUSED = "refused token"
NUMBERED_CUT = (
    *("no token", "empty token", "no number", "unfinished", "silent", "True"),
    *("shuffled, no token", "stuck", "endless"),
)
NO_TOKEN = (
    *("no token", "first version", "full", "silent", "True"),
    *("shuffled, no token", "stuck", "endless"),
)
GOING_ON = {"continuation-token", "start-after", "marker"}
_DATED = "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
_Item = tuple[str, str]  # a key, and the number of a version or an upload


class OddPages(ThreadingHTTPServer):
    """The service. It has objects, versions and delete markers, and unfinished uploads."""

    daemon_threads = True

    def __init__(self, way: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.way, self.url = way, f"http://127.0.0.1:{self.server_port}"
        self.asked: list[dict[str, str]] = []
        self.keys = [f"{folder}/{number}.jpg" for folder in "ab" for number in range(8)]
        # The versions of one key do not fit on a page. `m` marks a deletion.
        self.numbered = [(key, number) for key in self.keys for number in ("v3", "m2", "v2", "v1")]
        self._tokens = itertools.count()
        self._ends: dict[str, int] = {}  # each token, and where its page ends

    def objects(self, query: dict[str, str]) -> str:
        prefix = "" if self.way == "all prefixes" else query.get("prefix", "")
        items = self._in_order([(key, "") for key in self.keys if key.startswith(prefix)])
        name = "marker" if self.way == "first version" else "start-after"
        after = query.get("continuation-token", query.get(name, ""))
        start = next((at for at, (key, _) in enumerate(items) if key > after), len(items))
        if "continuation-token" in query and self.way != "token as key":
            is_ignored = self.way in ("same page", "same token")
            start = 0 if is_ignored else self._ends[query["continuation-token"]]
        page, end = self._page(items, start)
        more = self._has_more(items, end)
        token = self._token(more)
        self._ends[token or "-"] = 0 if end >= len(items) else end
        head = "" if token is None else f"<NextContinuationToken>{token}</NextContinuationToken>"
        head += f"<Name>b</Name>{self._said(more)}"
        spelled = partial(quote, safe="") if self.way == "encoded" else str
        listed = (
            f"<Contents><Key>{spelled(key)}</Key><Size>1</Size>{_DATED}</Contents>"
            for key, _ in page
        )
        return f"<ListBucketResult>{head}{''.join(listed)}</ListBucketResult>"

    def versions(self, query: dict[str, str]) -> str:
        def element(key: str, number: str) -> str:
            kind = "DeleteMarker" if number.startswith("m") else "Version"
            about = f"<Key>{key}</Key><VersionId>{number}</VersionId><IsLatest>false</IsLatest>"
            return f"<{kind}>{about}{_DATED}</{kind}>"

        listed = self._numbered(query, ("version-id-marker", "NextVersionIdMarker"), element)
        return f"<ListVersionsResult>{listed}</ListVersionsResult>"

    def uploads(self, query: dict[str, str]) -> str:
        def element(key: str, number: str) -> str:
            begun = _DATED.replace("LastModified", "Initiated")
            return f"<Upload><Key>{key}</Key><UploadId>{number}</UploadId>{begun}</Upload>"

        listed = self._numbered(query, ("upload-id-marker", "NextUploadIdMarker"), element)
        return f"<ListMultipartUploadsResult>{listed}</ListMultipartUploadsResult>"

    def _numbered(
        self, query: dict[str, str], names: tuple[str, str], element: Callable[[str, str], str]
    ) -> str:
        items = self._in_order(self.numbered)
        key, number = query.get("key-marker", ""), query.get(names[0], "")
        start = sum(each <= key for each, _ in items) if key else 0  # All of a key, without number.
        start = items.index((key, number)) + 1 if number else start
        page, end = self._page(items, start)
        more = self._has_more(items, end)
        head = f"<Name>b</Name><Bucket>b</Bucket>{self._said(more)}"
        if (token := self._token(more)) is not None:
            key, number = page[-1] if token else ("", "")
            number = "" if self.way == "no number" else number
            head += f"<NextKeyMarker>{key}</NextKeyMarker><{names[1]}>{number}</{names[1]}>"
        return head + "".join(element(*item) for item in page)

    def _in_order(self, items: list[_Item]) -> list[_Item]:
        return random.Random(5).sample(items, len(items)) if "shuffled" in self.way else items

    def _page(self, items: list[_Item], start: int) -> tuple[list[_Item], int]:
        if self.way == "stuck":
            start = 0
        is_empty = self.way == "empty to the end" and len(self.asked[-1].keys() & GOING_ON)
        is_empty = is_empty or (self.way == "empty pages" and len(self.asked) % 2 == 0)
        size = 0 if is_empty else PAGE
        return items[start : start + size], start + size

    def _has_more(self, items: list[_Item], end: int) -> bool:
        return end < len(items) or self.way in ("endless", "empty to the end")

    def _token(self, more: bool) -> str | None:
        if self.way in NO_TOKEN or not (more or self.way == "token at the end"):
            return None
        if self.way == "empty token":
            return ""
        if self.way == "token as key":
            return "b"  # Half the keys are before it.
        return "abc" if self.way in ("same token", "one token") else f"t{next(self._tokens)}"

    def _said(self, more: bool) -> str:
        more = more and self.way not in ("unfinished", "full")
        said = str(more) if self.way == "True" else str(more).lower()
        return "" if self.way == "silent" else f"<IsTruncated>{said}</IsTruncated>"


class _Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1  # An answer is one packet: no wait for the next.
    server: OddPages

    def do_GET(self) -> None:
        service = self.server
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if "versioning" in query:
            self.answer(
                "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
            )
            return
        service.asked.append(query)
        if service.way == "refused token" and "continuation-token" in query:
            self.answer("<Error><Code>InvalidArgument</Code></Error>", 400)
        elif "versions" in query:
            self.answer(service.versions(query))
        else:
            self.answer(service.uploads(query) if "uploads" in query else service.objects(query))

    def do_HEAD(self) -> None:
        key = unquote(urlsplit(self.path).path).partition("/")[2].partition("/")[2]
        self.send_response_only(200 if key in self.server.keys else 404)
        self.send_header("content-length", "1")
        self.end_headers()

    def answer(self, text: str, status: int = 200) -> None:
        body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
        self.send_response_only(status)
        self.send_header("content-type", "application/xml")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def odd_pages(way: str) -> Iterator[OddPages]:
    """Serve until the block ends."""
    with serving(OddPages(way)) as service:
        yield service
