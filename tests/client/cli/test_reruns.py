import json

import pytest

from proctor.cli.reruns import environment_difference
from proctor.spec.work import Environment
from proctor.template.scaffold import scaffold


def rerun_of(run_view, **changes):
    return run_view(
        **{
            "id": "run_2",
            "purpose": "rerun",
            "state": "queued",
            "outcome": None,
            "cases_done": 0,
            "queued_at": "2026-03-02T12:00:00Z",
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("verdict", "code"), [("identical", 0), ("within tolerance", 0), ("different", 1)]
)
def test_the_exit_code_is_the_verdict(proctor, logged_in, submission_view, run_view, verdict, code):
    done = rerun_of(
        run_view,
        state="succeeded",
        verdict=verdict,
        verdict_detail="case 3 differs",
        environment=run_view()["environment"] | {"kernel": "6.6", "libraries": {"numpy": "2.5"}},
    )
    first = run_view()
    queued = submission_view(runs=[first, rerun_of(run_view)], final=True)
    finished = submission_view(runs=[first, done], final=True)
    logged_in.on("POST /submissions/sub_1/reruns", (201, queued))
    logged_in.on("GET /submissions/sub_1", (200, finished))
    ended = proctor("rerun", "sub_1", "--poll-interval", "0.05", "--format", "json")
    assert ended.code == code
    (document,) = json.loads(ended.out)
    assert document["verdict"] == verdict
    assert document["detail"] == "case 3 differs"
    assert document["environment"] == {
        "kernel": ["6.1", "6.6"],
        "libraries.numpy": ["2.4.6", "2.5"],
    }
    assert "kernel: 6.1 → 6.6" in ended.err


@pytest.mark.parametrize(
    ("detail", "times"), [("All equal. The environment is the same.", 1), ("", 1)]
)
def test_equal_environments_are_told_once(
    proctor, logged_in, submission_view, run_view, detail, times
):
    done = rerun_of(run_view, state="succeeded", verdict="identical", verdict_detail=detail)
    view = submission_view(runs=[run_view(), done], final=True)
    logged_in.on("POST /submissions/sub_1/reruns", (201, view))
    ended = proctor("rerun", "sub_1")
    assert (ended.out + ended.err).count("environment") == times


def test_every_task_is_waited_for_and_one_that_differs_decides(
    proctor, logged_in, submission_view, run_view
):
    def reruns(second):
        same = rerun_of(run_view, state="succeeded", verdict="identical")
        return submission_view(
            runs=[run_view(), same, rerun_of(run_view, id="run_3", task="count", **second)]
        )

    logged_in.on("POST /submissions/sub_1/reruns", (201, reruns({})))
    different = {"state": "succeeded", "verdict": "different"}
    logged_in.on("GET /submissions/sub_1", (200, reruns({})), (200, reruns(different)))
    ended = proctor("rerun", "sub_1", "--poll-interval", "0.05", "--format", "csv")
    assert ended.code == 1
    assert [line.split(",")[1:4] for line in ended.out.splitlines()[1:]] == [
        ["run_2", "classify", "identical"],
        ["run_3", "count", "different"],
    ]


def test_a_rerun_that_fails_is_no_verdict(proctor, logged_in, submission_view, run_view):
    failed = rerun_of(run_view, state="failed", outcome="START_FAILED", detail="No entrypoint.")
    logged_in.on(
        "POST /submissions/sub_1/reruns", (201, submission_view(runs=[run_view(), failed]))
    )
    ended = proctor("rerun", "sub_1")
    assert ended.code == 1
    assert ended.out == ""
    assert "START_FAILED: No entrypoint." in ended.err


def test_another_folder_is_uploaded_and_compared(
    proctor, logged_in, submission_view, run_view, tmp_path
):
    scaffold(tmp_path / "other", "other", "classification")
    done = rerun_of(run_view, state="succeeded", verdict="different")
    logged_in.on("POST /submissions/sub_1/reruns", (201, submission_view(runs=[run_view(), done])))
    assert proctor("rerun", "sub_1", "--folder", tmp_path / "other").code == 1
    (call,) = logged_in.made("POST /submissions/sub_1/reruns")
    entries = call.json()["content"]["entries"]
    assert {entry["file"]["digest"] for entry in entries} == set(logged_in.blobs)


def test_without_waiting_the_run_is_named_at_once(proctor, logged_in, submission_view, run_view):
    queued = submission_view(runs=[run_view(), rerun_of(run_view)])
    logged_in.on("POST /submissions/sub_1/reruns", (201, queued))
    ended = proctor("rerun", "sub_1", "--no-wait", "--format", "csv")
    assert (ended.code, ended.out) == (0, "run,task\nrun_2,classify\n")
    assert logged_in.made("GET /submissions/sub_1") == []


def test_equal_environments_have_no_difference():
    environment = Environment(
        worker="w", sandbox="docker", cpu="A", cpu_count=1, kernel="6", libraries={"numpy": "2"}
    )
    assert environment_difference(environment, environment) == {}
    assert environment_difference(None, environment)["cpu"] == ("", "A")
