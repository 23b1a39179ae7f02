"""Cancelling works in every state of a run and of an evaluation, and once only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select

from proctor.spec.states import EvaluationState, RunState, is_final
from proctor_platform.database import Database
from proctor_platform.tables import Evaluation, EventRow, Run

RUN_STATES = [state for state in RunState if not is_final(state)]
EVALUATION_STATES = [state for state in EvaluationState if not is_final(state)]


def brought_to(fake: Any, state: RunState | EvaluationState) -> Any:
    """Do entered work as far as ``state``; return what a worker then holds."""
    if isinstance(state, EvaluationState):
        fake.run()
    if state in (RunState.QUEUED, EvaluationState.QUEUED):
        return None
    held = fake.claim("score" if isinstance(state, EvaluationState) else "run.cpu")
    if state in (RunState.RUNNING, EvaluationState.SCORING):
        assert held.beat().status_code == 200
    return held


@pytest.mark.parametrize("state", [*RUN_STATES, *EVALUATION_STATES], ids=repr)
def test_work_is_cancelled_in_every_state_it_can_be_in(
    published: Any,
    participant: Any,
    fake: Any,
    database: Database,
    state: RunState | EvaluationState,
) -> None:
    made = published.enter(participant).json()["id"]
    held = brought_to(fake, state)

    assert participant.post(f"/submissions/{made}/cancel").status_code == 200
    if held is not None:
        assert held.beat().json()["cancel"] is True
        answer = held.say("fail", code="CANCELLED", detail="")
        assert answer.status_code == 204, answer.text

    view = participant.get(f"/submissions/{made}").json()
    assert (view["state"], view["final"]) == ("withdrawn", True)
    with database.reading() as session:
        work: Run | Evaluation = session.exec(select(Run)).one()
        if isinstance(state, EvaluationState):
            work = session.exec(select(Evaluation)).one()
        assert (work.state, work.lease_until) == ("cancelled", None)
        ends = session.exec(select(EventRow.name).where(EventRow.subject == work.id)).all()
    assert [name.partition("_")[2] for name in ends].count("cancelled") == 1
    assert fake.ask("run.cpu").status_code == fake.ask("score").status_code == 204
    assert participant.post(f"/submissions/{made}/cancel").status_code == 200


def test_what_has_ended_is_not_cancelled(
    published: Any, participant: Any, scored: Callable[..., None]
) -> None:
    made = published.enter(participant).json()["id"]
    scored(made)
    assert participant.post(f"/submissions/{made}/cancel").status_code == 409
    assert participant.get(f"/submissions/{made}").json()["progress"] == "scored"
