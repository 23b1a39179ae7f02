"""Who may look at a case: input, reference and prediction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proctor.spec.identifiers import Kind, new_id
from proctor_platform.database import Database
from proctor_platform.tables import CaseResult, Run


@pytest.fixture
def entered(
    published: Any, tiny: Any, participant: Any, scored: Any, database: Database
) -> dict[str, str]:
    """A scored submission that stands on the board, and a run of it on the public sample."""
    submission = tiny.enter(participant).json()["id"]
    scored(submission)
    answer = participant.put_blob(b"a canonical array")
    hidden = participant.get(f"/submissions/{submission}").json()["runs"][-1]["id"]
    sample = new_id(Kind.RUN)
    with database.writing() as session:
        facts = {
            name: getattr(session.get_one(Run, hidden), name)
            for name in ("submission_id", "task", "version", "requested_by", "queue", "state")
        }
        session.add(
            Run(
                id=sample,
                purpose="tryout",
                split="sample",
                alias_seed="0" * 32,
                cases_total=2,
                **facts,
            )
        )
        session.flush()
        session.add(
            CaseResult(
                run_id=sample,
                case_id="c0",
                outcome="OK",
                predictions={"probabilities": answer.model_dump(mode="json")},
            )
        )
        session.commit()
    return {"submission": submission, "hidden": hidden, "sample": sample}


def case_of(entered: dict[str, str], run: str) -> str:
    return f"/submissions/{entered['submission']}/runs/{entered[run]}/cases/c0"


@pytest.mark.parametrize("who", ["anonymous", "participant", "other", "organizer"])
def test_the_public_sample_is_shown_to_all_who_see_the_submission(
    entered: dict[str, str], tiny: Any, who: str, request: pytest.FixtureRequest
) -> None:
    asker = request.getfixturevalue(who)
    path = case_of(entered, "sample")
    case = asker.get(path).json()
    sample = tiny.data["classify"].sample
    assert case["reference"]["labels"]["digest"] == (
        sample.reference.cases[0].files["labels"].digest
    )
    assert asker.get(f"{path}/inputs/images").content == b"sample inputs 0"
    assert asker.get(f"{path}/reference/labels").content == b"sample reference 0"
    assert asker.get(f"{path}/predictions/probabilities").content == b"a canonical array"


def test_hidden_cases_are_shown_to_organizers_alone(
    entered: dict[str, str], organizer: Any, participant: Any, other: Any, anonymous: Any
) -> None:
    path = case_of(entered, "hidden")
    assert organizer.get(f"{path}/reference/labels").content == b"hidden reference 0"
    for stranger in (participant, other, anonymous):
        for rest in ("", "/inputs/images", "/reference/labels", "/predictions/probabilities"):
            refused = stranger.get(path + rest)
            assert refused.status_code == 403, refused.text
            assert "hidden reference" not in refused.text


def test_hidden_cases_are_shown_to_all_once_they_are_released(
    entered: dict[str, str], tiny: Any, tiny_phase: Any, organizer: Any, anonymous: Any
) -> None:
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    assert tiny.publish(organizer, release="after_close").status_code == 201
    assert anonymous.get(case_of(entered, "hidden")).status_code == 403
    closed = tiny.publish(organizer, release="after_close", phases=[tiny_phase(closes_at=past)])
    assert closed.status_code == 201, closed.text
    answer = anonymous.get(f"{case_of(entered, 'hidden')}/reference/labels")
    assert answer.content == b"hidden reference 0"


def test_a_run_of_another_submission_is_not_found(
    entered: dict[str, str], tiny: Any, other: Any
) -> None:
    mine = tiny.enter(other).json()["id"]
    path = f"/submissions/{mine}/runs/{entered['sample']}/cases/c0"
    assert other.get(path).status_code == 404


def test_what_a_case_has_not_is_not_found(entered: dict[str, str], participant: Any) -> None:
    path = case_of(entered, "sample")
    assert participant.get(f"{path}/inputs/other").status_code == 404
    assert participant.get(path.replace("c0", "c7")).status_code == 404


def test_the_quota_left_is_told_before_an_upload(
    published: Any, tiny: Any, participant: Any, other: Any
) -> None:
    path = "/challenges/tiny/phases/main/quota"
    assert participant.get(path).json()["left"] == 3
    for _ in range(3):
        assert tiny.enter(participant).status_code == 201
    told = participant.get(path).json()
    assert (told["left"], told["used_today"], told["used"]) == (0, 3, 3)
    refused = tiny.enter(participant).json()["detail"]
    assert told["next_at"][:15] in refused
    assert other.get(path).json()["left"] == 3
