from __future__ import annotations

from typing import Any

import pytest

from proctor.spec.leaderboard import Verdict
from proctor.spec.verdicts import compare_scores, environment_difference


@pytest.fixture
def archived(fake: Any, published: Any, participant: Any, scores: Any) -> str:
    """A submission that was run and scored once."""
    submission = published.enter(participant).json()["id"]
    fake.run({"c0": b"zero", "c1": b"one", "c2": b"two"})
    fake.score(scores(1.0, 0.5, 0.25))
    return str(submission)


@pytest.fixture
def archived_with_tolerance(
    fake: Any, tiny: Any, organizer: Any, participant: Any, scores: Any
) -> str:
    task = tiny.spec.tasks[0].model_dump(mode="json") | {"rerun_tolerance": 0.1}
    assert tiny.publish(organizer, tasks=[task]).status_code == 201
    submission = tiny.enter(participant).json()["id"]
    fake.run({"c0": b"zero", "c1": b"one", "c2": b"two"})
    fake.score(scores(1.0, 0.5, 0.25))
    return str(submission)


def ask_again(who: Any, submission: str, **body: Any) -> None:
    answer = who.post(f"/submissions/{submission}/reruns", body)
    assert answer.status_code == 201, answer.text


def rerun_of(who: Any, submission: str) -> dict[str, Any]:
    runs = who.get(f"/submissions/{submission}").json()["runs"]
    (found,) = [run for run in runs if run["purpose"] == "rerun"]
    return dict(found)


def test_equal_predictions_are_identical_and_are_not_scored_again(
    fake: Any, archived: str, participant: Any
) -> None:
    ask_again(participant, archived)
    fake.run({"c0": b"zero", "c1": b"one", "c2": b"two"}, kernel="6.5")
    run = rerun_of(participant, archived)
    assert run["verdict"] == "identical"
    assert "kernel 6.1 → 6.5" in run["verdict_detail"]
    assert fake.ask("score").status_code == 204


def test_a_rerun_shows_the_model_the_same_ids_as_the_first_run(
    fake: Any, published: Any, participant: Any, scores: Any
) -> None:
    submission = published.enter(participant).json()["id"]
    first = fake.run()
    fake.score(scores(1.0, 1.0, 1.0))
    ask_again(participant, submission)
    second = fake.claim()
    aliases = [
        {case["id"]: case["alias"] for case in held.order["cases"]} for held in (first, second)
    ]
    assert aliases[0] == aliases[1]
    assert len(second.order["cases"]) == 3


def test_other_predictions_with_equal_scores_are_within_tolerance(
    fake: Any, archived: str, participant: Any, scores: Any
) -> None:
    ask_again(participant, archived)
    fake.run({"c0": b"zero", "c1": b"other", "c2": b"two"})
    assert rerun_of(participant, archived)["verdict"] is None
    fake.score(scores(1.0, 0.5, 0.25))
    run = rerun_of(participant, archived)
    assert run["verdict"] == "within tolerance"
    assert "case c1 differ" in run["verdict_detail"]


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.45, "within tolerance"), (0.65, "different"), (0.35, "different")]
)
def test_the_tasks_tolerance_decides(
    fake: Any,
    archived_with_tolerance: str,
    participant: Any,
    scores: Any,
    value: float,
    verdict: str,
) -> None:
    ask_again(participant, archived_with_tolerance)
    fake.run({"c0": b"zero", "c1": b"other", "c2": b"other"})
    fake.score(scores(1.0, value, 0.25))
    assert rerun_of(participant, archived_with_tolerance)["verdict"] == verdict


def test_a_difference_names_the_first_case_and_the_metric(
    fake: Any, archived: str, participant: Any, scores: Any
) -> None:
    ask_again(participant, archived)
    fake.run({"c1": b"x", "c2": b"y", "c0": b"zero"})
    fake.score(scores(1.0, 0.375, 0.0))
    run = rerun_of(participant, archived)
    assert run["verdict"] == "different"
    assert run["verdict_detail"].startswith(
        "Case c1: top1 (mean) differs by more than the tolerance 0."
    )
    assert run["verdict_detail"].endswith("The environment is the same.")


@pytest.mark.parametrize("altered", [False, True])
def test_a_rerun_tells_its_owner_no_score(
    fake: Any,
    archived: str,
    participant: Any,
    organizer: Any,
    published: Any,
    scores: Any,
    altered: bool,
) -> None:
    content = published.model.model_dump(mode="json")
    content["entries"][1]["file"] = organizer.put_blob(b"altered").model_dump()
    asker = organizer if altered else participant
    asker.have_blobs(published.blobs[entry.file.digest] for entry in published.model.entries)
    ask_again(asker, archived, **({"content": content} if altered else {}))
    held = fake.run({"c1": b"x", "c2": b"y", "c0": b"zero"})
    fake.score(scores(1.0, 0.8125, 0.4375))
    parts = ("", "/cases", f"/cases?run={held.id}", "/events")
    paths = [f"/submissions/{archived}{part}" for part in parts]

    owner, organizers = (
        "\n".join(who.get(path).text for path in paths) for who in (participant, organizer)
    )

    for score in ("0.8125", "0.4375"):
        assert score not in owner
        assert score in organizers


def test_a_participants_other_content_is_compared_by_digests_alone(
    fake: Any, archived: str, participant: Any, published: Any
) -> None:
    content = published.model.model_dump(mode="json")
    content["entries"][1]["file"] = participant.put_blob(b"altered").model_dump()
    ask_again(participant, archived, content=content)
    fake.run({"c0": b"zero", "c1": b"x", "c2": b"y"})
    assert fake.ask("score").status_code == 204, "a score, or what depends on one, tells of it"
    run = rerun_of(participant, archived)
    assert (run["verdict"], run["evaluation"]) == ("different", None)
    assert run["verdict_detail"].startswith("Predictions of case c1 differ.")


@pytest.mark.parametrize(
    "kept_back",
    [
        {"visibility": "hidden_until_close"},
        {"private": {"column": "writer", "values": ["left"]}},
        {"feedback": {"ladder": True}},
        {"feedback": {"digits": 1}},
    ],
)
def test_a_verdict_answers_no_question_that_a_phase_leaves_open(
    fake: Any,
    tiny: Any,
    tiny_phase: Any,
    organizer: Any,
    participant: Any,
    scores: Any,
    kept_back: dict[str, Any],
) -> None:
    assert tiny.publish(organizer, phases=[tiny_phase(**kept_back)]).status_code == 201
    submission = tiny.enter(participant).json()["id"]
    fake.run({"c0": b"zero", "c1": b"one", "c2": b"two"})
    fake.score(scores(1.0, 0.5, 0.25))
    ask_again(participant, submission)
    fake.run({"c0": b"zero", "c1": b"drawn", "c2": b"two"})
    assert fake.ask("score").status_code == 204, "whether a score changed tells of the reference"
    assert rerun_of(participant, submission)["verdict"] == "different"

    ask_again(organizer, submission)
    fake.run({"c0": b"zero", "c1": b"drawn", "c2": b"two"})
    fake.score(scores(1.0, 0.5, 0.25))
    runs = organizer.get(f"/submissions/{submission}").json()["runs"]
    assert [run["verdict"] for run in runs] == [None, "different", "within tolerance"]


def test_cases_are_those_of_the_first_run_or_of_the_one_asked_for(
    fake: Any, archived: str, participant: Any
) -> None:
    path = f"/submissions/{archived}/cases"
    first = participant.get(path).json()
    ask_again(participant, archived)
    again = fake.run({"c0": b"zero", "c1": b"one", "c2": b"two"})
    assert participant.get(path).json() == first
    assert [case["case"] for case in first] == ["c0", "c1", "c2"]
    asked = participant.get(f"{path}?run={again.id}").json()
    assert {case["run"] for case in asked} == {again.id}
    refused = participant.get(f"{path}?run=run_{'0' * 26}")
    assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")


def test_a_case_lost_in_a_rerun_is_a_difference_that_names_its_outcome(
    fake: Any, archived: str, participant: Any
) -> None:
    ask_again(participant, archived)
    held = fake.claim()
    held.case("c0", b"zero")
    held.case("c1", outcome="TIMEOUT")
    held.case("c2", b"two")
    held.complete_run()
    run = rerun_of(participant, archived)
    assert run["verdict"] == "different"
    assert "Case c1 ended with TIMEOUT; in the first run it was OK" in run["verdict_detail"]


def test_a_rerun_that_fails_is_different_and_names_the_case(
    fake: Any, archived: str, participant: Any
) -> None:
    ask_again(participant, archived)
    held = fake.claim()
    for case in ("c0", "c1", "c2"):
        held.case(case, outcome="CRASH")
    held.complete_run()
    run = rerun_of(participant, archived)
    assert (run["state"], run["verdict"]) == ("failed", "different")
    assert "case c0 ended with CRASH" in run["verdict_detail"]


def test_our_failure_is_no_verdict_on_a_model(fake: Any, archived: str, participant: Any) -> None:
    ask_again(participant, archived)
    for _ in range(5):
        fake.claim().say("fail", code="SANDBOX_FAILED")
    run = rerun_of(participant, archived)
    assert (run["state"], run["verdict"]) == ("failed", None)


def test_an_altered_folder_is_compared_with_what_was_archived(
    fake: Any, archived: str, participant: Any, published: Any
) -> None:
    content = published.model.model_dump(mode="json")
    altered = participant.put_blob(b"class Model: altered")
    content["entries"][1]["file"] = altered.model_dump()
    ask_again(participant, archived, content=content)
    held = fake.claim()
    assert held.order["content"] == content
    assert held.order["intake"] is True
    assert held.get(altered.digest).content == b"class Model: altered"
    assert held.get(published.model.entries[1].file.digest).status_code == 404
    assert held.say("intake").status_code == 204


def test_pooled_scores_are_compared_after_those_of_cases() -> None:
    first = {("", "auroc", "mean"): 0.9, ("c1", "top1", "mean"): 0.5}
    rerun = {("", "auroc", "mean"): 0.8, ("c1", "top1", "mean"): 0.5}
    found = compare_scores(first, rerun, 0.0, "c1")
    assert found.verdict is Verdict.DIFFERENT
    assert found.detail.startswith("All cases together: auroc (mean) differs by more")


@pytest.mark.parametrize("pair", [(None, 0.0), (0.0, None)])
def test_undefined_is_never_within_tolerance_of_a_number(pair: tuple[Any, Any]) -> None:
    key = ("c0", "top1", "mean")
    found = compare_scores({key: pair[0]}, {key: pair[1]}, 1e9, "c0")
    assert found.verdict is Verdict.DIFFERENT


def test_a_library_that_changed_is_named_and_a_worker_is_not() -> None:
    first = {"worker": "a", "libraries": {"numpy": "2.3"}, "gpu": ""}
    rerun = {"worker": "b", "libraries": {"numpy": "2.4"}, "gpu": "H200"}
    assert environment_difference(first, rerun) == (
        "The environment differs: gpu none → H200, library numpy 2.3 → 2.4."
    )
