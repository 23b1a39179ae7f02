"""Stands between the platform and everybody else, and harms what passes as it is told.

Without a rule it passes every request on and remembers what workers said, so that it can be said
once more when nobody expects it.
"""

from __future__ import annotations

import http.client
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
_PATIENCE_S = 60


class Message(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def of_work(self) -> bool:
        """Whether a worker says something of its work, and no bytes."""
        return self.method == "POST" and "/work/" in self.path and self.path[-6:] != "/claim"

    @property
    def is_upload(self) -> bool:
        return self.method in {"PUT", "PATCH"} and "/blobs/" in self.path

    @property
    def is_heartbeat(self) -> bool:
        return self.of_work and self.path.endswith("/heartbeat")


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class CutError(Exception):
    """The connection ends here, without an answer."""


Rule = Callable[[Message], Answer | None]
"""Answers in the platform's place; None lets the message pass."""


class Proxy:
    """A proxy in threads of its own, from ``start`` to ``stop``."""

    def __init__(self, platform_port: int) -> None:
        self._platform_port = platform_port
        self._rules: list[Rule] = []
        self.heard: deque[Message] = deque(maxlen=300)
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def ruled(self, rule: Rule) -> Iterator[None]:
        """Apply a rule for as long as the block lasts."""
        self._rules.append(rule)
        try:
            yield
        finally:
            self._rules.remove(rule)

    def answer(self, message: Message) -> Answer:
        for rule in list(self._rules):
            answer = rule(message)
            if answer is not None:
                return answer
        if message.of_work:
            self.heard.append(message)
        return self.pass_on(message)

    def pass_on(self, message: Message) -> Answer:
        """Have the platform answer."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._platform_port, timeout=_PATIENCE_S
        )
        try:
            connection.request(message.method, message.path, message.body, message.headers)
            response = connection.getresponse()
            headers = [
                (name, value)
                for name, value in response.getheaders()
                if name.lower() not in _HOP_BY_HOP
            ]
            return Answer(response.status, headers, response.read())
        except (OSError, http.client.HTTPException) as error:
            raise CutError from error
        finally:
            connection.close()

    def send_half(self, message: Message, then: Callable[[], None]) -> None:
        """Send the platform the first half of a message, do something, and never the rest."""
        connection = http.client.HTTPConnection("127.0.0.1", self._platform_port)
        with suppress(OSError, http.client.HTTPException):
            connection.putrequest(message.method, message.path)
            for name, value in message.headers.items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(message.body)))
            connection.endheaders(message.body[: len(message.body) // 2])
        then()
        connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: connections are cut here all the time."""


def _handler_of(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in _HOP_BY_HOP
            }
            try:
                answer = proxy.answer(Message(self.command, self.path, headers, self._body()))
            except CutError:
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
