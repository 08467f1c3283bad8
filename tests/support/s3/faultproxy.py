"""A proxy before an S3 server that breaks chosen requests, as networks and servers do.

    with FaultProxy("127.0.0.1", 7480) as proxy:
        proxy.add("^GET .*beach", "truncate", after=1000)  # the next such request, once
        ...  # a client of proxy.url
        proxy.log  # [("GET /photos/beach.jpg HTTP/1.1", "truncate"), …]

    proxy.at_random(0.2, [Rule("^GET ", "truncate"), Rule("", "reset")], seed=1)  # one in five

One request per connection. Faults:
    reset      the connection is reset before the server hears of the request
    hang       nothing is answered for `seconds`, then a reset
    delay      the request is passed on after `seconds`
    status     answered with status `code` and S3's `error`; the server hears nothing
    truncate   the connection is closed after `after` bytes of the answer's body
    resetbody  the same with a reset
    cutupload  reset on both sides after `after` bytes of the request's body
    slow       the answer's body at `rate` bytes/s
    corrupt    one bit of the answer's body is flipped, each time another one
    lostreply  the server does its work, the client gets a reset for an answer
"""

import asyncio
import contextlib
import itertools
import random
import re
import socket
import ssl
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

END_OF_HEAD = b"\r\n\r\n"
PIECE = 65536
places = itertools.count(step=7919)  # places of damaged bytes


@dataclass
class Rule:
    """Breaks the next `times` requests whose first line matches."""

    match: str
    fault: str
    times: int = 1
    after: int = 0
    seconds: float = 3600
    code: int = 503
    error: str = "SlowDown"
    rate: float = 1e5

    def takes(self, line: str) -> bool:
        if self.times < 1 or not re.search(self.match, line):
            return False
        self.times -= 1
        return True


PASS = Rule("", "")


class FaultProxy:
    """Listens on a free port of 127.0.0.1 while the `with` block runs, with TLS if given."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._server_at, self._tls = (host, port), tls
        self.rules: list[Rule] = []
        self._serving: set[asyncio.Task] = set()
        self._share, self._any_of, self._random = 0.0, (), random.Random(0)
        self.log: list[tuple[str, str]] = []
        self.url = ""

    def add(self, match: str, fault: str, **options: float | str) -> Rule:
        rule = Rule(match, fault, **options)
        self.rules.append(rule)
        return rule

    def at_random(self, share: float, rules: Sequence[Rule], seed: int) -> None:
        """Breaks this share of the requests that no rule of `add` takes, each by one of those of
        these rules whose `match` fits (all else in them that counts requests is ignored)."""
        self._share, self._any_of, self._random = share, tuple(rules), random.Random(seed)

    def _rule(self, line: str) -> Rule:
        for rule in self.rules:
            if rule.takes(line):
                return rule
        if self._random.random() >= self._share:
            return PASS
        fitting = [rule for rule in self._any_of if re.search(rule.match, line)]
        return self._random.choice(fitting) if fitting else PASS

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20, ssl=self._tls)
        self._listener = asyncio.run_coroutine_threadsafe(start, self._loop).result()
        port = self._listener.sockets[0].getsockname()[1]
        self.url = f"http{'s' if self._tls else ''}://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._listener.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, asked: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """One request: read its head, choose a fault, pass the rest on or not."""
        # A loop knows its tasks by weak references alone: without this one, they may be collected.
        self._serving.add(asyncio.current_task())
        passed_on = None
        try:
            head = await asked.readuntil(END_OF_HEAD)
            line = head.split(b"\r\n", 1)[0].decode("latin-1")
            rule = self._rule(line)
            self.log.append((line, rule.fault))
            if rule.fault in ("hang", "delay"):
                await asyncio.sleep(rule.seconds)
            if rule.fault in ("hang", "reset"):
                _reset(answer)
                return
            if rule.fault == "status":
                await _refuse(asked, answer, rule)
                return
            served, passed_on = await asyncio.open_connection(*self._server_at, limit=1 << 20)
            head = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", head).removesuffix(b"\r\n")
            passed_on.write(head + b"Connection: close\r\n\r\n")
            sending = asyncio.ensure_future(_pass_request(asked, passed_on, answer, rule))
            await _pass_answer(served, answer, rule)
            sending.cancel()
        except (ConnectionError, asyncio.IncompleteReadError):
            _reset(answer)
        finally:
            self._serving.discard(asyncio.current_task())
            if passed_on:
                passed_on.transport.abort()


async def _refuse(asked: asyncio.StreamReader, answer: asyncio.StreamWriter, rule: Rule) -> None:
    body = f"<Error><Code>{rule.error}</Code></Error>".encode()
    head = f"HTTP/1.1 {rule.code} Injected\r\nContent-Type: application/xml\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    answer.write(head.encode() + body)
    await answer.drain()
    # A close with bytes unread would reset the connection before the answer is read.
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asked.read(1 << 20), 0.2)
    answer.close()


async def _pass_request(
    asked: asyncio.StreamReader,
    passed_on: asyncio.StreamWriter,
    answer: asyncio.StreamWriter,
    rule: Rule,
) -> None:
    sent = 0
    while data := await asked.read(PIECE):
        if rule.fault == "cutupload" and sent + len(data) >= rule.after:
            passed_on.write(data[: rule.after - sent])
            await passed_on.drain()
            _reset(passed_on)
            _reset(answer)
            return
        sent += len(data)
        passed_on.write(data)
        await passed_on.drain()


async def _pass_answer(
    served: asyncio.StreamReader, answer: asyncio.StreamWriter, rule: Rule
) -> None:
    while (head := await served.readuntil(END_OF_HEAD)).startswith(b"HTTP/1.1 100"):
        answer.write(head)
        await answer.drain()
    if rule.fault == "lostreply":
        _reset(answer)
        return
    answer.write(head)
    sent = 0
    while data := await served.read(PIECE):
        if rule.fault == "corrupt" and not sent:
            at = next(places) % len(data)
            data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        if rule.fault in ("truncate", "resetbody") and sent + len(data) >= rule.after:
            answer.write(data[: rule.after - sent])
            await answer.drain()
            if rule.fault == "truncate":
                break
            # A reset overtakes data in transit: let the client read that first.
            await asyncio.sleep(0.05)
            _reset(answer)
            return
        if rule.fault == "slow":
            await asyncio.sleep(len(data) / rule.rate)
        sent += len(data)
        answer.write(data)
        await answer.drain()
    answer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST instead of FIN."""
    if sock := writer.get_extra_info("socket"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
