"""An organizer fetches what a submission answered; nobody else has anything to fetch."""

import hashlib

import pytest

ANSWER, SCORES = b"an array", b"scores of every item"


def ref(content: bytes) -> dict:
    return {"digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}


def case(
    name: str, *, predictions: dict | None = None, outcome: str = "OK", run: str = "run_1"
) -> dict:
    return {
        "run": run,
        "task": "classify",
        "case": name,
        "outcome": outcome,
        "seconds": 1.0,
        "peak_memory_bytes": 1,
        "predictions": predictions or {},
    }


@pytest.fixture
def answered(logged_in, submission_view, run_view):
    scored = {"id": "eva_1", "state": "scored", "outcome": "OK", "scores": {}}
    evaluation = scored | {"per_item": ref(SCORES)}
    view = submission_view(runs=[run_view(evaluation=evaluation)], final=True)
    logged_in.on("GET /submissions/sub_1", (200, view))
    for content in (ANSWER, SCORES):
        logged_in.on(f"GET /blobs/{ref(content)['digest']}", (200, content))
    return logged_in


def test_predictions_and_scores_lie_by_task_and_case(proctor, answered, tmp_path):
    cases = [case("c1", predictions={"p": ref(ANSWER)}), case("c2", outcome="CRASH")]
    answered.on("GET /submissions/sub_1/cases", (200, cases))
    ended = proctor("predictions", "sub_1", "--out", tmp_path / "out")
    assert ended.code == 0
    assert ended.out.strip() == str(tmp_path / "out")
    found = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == {"classify/c1/p.npy": ANSWER, "classify/per-item.npz": SCORES}


def test_answers_are_those_of_the_run_whose_scores_stand(
    proctor, answered, submission_view, run_view, tmp_path
):
    """Neither of a re-run, which may be of other content, nor of a refresh without scores."""
    scored = {"id": "eva_1", "state": "scored", "outcome": "OK", "scores": {}}
    failed = {"id": "eva_2", "state": "failed", "outcome": "METRIC_FAILED", "scores": {}}
    runs = [
        run_view(id="run_1", purpose="first", evaluation=scored | {"per_item": ref(SCORES)}),
        run_view(id="run_2", purpose="refresh", evaluation=scored | {"per_item": ref(b"newer")}),
        run_view(id="run_3", purpose="refresh", evaluation=failed),
        run_view(id="run_4", purpose="rerun", evaluation=scored),
    ]
    answered.on("GET /submissions/sub_1", (200, submission_view(runs=runs, final=True)))
    for content in (b"newer", b"run_1", b"run_2", b"run_3", b"run_4"):
        answered.on(f"GET /blobs/{ref(content)['digest']}", (200, content))
    cases = [
        case("c1", predictions={"p": ref(f"run_{n}".encode())}, run=f"run_{n}")
        for n in (2, 1, 3, 4)
    ]
    answered.on("GET /submissions/sub_1/cases", (200, cases))
    assert proctor("predictions", "sub_1", "--out", tmp_path / "out").code == 0
    assert (tmp_path / "out/classify/c1/p.npy").read_bytes() == b"run_2"
    assert (tmp_path / "out/classify/per-item.npz").read_bytes() == b"newer"


def test_who_may_not_have_them_is_told_who_may(proctor, answered, tmp_path):
    answered.on("GET /submissions/sub_1/cases", (200, [case("c1")]))
    ended = proctor("predictions", "sub_1", "--out", tmp_path / "out")
    assert ended.code == 4
    assert "Only organizers" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_case_that_would_leave_the_folder_is_refused(proctor, answered, tmp_path):
    answered.on(
        "GET /submissions/sub_1/cases", (200, [case("../../x", predictions={"p": ref(ANSWER)})])
    )
    assert proctor("predictions", "sub_1", "--out", tmp_path / "out").code != 0
    assert not (tmp_path / "x").exists()
