"""An HTTP server that keeps what is posted to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.serving import serving


class Receiver:
    """A running server.

    Attributes:
        address: Its address, with a token.
        posts: The path, the headers by their names in lower case, and the JSON of each request.
        bodies: The body of each request.
        status: The status of its answers.
        first: The statuses of its first answers.
        retry_after: The header of all that ask for a later attempt.
    """

    def __init__(self, server: ThreadingHTTPServer, host: str) -> None:
        self.address = f"http://{host}:{server.server_port}/hook?token=s3cr3t"
        self.posts: list[tuple[str, dict[str, str], dict]] = []
        self.bodies: list[bytes] = []
        self.status, self.first = 204, list[int]()
        self.retry_after = "0.01"

    @property
    def texts(self) -> list[str]:
        return [content["text"] for _, _, content in self.posts]


@contextmanager
def receiving(host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Serve on an address of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.bodies.append(body)
            receiver.posts.append((self.path, headers, json.loads(body)))
            status = receiver.first.pop(0) if receiver.first else receiver.status
            self.send_response(status)
            self.send_header("location", receiver.address)
            if status in (429, 503):
                self.send_header("retry-after", receiver.retry_after)
            self.end_headers()

        do_PUT = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with serving(ThreadingHTTPServer((host, 0), Handler)) as server:
        receiver = Receiver(server, host)
        yield receiver
