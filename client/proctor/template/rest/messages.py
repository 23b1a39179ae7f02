"""HTTP/1.1 requests as they come in and answers as they go out.

The reader is strict where leniency has hurt others: one way to say how long a body is, no folded
headers, no control characters, everything bounded. It does not know what a path means.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from .failures import RefusedError, too_large, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CHUNK_BYTES = 1 << 16
_MOST_HEADERS = 100
_MOST_CHUNK_LINE_BYTES = 256
_MOST_QUERY_FIELDS = 50
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_UNSEEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(r"[0-9]{1,15}\Z")
_CHUNK_LENGTH = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\Z")
_ONCE = frozenset({"host", "content-length", "transfer-encoding", "content-type", "origin"})


class Source(Protocol):
    """Where bytes come from, with a clock that runs out."""

    def line(self, most_bytes: int) -> bytes:
        """Return the bytes before the next line's end, which is taken as well."""
        ...

    def some(self, most_bytes: int) -> bytes:
        """Return at least one byte.

        Raises:
            GoneError: There are no more.
        """
        ...


@dataclass
class Head:
    """The first lines of a request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    keeps_alive: bool


class Body:
    """What follows the first lines, read once and piece by piece.

    Attributes:
        before: Called before the first byte is read.
        is_over: Whether all of it was read.
        is_broken: Whether it cannot be read on.
    """

    def __init__(self, source: Source, headers: dict[str, str], most_bytes: int) -> None:
        self._source = source
        self._most_bytes = most_bytes
        self._read_bytes = 0
        self._is_chunked = "transfer-encoding" in headers
        self._left_bytes = 0
        self.before: Callable[[], None] = _nothing
        if self._is_chunked:
            if headers["transfer-encoding"].lower() != "chunked":
                raise unreadable("The only transfer encoding that is understood is chunked.")
            if "content-length" in headers:
                raise unreadable("A request says its length twice, in two different ways.")
        elif "content-length" in headers:
            if not _LENGTH.match(headers["content-length"]):
                raise unreadable("Content-Length is not a number of bytes.")
            self._left_bytes = int(headers["content-length"])
        self.is_over = not self._is_chunked and self._left_bytes == 0
        self.is_broken = False

    @property
    def left_bytes(self) -> int:
        """How many bytes are still to come, as far as that is known."""
        return self._left_bytes

    @property
    def most_bytes(self) -> int | None:
        """How long the body is; None while nobody knows."""
        return None if self._is_chunked else self._left_bytes

    def pieces(self) -> Iterator[bytes]:
        """Give the bytes as they come.

        Raises:
            RefusedError: There are too many, or they are cut wrongly.
            GoneError: They end too early.
        """
        try:
            yield from self._pieces()
        except RefusedError:
            self.is_broken = True
            raise

    def whole(self, most_bytes: int) -> bytes:
        """Return all bytes of a body that has to be short.

        Raises:
            RefusedError: It is longer than that.
            GoneError: It ends too early.
        """
        found = []
        length = 0
        for piece in self.pieces():
            length += len(piece)
            if length > most_bytes:
                raise too_large(most_bytes)
            found.append(piece)
        return b"".join(found)

    def _pieces(self) -> Iterator[bytes]:
        if not self._is_chunked and self._left_bytes > self._most_bytes:
            raise too_large(self._most_bytes)
        if not self.is_over:
            self.before()
        while not self.is_over:
            if self._is_chunked and self._left_bytes == 0:
                self._next_chunk()
                continue
            piece = self._source.some(min(self._left_bytes, _CHUNK_BYTES))
            self._left_bytes -= len(piece)
            self._read_bytes += len(piece)
            if self._left_bytes == 0:
                if self._is_chunked and self._source.line(2):
                    raise unreadable("A chunk of the body does not end where it says.")
                self.is_over = not self._is_chunked
            if self._read_bytes > self._most_bytes:
                raise too_large(self._most_bytes)
            yield piece

    def _next_chunk(self) -> None:
        said = _CHUNK_LENGTH.match(self._source.line(_MOST_CHUNK_LINE_BYTES))
        if said is None:
            raise unreadable("A chunk of the body does not begin with its length.")
        self._left_bytes = int(said.group(1), 16)
        if self._left_bytes:
            return
        for _ in range(_MOST_HEADERS):
            if not self._source.line(_MOST_CHUNK_LINE_BYTES):
                self.is_over = True
                return
        raise unreadable("The body ends with too many headers.")


@dataclass
class Request:
    """One request.

    Attributes:
        path: Decoded once; it may hold anything but control characters.
        host: The `Host` that was asked for, checked; addresses of this service are made with it.
        base: The service's address as whoever asks has it, where that is not its host alone.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Body
    host: str = ""
    base: str = ""
    is_gone: Callable[[], bool] = bool

    @property
    def content_type(self) -> str:
        """The media type of the body, in lower case and without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def address(self) -> str:
        """How addresses of this service begin, as whoever asks calls it."""
        return self.base or (f"http://{self.host}" if self.host else "")

    @property
    def prefix(self) -> str:
        """How paths of this service begin, as whoever asks calls it."""
        return urlsplit(self.base).path


@dataclass
class Response:
    """One answer: bytes, or a file."""

    status: int = 200
    content: bytes = b""
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None

    @classmethod
    def of_json(cls, document: object, status: int = 200) -> Response:
        """Return an answer in JSON.

        Raises:
            ValueError: It holds a number that JSON has no word for.
        """
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return cls(status, text.encode("utf-8", "replace"))

    def head(self, length: int, keeps_alive: bool, shared: bytes) -> bytes:
        """Return the first lines."""
        lines = [
            f"HTTP/1.1 {self.status} {_phrase(self.status)}\r\n"
            f"Content-Type: {self.media_type}\r\n"
            f"Content-Length: {length}\r\n"
        ]
        for name, value in self.headers.items():
            lines.append(f"{name}: {_UNSEEN.sub(' ', value)}\r\n")
        if not keeps_alive:
            lines.append("Connection: close\r\n")
        return "".join(lines).encode("latin-1", "replace") + shared + b"\r\n"


def read_head(text: bytes) -> Head:
    """Read the first lines of a request, without the empty line that ends them.

    Raises:
        RefusedError: They are no request of HTTP/1.
    """
    first, *rest = text.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not _TOKEN.match(words[0]):
        raise unreadable("The first line is no request of HTTP.")
    method, target, version = words
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise RefusedError(505, "version", "This service speaks HTTP/1.1.")
    headers = _headers(rest)
    if version == "HTTP/1.1" and "host" not in headers:
        raise unreadable("The header Host is missing.")
    said = headers.get("connection", "").lower()
    keeps_alive = "close" not in said if version == "HTTP/1.1" else "keep-alive" in said
    path, _, query = target.partition("?")
    return Head(method, _path(path), _query(query), headers, keeps_alive)


def _nothing() -> None:
    return None


def _headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > _MOST_HEADERS:
        raise RefusedError(431, "headers", f"There are more than {_MOST_HEADERS} headers.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.match(name) or _UNSEEN.search(value):
            raise unreadable("A header is not written as HTTP asks.")
        name, value = name.lower(), value.strip(" \t")
        if name not in headers:
            headers[name] = value
        elif name in _ONCE:
            raise unreadable(f"The header {name} is there twice.")
        else:
            headers[name] += ", " + value
    return headers


def _path(target: str) -> str:
    if not target.startswith("/"):
        raise unreadable("What is asked for must begin with a slash.")
    path = _decoded(target)
    if _UNSEEN.search(path) or "\\" in path:
        raise unreadable("The path holds characters that no path here has.")
    return path


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_QUERY_FIELDS
        )
    except ValueError as error:
        raise unreadable("What follows the question mark cannot be read.") from error
    return dict(pairs)


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable("The path is not UTF-8.") from error


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
