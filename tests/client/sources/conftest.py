"""Images byte by byte, and a registry that gives them out, honestly or not."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(name: str, content: bytes) -> bytes:
    """Return an uncompressed layer with one file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@dataclass
class FakeRegistry:
    """A registry of one repository, ``models/svc``.

    Attributes:
        cut_at: After how many bytes each of the next answers to a blob ends.
        login: The user and password it asks for; by a token if ``token`` is set.
    """

    host: str = ""
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    cut_at: list[int] = field(default_factory=list)
    login: tuple[str, str] | None = None
    token: str = ""
    realm: str = ""
    redirect: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def add_blob(self, content: bytes) -> str:
        self.blobs[digest_of(content)] = content
        return digest_of(content)

    def add_manifest(self, document: Any, *names: str, media_type: str = MANIFEST) -> str:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = digest_of(content)
        for name in (digest, *names):
            self.manifests[name] = media_type, content
        return digest

    def add_image(
        self,
        *layers: bytes,
        tag: str = "1",
        pack: Callable[[bytes], bytes] = packed,
        config_changes: dict[str, Any] | None = None,
        layer_type: str = LAYER,
        manifest_changes: dict[str, Any] | None = None,
        media_type: str = MANIFEST,
    ) -> str:
        """Keep an image of these layers under a tag and return its manifest's digest."""
        config = json.dumps(
            {
                "os": "linux",
                "architecture": "amd64",
                "config": {"Cmd": ["/bin/true"]},
                "rootfs": {"type": "layers", "diff_ids": [digest_of(one) for one in layers]},
                **(config_changes or {}),
            }
        ).encode()
        parts = [pack(one) for one in layers]
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": CONFIG,
                "digest": self.add_blob(config),
                "size": len(config),
            },
            "layers": [
                {"mediaType": layer_type, "digest": self.add_blob(one), "size": len(one)}
                for one in parts
            ],
            **(manifest_changes or {}),
        }
        return self.add_manifest(document, tag, media_type=media_type)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: FakeRegistry

    def do_GET(self) -> None:
        fake = self.registry
        path, _, query = self.path.partition("?")
        fake.asked.append((self.path, dict(self.headers)))
        if path == "/token":
            return self._token(query)
        if fake.login is not None and not self._known():
            scheme = (
                f'Bearer realm="{fake.realm}",service="fake"' if fake.token else 'Basic realm="x"'
            )
            return self._answer(401, b"", {"WWW-Authenticate": scheme})
        kind, _, name = path.removeprefix("/v2/models/svc/").partition("/")
        if kind == "manifests" and name in fake.manifests:
            media_type, content = fake.manifests[name]
            return self._answer(200, content, {"Content-Type": media_type})
        if kind == "blobs" and name in fake.blobs:
            if fake.redirect:
                return self._answer(307, b"", {"Location": fake.redirect})
            return self._blob(fake.blobs[name])
        return self._answer(404, b'{"errors": []}', {})

    def _known(self) -> bool:
        said = self.headers.get("Authorization", "")
        if self.registry.token:
            return said == f"Bearer {self.registry.token}"
        return said == self._basic()

    def _basic(self) -> str:
        return f"Basic {base64.b64encode(':'.join(self.registry.login or ()).encode()).decode()}"

    def _token(self, query: str) -> None:
        right = self.headers.get("Authorization", "") == self._basic()
        if not right or "scope=repository%3Amodels%2Fsvc%3Apull" not in query:
            return self._answer(401, b"", {})
        return self._answer(200, json.dumps({"token": self.registry.token}).encode(), {})

    def _blob(self, content: bytes) -> None:
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        rest = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.registry.cut_at:
            self.wfile.write(rest[: self.registry.cut_at.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(rest)

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    fake = FakeRegistry()
    handler = type("Handler", (_Handler,), {"registry": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    fake.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def make_layer() -> Callable[[str, bytes], bytes]:
    return layer
