"""Uploads and downloads: whole or not at all, and by right only."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select

from proctor.spec.base import FileRef
from proctor.spec.outcomes import Code, PlatformError
from proctor_platform.settings import PlatformSettings
from proctor_platform.storage import FolderStore
from proctor_platform.tables import Blob

LONGEST_WAIT_S = 120


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def files_below(settings: PlatformSettings) -> list[Path]:
    return [path for path in settings.blobs.rglob("*") if path.is_file()]


def test_a_blob_comes_back_as_it_was_sent(participant: Any) -> None:
    ref = participant.put_blob(b"0123456789")
    assert participant.get(f"/blobs/{ref.digest}").content == b"0123456789"


@pytest.mark.parametrize(
    ("header", "status", "content", "content_range"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_a_range_of_a_blob_can_be_asked_for(
    participant: Any, header: str, status: int, content: bytes, content_range: str | None
) -> None:
    ref = participant.put_blob(b"0123456789")
    answer = participant.get(f"/blobs/{ref.digest}", headers={"Range": header})
    assert (answer.status_code, answer.content) == (status, content)
    assert answer.headers.get("Content-Range") == content_range


def test_other_bytes_than_announced_leave_nothing(
    participant: Any, settings: PlatformSettings
) -> None:
    answer = participant.request("PUT", f"/blobs/{digest_of(b'right')}", content=b"wrong")
    assert (answer.status_code, answer.json()["code"]) == (422, "DIGEST_MISMATCH")
    assert files_below(settings) == []
    assert participant.get(f"/blobs/{digest_of(b'right')}").status_code == 404


def test_an_upload_without_a_length_is_refused(
    participant: Any, settings: PlatformSettings
) -> None:
    answer = participant.request("PUT", f"/blobs/{digest_of(b'ab')}", content=iter([b"a", b"b"]))
    assert answer.status_code == 422
    assert "Content-Length" in answer.json()["detail"]
    assert files_below(settings) == []


def test_an_upload_above_the_limits_is_refused_before_it_is_read(
    tmp_path: Path, person: Callable[..., Any], client: Any
) -> None:
    poor = person("poor")
    settings = PlatformSettings(home=client.app.state.settings.home, max_blob_bytes=10)
    client.app.state.settings = settings
    large = poor.request("PUT", f"/blobs/{digest_of(b'x' * 11)}", content=b"x" * 11)
    assert (large.status_code, large.json()["code"]) == (413, "TOO_LARGE")
    client.app.state.settings = settings.model_copy(update={"upload_quota_bytes": 15})
    poor.put_blob(b"a" * 10)
    above = poor.request("PUT", f"/blobs/{digest_of(b'b' * 10)}", content=b"b" * 10)
    assert (above.status_code, above.json()["code"]) == (413, "TOO_LARGE")
    assert "10 bytes" in above.json()["detail"]
    poor.put_blob(b"a" * 10)


def test_knowing_a_digest_grants_nothing(participant: Any, other: Any, anonymous: Any) -> None:
    ref = participant.put_blob(b"mine")
    for stranger in (other, anonymous):
        assert stranger.get(f"/blobs/{ref.digest}").status_code == 404
    missing = other.post("/blobs/missing", {"digests": [ref.digest]}).json()
    assert missing == {"missing": [ref.digest]}
    assert participant.post("/blobs/missing", {"digests": [ref.digest]}).json() == {"missing": []}


def test_whoever_has_the_bytes_gets_the_right_by_sending_them(participant: Any, other: Any) -> None:
    ref = participant.put_blob(b"common")
    first = other.request("PUT", f"/blobs/{ref.digest}", content=b"common")
    assert first.status_code == 201, "that somebody else had it is not told"
    assert other.request("PUT", f"/blobs/{ref.digest}", content=b"common").status_code == 200
    assert other.get(f"/blobs/{ref.digest}").content == b"common"


def test_hidden_data_is_the_organizers_and_the_sample_is_everybodys(
    published: Any, organizer: Any, participant: Any, anonymous: Any
) -> None:
    data = published.data["classify"]
    for half, name in ((data.hidden.inputs, "images"), (data.hidden.reference, "labels")):
        digest = half.cases[0].files[name].digest
        assert organizer.get(f"/blobs/{digest}").status_code == 200
        assert participant.get(f"/blobs/{digest}").status_code == 404
        assert participant.post("/blobs/missing", {"digests": [digest]}).json()["missing"]
    for who in (participant, anonymous):
        digest = data.sample.inputs.cases[0].files["images"].digest
        assert who.get(f"/blobs/{digest}").content == published.blobs[digest]


def put_head(digest: str, length: int, token: str = "") -> bytes:
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"PUT /api/v1/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\n{bearer}"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def test_a_stranger_is_refused_before_a_byte_of_the_upload_is_read(
    served: tuple[FastAPI, int], settings: PlatformSettings
) -> None:
    _, port = served
    with socket.create_connection(("127.0.0.1", port), LONGEST_WAIT_S) as connection:
        connection.sendall(put_head(digest_of(b""), 200 << 20))
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 401 "), "not one byte of the body was sent"
    assert files_below(settings) == []


def test_an_upload_that_is_cut_off_leaves_nothing(
    served: tuple[FastAPI, int],
    settings: PlatformSettings,
    token_of: Callable[[FastAPI], str],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    app, port = served
    token = token_of(app)
    content = b"y" * (8 << 20)
    with socket.create_connection(("127.0.0.1", port), LONGEST_WAIT_S) as connection:
        connection.sendall(put_head(digest_of(content), len(content), token))
        connection.sendall(content[: 5 << 20])
        eventually(lambda: any(path.stat().st_size for path in files_below(settings)))
    eventually(lambda: files_below(settings) == [])
    with app.state.database.reading() as session:
        assert session.get(Blob, digest_of(content)) is None


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to mount a small disk")
def test_an_upload_to_a_full_disk_fails_readably_and_leaves_nothing(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", str(tmp_path)], check=True)
    try:
        store = FolderStore(tmp_path)
        with store.writer(FileRef(digest=digest_of(b"whole"), size=5)) as writer:
            writer.write(b"whole")
            with suppress(OSError), (tmp_path / "filler").open("wb", 0) as filler:
                while filler.write(bytes(4096)):
                    pass
            with pytest.raises(PlatformError) as caught:
                writer.finish()
        assert caught.value.code is Code.STORAGE_FAILED
        assert list((tmp_path / "incoming").iterdir()) == []
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_what_a_killed_platform_was_writing_goes_and_what_is_being_written_stays(
    settings: PlatformSettings,
) -> None:
    store = FolderStore(settings.blobs)
    ref = FileRef(digest=digest_of(b"whole"), size=5)
    with store.writer(ref) as writer:
        writer.write(b"who")
        (settings.blobs / "incoming" / "of-a-dead-process").write_bytes(b"half of")
        assert store.drop_broken_off() == 1
        writer.write(b"le")
        writer.finish()
    assert [path.read_bytes() for path in files_below(settings)] == [b"whole"]


def test_uploads_at_once_do_not_exceed_the_quota_together(
    served: tuple[FastAPI, int],
    settings: PlatformSettings,
    token_of: Callable[[FastAPI], str],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    app, port = served
    app.state.settings = settings.model_copy(update={"upload_quota_bytes": 25})
    token = token_of(app)
    contents = [bytes([65 + number]) * 10 for number in range(4)]
    with ExitStack() as stack:
        connections = []
        for content in contents:
            where = ("127.0.0.1", port)
            connection = stack.enter_context(socket.create_connection(where, LONGEST_WAIT_S))
            connection.sendall(put_head(digest_of(content), 10, token) + content[:5])
            connections.append(connection)
        # Each has begun, so each was within the quota when it was first looked at.
        eventually(lambda: len(files_below(settings)) == 4)
        for connection, content in zip(connections, contents, strict=True):
            connection.sendall(content[5:])
        answers = [connection.recv(12) for connection in connections]
    assert sorted(answers) == [b"HTTP/1.1 201", b"HTTP/1.1 201", b"HTTP/1.1 413", b"HTTP/1.1 413"]
    eventually(lambda: len(files_below(settings)) == 2)
    with app.state.database.reading() as session:
        assert len(session.exec(select(Blob)).all()) == 2


def test_an_upload_that_falls_silent_is_given_up(
    served: tuple[FastAPI, int],
    settings: PlatformSettings,
    monkeypatch: pytest.MonkeyPatch,
    token_of: Callable[[FastAPI], str],
) -> None:
    monkeypatch.setattr("proctor_platform.blobs._IDLE_S", 0.05)
    app, port = served
    content = b"z" * (2 << 20)
    with socket.create_connection(("127.0.0.1", port), LONGEST_WAIT_S) as connection:
        # In one piece: what were still on its way when it is given up would cut the answer off.
        head = put_head(digest_of(content), len(content), token_of(app))
        connection.sendall(head + content[: 1 << 12])
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"No byte of the upload came for 0.05 s" in answer
    assert files_below(settings) == []
    with app.state.database.reading() as session:
        assert session.get(Blob, digest_of(content)) is None
