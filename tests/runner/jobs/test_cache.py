from __future__ import annotations

import os

import pytest

from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.cache import BlobCache


class Source:
    """Where blobs come from, counting how often."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.file = FileRef(digest=digest_bytes(content), size=len(content))
        self.asked = 0

    def __call__(self, stream) -> None:
        self.asked += 1
        stream.write(self.content)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def job(tmp_path):
    """Give a new folder of a job."""
    numbers = iter(range(100))

    def job():
        path = tmp_path / f"job-{next(numbers)}"
        path.mkdir()
        return path

    return job


@pytest.fixture
def tick(tmp_path):
    """Go on once the file system's clock has moved, which it does every few milliseconds."""

    def tick():
        probe = tmp_path / "probe"
        probe.touch()
        before = probe.stat().st_ctime_ns
        while probe.stat().st_ctime_ns == before:
            probe.touch()

    return tick


def names(folder):
    return {path.name for path in folder.glob("??/*")}


def test_a_blob_is_fetched_once_for_all_jobs_and_processes(folder, job):
    source = Source(b"content")
    first = BlobCache(folder, 1000)
    assert first.take(source.file, job(), source).read_bytes() == b"content"
    assert BlobCache(folder, 1000).take(source.file, job(), source).read_bytes() == b"content"
    assert source.asked == 1


def test_a_blob_of_the_wrong_bytes_leaves_nothing(folder, job):
    source = Source(b"content")
    source.content = b"c0ntent"
    with pytest.raises(PlatformError) as caught:
        BlobCache(folder, 1000).take(source.file, job(), source)
    assert caught.value.code is Code.STORAGE_FAILED
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_download_that_fails_leaves_nothing(folder, job):
    source = Source(b"content")

    def fails(stream):
        stream.write(b"con")
        raise PlatformError(Code.INTERNAL, "gone")

    with pytest.raises(PlatformError, match="gone"):
        BlobCache(folder, 1000).take(source.file, job(), fails)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_rotten_blob_is_noticed_by_the_next_process_and_fetched_anew(folder, job):
    source = Source(b"content")
    path = BlobCache(folder, 1000).take(source.file, job(), source)
    path.chmod(0o644)
    path.write_bytes(b"CONTENT")
    assert BlobCache(folder, 1000).take(source.file, job(), source).read_bytes() == b"content"
    assert source.asked == 2


def test_the_least_recently_used_blob_goes_first_and_stays_with_who_has_it(folder, job, tick):
    cache = BlobCache(folder, 250)
    old, used, new = (Source(bytes([letter]) * 100) for letter in b"abc")
    held = cache.take(old.file, job(), old)
    tick()
    cache.take(used.file, job(), used)
    tick()
    cache.take(old.file, job(), old)
    tick()
    cache.take(new.file, job(), new)
    kept = {digest.removeprefix("sha256:") for digest in (old.file.digest, new.file.digest)}
    assert names(folder) == kept
    assert held.read_bytes() == b"a" * 100
    assert cache.take(used.file, job(), used).read_bytes() == b"b" * 100
    assert used.asked == 2


def test_a_blob_larger_than_the_limit_still_serves_the_job_that_needs_it(folder, job):
    source = Source(b"x" * 500)
    assert BlobCache(folder, 100).take(source.file, job(), source).read_bytes() == b"x" * 500


def test_a_cached_file_can_be_read_by_the_user_of_a_slot(folder, job):
    source = Source(b"content")
    path = BlobCache(folder, 1000).take(source.file, job(), source)
    assert path.stat().st_mode & 0o777 == 0o444


def test_what_a_killed_download_left_is_removed(folder, job, monkeypatch):
    cache = BlobCache(folder, 10)
    (folder / "incoming-dead").write_bytes(b"x" * 100)
    monkeypatch.setattr("proctor_runner.cache._INCOMING_S", -1)
    cache.trim()
    assert os.listdir(folder) == []
