from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable

import httpx2
import pytest
from structlog.testing import capture_logs

from proctor.spec.digests import digest_bytes
from proctor.spec.model import Protocol
from proctor.spec.outcomes import OUTCOMES, Code, OrganizerError, ParticipantError, PlatformError
from proctor.spec.work import (
    CaseReport,
    FolderContent,
    HeartbeatReply,
    ImageContent,
    Queue,
    RunReport,
    ScoreOrder,
    ScoreReport,
)
from proctor_runner import jobs
from proctor_runner.faults import Faults
from proctor_runner.platform_api import Patience, PlatformApi
from proctor_runner.sandbox.interface import Ending

EVALUATION = "eva_" + "0" * 26
SHORT_LEASE_S = 6.0


class FakePlatform:
    """The worker's side of the API: one order, its blobs, and what was said of it."""

    def __init__(self, files) -> None:
        self.files = files
        self.order = None
        self.claims: list[dict[str, object]] = []
        self.heartbeats: list[dict[str, object]] = []
        self.cancel = False
        self.lost = False
        self.lease_s = 60.0
        self.uploaded: dict[str, bytes] = {}
        self.intake = 0
        self.cases: list[CaseReport] = []
        self.completed: list[dict[str, object]] = []
        self.failed: list[dict[str, object]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = request.read()
        if request.url.path == "/api/v1/work/claim":
            self.claims.append(json.loads(body))
            order, self.order = self.order, None
            if order is None:
                return httpx2.Response(204)
            return httpx2.Response(200, content=order.model_dump_json())
        if self.lost:
            return refusal(Code.LEASE_LOST)
        match = re.fullmatch(r"/api/v1/work/[^/]+/(\w+)(?:/(.+))?", request.url.path)
        assert match is not None
        return getattr(self, f"_{match[1]}")(request, body, match[2])

    def _heartbeat(self, request, body, rest):
        self.heartbeats.append(json.loads(body))
        reply = HeartbeatReply(cancel=self.cancel, lease_s=self.lease_s)
        return httpx2.Response(200, content=reply.model_dump_json())

    def _blobs(self, request, body, digest):
        if request.method == "GET":
            path = self.files.folder / digest.removeprefix("sha256:")
            if not path.exists():
                return refusal(Code.NOT_FOUND)
            return httpx2.Response(200, content=path.read_bytes())
        assert digest_bytes(body) == digest
        self.uploaded[digest] = body
        return httpx2.Response(201)

    def _intake(self, request, body, rest):
        self.intake += 1
        return httpx2.Response(204)

    def _cases(self, request, body, rest):
        self.cases.append(CaseReport.model_validate_json(body))
        return httpx2.Response(204)

    def _complete(self, request, body, rest):
        self.completed.append(json.loads(body))
        return httpx2.Response(204)

    def _fail(self, request, body, rest):
        self.failed.append(json.loads(body))
        return httpx2.Response(204)


def refusal(code: Code) -> httpx2.Response:
    status = OUTCOMES[code].status
    document = {"type": "t", "title": "T", "status": status, "code": code}
    return httpx2.Response(status, json=document)


@pytest.fixture
def platform(desk):
    return FakePlatform(desk)


@pytest.fixture
def do(fakes, platform, tmp_path) -> Callable[..., None]:
    """Give an order to a worker with a model that answers so."""

    def do(order, answer=fakes.good, shelf=None, work="run_1"):
        platform.order = order
        workshop = fakes.Workshop(fakes.Sandbox(answer))
        if shelf is not None:
            workshop.shelf = shelf
            workshop.sandbox.name = "docker"
        context = jobs.WorkContext(
            api=PlatformApi(
                "http://p", "w", httpx2.MockTransport(platform), Patience(0.3, 0.001, 0.01)
            ),
            queue=Queue.RUN_CPU,
            worker="w/run-0",
            state=tmp_path / "state",
            cache_bytes=1 << 30,
            workshop=workshop,
            faults=Faults(),
        )
        token = jobs.CONTEXT.set(context)
        try:
            jobs.execute(work)
        finally:
            jobs.CONTEXT.reset(token)
        assert list((tmp_path / "state").glob("scratch/*")) == []

    return do


def test_a_run_is_claimed_done_and_completed(do, fakes, desk, platform):
    do(fakes.order(desk, intake=True), work="run_abc")
    assert platform.claims == [
        {"queue": "run.cpu", "worker": "w/run-0", "facts": None, "wait_s": 0.0}
    ]
    assert platform.intake == 1
    assert {report.outcome for report in platform.cases} == {Code.OK}
    assert len(platform.cases) == 4
    for report in platform.cases:
        assert {file.digest for file in report.predictions.values()} <= set(platform.uploaded)
        assert platform.uploaded[report.log.digest] == b"hello\n"
    (report,) = platform.completed
    assert RunReport.model_validate(report).outcome is Code.OK
    assert report["seconds"] == 4.0
    assert platform.failed == []
    stages = [beat["stage"] for beat in platform.heartbeats]
    assert stages[0] == "starting"
    assert "running" in stages


def test_a_second_bell_for_the_same_work_does_nothing(do, platform):
    do(None)
    assert len(platform.claims) == 1
    assert platform.heartbeats == []


def test_a_lost_lease_stops_the_sandbox_and_silences_the_worker(do, fakes, desk, platform):
    stopped = []

    def answer(job, cancelled):
        platform.lost = True
        while not cancelled():
            pass
        stopped.append(job.part)
        return fakes.leave(job, {}, Ending.CANCELLED, None)

    platform.lease_s = SHORT_LEASE_S
    do(fakes.order(desk), answer)
    assert stopped == ["x6"]
    assert (platform.cases, platform.completed, platform.failed) == ([], [], [])


def test_a_stale_fence_drops_everything_even_at_the_last_word(do, fakes, desk, platform):
    def answer(job, cancelled):
        result = fakes.leave(job, {}, exit_code=1)
        platform.lost = True
        return result

    do(fakes.order(desk, cases=1), answer)
    assert (platform.cases, platform.completed, platform.failed) == ([], [], [])


def test_a_cancelled_run_stops_and_says_so(do, fakes, desk, platform):
    def answer(job, cancelled):
        platform.cancel = True
        while not cancelled():
            pass
        return fakes.leave(job, {}, Ending.CANCELLED, None)

    platform.lease_s = SHORT_LEASE_S
    do(fakes.order(desk), answer)
    assert [failure["code"] for failure in platform.failed] == [Code.CANCELLED]
    assert platform.completed == []


def test_a_worker_told_to_go_gives_its_work_back(do, fakes, desk, platform):
    def answer(job, cancelled):
        os.kill(os.getpid(), signal.SIGTERM)
        while not cancelled():
            pass
        return fakes.leave(job, {}, Ending.CANCELLED, None)

    before = signal.getsignal(signal.SIGTERM)
    do(fakes.order(desk), answer)
    assert [failure["code"] for failure in platform.failed] == [Code.WORKER_LOST]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_failure_of_ours_goes_back_and_is_not_the_participants(do, fakes, desk, platform):
    def answer(job, cancelled):
        raise PlatformError(Code.SANDBOX_FAILED, "the daemon went away")

    do(fakes.order(desk), answer)
    assert platform.failed == [
        {"fence": 1, "code": Code.SANDBOX_FAILED, "detail": "the daemon went away"}
    ]
    assert platform.completed == []


def test_a_defect_of_ours_goes_back_without_its_secrets(do, fakes, desk, platform):
    def answer(job, cancelled):
        raise RuntimeError("token tok_1.secret at /srv/private")

    with capture_logs() as events:
        do(fakes.order(desk), answer)
    assert [event["exc_info"] for event in events if event["event"] == "work_failed"] == [True]
    assert platform.failed == [
        {"fence": 1, "code": Code.INTERNAL, "detail": "unexpected RuntimeError"}
    ]


class Shelf:
    """Has every image, or refuses all."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[tuple[str, bool]] = []

    def ensure(self, content, open_blob, check):
        with open_blob(content.config.digest) as stream:
            assert digest_bytes(stream.read()) == content.config.digest
        self.asked.append((content.config.digest, check))
        if self.error is not None:
            raise self.error
        return "sha256:" + "1" * 64

    def protocols(self, image_id):
        return frozenset({Protocol.CASE})


@pytest.fixture
def image(desk):
    return ImageContent(config=desk.store_bytes(b"{}"), layers=(desk.store_bytes(b"layer"),))


def test_an_image_that_intake_refuses_fails_the_run_and_is_charged(
    do, fakes, desk, platform, image
):
    shelf = Shelf(ParticipantError(Code.IMAGE_REJECTED, "it declares a volume"))
    do(fakes.order(desk, content=image, intake=True), shelf=shelf)
    assert shelf.asked == [(image.config.digest, True)]
    assert platform.intake == 0
    (report,) = platform.completed
    assert (report["outcome"], report["detail"]) == (Code.IMAGE_REJECTED, "it declares a volume")


def test_an_image_that_passed_intake_before_is_not_checked_again(do, fakes, desk, platform, image):
    shelf = Shelf()
    do(fakes.order(desk, content=image), shelf=shelf)
    assert shelf.asked == [(image.config.digest, False)]
    assert platform.intake == 0
    assert platform.completed[0]["outcome"] == Code.OK


def test_an_image_on_a_worker_without_docker_goes_back(do, fakes, desk, platform, image):
    do(fakes.order(desk, content=image))
    assert [failure["code"] for failure in platform.failed] == [Code.SANDBOX_FAILED]


def test_a_model_folder_is_laid_out_as_its_entries_say(do, fakes, desk, platform):
    content = FolderContent.model_validate(
        {
            "runtime": "runtime-cpu",
            "entries": [
                {"path": "model.py", "file": desk.store_bytes(b"code")},
                {"path": "bin/tool", "executable": True, "file": desk.store_bytes(b"tool")},
            ],
        }
    )
    seen = {}

    def answer(job, cancelled):
        folder = job.program.model_folder
        for path in (folder, *sorted(folder.rglob("*"))):
            seen[path.relative_to(folder).as_posix()] = oct(path.stat().st_mode & 0o777)
        return fakes.good(job, cancelled)

    do(fakes.order(desk, cases=1, content=content), answer)
    assert seen == {".": "0o755", "bin": "0o755", "bin/tool": "0o555", "model.py": "0o444"}


def test_weights_are_laid_out_beside_an_image(do, fakes, desk, platform, image):
    weights = [{"path": "deep/w.bin", "file": desk.store_bytes(b"weights")}]
    content = ImageContent.model_validate({**image.model_dump(), "weights": weights})
    seen = {}

    def answer(job, cancelled):
        folder = job.program.model_folder
        seen["weights"] = (folder / "deep" / "w.bin").read_bytes()
        seen["mode"] = oct((folder / "deep" / "w.bin").stat().st_mode & 0o777)
        seen["image"] = job.program.image_id
        return fakes.good(job, cancelled)

    shelf = Shelf()
    do(fakes.order(desk, cases=1, content=content), answer, shelf=shelf)
    assert seen == {"weights": b"weights", "mode": "0o444", "image": "sha256:" + "1" * 64}
    assert shelf.asked == [(image.config.digest, False)], "the image alone is what Docker runs"


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_a_model_folder_that_contradicts_itself_is_refused(do, fakes, desk, platform, paths):
    file = desk.store_bytes(b"x").model_dump()
    content = FolderContent.model_validate(
        {"runtime": "r", "entries": [{"path": path, "file": file} for path in paths]}
    )
    do(fakes.order(desk, content=content))
    assert platform.completed[0]["outcome"] == Code.FOLDER_REJECTED


def test_a_blob_that_the_platform_lacks_is_a_failure_of_ours(do, fakes, desk, platform):
    order = fakes.order(desk)
    desk.fetch(order.cases[0].files["rows"]).unlink()
    do(order)
    assert platform.failed[0]["code"] == Code.NOT_FOUND
    assert platform.completed == []


@pytest.fixture
def score_order(fakes, desk):
    case = {
        "id": "patient-1",
        "group": "patient-1",
        "strata": {},
        "items": 2,
        "outcome": "OK",
        "predictions": {"scores": desk.store_array([0.9, 0.1], [0.8, 0.2])},
        "reference": {"labels": desk.store_array(0, 1)},
    }
    return ScoreOrder.model_validate(
        {
            "id": EVALUATION,
            "fence": 3,
            "token": "t",
            "lease_s": 60,
            "run": "run_1",
            "challenge": "sorting",
            "task": fakes.task(),
            "cases": [case],
            "inputs_digest": digest_bytes(b"inputs"),
            "bootstrap": {"samples": 100},
        }
    )


def test_a_scoring_is_claimed_done_and_completed(do, platform, score_order):
    do(score_order, work=EVALUATION)
    (document,) = platform.completed
    report = ScoreReport.model_validate(document)
    assert (report.fence, report.aggregates[0].value) == (3, 0.5)
    assert report.per_item.digest in platform.uploaded
    assert set(report.libraries) >= {"numpy", "proctor"}


def test_a_reference_that_cannot_be_used_is_the_organizers(do, platform, score_order, desk):
    case = score_order.cases[0].model_copy(update={"reference": {"labels": desk.store_array(0, 7)}})
    do(score_order.model_copy(update={"cases": (case,)}), work=EVALUATION)
    (failure,) = platform.failed
    assert failure["code"] == Code.REFERENCE_INVALID
    assert "patient-1" in failure["detail"]


def test_an_organizers_failure_is_told_as_such(do, fakes, desk, platform):
    def answer(job, cancelled):
        raise OrganizerError(Code.CHALLENGE_INVALID, "the grid is no volume")

    do(fakes.order(desk), answer)
    assert platform.failed[0]["code"] == Code.CHALLENGE_INVALID


def test_a_run_that_is_told_to_measures_the_model_after_its_cases(do, desk, fakes, platform):
    def answer(job, cancelled):
        if job.protocol is Protocol.DESCRIBE:
            return fakes.leave(job, {"metadata.json": b'{"python": "3.12.1"}'})
        return fakes.good(job, cancelled)

    do(fakes.order(desk, measure=True), answer)
    (report,) = platform.completed
    assert report["metadata"]["python"] == "3.12.1"
    assert report["outcome"] == "OK"
    do(fakes.order(desk), answer)
    assert "metadata" not in platform.completed[1]


def test_a_model_that_cannot_be_measured_keeps_its_run(do, desk, fakes, platform):
    def answer(job, cancelled):
        if job.protocol is Protocol.DESCRIBE:
            raise PlatformError(Code.SANDBOX_FAILED, "the daemon went away")
        return fakes.good(job, cancelled)

    do(fakes.order(desk, measure=True), answer)
    (report,) = platform.completed
    assert report["outcome"] == "OK"
    assert "metadata" not in report
