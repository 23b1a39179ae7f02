import random
from pathlib import Path

import httpx2
import pytest

from proctor import ApiError, Client
from proctor.client import Blob, DownloadError, HostError
from proctor.client.transport import RetryPolicy
from proctor.spec.api import RerunRequest
from proctor.spec.archive import ArchiveKind
from proctor.spec.digests import digest_bytes

ME = {"id": "usr_1", "name": "ada", "admin": False, "organizes": [], "joined": []}


def client_of(platform, **options) -> Client:
    pauses = options.pop("pauses", [])
    retry = RetryPolicy(attempts=4, first_pause_s=0.1, sleep=pauses.append)
    return Client(platform.url, "tok_secret", retry=retry, **options)


def test_a_read_is_tried_again_while_the_platform_is_away(platform):
    platform.on("GET /me", (503, "starting"), (502, "gateway"), (200, ME))
    pauses = []
    with client_of(platform, pauses=pauses) as client:
        assert client.me().name == "ada"
    assert len(platform.made("GET /me")) == 3
    assert len(pauses) == 2
    assert pauses[1] > pauses[0]


def test_the_pause_that_the_platform_asks_for_is_kept(platform):
    platform.on("GET /me", (503, ("busy", {"Retry-After": "7"})), (200, ME))
    pauses = []
    with client_of(platform, pauses=pauses) as client:
        client.me()
    assert pauses == [7.0]


def test_a_read_is_given_up_after_the_last_attempt(platform, problem):
    platform.on("GET /me", (503, problem(503, "STORAGE_FAILED", "Storage is away.")))
    with client_of(platform) as client, pytest.raises(ApiError, match="Storage is away"):
        client.me()
    assert len(platform.made("GET /me")) == 4


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500])
def test_other_errors_are_not_tried_again(platform, status):
    platform.on("GET /me", (status, "no"))
    with client_of(platform) as client, pytest.raises(ApiError) as caught:
        client.me()
    assert caught.value.problem.status == status
    assert len(platform.made("GET /me")) == 1


def test_a_call_that_twice_would_do_twice_is_sent_once(platform):
    platform.on("POST /submissions/sub_1/reruns", (503, "away"))
    with client_of(platform) as client, pytest.raises(ApiError):
        client.rerun("sub_1", RerunRequest())
    assert len(platform.made("POST /submissions/sub_1/reruns")) == 1


def test_what_came_too_soon_is_repeated_when_the_platform_says(platform, problem):
    too_soon = (problem(429, "RATE_LIMITED", "Too often."), {"Retry-After": "3"})
    platform.on("POST /submissions/sub_1/cancel", (429, too_soon), (409, "no"))
    pauses = []
    with client_of(platform, pauses=pauses) as client, pytest.raises(ApiError) as caught:
        client.cancel("sub_1")
    assert caught.value.problem.status == 409
    assert pauses == [3.0]


def test_a_lost_connection_is_tried_again_for_reads_only():
    tried = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        tried.append(request.method)
        raise httpx2.ConnectError("refused", request=request)

    retry = RetryPolicy(attempts=3, sleep=lambda _: None)
    client = Client("http://exam.test", retry=retry, transport=httpx2.MockTransport(refuse))
    with pytest.raises(HostError, match=r"http://exam.test cannot be reached: refused"):
        client.me()
    with pytest.raises(HostError):
        client.cancel("sub_1")
    assert tried == ["GET", "GET", "GET", "POST"]


def test_a_submission_is_repeated_under_one_idempotency_key(
    platform, submission_create, submission_view
):
    platform.on("POST /submissions", (503, "away"), (201, submission_view()))
    with client_of(platform) as client:
        client.submit(submission_create)
    keys = [call.headers["Idempotency-Key"] for call in platform.made("POST /submissions")]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 16


def test_the_token_goes_into_the_header_and_nowhere_else(platform):
    platform.on("GET /me", (200, ME))
    with client_of(platform) as client:
        client.me()
        assert "tok_secret" not in repr(client)
    (call,) = platform.calls
    assert call.headers["Authorization"] == "Bearer tok_secret"
    assert "tok_secret" not in call.path + call.query


def test_an_error_prints_title_detail_and_hint(platform, problem):
    said = problem(429, "QUOTA_USED", "Your quota is used up.", "It opens at noon.", "Wait.")
    platform.on("GET /me", (429, said))
    with client_of(platform) as client, pytest.raises(ApiError) as caught:
        client.me()
    assert str(caught.value) == "Your quota is used up. It opens at noon. Wait."


def test_an_answer_of_something_else_is_no_stack_trace(platform):
    platform.on("GET /me", (200, "<html>Welcome to nginx</html>"))
    with client_of(platform) as client, pytest.raises(HostError, match="not the Proctor API"):
        client.me()


def test_only_what_the_platform_lacks_is_uploaded(platform):
    held, new = Blob.of_bytes(b"held"), Blob.of_bytes(b"new" * 1000)
    platform.blobs[held.ref.digest] = b"held"
    seen = []
    with client_of(platform) as client:
        sent = client.upload([held, new, new], lambda done, total: seen.append((done, total)))
    assert sent == 3000
    assert platform.blobs[new.ref.digest] == b"new" * 1000
    assert [call.path for call in platform.calls if call.method == "PUT"] == [
        f"/api/v1/blobs/{new.ref.digest}"
    ]
    assert seen[0] == (0, 3000)
    assert seen[-1] == (3000, 3000)


def test_an_upload_streams_the_file_anew_at_every_attempt(platform, tmp_path):
    content = random.Random(0).randbytes(3 << 20)
    (tmp_path / "weights.bin").write_bytes(content)
    blob = Blob.of_file(tmp_path / "weights.bin")
    platform.on(f"PUT /blobs/{blob.ref.digest}", (503, "away"), (201, None))
    with client_of(platform) as client:
        client.put_blob(blob)
    bodies = [call.body for call in platform.calls]
    assert bodies == [content, content]
    assert platform.calls[0].headers["Content-Length"] == str(len(content))


def test_a_download_with_another_digest_leaves_nothing(platform, tmp_path):
    digest = digest_bytes(b"right")
    platform.blobs[digest] = b"wrong"
    target = tmp_path / "sample" / "case.npy"
    with client_of(platform) as client, pytest.raises(DownloadError, match=digest):
        client.download(digest, target)
    assert list(target.parent.iterdir()) == []


def test_a_download_that_is_there_already_is_not_sent_again(platform, tmp_path):
    digest = digest_bytes(b"right")
    platform.blobs[digest] = b"right"
    target = tmp_path / "case.npy"
    with client_of(platform) as client:
        client.download(digest, target)
        client.download(digest, target)
    assert target.read_bytes() == b"right"
    assert len(platform.calls) == 1


def test_a_download_is_tried_again_when_it_breaks_off(tmp_path):
    digest = digest_bytes(b"whole")
    attempts = []

    class BrokenStream(httpx2.SyncByteStream):
        def __iter__(self):
            yield b"wh"
            raise httpx2.ReadError("connection lost")

    def reply(request: httpx2.Request) -> httpx2.Response:
        attempts.append(request.url.path)
        if len(attempts) == 1:
            return httpx2.Response(200, stream=BrokenStream())
        return httpx2.Response(200, content=b"whole")

    retry = RetryPolicy(sleep=lambda _: None)
    client = Client("http://exam.test", retry=retry, transport=httpx2.MockTransport(reply))
    client.download(digest, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert [path.name for path in Path(tmp_path).iterdir()] == ["file"]


class Cutting(httpx2.SyncByteStream):
    """A body that ends after so many bytes, too early unless there are none left."""

    def __init__(self, content: bytes, most: int) -> None:
        self.content, self.most = content, most

    def __iter__(self):
        yield self.content[: self.most]
        if len(self.content) > self.most:
            raise httpx2.ReadError("cut")


def test_an_archive_that_is_cut_goes_on_and_one_that_changed_starts_anew(tmp_path, problem):
    versions = {'"one"': bytes(range(250)), '"two"': bytes(reversed(range(250)))}
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        offset = int(request.url.params["offset"])
        asked.append((offset, request.headers.get("If-Match")))
        etag = '"one"' if len(asked) < 4 else '"two"'
        if request.headers.get("If-Match", etag) != etag:
            return httpx2.Response(409, json=problem(409, "CONFLICT", "It is another one."))
        body = Cutting(versions[etag][offset:], 60)
        return httpx2.Response(200, headers={"ETag": etag}, stream=body)

    retry = RetryPolicy(attempts=2, sleep=lambda _pause_s: None)
    path = tmp_path / "a.zip"
    transport = httpx2.MockTransport(answer)
    with Client("http://platform.test", "tok", retry=retry, transport=transport) as client:
        client.archive("sub_1", ArchiveKind.PUBLIC, path)
    assert path.read_bytes() == versions['"two"']
    assert asked[:5] == [(0, None), (60, '"one"'), (120, '"one"'), (180, '"one"'), (0, None)]
