"""An organizer fetches what a submission answered; nobody else has anything to fetch."""

import hashlib

import pytest

ANSWER, SCORES = b"an array", b"scores of every item"


def ref(content: bytes) -> dict:
    return {"digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}


def case(name: str, *, predictions: dict | None = None, outcome: str = "OK") -> dict:
    return {
        "run": "run_1",
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
