"""The server as the network meets it: long-lived, patient with the honest, done with the others."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest

from proctor.template.rest.patience import Patience
from proctor.template.rest.settings import Settings

LONGEST_WAIT_S = 120
FORM = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello\r\n--x--\r\n'
TEXT = {"text": {"type": "text"}}
LENGTH = {"length": {"type": "vector"}}
COUNT = "class Model:\n def predict(self, inputs):\n  return [len(inputs['text'])]\n"
SECRET = "class Model:\n def predict(self, inputs):\n  raise ValueError('s3cret ' + __file__)\n"


@contextmanager
def raw(running: Any) -> Iterator[socket.socket]:
    with socket.create_connection(
        ("127.0.0.1", running.port), timeout=LONGEST_WAIT_S
    ) as connection:
        yield connection


def heard(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


def answered(running: Any, request: bytes) -> bytes:
    """Return the answer, and whatever follows it where the connection ends with it."""
    with raw(running) as connection:
        connection.sendall(request)
        found = b""
        while b"\r\n\r\n" not in found:
            if not (piece := connection.recv(65536)):
                return found
            found += piece
        if b"Connection: close" in found:
            return found + heard(connection)
        head, _, body = found.partition(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


def post(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST /predict HTTP/1.1", b"Host: x",
             b"Content-Type: multipart/form-data; boundary=x", *headers]  # fmt: skip
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.fixture
def counting(serve: Any) -> Any:
    return serve(COUNT, TEXT, LENGTH)


def test_one_connection_carries_many_requests(counting: Any) -> None:
    with raw(counting) as connection:
        request = post(FORM, b"Content-Length: %d" % len(FORM))
        # Sent at once: the second is in the same packet as the first.
        connection.sendall(request + request + b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
                           b"Connection: close\r\n\r\n")  # fmt: skip
        text = heard(connection)
    assert text.count(b"HTTP/1.1 200 OK") == 3
    assert text.count(b'"value":[5.0]') == 2


def test_a_body_may_come_in_chunks(counting: Any) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, FORM[i : i + 1]) for i in range(len(FORM)))
    request = post(chunks + b"0\r\nTrailer: yes\r\n\r\n", b"Transfer-Encoding: chunked")

    assert b'"value":[5.0]' in answered(counting, request)


def test_a_client_that_asks_first_is_told_to_go_on(counting: Any) -> None:
    with raw(counting) as connection:
        connection.sendall(
            post(
                b"",
                b"Content-Length: %d" % len(FORM),
                b"Expect: 100-continue",
                b"Connection: close",
            )
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(FORM)
        assert b"200 OK" in heard(connection)


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", b"505"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET http://evil/ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /a\x00b HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA b: y\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\"><script>\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /" + b"a" * 50_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"431"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"405"),
        (post(b"0\r\n\r\n", b"Content-Length: 3", b"Transfer-Encoding: chunked"), b"400"),
        (post(FORM, b"Content-Length: 3", b"Content-Length: 90"), b"400"),
        (post(FORM, b"Content-Length: -3"), b"400"),
        (post(FORM, b"Content-Length: +3"), b"400"),
        (post(FORM, b"Transfer-Encoding: gzip, chunked"), b"400"),
        (post(b"0\r\n\r\n", b"Transfer-Encoding: chunked\xa0"), b"400"),
        (post(b"0\r\n\r\n", b"Transfer-Encoding: \x85chunked"), b"400"),
        (post(b"zz\r\n", b"Transfer-Encoding: chunked"), b"400"),
        (post(b"2\r\nabc\r\n", b"Transfer-Encoding: chunked"), b"400"),
    ],
)  # fmt: skip
def test_what_is_no_honest_http_is_refused(
    request_text: bytes, status: bytes, counting: Any
) -> None:
    text = answered(counting, request_text)

    assert text.startswith(b"HTTP/1.1 " + status), text[:200]
    assert text.count(b"HTTP/1.1 ") == 1, "nothing of it is taken for a second request"
    assert b"<script>" not in text
    assert counting.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x\r\n",
        b"nothing",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nhello\r\n--x--\r\n",
        b"--x\r\nContent-Disposition: attachment; name=text\r\n\r\nhello\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello',
        b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello\r\n--y--\r\n',
        b"--x\r\n" + b"a: b\r\n" * 5000 + b"\r\n\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\na\r\n' * 2 + b"--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\na\r\n--x--\r\n',
    ],
)
def test_a_form_that_is_none_is_refused(body: bytes, counting: Any) -> None:
    text = answered(counting, post(body, b"Content-Length: %d" % len(body)))

    assert text.startswith(b"HTTP/1.1 4"), text[:200]
    assert b"Traceback" not in text


@pytest.mark.parametrize("said", [b"Content-Length: 900000000000", b"Transfer-Encoding: chunked"])
def test_a_huge_body_is_refused_while_it_comes_and_leaves_nothing(said: bytes, serve: Any) -> None:
    running = serve(COUNT, TEXT, LENGTH, settings=Settings(most_body_bytes=200_000))
    piece = b"a" * 65536
    with raw(running) as connection:
        connection.sendall(post(b"", said))
        sent = 0
        try:
            while sent < 64 << 20:
                data = b"%x\r\n%s\r\n" % (len(piece), piece) if b"chunked" in said else piece
                connection.sendall(data)
                sent += len(piece)
        except OSError:
            pass
        else:
            raise AssertionError("all of it was read")
    text = answered(running, post(b"a" * 300_000, b"Content-Length: 300000"))
    assert text.startswith(b"HTTP/1.1 413"), text[:200]
    assert b"too_large" in text
    assert running.client.get("/healthz").json()["waiting"] == 0


def test_a_client_that_says_its_request_drop_by_drop_is_given_up(serve: Any) -> None:
    running = serve(COUNT, TEXT, LENGTH, patience=Patience(head_s=0.3, idle_s=0.3, body_s=0.3))
    with raw(running) as connection:
        try:
            for letter in b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 1000:
                connection.sendall(bytes([letter]))
                # The pace of the client, not a wait for the server.
                threading.Event().wait(0.02)
        except OSError:
            pass
        else:
            raise AssertionError("its every drop was waited for")
    with raw(running) as silent:
        assert heard(silent) == b""
    with raw(running) as half:
        half.sendall(post(FORM[:20], b"Content-Length: %d" % len(FORM)))
        assert heard(half) == b""


def test_connections_that_say_nothing_make_room_for_who_asks(serve: Any) -> None:
    running = serve(COUNT, TEXT, LENGTH, settings=Settings(most_connections=4))
    silent = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(40)]
    try:
        for one in silent[:20]:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
        assert welcomed(running)
    finally:
        for one in silent:
            one.close()


def welcomed(running: Any) -> bytes:
    """Return the answer to one who comes again until there is room."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    text = b""
    while b'"status":"ok"' not in text:
        assert time.monotonic() < deadline, text
        # It may be among those that are closed to make room.
        with suppress(ConnectionError):
            text = answered(running, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    return text


def arrivals(
    stack: ExitStack, running: Any, address: str, count: int, request: bytes
) -> list[socket.socket]:
    """Return connections from an address that each have said the beginning of a request."""
    found = []
    for _ in range(count):
        one = socket.create_connection(
            ("127.0.0.1", running.port), timeout=LONGEST_WAIT_S, source_address=(address, 0)
        )
        found.append(stack.enter_context(one))
        one.sendall(request)
    return found


PATIENT = Patience(head_s=600, idle_s=600, body_s=600)


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param(post(FORM[:-1], b"Content-Length: %d" % len(FORM)), id="short body"),
        pytest.param(post(FORM, b"Content-Length: 200000"), id="long body"),
        pytest.param(post(b"1\r\n-", b"Transfer-Encoding: chunked"), id="chunks"),
        pytest.param(
            post(b"", b"Content-Length: 9", b"Expect: 100-continue"), id="asks first"
        ),
        pytest.param(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 2000, id="reads nothing"),
    ],
)  # fmt: skip
def test_who_keeps_the_service_waiting_makes_room(request_text: bytes, serve: Any) -> None:
    settings = Settings(most_connections=4)
    running = serve(COUNT, TEXT, LENGTH, settings=settings, patience=PATIENT)
    with ExitStack() as stack:
        for one in arrivals(stack, running, "127.0.0.1", 4, b""):
            one.setblocking(False)
            with suppress(BlockingIOError, ConnectionError):
                one.sendall(request_text)
        assert welcomed(running)


def test_an_address_takes_no_place_of_one_that_holds_fewer(serve: Any) -> None:
    settings = Settings(most_connections=6)
    running = serve(COUNT, TEXT, LENGTH, settings=settings, patience=PATIENT)
    held = post(FORM[:5], b"Content-Length: %d" % len(FORM))
    with ExitStack() as stack:
        # The first to come and the longest behind, but the only one of its address.
        (honest,) = arrivals(stack, running, "127.0.0.2", 1, held)
        for _ in range(3):
            arrivals(stack, running, "127.0.0.1", 5, held)
            assert welcomed(running)
        honest.sendall(FORM[5:])
        assert b'"value":[5.0]' in honest.recv(65536)


def test_nothing_of_a_failure_but_a_sentence_reaches_the_client(
    serve: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    running = serve(SECRET, TEXT, LENGTH)

    for path in ("/predict", "/api/predict", "/model/predict"):
        answer = running.client.post(path, files={"text": b"a"})
        assert answer.status_code == 500
        assert "model_failed" in answer.text
        for leak in ("s3cret", "Traceback", "ValueError", str(running.folder)):
            assert leak not in answer.text
    log = capfd.readouterr().err
    assert "ValueError: s3cret" in log, "whoever runs the service gets to know why"


GATED = """
import pathlib, time

class Model:
    def load(self, folder):
        self.folder = folder

    def predict(self, inputs):
        (self.folder / "began").touch()
        while inputs["text"] == "slow" and not (self.folder / "gate").exists():
            time.sleep(0.002)
        return [len(inputs["text"])]
"""


def test_who_asks_for_something_else_is_heard_while_the_model_works(serve: Any) -> None:
    running = serve(GATED, TEXT, LENGTH)
    with ThreadPoolExecutor(2) as pool, running.stranger() as other:
        slow = pool.submit(running.client.post, "/predict", files={"text": b"slow"})
        while not (running.folder / "began").exists():
            threading.Event().wait(0.002)
        assert other.get("/healthz").json()["waiting"] == 1
        with running.stranger() as third:
            next_one = pool.submit(third.post, "/predict", files={"text": b"quick"})
            while other.get("/healthz").json()["waiting"] < 2:
                threading.Event().wait(0.002)
            (running.folder / "gate").touch()
            assert next_one.result().json()["outputs"]["length"]["value"] == [5.0]
        assert slow.result().json()["outputs"]["length"]["value"] == [4.0]
        # The model's thread has taken over again, on the same connections.
        for client in (running.client, other):
            answer = client.post("/predict", files={"text": b"after"}).json()
            assert answer["outputs"]["length"]["value"] == [5.0]


def test_who_does_not_read_the_answers_keeps_nobody_waiting(counting: Any) -> None:
    request = post(FORM, b"Content-Length: %d" % len(FORM))
    with raw(counting) as deaf:
        deaf.setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while sent < 64 << 20:
                sent += deaf.send(request * 50)
        for _ in range(3):
            assert b'"value":[5.0]' in answered(counting, request)


def test_a_client_may_say_that_it_has_said_all(counting: Any) -> None:
    with raw(counting) as connection:
        connection.sendall(post(FORM, b"Content-Length: %d" % len(FORM)))
        connection.shutdown(socket.SHUT_WR)
        assert b'"value":[5.0]' in heard(connection)


def test_a_request_that_comes_in_pieces_is_one(counting: Any) -> None:
    request = post(FORM, b"Content-Length: %d" % len(FORM))
    body = len(request) - len(FORM)
    cuts = (0, 1, 20, body - 2, body, body + 9, len(request))
    with raw(counting) as connection:
        for start, end in pairwise(cuts):
            connection.sendall(request[start:end])
            # The pace of the client, not a wait for the server.
            threading.Event().wait(0.01)
        connection.shutdown(socket.SHUT_WR)
        assert heard(connection).count(b'"value":[5.0]') == 1
