"""Questions on their way to a model and answers on their way back, as rows.

Whoever asks writes one and waits; the worker takes it, answers it, and whoever asked deletes it.
Rows and not memory, since the two may speak to different processes of the platform, and either may
be restarted. What nobody waits for any more goes with its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, update
from sqlmodel import Session, col, func, select

from proctor.spec.hosting import AnswerHead, QuestionTurn
from proctor.spec.hosting import Question as QuestionDocument
from proctor.spec.identifiers import Kind, new_id
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.clock import now
from proctor_platform.hosting.deploying import wake
from proctor_platform.hosting.holding import held, lock
from proctor_platform.hosting.lifecycle import IDLE
from proctor_platform.hosting.tables import Deployment, Hosting, Question
from proctor_platform.rates import LaterError
from proctor_platform.rights import database_now
from proctor_platform.settings import PlatformSettings


@dataclass(frozen=True)
class Asked:
    """A request as it is handed on: nothing of the asker is in it but what was sent.

    Attributes:
        base: The model's address as the asker has it.
    """

    method: str
    path: str
    query: Mapping[str, str]
    content_type: str
    body: bytes
    base: str


@dataclass(frozen=True)
class Answered:
    """An answer."""

    head: AnswerHead
    content: bytes


class _Waiting(NamedTuple):
    id: str
    head: dict[str, str]
    query: dict[str, str]
    body_bytes: int


def ask(session: Session, settings: PlatformSettings, deployment_id: str, asked: Asked) -> str:
    """Put a question before a model and return its id; a model that is asleep is woken.

    Raises:
        ProctorError: the model does not run, or enough questions wait for it.
    """
    deployment = lock(session, deployment_id)
    if deployment is None:
        raise ProctorError(Code.NOT_FOUND)
    wake(session, settings, deployment)
    waiting = select(func.count()).where(
        col(Question.deployment_id) == deployment_id,
        col(Question.answer_head).is_(None),
        col(Question.expires_at) > now(),
    )
    if session.exec(waiting).one() >= settings.hosted_most_waiting:
        raise LaterError("Enough questions wait for this model", 1)
    row = Question(
        id=new_id(Kind.QUESTION),
        deployment_id=deployment_id,
        head={
            "method": asked.method,
            "path": asked.path,
            "content_type": asked.content_type,
            "base": asked.base,
        },
        query=dict(asked.query),
        body=asked.body,
        expires_at=database_now(session) + timedelta(seconds=settings.hosted_answer_s),
    )
    session.add(row)
    counted = update(Deployment).where(col(Deployment.id) == deployment_id)
    session.execute(
        counted.values(asked=Deployment.asked + 1, asked_at=now()),
        execution_options={"synchronize_session": False},
    )
    session.commit()
    return row.id


def answer_of(session: Session, question_id: str) -> Answered | None:
    """Return the answer of a question, none while it is still to come.

    Raises:
        ProctorError: none will come: the model was stopped or failed, or the question expired.
    """
    row = session.exec(
        select(Question.answer_head, Deployment.ended)
        .join(Deployment, col(Deployment.id) == col(Question.deployment_id))
        .where(Question.id == question_id, col(Question.expires_at) > now())
    ).first()
    if row is None:
        raise ProctorError(Code.NO_ANSWER)
    head, ended = row
    if head is not None:
        content = session.exec(select(Question.answer).where(Question.id == question_id)).one()
        return Answered(AnswerHead.model_validate(head), content or b"")
    if ended not in ("", IDLE):
        raise ProctorError(Code.NOT_SERVED, f"It is {ended}.")
    return None


def forget(session: Session, question_id: str) -> None:
    """Delete a question that nobody waits for any more."""
    session.execute(delete(Question).where(col(Question.id) == question_id))
    session.commit()


def forget_expired(session: Session) -> None:
    """Delete what whoever asked did not delete, since their process has ended."""
    session.execute(delete(Question).where(col(Question.expires_at) < now(-60)))


def waits(session: Session, hosting_id: str, fence: int) -> bool:
    """Tell whether ``take`` would say anything; it is asked often and mostly in vain.

    Raises:
        ProctorError: the lease is lost.
    """
    hosting = held(session, hosting_id, fence)
    return hosting.cancel_requested or _next(session, hosting) is not None


def take(session: Session, hosting_id: str, fence: int) -> QuestionTurn:
    """Hand the oldest waiting question to the worker whose version answers at the address.

    Raises:
        ProctorError: the lease is lost.
    """
    hosting = held(session, hosting_id, fence)
    if hosting.cancel_requested:
        return QuestionTurn(cancel=True)
    row = _next(session, hosting)
    if row is None:
        return QuestionTurn()
    session.execute(
        update(Question)
        .where(col(Question.id) == row.id)
        .values(hosting_id=hosting.id, fence=hosting.fence)
    )
    session.commit()
    return QuestionTurn(
        question=QuestionDocument(id=row.id, query=row.query, body_bytes=row.body_bytes, **row.head)
    )


def body_of(session: Session, hosting_id: str, fence: int, question_id: str) -> bytes:
    """Return what was sent with a question that this attempt has taken.

    Raises:
        ProctorError: the lease is lost, or it has no such question.
    """
    held(session, hosting_id, fence)
    body = session.exec(
        select(Question.body).where(Question.id == question_id, *_taken_by(hosting_id, fence))
    ).first()
    if body is None:
        raise ProctorError(Code.NOT_FOUND, "Whoever asked has left.")
    return body


def answer(
    session: Session, hosting_id: str, fence: int, question_id: str, answered: Answered
) -> None:
    """Keep the answer to a question that this attempt has taken.

    Raises:
        ProctorError: the lease is lost, or nobody waits for it any more.
    """
    held(session, hosting_id, fence)
    kept = (
        update(Question)
        .where(col(Question.id) == question_id, *_taken_by(hosting_id, fence))
        .values(
            answer_head=answered.head.model_dump(mode="json"), answer=answered.content, body=b""
        )
    )
    options = {"synchronize_session": False}
    if session.exec(kept, execution_options=options).rowcount != 1:
        raise ProctorError(Code.NOT_FOUND, "Whoever asked has left.")
    session.commit()


def _next(session: Session, hosting: Hosting) -> _Waiting | None:
    """Return the oldest question that this version is to answer, if it is the one in place."""
    found = session.exec(
        select(Question.id, Question.head, Question.query, func.length(Question.body))
        .join(Deployment, col(Deployment.id) == col(Question.deployment_id))
        .where(
            Deployment.hosting_id == hosting.id,
            col(Question.hosting_id).is_(None),
            col(Question.answer_head).is_(None),
            col(Question.expires_at) > now(),
        )
        .order_by(col(Question.id))
        .limit(1)
    ).first()
    if found is None:
        return None
    question_id, head, query, size = found
    return _Waiting(question_id, dict(head), dict(query), int(size))


def _taken_by(hosting_id: str, fence: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(Question.hosting_id) == hosting_id, col(Question.fence) == fence
