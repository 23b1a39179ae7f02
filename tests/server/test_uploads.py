"""Uploads in parts: cut, gone on with, and never mixed up."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes
from proctor_platform.settings import PlatformSettings

LONGEST_WAIT_S = 120
WHOLE = random.Random(7).randbytes(3 << 20)
REF = FileRef(digest=digest_bytes(WHOLE), size=len(WHOLE))


def put(who: Any, offset: int, content: bytes, ref: FileRef = REF) -> Any:
    where = {"size": ref.size, "offset": offset}
    return who.request("PUT", f"/blobs/{ref.digest}/upload", params=where, content=content)


def state(who: Any, ref: FileRef = REF) -> Any:
    return who.get(f"/blobs/{ref.digest}/upload", params={"size": ref.size}).json()


def unfinished(settings: PlatformSettings) -> list[Path]:
    return list((settings.blobs / "unfinished").glob("*/*.part"))


def test_parts_make_a_blob_that_its_sender_may_name(
    participant: Any, other: Any, settings: PlatformSettings
) -> None:
    assert state(participant) == {"received": 0, "complete": False}
    middle = 1_234_567
    assert put(participant, 0, WHOLE[:middle]).json() == {"received": middle, "complete": False}
    assert state(participant) == {"received": middle, "complete": False}
    assert participant.get(f"/blobs/{REF.digest}").status_code == 404
    assert put(participant, middle, WHOLE[middle:]).json()["complete"]
    assert state(participant) == {"received": REF.size, "complete": True}
    assert participant.get(f"/blobs/{REF.digest}").content == WHOLE
    assert state(other) == {"received": 0, "complete": False}, "nothing is told of another's"
    assert unfinished(settings) == []


def test_a_part_for_another_place_is_told_where_to_go_on(participant: Any) -> None:
    put(participant, 0, WHOLE[:100])
    for offset in (0, 50, 200):
        refused = put(participant, offset, WHOLE[offset : offset + 50])
        assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
        assert "100 bytes are here" in refused.json()["detail"]
    assert state(participant)["received"] == 100


def test_a_size_that_no_blob_has_is_refused(participant: Any) -> None:
    put(participant, 0, WHOLE[:100])
    asked = participant.get(f"/blobs/{REF.digest}/upload", params={"size": "9" * 300})
    assert (asked.status_code, asked.json()["code"]) == (422, "INVALID_REQUEST")


def test_a_whole_with_another_digest_leaves_nothing(
    participant: Any, settings: PlatformSettings
) -> None:
    put(participant, 0, WHOLE[:-1])
    refused = put(participant, len(WHOLE) - 1, bytes([WHOLE[-1] ^ 1]))
    assert (refused.status_code, refused.json()["code"]) == (422, "DIGEST_MISMATCH")
    assert [path for path in settings.blobs.rglob("*") if path.suffix == ".part"] == []
    assert state(participant) == {"received": 0, "complete": False}
    assert put(participant, 0, WHOLE).json()["complete"], "it can be sent again"


def test_two_users_with_the_same_bytes_do_not_meet(participant: Any, other: Any) -> None:
    put(participant, 0, WHOLE[:1000])
    put(other, 0, bytes(2000))
    put(participant, 1000, WHOLE[1000:])
    assert participant.get(f"/blobs/{REF.digest}").content == WHOLE
    refused = put(other, 2000, WHOLE[2000:])
    assert refused.json()["code"] == "DIGEST_MISMATCH"
    assert other.get(f"/blobs/{REF.digest}").status_code == 404
    assert participant.get(f"/blobs/{REF.digest}").content == WHOLE


def test_bytes_beyond_the_announced_size_are_refused_unread(
    participant: Any, settings: PlatformSettings
) -> None:
    refused = put(participant, 0, WHOLE + b"x")
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_REQUEST")
    assert unfinished(settings) == []


def test_a_part_above_64_mib_is_refused(participant: Any) -> None:
    ref = FileRef(digest=REF.digest, size=1 << 30)
    length = {"Content-Length": str((64 << 20) + 1)}
    where = {"size": ref.size, "offset": 0}
    refused = participant.request(
        "PUT", f"/blobs/{ref.digest}/upload", params=where, content=b"", headers=length
    )
    assert (refused.status_code, refused.json()["code"]) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("setting", "value", "status", "code"),
    [
        ("max_blob_bytes", REF.size - 1, 413, "TOO_LARGE"),
        ("upload_quota_bytes", REF.size + 999, 413, "TOO_LARGE"),
        ("max_unfinished_bytes", 1099, 503, "STORAGE_FAILED"),
    ],
)
def test_unfinished_uploads_are_held_to_limits(
    app: FastAPI,
    participant: Any,
    settings: PlatformSettings,
    setting: str,
    value: int,
    status: int,
    code: str,
) -> None:
    app.state.settings = settings.model_copy(update={setting: value})
    earlier = FileRef(digest=digest_bytes(b"another"), size=1000)
    assert put(participant, 0, bytes(999), earlier).status_code == 200
    refused = put(participant, 0, WHOLE[:101])
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert len(unfinished(settings)) == 1


def test_an_upload_in_one_piece_finds_no_room_that_others_in_parts_will_need(
    app: FastAPI, participant: Any, settings: PlatformSettings
) -> None:
    app.state.settings = settings.model_copy(update={"upload_quota_bytes": REF.size + 999})
    earlier = FileRef(digest=digest_bytes(b"another"), size=1000)
    assert put(participant, 0, bytes(10), earlier).status_code == 200
    refused = participant.request("PUT", f"/blobs/{REF.digest}", content=WHOLE)
    assert (refused.status_code, refused.json()["code"]) == (413, "TOO_LARGE")
    assert "1000 of them not to their end" in refused.json()["detail"]


def test_one_upload_too_many_takes_the_place_of_the_one_left_longest_ago(
    app: FastAPI, participant: Any, other: Any, settings: PlatformSettings
) -> None:
    app.state.settings = settings.model_copy(update={"max_open_uploads": 2})
    refs = [FileRef(digest=digest_bytes(bytes([number])), size=1000) for number in range(3)]
    put(other, 0, bytes(10), refs[0])
    for age, ref in ((50, refs[0]), (100, refs[1])):
        put(participant, 0, bytes(10), ref)
        (path,) = (settings.blobs / "unfinished" / participant.id).glob(f"{ref.digest[7:]}*")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    assert put(participant, 0, bytes(10), refs[2]).status_code == 200
    assert [state(participant, ref)["received"] for ref in refs] == [10, 0, 10]
    assert state(other, refs[0])["received"] == 10
    with ExitStack() as held:
        for path in (settings.blobs / "unfinished" / participant.id).glob("*.part"):
            fcntl.flock(held.enter_context(path.open("rb")), fcntl.LOCK_EX)
        refused = put(participant, 0, bytes(10), refs[1])
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")


def test_an_upload_that_nobody_goes_on_with_is_dropped_after_a_day(
    app: FastAPI, participant: Any, settings: PlatformSettings
) -> None:
    put(participant, 0, WHOLE[:100])
    (path,) = unfinished(settings)
    yesterday = path.stat().st_mtime - 23.9 * 3600
    os.utime(path, (yesterday, yesterday))
    assert app.state.store.unfinished.drop_stale() == 0
    os.utime(path, (yesterday - 3600, yesterday - 3600))
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert app.state.store.unfinished.drop_stale() == 0, "somebody goes on with it now"
    assert app.state.store.unfinished.drop_stale() == 1
    assert state(participant) == {"received": 0, "complete": False}


def test_of_two_that_send_the_same_bytes_at_once_one_is_told_to_wait(
    participant: Any, settings: PlatformSettings
) -> None:
    put(participant, 0, WHOLE[:100])
    (path,) = unfinished(settings)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = put(participant, 100, WHOLE[100:])
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert put(participant, 100, WHOLE[100:]).json()["complete"]


def test_a_cut_part_counts_as_far_as_it_came(
    served: tuple[FastAPI, int],
    settings: PlatformSettings,
    token_of: Callable[[FastAPI], str],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    app, port = served
    head = (
        f"PUT /api/v1/blobs/{REF.digest}/upload?size={REF.size}&offset=0 HTTP/1.1\r\n"
        f"Host: localhost\r\nAuthorization: Bearer {token_of(app)}\r\n"
        f"Content-Length: {REF.size}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port), LONGEST_WAIT_S) as connection:
        connection.sendall(head + WHOLE[:2_000_001])
        # What is flushed by the megabyte has come for sure; the rest comes with the cut.
        eventually(lambda: any(path.stat().st_size >= 1 << 20 for path in unfinished(settings)))
    eventually(lambda: unfinished(settings)[0].stat().st_size == 2_000_001)
    with unfinished(settings)[0].open("rb") as part:
        assert part.read() == WHOLE[:2_000_001]


def test_a_stranger_begins_no_upload(
    served: tuple[FastAPI, int], settings: PlatformSettings
) -> None:
    _, port = served
    head = (
        f"PUT /api/v1/blobs/{REF.digest}/upload?size={REF.size}&offset=0 HTTP/1.1\r\n"
        f"Host: localhost\r\nContent-Length: {REF.size}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port), LONGEST_WAIT_S) as connection:
        connection.sendall(head)
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 401 ")
    assert unfinished(settings) == []


def test_eight_at_once_leave_one_whole_blob(participant: Any, settings: PlatformSettings) -> None:
    answers: list[int] = []
    middle = REF.size // 2

    def send() -> None:
        for offset, end in ((0, middle), (middle, REF.size)):
            answers.append(put(participant, offset, WHOLE[offset:end]).status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 409}
    while not (now := state(participant))["complete"]:
        put(participant, now["received"], WHOLE[now["received"] :])
    assert participant.get(f"/blobs/{REF.digest}").content == WHOLE
