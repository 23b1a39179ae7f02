"""What the command line says of a try-out: while it runs, when it passes, when it fails."""

import json

import pytest

from proctor.template.scaffold import scaffold

CASES = [
    {
        "run": "run_0",
        "task": "classify",
        "case": "s1",
        "outcome": "OK",
        "seconds": 0.4,
        "peak_memory_bytes": None,
    },
    {
        "run": "run_0",
        "task": "classify",
        "case": "s2",
        "outcome": "CRASH",
        "detail": "The model ended with exit status 3.",
        "seconds": 0.2,
        "peak_memory_bytes": None,
    },
]


@pytest.fixture
def model(tmp_path):
    scaffold(tmp_path / "svc", "svc", "classification")
    return tmp_path / "svc"


@pytest.fixture
def entering(logged_in, challenge_view, submission_view, run_view):
    """A platform that shows a submission being tried out, and then as the test says."""
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    tryout = {"id": "run_0", "purpose": "tryout", "split": "sample", "cases_total": 2}
    trying = submission_view(
        state="checking",
        progress="trying",
        runs=[run_view(**tryout, state="running", outcome=None, cases_done=1)],
    )
    logged_in.on("POST /submissions", (201, trying))

    def then(cases=CASES, *, passed=False, **changes):
        state = {"state": "succeeded"} if passed else {"state": "failed", "outcome": "CRASH"}
        run = run_view(**tryout, cases_done=2, cases_failed=int(not passed), **state)
        ended = submission_view(**{"final": True, "runs": [run], **changes})
        logged_in.on("GET /submissions/sub_1", (200, trying), (200, ended))
        logged_in.on("GET /submissions/sub_1/cases", (200, cases))
        return logged_in

    return then


def test_check_only_shows_each_case_of_the_sample_and_is_no_failure(proctor, entering, model):
    platform = entering(CASES[:1], passed=True, progress="checked", outcome="OK", check_only=True)
    ended = proctor("submit", "digits", model, "--check-only", "--wait", "--poll-interval", "0.05")
    assert ended.code == 0
    assert platform.made("POST /submissions")[0].json()["check_only"] is True
    lines = ended.err.splitlines()
    assert "trying  1/2 cases" in lines
    assert "checked  2/2 cases" in lines
    assert "s1" in ended.out
    assert "OK" in ended.out


def test_a_failed_tryout_names_the_case_and_is_a_rejection(proctor, entering, model):
    detail = "Case s2 of the public sample failed: The model ended with exit status 3."
    entering(state="rejected", progress="rejected", outcome="CRASH", detail=detail)
    ended = proctor("submit", "digits", model, "--wait", "--poll-interval", "0.05")
    assert ended.code == 4
    assert f"CRASH: {detail}" in ended.err
    assert [line.split()[:2] for line in ended.out.splitlines()[-2:]] == [
        ["s1", "OK"],
        ["s2", "CRASH"],
    ]


def test_a_tryout_that_failed_on_our_side_is_a_failure_and_no_rejection(proctor, entering, model):
    entering([], state="rejected", progress="failed", outcome="SANDBOX_FAILED")
    ended = proctor("submit", "digits", model, "--wait", "--poll-interval", "0.05")
    assert ended.code == 1


def test_a_checked_submission_as_json_is_one_document_with_its_cases(proctor, entering, model):
    entering(CASES[:1], passed=True, progress="checked", outcome="OK", check_only=True)
    ended = proctor("submit", "digits", model, "--check-only", "--wait", "--format", "json")
    document = json.loads(ended.out)
    assert document["progress"] == "checked"
    assert [case["case"] for case in document["cases"]] == ["s1"]


def test_the_log_of_the_tryout_can_be_asked_for(proctor, logged_in, submission_view, run_view):
    runs = [run_view(id="run_0", purpose="tryout"), run_view()]
    logged_in.on("GET /submissions/sub_1", (200, submission_view(runs=runs)))
    logged_in.on("GET /submissions/sub_1/log", (200, "==> case s1 (try-out) <==\nhello\n"))
    ended = proctor("logs", "sub_1", "--tryout")
    assert ended.out.endswith("hello\n")
    assert logged_in.made("GET /submissions/sub_1/log")[0].query == "run=run_0"


def test_a_submission_without_a_tryout_says_so(proctor, logged_in, submission_view, run_view):
    logged_in.on("GET /submissions/sub_1", (200, submission_view(runs=[run_view()])))
    ended = proctor("logs", "sub_1", "--tryout")
    assert ended.code == 4
    assert "no try-out" in ended.err
