"""Predictions made elsewhere: where inputs are public, checked by name, decoded, scored."""

from dataclasses import replace
from typing import Any

import pytest

from proctor.spec.digests import FolderEntry, digest_bytes
from proctor.spec.model import ModelCard
from proctor.spec.work import PredictionsContent

CARD = ModelCard(name="p", title="Predictions")


@pytest.fixture
def public(tiny: Any, organizer: Any) -> Any:
    """The tiny challenge whose inputs everybody has, with predictions among what it accepts."""
    answer = tiny.publish(organizer, **open_inputs(tiny))
    assert answer.status_code == 201, answer.text
    return tiny


@pytest.fixture
def public_two(tiny: Any, organizer: Any, tiny_phase: Any) -> Any:
    """Two such tasks in one phase, with other cases each."""
    first = tiny.spec.tasks[0].model_dump(mode="json") | {"inputs_public": True}
    both = replace(tiny, data={**tiny.data, "again": tiny.data["classify"]})
    phase = tiny_phase(tasks=["classify", "again"], tryout=True)
    fields = {"accepts": ["predictions"], "phases": [phase]}
    answer = both.publish(organizer, tasks=[first, first | {"slug": "again"}], **fields)
    assert answer.status_code == 201, answer.text
    return both


def open_inputs(tiny: Any, **changes: Any) -> dict[str, Any]:
    task = tiny.spec.tasks[0].model_dump(mode="json") | {"inputs_public": True}
    return {"accepts": ["folder", "predictions"], "tasks": [task], **changes}


def predictions(paths: dict[str, bytes]) -> PredictionsContent:
    return PredictionsContent(
        entries=tuple(
            FolderEntry(path=path, file={"digest": digest_bytes(text), "size": len(text)})
            for path, text in paths.items()
        )
    )


def enter(who: Any, paths: dict[str, bytes], **fields: Any) -> Any:
    who.post("/challenges/tiny/join", {"terms_version": "1"})
    who.have_blobs(paths.values())
    return who.submit(predictions(paths), CARD, **fields)


def answers(*cases: str, prefix: str = "") -> dict[str, bytes]:
    return {f"{prefix}{case}/p.csv": f"a,b {prefix}{case}".encode() for case in cases}


def test_public_inputs_are_listed_and_read_by_whoever_sees_the_challenge(
    public: Any, anonymous: Any
) -> None:
    found = anonymous.get("/challenges/tiny/tasks/classify/inputs")
    assert found.status_code == 200, found.text
    cases = public.data["classify"].hidden.inputs.cases
    assert found.json()["cases"] == [
        {
            "id": case.id,
            "items": 4,
            "files": {"images": case.files["images"].model_dump(mode="json")},
        }
        for case in cases
    ]
    digest = cases[0].files["images"].digest
    assert anonymous.get(f"/blobs/{digest}").content == public.blobs[digest]


def test_references_stay_hidden_where_inputs_are_public(
    public: Any, anonymous: Any, participant: Any
) -> None:
    for case in public.data["classify"].hidden.reference.cases:
        for who in (anonymous, participant):
            assert who.get(f"/blobs/{case.files['labels'].digest}").status_code == 404


def test_hidden_inputs_are_nobodys_to_list_or_read(
    published: Any, participant: Any, organizer: Any
) -> None:
    for who in (participant, organizer):
        answer = who.get("/challenges/tiny/tasks/classify/inputs")
        assert answer.status_code == 404
        assert "hidden" in answer.json()["detail"]
    digest = published.data["classify"].hidden.inputs.cases[0].files["images"].digest
    assert participant.get(f"/blobs/{digest}").status_code == 404


def test_of_two_tasks_only_the_public_ones_inputs_are_given(
    tiny: Any, organizer: Any, participant: Any, tiny_phase: Any
) -> None:
    task = tiny.spec.tasks[0].model_dump(mode="json")
    hidden = tiny.data["classify"]
    # The sample's bytes as a second test set, so that the two tasks share no file.
    shown = replace_hidden(hidden)
    both = replace(tiny, data={"classify": hidden, "open": shown})
    tasks = [task, task | {"slug": "open", "inputs_public": True}]
    answer = both.publish(organizer, tasks=tasks, phases=[tiny_phase(tasks=["classify", "open"])])
    assert answer.status_code == 201, answer.text
    assert participant.get("/challenges/tiny/tasks/open/inputs").status_code == 200
    assert participant.get("/challenges/tiny/tasks/classify/inputs").status_code == 404
    digest = hidden.hidden.inputs.cases[0].files["images"].digest
    assert participant.get(f"/blobs/{digest}").status_code == 404


def replace_hidden(data: Any) -> Any:
    reference = data.sample.reference.model_copy(update={"salt": "cd" * 32})
    return data.model_copy(
        update={"hidden": data.sample.model_copy(update={"reference": reference})}
    )


def test_predictions_are_decoded_scored_and_on_the_board_as_what_they_are(
    public: Any, participant: Any, fake: Any, scores: Any
) -> None:
    paths = answers("c0", "c1", "c2")
    answer = enter(participant, paths)
    assert answer.status_code == 201, answer.text
    submission = answer.json()
    assert submission["state"] == "accepted"
    held = fake.claim()
    assert (held.order["split"], held.order["intake"]) == ("hidden", False)
    assert held.order["content"]["kind"] == "predictions"
    for path, text in paths.items():
        assert held.get(digest_bytes(text)).content == text, path
    for case in held.order["cases"]:
        held.case(case["id"])
    assert held.complete_run().status_code == 204
    fake.score(scores(1, 1, 0))
    shown = participant.get(f"/submissions/{submission['id']}").json()
    assert (shown["kind"], shown["progress"]) == ("predictions", "ranking")
    refused = participant.post(f"/submissions/{submission['id']}/reruns", {})
    assert refused.status_code == 409
    assert "no model to run again" in refused.json()["detail"]


def test_each_task_of_a_phase_gets_its_own_files(
    public_two: Any, participant: Any, fake: Any
) -> None:
    paths = answers("c0", prefix="classify/") | answers("c0", "c2", prefix="again/")
    assert enter(participant, paths).status_code == 201
    orders = [fake.claim().order, fake.claim().order]
    found = {
        order["task"]["slug"]: [entry["path"] for entry in order["content"]["entries"]]
        for order in orders
    }
    assert found == {"classify": ["c0/p.csv"], "again": ["c0/p.csv", "c2/p.csv"]}


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        (["p.csv"], "p.csv is no prediction: files are named <case>/<file>"),
        (["a/c0/p.csv"], "for example CASE/p.csv"),
        (["c0/p.csv", "c9/p.csv"], "c9/p.csv: the task classify has no case c9"),
        (["c0/p.csv", "c0/q.csv"], "c0/q.csv: the task classify asks for p.csv in every case"),
        (["c0/p.csv", "README.md"], "README.md is no prediction"),
    ],
)
def test_what_is_no_prediction_is_refused_by_name(
    public: Any, participant: Any, paths: list[str], says: str
) -> None:
    answer = enter(participant, {path: path.encode() for path in paths})
    assert (answer.status_code, answer.json()["code"]) == (422, "PREDICTIONS_REJECTED")
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        (["c0/p.csv"], "files are named <task>/<case>/<file>, for example classify/CASE/p.csv"),
        (["other/c0/p.csv"], "phase main has no task other, but classify, again"),
        (["classify/c0/p.csv"], "There is no prediction for the task again."),
    ],
)
def test_with_several_tasks_the_task_is_part_of_the_name(
    public_two: Any, participant: Any, paths: list[str], says: str
) -> None:
    answer = enter(participant, {path: path.encode() for path in paths})
    assert (answer.status_code, answer.json()["code"]) == (422, "PREDICTIONS_REJECTED")
    assert says in answer.json()["detail"]


def test_a_file_named_twice_is_refused(public: Any, participant: Any) -> None:
    once = predictions(answers("c0")).entries
    participant.post("/challenges/tiny/join", {"terms_version": "1"})
    answer = participant.submit(PredictionsContent(entries=once * 2), CARD)
    assert answer.json()["detail"] == "c0/p.csv is named twice."


def test_a_case_with_more_bytes_than_the_phase_allows_is_refused_before_upload(
    tiny: Any, organizer: Any, participant: Any, tiny_phase: Any
) -> None:
    phase = tiny_phase(limits={"output_bytes": 4096})
    assert tiny.publish(organizer, **open_inputs(tiny, phases=[phase])).status_code == 201
    participant.post("/challenges/tiny/join", {"terms_version": "1"})
    answer = participant.submit(predictions({"c1/p.csv": b"x" * 4097}), CARD)
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
    assert "c1 have 4097 bytes; phase main allows 4096" in answer.json()["detail"]


def test_predictions_to_a_challenge_with_hidden_inputs_are_refused(
    published: Any, participant: Any
) -> None:
    answer = enter(participant, answers("c0"))
    assert (answer.status_code, answer.json()["code"]) == (422, "KIND_NOT_ACCEPTED")
    assert answer.json()["detail"] == "tiny accepts folder, image."


def test_predictions_cannot_be_accepted_for_hidden_inputs(tiny: Any, organizer: Any) -> None:
    answer = tiny.publish(organizer, accepts=["folder", "predictions"])
    assert answer.status_code == 422
    assert "inputs_public: true in task classify" in answer.text


def test_predictions_have_no_tryout_and_nothing_to_check_beforehand(
    tiny: Any, organizer: Any, participant: Any, tiny_phase: Any
) -> None:
    assert tiny.publish(organizer, **open_inputs(tiny, phases=[tiny_phase(tryout=True)]))
    entered = enter(participant, answers("c0"))
    assert [run["purpose"] for run in entered.json()["runs"]] == ["first"]
    refused = enter(participant, answers("c0"), check_only=True)
    assert refused.status_code == 422
    assert "no model to try out" in refused.json()["detail"]


def test_another_persons_files_are_no_predictions_of_mine(
    public: Any, participant: Any, other: Any
) -> None:
    paths = answers("c0")
    other.have_blobs(paths.values())
    participant.post("/challenges/tiny/join", {"terms_version": "1"})
    answer = participant.submit(predictions(paths), CARD)
    assert (answer.status_code, answer.json()["code"]) == (409, "BLOB_MISSING")


def test_a_models_rerun_takes_no_predictions(
    public: Any, participant: Any, fake: Any, scores: Any
) -> None:
    submission = public.enter(participant).json()["id"]
    fake.run()
    content = predictions(answers("c0")).model_dump(mode="json")
    answer = participant.post(f"/submissions/{submission}/reruns", {"content": content})
    assert (answer.status_code, answer.json()["code"]) == (422, "KIND_NOT_ACCEPTED")
