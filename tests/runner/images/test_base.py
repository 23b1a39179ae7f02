import json
import shutil
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import docker
import pytest

from proctor_runner.images import base
from proctor_runner.images.base import LOCAL_BASE, OFFICIAL_BASE, BaseImage, ensure_base
from proctor_runner.images.errors import ImageBuildError


@dataclass
class FakeDaemon:
    """As much of a Docker daemon as a base image needs; it holds images by name and cannot pull."""

    images: dict[str, str] = field(default_factory=dict)
    answer_to_pull: bytes | None = b'{"error": "no such host"}\r\n'
    """None: the registry accepts the call and then says nothing."""
    pulls: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def handler(daemon) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                name = unquote(urlsplit(self.path).path).partition("/images/")[2]
                found = daemon.images.get(name.removesuffix("/json"))
                if found:
                    self.reply(200, {"Id": found})
                else:
                    self.reply(404, {"message": f"No such image: {name}"})

            def do_POST(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)
                if "fromSrc" in asked:
                    self.rfile.read(int(self.headers["Content-Length"]))
                    daemon.images[f"{asked['repo'][0]}:{asked['tag'][0]}"] = "sha256:imported"
                    self.reply(200, {"status": "sha256:imported"})
                    return
                daemon.pulls.append(f"{asked['fromImage'][0]}:{asked['tag'][0]}")
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                if daemon.answer_to_pull is None:
                    daemon.stopped.wait(20)
                    self.close_connection = True
                else:
                    self.chunk(daemon.answer_to_pull)
                    self.chunk(b"")

            def reply(self, status: int, content: dict[str, str]) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def chunk(self, data: bytes) -> None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

            def address_string(self) -> str:
                return "client"

            def log_message(self, *_arguments: object) -> None:
                return

        return Handler


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


@pytest.fixture
def client(daemon: FakeDaemon, tmp_path: Path) -> Iterator[docker.DockerClient]:
    socket = tmp_path / "docker.sock"
    with UnixServer(str(socket), daemon.handler()) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        client = docker.DockerClient(base_url=f"unix://{socket}", version="1.41")
        yield client
        client.close()
        daemon.stopped.set()
        server.shutdown()
        thread.join()


def test_a_base_that_is_here_is_used_without_asking_a_registry(
    daemon: FakeDaemon, client: docker.DockerClient, tmp_path: Path
) -> None:
    daemon.images[LOCAL_BASE] = "sha256:local"
    assert ensure_base(client, tmp_path, print) == BaseImage(LOCAL_BASE, "sha256:local")
    daemon.images[OFFICIAL_BASE] = "sha256:official"
    assert ensure_base(client, tmp_path, print) == BaseImage(OFFICIAL_BASE, "sha256:official")
    assert daemon.pulls == []


def test_a_chosen_base_that_cannot_be_had_is_never_replaced(
    daemon: FakeDaemon, client: docker.DockerClient, tmp_path: Path
) -> None:
    daemon.images[LOCAL_BASE] = "sha256:local"
    with pytest.raises(ImageBuildError, match=r"ours/base:1 is not on this .* no such host"):
        ensure_base(client, tmp_path, print, "ours/base:1")
    assert daemon.pulls == ["ours/base:1"]


def test_a_silent_registry_does_not_hold_anyone_up(
    daemon: FakeDaemon,
    client: docker.DockerClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    daemon.answer_to_pull = None
    monkeypatch.setattr(base, "_PULL_SILENCE_LIMIT_S", 0.2)
    with pytest.raises(ImageBuildError, match="the registry was silent"):
        ensure_base(client, tmp_path, print, "ours/base:1")


def test_without_registry_and_debootstrap_the_ways_out_are_named(
    client: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_arguments, **_options: None)
    said: list[str] = []
    with pytest.raises(ImageBuildError, match=r"docker pull python:3.12-slim.*apt-get install"):
        ensure_base(client, tmp_path, said.append)
    assert "no such host" in said[1]


def test_a_missing_debootstrap_is_brought_and_a_refusal_is_told(
    client: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_arguments, **_options: None)
    with pytest.raises(ImageBuildError, match="needs root and debootstrap: this is not Debian"):
        ensure_base(client, tmp_path, print, bring_debootstrap=lambda: "this is not Debian")


def test_a_base_made_before_is_imported_and_not_made_again(
    daemon: FakeDaemon,
    client: docker.DockerClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Path] = []

    def bootstrap(archive: Path, _progress: object, _bring: object) -> None:
        made.append(archive)
        archive.write_bytes(b"a Debian")

    monkeypatch.setattr(base, "_bootstrap", bootstrap)
    assert ensure_base(client, tmp_path, print) == BaseImage(LOCAL_BASE, "sha256:imported")
    daemon.images.clear()
    assert ensure_base(client, tmp_path, print) == BaseImage(LOCAL_BASE, "sha256:imported")
    assert len(made) == 1
