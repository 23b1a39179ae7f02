from __future__ import annotations

import io
import json

import httpx2
import pytest

from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes
from proctor.spec.outcomes import OUTCOMES, Code, PlatformError
from proctor.spec.work import CaseReport, Claim, Queue
from proctor_runner.platform_api import LeaseLostError, Patience, PlatformApi

QUICK = Patience(give_up_s=0.2, first_pause_s=0.001, longest_pause_s=0.002)
CLAIM = Claim(queue=Queue.RUN_CPU, worker="w")


def problem(code: Code, detail: str = "") -> httpx2.Response:
    status = OUTCOMES[code].status
    document = {"type": "t", "title": "T", "status": status, "code": code, "detail": detail}
    return httpx2.Response(status, json=document)


class Script:
    """Answers with the next of its answers; an exception among them is raised."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.bodies.append(request.read())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def api(self) -> PlatformApi:
        return PlatformApi("http://p", "tok_w.secret", httpx2.MockTransport(self), QUICK)


@pytest.fixture
def order(fakes, desk):
    return fakes.order(desk)


def of_order(script, order):
    return script.api().of_order(order)


def test_a_claim_gives_the_order_that_the_platform_sent(order):
    script = Script(httpx2.Response(200, content=order.model_dump_json()))
    assert script.api().claim(CLAIM) == order
    assert script.requests[0].headers["authorization"] == "Bearer tok_w.secret"
    assert json.loads(script.bodies[0])["queue"] == "run.cpu"


def test_a_claim_of_nothing_is_none():
    assert Script(httpx2.Response(204)).api().claim(CLAIM) is None


def test_what_is_ours_to_repeat_is_repeated(order):
    script = Script(
        httpx2.ConnectError("refused"),
        httpx2.Response(503),
        httpx2.ReadError("reset"),
        httpx2.Response(204),
    )
    report = CaseReport(fence=1, case="c", outcome=Code.OK)
    of_order(script, order).report_case(report)
    assert len(script.requests) == 4
    assert script.requests[0].headers["authorization"] == "Bearer t"


def test_a_platform_that_stays_away_is_given_up():
    script = Script(httpx2.Response(500))
    with pytest.raises(PlatformError, match="did not answer") as caught:
        script.api().claim(CLAIM)
    assert caught.value.code is Code.INTERNAL
    assert len(script.requests) > 1


def test_an_idle_claim_is_asked_once_only():
    script = Script(httpx2.ConnectError("refused"))
    with pytest.raises(PlatformError):
        script.api().claim(CLAIM, give_up_s=0)
    assert len(script.requests) == 1


def test_a_refusal_is_never_repeated(order):
    script = Script(problem(Code.BLOB_MISSING, "no such blob"))
    with pytest.raises(PlatformError, match="no such blob") as caught:
        of_order(script, order).report_case(CaseReport(fence=1, case="c", outcome=Code.OK))
    assert caught.value.code is Code.BLOB_MISSING
    assert len(script.requests) == 1


@pytest.mark.parametrize("answer", [problem(Code.LEASE_LOST), problem(Code.UNAUTHENTICATED)])
def test_a_stale_fence_or_a_lapsed_token_is_a_lost_lease(order, answer):
    script = Script(answer)
    with pytest.raises(LeaseLostError):
        of_order(script, order).heartbeat("running", 1, 2, give_up_s=1)
    assert len(script.requests) == 1


def test_a_revoked_worker_token_is_no_lost_lease():
    with pytest.raises(PlatformError) as caught:
        Script(problem(Code.UNAUTHENTICATED)).api().claim(CLAIM)
    assert caught.value.code is Code.UNAUTHENTICATED


def test_a_file_is_sent_raw_with_its_length_and_digest(order, tmp_path):
    path = tmp_path / "scores.npy"
    path.write_bytes(b"x" * 3_000_000)
    script = Script(httpx2.Response(503), httpx2.Response(201))
    file = of_order(script, order).upload(path)
    assert file == FileRef(digest=digest_bytes(path.read_bytes()), size=3_000_000)
    for request, body in zip(script.requests, script.bodies, strict=True):
        assert request.method == "PUT"
        assert request.url.path == f"/api/v1/work/{order.id}/blobs/{file.digest}"
        assert request.headers["content-length"] == "3000000"
        assert body == path.read_bytes()


def test_a_download_that_breaks_off_starts_anew(order):
    class Broken(httpx2.SyncByteStream):
        def __iter__(self):
            yield b"half"
            raise httpx2.ReadError("reset")

    script = Script(httpx2.Response(200, stream=Broken()), httpx2.Response(200, content=b"whole"))
    stream = io.BytesIO()
    of_order(script, order).download(FileRef(digest=digest_bytes(b"whole"), size=5), stream)
    assert stream.getvalue() == b"whole"


def test_an_answer_of_another_version_is_ours_to_mend():
    with pytest.raises(PlatformError, match="one version"):
        Script(httpx2.Response(200, json={"kind": "run"})).api().claim(CLAIM)
